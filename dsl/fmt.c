/* Lays tokens out in lines.
 *
 * A line of the output is a line of the author's or, where that is too long, a part of it.  Its indentation
 * follows from the brackets that are open: with text behind it on its line, a bracket puts the next lines below
 * that text; without, they are indented by one step.  Everything is decided from left to right, from the tokens
 * and the lines before, so that a text in this layout keeps it. */
#include "fmt.h"

#include <stdlib.h>
#include <string.h>

#include "fmt_parts.h"
#include "memory.h"
#include "parse.h"

enum { WIDTH = 110, STEP = 2, CONTINUED = 4, KEYWORD = 8 };

/* What braces hold. */
typedef enum body { PARENS, SET, ROWS, STATEMENTS, CLAUSES, BINDINGS } body;

/* What is known of a token from those around it. */
typedef struct place {
    uint32_t depth;     /* open brackets; of a bracket: outside of it */
    int decl;           /* keyword of the declaration that it is in */
    body body;          /* of the innermost brackets; of a bracket: its own */
    body around;        /* of a bracket: what it stands in */
    bool unary;         /* a sign before its operand */
    bool clause;        /* keyword of a clause of a rule */
    bool padded;        /* in columns with the others */
} place;

/* An open bracket. */
typedef struct level { uint32_t base, close; body body; } level;

typedef struct layout {
    pat_session *s;
    fmt_items items;
    place *places;
    uint32_t *columns;      /* of the items of the line at hand */
    level *levels;
    uint32_t n_levels;
    uint32_t bar;           /* where the | of a pattern stand */
    uint32_t clause;        /* where the conditions of a where or gate go on; 0: none */
    fmt_lines lines;
    uint32_t cap;
} layout;

/* ----------------------------------------------------------- from tokens -- */

static bool opens(int type)
{
    return type == '(' || type == '[' || type == '{';
}

static bool closes(int type)
{
    return type == ')' || type == ']' || type == '}';
}

/* The item before or after that is no comment; the end and the begin of the text are found as type 0. */
static const fmt_item *token_before(const layout *l, uint32_t i)
{
    static const fmt_item none = {0};
    while (i--)
        if (l->items.at[i].type != FMT_COMMENT)
            return &l->items.at[i];
    return &none;
}

static const fmt_item *token_from(const layout *l, uint32_t i)
{
    while (l->items.at[i].type == FMT_COMMENT)
        i++;
    return &l->items.at[i];
}

static body body_of(const layout *l, uint32_t i, const place *p, body around)
{
    int before = token_before(l, i)->type;
    if (l->items.at[i].type != '{')
        return PARENS;
    if (before == T_STRING)
        return BINDINGS;
    if (around == CLAUSES)
        return before == T_MATCH || before == T_REPLACE ? STATEMENTS : SET;
    if (p->depth)
        return SET;
    switch (p->decl) {
    case T_KERNEL: case T_VOCAB: return ROWS;
    case T_RULE: return CLAUSES;
    case T_PATTERN: return before == '=' || before == '|' ? STATEMENTS : SET;
    default: return SET;
    }
}

/* A sign is one before its operand where no operand stands before it. */
static bool is_unary(const layout *l, uint32_t i)
{
    const fmt_item *a = token_before(l, i);
    int type = l->items.at[i].type;
    return (type == '-' || type == '*') && (opens(a->type) || pat_fmt_is_open(a) || a->type == T_NOT);
}

/* The keyword of a clause in the body of a rule, and not a name in a condition. */
static bool is_clause(const layout *l, uint32_t i)
{
    const fmt_item *a = token_before(l, i);
    int type = l->items.at[i].type;
    /* These begin something elsewhere; in the body of a rule they are names. */
    bool name = a->type == T_ENABLED || a->type == T_REQUIRES || a->type == T_EXCLUDES || a->type == T_AT ||
                a->type == T_SUPPORTS || a->type == T_WORKSPACE || a->type == T_CONTENTS;
    return (type == T_MATCH || type == T_WHERE || type == T_GATE || type == T_REPLACE || type == T_TEST) &&
           (name || !pat_fmt_is_open(a));
}

/* The clauses of a rule stand in columns when its match begins on the keyword's line. */
static bool in_columns(const layout *l, uint32_t i)
{
    return l->items.at[i].type != T_MATCH || !token_from(l, i + 2)->newlines;
}

