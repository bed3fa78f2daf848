/* Named conditions: `condition half(x) = dtype(x) in {f16, bf16}` is written out wherever half(...) stands, before
 * anything else is checked, so that no later pass knows of them. What is written out lies where the name stands, and
 * has its own text for messages. */
#include <string.h>

#include "checker.h"

enum { HIGHEST = 200, LARGEST = 10000, LONGEST = 4000, DEEPEST = 100 }; /* height, nodes, text, conditions in conditions */

typedef struct writer {
    pat_session *s;
    const pat_program *p;
    uint32_t n_nodes;
    bool failed;
} writer;

/* A condition that stands somewhere. */
typedef struct use {
    const pat_condition *of;
    const pat_expr *call;
    const struct use *within; /* whose body the call stands in; NULL: the program's text */
    int depth;
} use;

static pat_condition *condition_of(const writer *w, const pat_expr *e)
{
    return e->kind == PE_CALL ? pat_find_condition(w->p, e->name) : NULL;
}

static const pat_expr *argument(const use *u, pat_name name)
{
    for (uint32_t i = 0; u && i < u->of->params.n; i++)
        if (u->of->params.at[i]->name == name)
            return u->call->args.at[i];
    return NULL;
}

/* ------------------------------------------------------------------ texts -- */

typedef struct text { char *at; size_t n, cap; } text;

static void put(writer *w, text *t, const char *from, size_t n)
{
    if (t->n + n >= t->cap) {
        char *old = t->at;
        t->cap = 2 * (t->n + n + 16);
        t->at = pat_alloc(w->s->arena, t->cap);
        if (old)
            memcpy(t->at, old, t->n);
    }
    memcpy(t->at + t->n, from, n);
    t->n += n;
    t->at[t->n] = 0;
}

/* Of the source, without its comments, on one line. */
static void put_source(writer *w, text *t, const char *from, const char *to)
{
    while (from < to) {
        size_t n = strcspn(from, "#\n"), left = (size_t)(to - from);
        put(w, t, from, n < left ? n : left);
        from += n < left ? n : left;
        while (t->n && from < to && t->at[t->n - 1] == ' ')
            t->n--;
        if (from < to)
            put(w, t, " ", 1);
        from += from < to && *from == '#' ? strcspn(from, "\n") : 0;
        from += from < to ? strspn(from, " \t\r\n") : 0;
    }
}

static void put_expr(writer *w, text *t, const pat_expr *e, const use *u);

/* In brackets where what is around it binds as strongly. */
static void put_inner(writer *w, text *t, const pat_expr *e, pat_expr_kind around, const use *u)
{
    bool parens = e->kind == PE_OR ? around != PE_OR : e->kind == PE_AND ? around != PE_OR && around != PE_AND
                  : e->kind >= PE_NEG && around < PE_AND;
    put(w, t, "(", parens);
    put_expr(w, t, e, u);
    put(w, t, ")", parens);
}

/* The source of an expression with parameters and conditions in it replaced, which are found from left to right. */
static void put_parts(writer *w, text *t, const pat_expr *e, pat_expr_kind around, const use *u, const char **at,
                      const char *source)
{
    const pat_expr *given = e->kind == PE_NAME ? argument(u, e->name) : NULL;
    const pat_condition *c = condition_of(w, e);
    use inner = {c, e, u, u ? u->depth + 1 : 1};
    bool out = c && c->params.n == e->args.n && inner.depth <= DEEPEST;
    if (t->n > LONGEST)
        return;
    if (given || out) {
        put_source(w, t, *at, source + e->span.begin);
        put_inner(w, t, out ? c->value : given, around, out ? &inner : u->within);
        *at = source + e->span.end;
    }
    for (uint32_t i = 0; i < e->args.n && !out; i++)
        put_parts(w, t, e->args.at[i], e->kind, u, at, source);
}

static void put_expr(writer *w, text *t, const pat_expr *e, const use *u)
{
    const char *source = w->s->files.at[e->span.file]->text, *at = source + e->span.begin;
    put_parts(w, t, e, PE_AND, u, &at, source);
    put_source(w, t, at, source + e->span.end);
}

const char *pat_expr_text(pat_session *s, const pat_expr *e, size_t *len)
{
    if (!e->text)
        return pat_span_text(s, e->span, len);
    *len = strlen(e->text);
    return e->text;
}

/* ----------------------------------------------------------- writing out -- */

static bool fault(writer *w, pat_span span, int code, const char *what, pat_name name)
{
    pat_error(w->s, span, code, what, name);
    w->failed = true;
    return false;
}

