/* Tokens with their comments, and the spaces between them. */
#include <string.h>

#include "fmt_parts.h"
#include "parse.h"

int pat_lex(PAT_STYPE *value, PAT_LTYPE *span, pat_parser *p);

static bool is_declaration(int type)
{
    switch (type) {
    case T_USE: case T_DTYPE: case T_ENUM: case T_OPTION: case T_OP: case T_KERNEL: case T_VOCAB: case T_PHASE:
    case T_PATTERN: case T_FOR: case T_RULE: case T_CONDITION:
        return true;
    default:
        return false;
    }
}

bool pat_fmt_is_open(const fmt_item *a)
{
    switch (a->type) {
    case '=': case ',': case ';': case '|': case ':': case '+': case '-': case '*': case '/': case '%': case '~':
    case '<': case '>': case '@': case T_EQ: case T_NE: case T_LE: case T_GE: case T_ARROW: case T_IN: case T_AND:
    case T_OR: case T_NOT: case T_WHERE: case T_WHEN: case T_GATE: case T_ENABLED: case T_REQUIRES: case T_EXCLUDES:
    case T_AT: case T_SUPPORTS: case T_WORKSPACE: case T_CONTENTS:
        return true;
    default:
        return a->starts;
    }
}

bool pat_fmt_continues(const fmt_item *a)
{
    switch (a->type) {
    case '=': case ',': case ';': case '|': case ':': case '+': case '/': case '%': case '~': case '<': case '>':
    case '@': case '?': case T_EQ: case T_NE: case T_LE: case T_GE: case T_ARROW: case T_IN: case T_AND: case T_OR:
    case T_WHEN: case T_SUPPORTS: case T_WORKSPACE: case T_WHERE: case T_BECAUSE: case T_ELLIPSIS:
        return true;
    default:
        return false;
    }
}

typedef struct scan { pat_session *s; fmt_items items; uint32_t cap; } scan;

static fmt_item *push(scan *c, fmt_item item)
{
    if (c->items.n + 1 >= c->cap) {
        fmt_item *old = c->items.at;
        c->cap = c->cap ? 2 * c->cap : 256;
        c->items.at = pat_alloc(c->s->arena, c->cap * sizeof *c->items.at);
        if (old)
            memcpy(c->items.at, old, c->items.n * sizeof *old);
    }
    c->items.at[c->items.n++] = item;
    return &c->items.at[c->items.n - 1];
}

/* What lies between two tokens: line ends are counted, comments become items. */
static uint32_t gap(scan *c, const char *from, const char *to)
{
    uint32_t newlines = 0;
    while (from < to) {
        newlines += *from == '\n';
        if (*from++ != '#')
            continue;
        const char *text = from - 1, *end = memchr(text, '\n', (size_t)(to - text));
        from = end = end ? end : to;
        while (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')
            end--;
        push(c, (fmt_item){.type = FMT_COMMENT, .text = text, .len = (uint32_t)(end - text), .newlines = newlines});
        newlines = 0;
    }
    return newlines;
}

/* A number has one blank before its unit, whatever there was. */
static void space_unit(pat_session *s, fmt_item *number)
{
    uint32_t digits = 0, blanks = 0;
    while (digits < number->len && number->text[digits] >= '0' && number->text[digits] <= '9')
        digits++;
    while (digits + blanks < number->len && strchr(" \t\r\n", number->text[digits + blanks]))
        blanks++;
    if (!blanks)
        return;
    char *text = pat_alloc(s->arena, number->len + 1);
    number->len = (uint32_t)sprintf(text, "%.*s %.*s", (int)digits, number->text, (int)(number->len - digits - blanks),
                                    number->text + digits + blanks);
    number->text = text;
}

fmt_items pat_fmt_scan(pat_session *s, const char *text, uint32_t size)
{
    scan c = {.s = s};
    pat_parser p = {.session = s, .begin = text, .cursor = text, .end = text + size};
    const char *before = text;
    uint32_t depth = 0;
    bool named = false; /* the last token is the name of a declaration, whatever word it is */
    fmt_item last = {0};
    for (int type = 1; type;) {
        PAT_STYPE value;
        PAT_LTYPE span;
        type = pat_lex(&value, &span, &p);
        const char *at = text + span.begin;
        uint32_t newlines = gap(&c, before, type ? at : text + size);
        bool starts = !depth && is_declaration(type) && (named || !last.type || !pat_fmt_is_open(&last));
        named = last.starts;
        last = *push(&c, (fmt_item){type, at, span.end - span.begin, newlines, at > before, starts});
        if (type == T_INT)
            space_unit(s, &c.items.at[c.items.n - 1]);
        depth += type == '(' || type == '[' || type == '{';
        depth -= depth && (type == ')' || type == ']' || type == '}');
        before = text + span.end;
    }
    c.items.n--;
    return c.items;
}

/* Words that are operators, and may also be the name of an op that is called. */
static bool is_word_operator(int type)
{
    return type == T_WHERE || type == T_AND || type == T_OR || type == T_NOT || type == T_IN || type == T_WHEN ||
           type == T_SUPPORTS || type == T_WORKSPACE || type == T_GATE;
}

static bool is_binary(int type)
{
    return (type > 0 && type < 128 && strchr("=|+-*/%~<>", type)) || type == T_EQ || type == T_NE || type == T_LE ||
           type == T_GE || type == T_ARROW;
}

bool pat_fmt_space(const fmt_item *a, const fmt_item *b, bool unary, bool set)
{
    if (unary || a->type == '(' || a->type == '[' || a->type == '@')
        return false;
    switch (b->type) {
    case ')': case ']': case ',': case ';': case ':': case '?': case '@':
        return false;
    case T_ELLIPSIS:
        return a->type == ',' || a->type == ';';
    case '}':
        return a->type != '{' && !set;
    case '(': case '[':
        if (is_word_operator(a->type))
            return b->space;
        if (a->type == '{')
            return !set;
        return a->starts || is_binary(a->type) || a->type == ',' || a->type == ';' || a->type == ':';
    default:
        return !(a->type == '{' && set);
    }
}