static void find_places(layout *l)
{
    body *open = pat_alloc(l->s->arena, (l->items.n + 1) * sizeof *open);
    uint32_t depth = 0;
    bool columns = true;
    int decl = 0;
    for (uint32_t i = 0; i <= l->items.n; i++) {
        place *p = &l->places[i];
        const fmt_item *t = &l->items.at[i];
        decl = t->starts ? t->type : decl;
        body around = depth ? open[depth - 1] : PARENS;
        if (closes(t->type) && depth)
            depth--;
        *p = (place){.depth = depth, .decl = decl, .around = depth ? open[depth - 1] : PARENS};
        p->body = opens(t->type) ? body_of(l, i, p, around) : around;
        p->unary = is_unary(l, i);
        p->clause = around == CLAUSES && is_clause(l, i);
        if (p->clause && t->type == T_MATCH)
            columns = in_columns(l, i);
        p->padded = p->clause && columns && t->type != T_TEST;
        if (opens(t->type))
            open[depth++] = p->body;
    }
}

/* ------------------------------------------------------------ indentation -- */

static uint32_t indent_outside(const layout *l, uint32_t i)
{
    const fmt_item *t = token_from(l, i), *before = token_before(l, i);
    int decl = l->places[i].decl;
    if (!t->type || t->starts)
        return 0;
    if (decl == T_PATTERN && t->type == '|')
        return l->bar;
    if (l->clause && pat_fmt_is_open(before) && t->type != T_WHERE)
        return l->clause;
    if (decl == T_PATTERN)
        return l->bar + 2;
    return decl == T_OP ? 3 : CONTINUED;
}

static uint32_t indent_in_braces(const layout *l, uint32_t i, const level *v)
{
    const fmt_item *t = &l->items.at[i], *before = token_before(l, i);
    bool comma = before->type == ',', open = pat_fmt_is_open(before) && before->type != ';';
    switch (v->body) {
    case CLAUSES: return l->places[i].clause ? v->base : l->clause ? l->clause : v->base + CONTINUED;
    case STATEMENTS: return v->base + (comma || before->type == '=' || t->type == '=' ? CONTINUED : 0);
    case ROWS: return comma && l->clause ? l->clause : v->base + (open || pat_fmt_continues(t) ? CONTINUED : 0);
    default: return v->base;
    }
}

static uint32_t indent(const layout *l, uint32_t i)
{
    if (!l->n_levels)
        return indent_outside(l, i);
    const level *v = &l->levels[l->n_levels - 1];
    if (closes(l->items.at[i].type))
        return v->close;
    return l->items.at[i].type == FMT_COMMENT ? v->base : indent_in_braces(l, i, v);
}

/* ------------------------------------------------------------------ widths -- */

static uint32_t width_of(const fmt_item *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->len; i++)
        n += ((unsigned char)t->text[i] & 0xc0) != 0x80;
    return n;
}

static bool is_kind_of_option(const layout *l, uint32_t k)
{
    return l->items.at[k].type == ':' && l->places[k].decl == T_OPTION && !l->places[k].depth;
}

/* Columns of the items from i to before j on one line; answers the column behind them. */
static uint32_t measure(layout *l, uint32_t i, uint32_t j, uint32_t at)
{
    for (uint32_t k = i; k < j; k++) {
        const fmt_item *a = k > i ? &l->items.at[k - 1] : NULL, *b = &l->items.at[k];
        bool set = a && l->places[opens(a->type) ? k - 1 : k].body == SET && (opens(a->type) || closes(b->type));
        if (a && k == i + 1 && l->places[i].padded)
            at = l->columns[i] + KEYWORD;
        else if (a)
            at += is_kind_of_option(l, k) || pat_fmt_space(a, b, l->places[k - 1].unary, set);
        l->columns[k] = at;
        at += width_of(b);
    }
    return at;
}

/* Whether a line may be broken before item k. */
static bool may_break(const layout *l, uint32_t k)
{
    const fmt_item *a = &l->items.at[k - 1], *b = &l->items.at[k];
    const place *p = &l->places[k];
    bool ended = !pat_fmt_is_open(a) && !opens(a->type);
    switch (b->type) {
    case T_ARROW: case '|': return true;
    case T_AND: case T_OR: case T_WHEN: case T_SUPPORTS: case T_WORKSPACE: return ended && p->body != STATEMENTS;
    case T_WHERE: return ended && p->body != STATEMENTS && (p->body != PARENS || !p->depth);
    default: break;
    }
    if (a->type == ';')
        return true;
    return a->type == ',' && p->body != STATEMENTS && (p->depth || p->decl != T_DTYPE);
}