/* Whether the use may be written out. */
static bool check_use(writer *w, const use *u)
{
    const pat_condition *c = u->of;
    if (u->call->args.n != c->params.n) {
        pat_error(w->s, u->call->span, E_CONDITION_ARGS, "condition '%s' takes %u argument%s, %u given", c->name,
                  c->params.n, c->params.n == 1 ? "" : "s", u->call->args.n);
        pat_note(w->s, c->name_span, "declared here");
        w->failed = true;
        return false;
    }
    for (const use *up = u->within; up; up = up->within)
        if (up->of == c)
            return fault(w, u->call->span, E_CONDITION_LOOP, "condition '%s' contains itself", c->name);
    return u->depth <= DEEPEST || fault(w, u->call->span, E_DEPTH, "condition '%s' is nested too deeply", c->name);
}

static const pat_expr *written(writer *w, const pat_expr *e, const use *u, pat_span span);

/* A copy with other operands and a text of its own. */
static const pat_expr *copy_of(writer *w, const pat_expr *e, const use *u, pat_span span)
{
    pat_expr *copy = pat_alloc(w->s->arena, sizeof *copy);
    text t = {0};
    put_expr(w, &t, e, u);
    *copy = *e;
    copy->args = (pat_exprs){0};
    copy->text = t.at;
    copy->span = span;
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *a = written(w, e->args.at[i], u, span);
        if (a->args.n && a->ival >= copy->ival)
            copy->ival = a->ival + 1;
        PAT_PUSH(w->s->arena, copy->args, (pat_expr *)a);
    }
    return copy;
}

static bool speaks(const writer *w, const pat_expr *e)
{
    bool any = condition_of(w, e) != NULL;
    for (uint32_t i = 0; !any && i < e->args.n; i++)
        any = speaks(w, e->args.at[i]);
    return any;
}

/* What e stands for in the body of u. It lies at `span`, where the outermost condition stands. */
static const pat_expr *written(writer *w, const pat_expr *e, const use *u, pat_span span)
{
    const pat_expr *given = e->kind == PE_NAME ? argument(u, e->name) : NULL;
    pat_condition *c = condition_of(w, e);
    use inner = {c, e, u, u ? u->depth + 1 : 1};
    span = u ? span : e->span;
    if (w->failed || (!u && !speaks(w, e)))
        return e;
    if (++w->n_nodes > LARGEST)
        fault(w, span, E_DEPTH, "conditions make this too long%s", "");
    else if (given)
        return written(w, given, u->within, span);
    else if (c && check_use(w, &inner))
        return c->used = true, written(w, c->value, &inner, span);
    if (w->failed)
        return e;
    const pat_expr *copy = copy_of(w, e, u, span);
    if (copy->args.n && copy->ival > HIGHEST)
        fault(w, span, E_DEPTH, "this expression is nested too deeply%s", "");
    return copy;
}

static void write_out(writer *w, pat_expr **e)
{
    w->n_nodes = 0;
    w->failed = false;
    if (!*e || !speaks(w, *e))
        return;
    pat_expr *whole = (pat_expr *)written(w, *e, NULL, (*e)->span);
    if (w->failed) { /* nothing more is to be told of it */
        whole = pat_alloc(w->s->arena, sizeof *whole);
        *whole = (pat_expr){.kind = PE_BOOL, .span = (*e)->span, .ival = 1};
    }
    *e = whole;
}

static void write_all(writer *w, pat_exprs es)
{
    for (uint32_t i = 0; i < es.n; i++)
        write_out(w, &es.at[i]);
}

/* ------------------------------------------------------------------ checks -- */

static void check_declaration(pat_session *s, const pat_condition *c)
{
    pat_names seen = {0};
    if (pat_is_rule_function(c->name) || pat_is_signature_function(c->name)) {
        pat_error(s, c->name_span, E_RESERVED, "'%s' is a function", c->name);
        return;
    }
    for (uint32_t i = 0; i < c->params.n; i++) {
        if (pat_listed(&seen, c->params.at[i]->name))
            pat_error(s, c->params.at[i]->span, E_MEMBER_TWICE, "'%s' is declared twice", c->params.at[i]->name);
        PAT_PUSH(s->arena, seen, c->params.at[i]->name);
    }
}

void pat_write_out_conditions(pat_session *s, pat_program *p)
{
    writer w = {.s = s, .p = p};
    for (uint32_t i = 0; i < p->conditions.n; i++)
        check_declaration(s, p->conditions.at[i]);
    for (uint32_t i = 0; i < p->ops.n; i++)
        write_all(&w, p->ops.at[i]->where);
    for (uint32_t i = 0; i < p->kernels.n; i++)
        for (uint32_t k = 0; k < p->kernels.at[i]->rows.n; k++) {
            write_out(&w, &p->kernels.at[i]->rows.at[k]->when);
            write_out(&w, &p->kernels.at[i]->rows.at[k]->supports);
        }
    for (uint32_t i = 0; i < p->patterns.n; i++)
        for (uint32_t k = 0; k < p->patterns.at[i]->alts.n; k++)
            write_all(&w, p->patterns.at[i]->alts.at[k]->where);
    for (uint32_t i = 0; i < p->rules.n; i++) {
        write_all(&w, p->rules.at[i]->where);
        write_all(&w, p->rules.at[i]->gate);
    }
}
