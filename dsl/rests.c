/* Rests of operands and results: in a rule, `xs...` beside the other operands of an op stands for all that are not
 * given, and beside names of results for the other results.  Names take their place before anything else is checked,
 * so that no later pass knows of them; a rest of a variadic operand stays. */
#include <stdio.h>
#include <string.h>

#include "checker.h"

typedef struct rest { pat_name name; uint32_t n; } rest;

typedef struct writer {
    pat_session *s;
    const pat_program *p;
    PAT_LIST(rest) rests; /* of the rule */
    bool left;
} writer;

static rest *rest_of(const writer *w, pat_name name)
{
    for (uint32_t i = 0; i < w->rests.n; i++)
        if (w->rests.at[i]->name == name)
            return w->rests.at[i];
    return NULL;
}

/* How many the callee has of operands or of results; false where it says nothing of that. */
static bool count(const writer *w, const pat_term *callee, bool results, uint32_t *n)
{
    const pat_pattern *q = callee->kind == PT_APPLY ? pat_find_pattern(w->p, callee->name) : NULL;
    const pat_op *op = callee->kind == PT_APPLY && !q ? pat_find_op(w->p, callee->name) : NULL;
    if (q)
        *n = results ? 1 : q->params.n;
    else if (op)
        *n = results ? op->results.n : op->operands.n;
    return q || (op && !(results ? op->variadic_results : *n && op->operands.at[*n - 1]->variadic));
}

/* The name of element i: one that no text can hold. The generator knows it by its dot. */
static pat_term *element(writer *w, const pat_term *from, uint32_t i, bool maybe)
{
    char text[24];
    int n = snprintf(text, sizeof text, ".%u", i + 1);
    size_t len = strlen(from->name);
    char *name = pat_alloc(w->s->arena, len + sizeof text);
    memcpy(name, from->name, len);
    memcpy(name + len, text, (size_t)n + 1);
    pat_term *t = pat_alloc(w->s->arena, sizeof *t);
    *t = (pat_term){.kind = PT_NAME, .span = from->span, .name_span = from->name_span, .maybe = maybe,
                    .name = pat_intern(w->s, name, len + (size_t)n)};
    return t;
}

static const pat_op *op_of(const writer *w, const pat_term *callee)
{
    return callee && callee->kind == PT_APPLY ? pat_find_op(w->p, callee->name) : NULL;
}

/* Puts the names of a rest behind those of `to`. */
static void put_names(writer *w, pat_terms *to, const pat_term *from, uint32_t n, const pat_op *op, bool results)
{
    uint32_t first = to->n;
    for (uint32_t i = 0; i < n; i++) {
        bool maybe = w->left && !results && op && op->operands.at[first + i]->optional;
        PAT_PUSH(w->s->arena, *to, element(w, from, i, maybe));
    }
}

/* What a rest of the left side stands for, which each place of it must agree on. */
static uint32_t known(writer *w, const pat_term *t, uint32_t n)
{
    rest *r = rest_of(w, t->name);
    if (!r) {
        r = pat_alloc(w->s->arena, sizeof *r);
        *r = (rest){t->name, n};
        PAT_PUSH(w->s->arena, w->rests, r);
    } else if (r->n != n) {
        pat_error(w->s, t->span, E_SPLICE, "'%s...' stands for %u value%s here and for %u before", t->name, n,
                  n == 1 ? "" : "s", r->n);
    }
    return n;
}

/* The terms with rests written out; callee: whose operands or results they are, NULL: of a yield. */
static pat_terms written(writer *w, pat_terms from, const pat_term *callee, bool results)
{
    pat_terms to = {0};
    bool seen = false;
    for (uint32_t i = 0; i < from.n; i++) {
        pat_term *t = from.at[i];
        rest *r = t->kind == PT_SPLICE ? rest_of(w, t->name) : NULL;
        uint32_t n = 0;
        bool counted = t->kind == PT_SPLICE && w->left && callee && count(w, callee, results, &n);
        if (counted && seen) {
            pat_error(w->s, t->span, E_SPLICE, "a second rest among the operands or results of '%s'", callee->name);
            *t = (pat_term){.kind = PT_WILD, .span = t->span};
        }
        if (counted && !seen)
            put_names(w, &to, t, known(w, t, n + 1 < from.n ? 0 : n + 1 - from.n), op_of(w, callee), results);
        else if (r && !counted)
            put_names(w, &to, t, r->n, NULL, results);
        else
            PAT_PUSH(w->s->arena, to, t);
        seen |= counted;
    }
    return to;
}

static void write_term(writer *w, pat_term *t)
{
    bool any = false;
    for (uint32_t i = 0; i < t->operands.n; i++) {
        write_term(w, t->operands.at[i]);
        any |= t->operands.at[i]->kind == PT_SPLICE;
    }
    if (any)
        t->operands = written(w, t->operands, t, false);
}

static void write_stmts(writer *w, pat_stmts *stmts)
{
    for (uint32_t i = 0; i < stmts->n; i++) {
        write_term(w, stmts->at[i]->value);
        stmts->at[i]->results = written(w, stmts->at[i]->results, stmts->at[i]->value, true);
    }
}

void pat_write_out_rests(pat_session *s, pat_program *p)
{
    for (uint32_t i = 0; i < p->rules.n; i++) {
        pat_rule *rule = p->rules.at[i];
        writer w = {.s = s, .p = p, .left = true};
        pat_within(s, rule);
        write_stmts(&w, &rule->match);
        w.left = false;
        rule->yield = written(&w, rule->yield, NULL, true);
        write_stmts(&w, &rule->replace);
    }
    pat_within(s, NULL);
}
