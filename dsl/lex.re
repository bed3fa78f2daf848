/* The scanner: one token at a time from a text that ends in a NUL byte. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"
#include "parse.h"

int pat_lex(PAT_STYPE *value, PAT_LTYPE *span, pat_parser *p);

/* What is skipped after an error is not told of. */
#define SAY(p, ...) do { if (!(p)->recovering) pat_error((p)->session, __VA_ARGS__); } while (0)

/* shift: of the unit behind the number, such as 10 for KiB. */
static int integer(pat_parser *p, PAT_STYPE *value, PAT_LTYPE span, const char *from, int shift)
{
    errno = 0;
    value->ival = strtoll(from, NULL, 10);
    bool high = errno || value->ival > INT64_MAX >> shift;
    value->ival = (int64_t)((uint64_t)value->ival << shift);
    if (high) {
        SAY(p, span, E_INTEGER, "integer does not fit in 64 bits");
        value->ival = 0;
    }
    return T_INT;
}

/* The text between the quotes; \" and \\ are the only escapes. */
static int string(pat_parser *p, PAT_STYPE *value, const char *from, const char *to)
{
    char *text = pat_alloc(p->session->arena, (size_t)(to - from) + 1);
    size_t n = 0;
    for (const char *c = from; c < to; c++)
        text[n++] = *c == '\\' ? *++c : *c;
    value->name = pat_intern(p->session, text, n);
    return T_STRING;
}

/* Which brackets are open. */
static void count_bracket(pat_reading *r, int token, pat_span span)
{
    enum { MOST = sizeof r->open / sizeof *r->open };
    if (token == '(' || token == '[' || token == '{') {
        if (r->n_open < MOST)
            r->open[r->n_open] = span;
        r->n_open++;
    } else if (token == ')' || token == ']' || token == '}') {
        if (r->n_open)
            r->n_open--;
        else
            r->open[0] = (pat_span){0};
    }
}

/* A declaration's keyword at the start of a line. */
static bool starts_declaration(const pat_parser *p, int token, const char *at)
{
    bool keyword = token == T_USE || token == T_DTYPE || token == T_ENUM || token == T_OPTION || token == T_OP ||
                   token == T_CONDITION || token == T_KERNEL || token == T_VOCAB || token == T_PHASE || token == T_PATTERN ||
                   token == T_FOR || token == T_RULE;
    return keyword && (at == p->begin || at[-1] == '\n');
}