/* Outer places before inner ones, and of one depth signs and words before commas. */
static uint32_t rank(const layout *l, uint32_t k)
{
    int before = l->items.at[k - 1].type;
    return 2 * l->places[k].depth + (before == ',' || before == ';');
}

/* Where to break a line that is too long: the last place that fits of the best ones; j: nowhere. */
static uint32_t find_break(const layout *l, uint32_t i, uint32_t j)
{
    uint32_t best = j, first = j;
    for (uint32_t k = i + 1; k < j; k++) {
        if (!may_break(l, k))
            continue;
        first = first == j ? k : first;
        bool fits = l->columns[k - 1] + l->items.at[k - 1].len <= WIDTH;
        if (fits && (best == j || rank(l, k) <= rank(l, best)))
            best = k;
    }
    return best == j ? first : best;
}

/* What the items of a line change for the lines after it. */
static void note_levels(layout *l, uint32_t i, uint32_t j, uint32_t line_indent)
{
    for (uint32_t k = i; k < j; k++) {
        const fmt_item *t = &l->items.at[k], *next = token_from(l, k + 1);
        const place *p = &l->places[k];
        bool at_end = next->newlines || k + 1 == j;
        if (t->starts)
            l->clause = 0;
        if (t->type == '=' && !p->depth && p->decl == T_PATTERN)
            l->bar = at_end ? STEP : l->columns[k];
        bool named = p->decl == T_KERNEL && !p->depth; /* an op that is called so */
        if ((t->type == T_WHERE && !named) || t->type == T_GATE)
            if (p->clause || p->body == ROWS || !p->depth)
                l->clause = at_end ? line_indent + CONTINUED
                                   : l->columns[k] + (p->padded && k == i ? KEYWORD : t->len + 1);
        if (opens(t->type)) {
            uint32_t below = l->columns[k] + (t->type == '{' && p->body != SET ? 2 : 1);
            uint32_t step = t->type == '{' ? STEP : CONTINUED, from = p->body == ROWS ? 0 : line_indent;
            l->levels[l->n_levels++] = at_end ? (level){from + step, from, p->body}
                                              : (level){below, l->columns[k], p->body};
        } else if (closes(t->type) && l->n_levels) {
            l->n_levels--;
        }
    }
}

/* ---------------------------------------------------------- blocks of lines -- */

static uint32_t closing(const layout *l, uint32_t open)
{
    uint32_t k = open + 1;
    while (l->places[k].depth > l->places[open].depth)
        k++;
    return k;
}

static void break_before(layout *l, uint32_t i)
{
    fmt_item *t = &l->items.at[i];
    if (!t->newlines && t->type != FMT_COMMENT)
        t->newlines = 1;
}

/* The body of a rule, kernel or vocabulary is on one line or in lines of its own. */
static void break_body(layout *l, uint32_t open, uint32_t close)
{
    uint32_t begin = open;
    bool lines = false;
    while (begin && !l->items.at[begin].starts)
        begin--;
    for (uint32_t k = open + 1; k <= close; k++)
        lines |= l->items.at[k].newlines > 0;
    if (!lines && measure(l, begin, close + 1, 0) <= WIDTH)
        return;
    break_before(l, open + 1);
    break_before(l, close);
    for (uint32_t k = open + 1; k < close && l->places[open].body == CLAUSES; k++)
        if (l->places[k].clause)
            break_before(l, k);
}

/* Statements end as they begin: with a line of its own for the brace, or without. */
static void break_statements(layout *l, uint32_t open, uint32_t close)
{
    if (token_from(l, open + 1)->newlines)
        break_before(l, close);
    else if (l->items.at[close - 1].type != FMT_COMMENT)
        l->items.at[close].newlines = 0;
}

static void break_blocks(layout *l)
{
    for (uint32_t i = 0; i < l->items.n; i++) {
        if (l->items.at[i].type != '{')
            continue;
        if (l->places[i].body == CLAUSES || l->places[i].body == ROWS)
            break_body(l, i, closing(l, i));
        else if (l->places[i].body == STATEMENTS)
            break_statements(l, i, closing(l, i));
    }
}

/* ------------------------------------------------------------------ lines -- */

static void push_line(layout *l, fmt_line line)
{
    if (l->lines.n == l->cap) {
        fmt_line *old = l->lines.at;
        l->cap = l->cap ? 2 * l->cap : 256;
        l->lines.at = pat_alloc(l->s->arena, l->cap * sizeof *old);
        if (old)
            memcpy(l->lines.at, old, l->lines.n * sizeof *old);
    }
    l->lines.at[l->lines.n++] = line;
}

/* A declaration that is whole on its line, and the part of it that stands in a column. */
static void note_column(const layout *l, fmt_line *line, uint32_t i, uint32_t j)
{
    const fmt_item *t = &l->items.at[i], *next = token_from(l, j);
    int sign = t->type == T_KERNEL || t->type == T_TEST ? '{' : t->type == T_OPTION ? ':' : '=';
    bool whole = t->starts ? next->starts || !next->type : t->type == T_TEST && l->places[i].body == CLAUSES;
    for (uint32_t k = i + 1; whole && k < j; k++)
        if (l->items.at[k].type == sign && l->places[k].depth == l->places[i].depth &&
            (t->starts || closes(l->items.at[j - 1].type))) {
            line->kind = t->type;
            line->column = l->columns[k];
            return;
        }
}

static char *text_of(layout *l, uint32_t i, uint32_t j, uint32_t *len)
{
    uint32_t size = l->columns[i];
    for (uint32_t k = i; k < j; k++)
        size += l->items.at[k].len + KEYWORD;
    char *text = pat_alloc(l->s->arena, size + 1), *at = text;
    for (uint32_t k = i, column = 0; k < j; k++) {
        for (; column < l->columns[k]; column++)
            *at++ = ' ';
        memcpy(at, l->items.at[k].text, l->items.at[k].len);
        at += l->items.at[k].len;
        column += width_of(&l->items.at[k]);
    }
    *len = (uint32_t)(at - text);
    return text;
}

/* Lays out the items from i to before j, which the author put on one line, and the comment behind them. */
static void lay_line(layout *l, uint32_t i, uint32_t j)
{
    const fmt_item *comment = j > i + 1 && l->items.at[j - 1].type == FMT_COMMENT ? &l->items.at[j - 1] : NULL;
    uint32_t end = comment ? j - 1 : j;
    while (i < end) {
        uint32_t at = indent(l, i), to = measure(l, i, end, at) > WIDTH ? find_break(l, i, end) : end;
        fmt_line line = {0};
        line.text = text_of(l, i, to, &line.len);
        if (to == end)
            note_column(l, &line, i, to);
        if (to == end && comment)
            line.comment = comment->text, line.comment_len = comment->len;
        note_levels(l, i, to, at);
        push_line(l, line);
        i = to;
    }
}

static void lay_out(layout *l)
{
    for (uint32_t i = 0, j; i < l->items.n; i = j) {
        const fmt_item *t = &l->items.at[i];
        bool first = !i || opens(l->items.at[i - 1].type);
        if (t->newlines > 1 && !first && !closes(t->type))
            push_line(l, (fmt_line){.text = ""});
        for (j = i + 1; j < l->items.n && !l->items.at[j].newlines && t->type != FMT_COMMENT; j++)
            continue;
        lay_line(l, i, j);
    }
}

/* ------------------------------------------------------------------ whole -- */

static bool equal_items(const fmt_items *a, const fmt_items *b)
{
    bool equal = a->n == b->n;
    for (uint32_t i = 0; equal && i < a->n; i++)
        equal = a->at[i].type == b->at[i].type && a->at[i].len == b->at[i].len &&
                !memcmp(a->at[i].text, b->at[i].text, a->at[i].len);
    return equal;
}

static fmt_lines format(pat_session *s, fmt_items items)
{
    layout l = {.s = s, .items = items};
    size_t n = items.n + 1;
    l.places = pat_alloc(s->arena, n * sizeof *l.places);
    l.columns = pat_alloc(s->arena, n * sizeof *l.columns);
    l.levels = pat_alloc(s->arena, n * sizeof *l.levels);
    find_places(&l);
    break_blocks(&l);
    lay_out(&l);
    return l.lines;
}

bool pat_format(pat_session *s, uint32_t file, FILE *out, bool *same)
{
    const pat_file *f = s->files.at[file];
    pat_parser p;
    unsigned errors = s->n_errors;
    pat_printed text;
    pat_parse_source(s, pat_alloc(s->arena, sizeof(pat_program)), file, &p);
    if (s->n_errors > errors)
        return false;
    fmt_items items = pat_fmt_scan(s, f->text, f->size);
    pat_fmt_print(s, format(s, items), pat_print(&text));
    pat_print_end(&text);
    fmt_items again = pat_fmt_scan(s, text.text, (uint32_t)text.n);
    bool ok = equal_items(&items, &again) && fwrite(text.text, 1, text.n, out) == text.n;
    *same = ok && text.n == f->size && !memcmp(text.text, f->text, text.n);
    free(text.text);
    return ok;
}