int pat_lex(PAT_STYPE *value, PAT_LTYPE *span, pat_parser *p)
{
    const char *YYCURSOR = p->cursor, *YYMARKER, *start;
    int token;
again:
    for (;;) {
        start = YYCURSOR;
        token = 0;
        span->file = p->file;
        span->begin = (uint32_t)(start - p->begin);
#define DONE(t) do { token = (t); goto done; } while (0)
#define PLACED (span->end = (uint32_t)(YYCURSOR - p->begin), *span)
        /*!re2c
        re2c:define:YYCTYPE = "unsigned char";
        re2c:yyfill:enable = 0;
        digit = [0-9];
        blank = [ \t\r\n];
        name = [A-Za-z_][A-Za-z0-9_]*;

        blank+            { continue; }
        "#" [^\n\x00]*    { continue; }
        "use"             { DONE(T_USE); }
        "dtype"           { DONE(T_DTYPE); }
        "op"              { DONE(T_OP); }
        "condition"       { DONE(T_CONDITION); }
        "kernel"          { DONE(T_KERNEL); }
        "vocab"           { DONE(T_VOCAB); }
        "enum"            { DONE(T_ENUM); }
        "option"          { DONE(T_OPTION); }
        "at"              { DONE(T_AT); }
        "requires"        { DONE(T_REQUIRES); }
        "excludes"        { DONE(T_EXCLUDES); }
        "enabled"         { DONE(T_ENABLED); }
        "for"             { DONE(T_FOR); }
        "gate"            { DONE(T_GATE); }
        "test"            { DONE(T_TEST); }
        "fires"           { DONE(T_FIRES); }
        "because"         { DONE(T_BECAUSE); }
        "supports"        { DONE(T_SUPPORTS); }
        "workspace"       { DONE(T_WORKSPACE); }
        "host"            { DONE(T_HOST); }
        "associative"     { DONE(T_ASSOCIATIVE); }
        "phase"           { DONE(T_PHASE); }
        "pattern"         { DONE(T_PATTERN); }
        "rule"            { DONE(T_RULE); }
        "match"           { DONE(T_MATCH); }
        "replace"         { DONE(T_REPLACE); }
        "yield"           { DONE(T_YIELD); }
        "where"           { DONE(T_WHERE); }
        "when"            { DONE(T_WHEN); }
        "const"           { DONE(T_CONST); }
        "inout"           { DONE(T_INOUT); }
        "in"              { DONE(T_IN); }
        "and"             { DONE(T_AND); }
        "or"              { DONE(T_OR); }
        "not"             { DONE(T_NOT); }
        "none"            { DONE(T_NONE); }
        "true"            { value->ival = 1; DONE(T_BOOL); }
        "false"           { value->ival = 0; DONE(T_BOOL); }
        "commutative"     { DONE(T_COMMUTATIVE); }
        "view"            { DONE(T_VIEW); }
        "effect"          { DONE(T_EFFECT); }
        "contents"        { DONE(T_CONTENTS); }
        "quiet"           { DONE(T_QUIET); }
        "drop"            { DONE(T_DROP); }
        "_"               { DONE('_'); }
        name              { value->name = pat_intern(p->session, start,
            (size_t)(YYCURSOR - start)); DONE(T_NAME); }
        digit+            { DONE(integer(p, value, PLACED, start, 0)); }
        digit+ blank* "KiB" { DONE(integer(p, value, PLACED, start, 10)); }
        digit+ blank* "MiB" { DONE(integer(p, value, PLACED, start, 20)); }
        digit+ blank* "GiB" { DONE(integer(p, value, PLACED, start, 30)); }
        digit+ "." digit+ ([eE] [+-]? digit+)? | digit+ [eE] [+-]? digit+ {
            value->fval = strtod(start, NULL);
            if (isinf(value->fval))
                SAY(p, PLACED, E_FLOAT, "number is out of range");
            DONE(T_FLOAT);
        }
        "\"" ([^"\\\n\x00] | "\\" ["\\])* "\"" { DONE(string(p, value, start + 1, YYCURSOR - 1)); }
        "\"" {
            SAY(p, PLACED, E_STRING, "string is not closed on its line");
            p->scanner_spoke = true;
            DONE(T_BAD);
        }
        "->"              { DONE(T_ARROW); }
        "..."             { DONE(T_ELLIPSIS); }
        "=="              { DONE(T_EQ); }
        "!="              { DONE(T_NE); }
        "<="              { DONE(T_LE); }
        ">="              { DONE(T_GE); }
        [-+*/%<>=(){}[\],;:?@~|] { DONE((unsigned char)*start); }
        "\x00" {
            if (YYCURSOR - 1 >= p->end) {
                YYCURSOR--;
                DONE(0);
            }
            SAY(p, PLACED, E_NUL, "a NUL byte cannot stand in a .pat file");
            p->scanner_spoke = true;
            DONE(T_BAD);
        }
        * {
            unsigned char c = (unsigned char)*start;
            while (c >= 0xc0 && ((unsigned char)*YYCURSOR & 0xc0) == 0x80)
                YYCURSOR++; /* one character of UTF-8, one message */
            SAY(p, PLACED, E_CHARACTER, c > 32 && c < 127 ? "character '%c' has no meaning here"
                                                           : "byte 0x%02x has no meaning here", c);
            if ((c == '&' || c == '!') && !p->recovering)
                pat_hint(p->session, "conditions are joined by 'and', 'or', 'not'");
            p->scanner_spoke = true;
            DONE(T_BAD);
        }
        */
    }
done:
    p->cursor = YYCURSOR;
    span->end = (uint32_t)(YYCURSOR - p->begin);
    /* After a syntax error the rest of the declaration would only give more of them. */
    p->at_declaration = starts_declaration(p, token, start);
    if (p->at_declaration) {
        p->before = p->now;
        p->now = (pat_reading){.keyword = token, .at = YYCURSOR};
    }
    count_bracket(&p->now, token, *span);
    if (p->recovering && token && !p->at_declaration) {
        p->scanner_spoke = false;
        goto again;
    }
    p->recovering = false;
    return token;
}
