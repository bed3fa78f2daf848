/* Which nodes stand for which nodes of a pattern: see naive.h. */
#include "naive.h"

#include <stdlib.h>
#include <string.h>

typedef struct finder { naive_match m; void (*found)(void *of, naive_match *m); void *of; } finder;

static void place_node(finder *f, uint32_t left);

static bool same_or_set(naive_match *m, const x_val *v, sld_value value)
{
    if (m->known[v->id])
        return m->vals[v->id] == value;
    m->known[v->id] = true;
    m->vals[v->id] = value;
    return true;
}

static sld_value operand(const naive_match *m, sld_node n, uint32_t i)
{
    return i < m->g->nodes.at[n].n_in ? sld_operand(m->g, n, i) : 0;
}

static bool declared_optional(const pat_op *op, uint32_t i)
{
    return i < op->operands.n && op->operands.at[i]->optional;
}

static bool same_rest(naive_match *m, const x_val *v, sld_node n, uint32_t at)
{
    if (!m->known[v->id]) {
        m->rest_at[v->id] = at;
        return same_or_set(m, v, n);
    }
    sld_node other = m->vals[v->id];
    uint32_t from = m->rest_at[v->id], count = m->g->nodes.at[n].n_in - at;
    if (m->g->nodes.at[other].n_in - from != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (operand(m, n, at + i) != operand(m, other, from + i))
            return false;
    return true;
}

static bool operand_fits(naive_match *m, const x_node *p, uint32_t i, sld_node n, sld_value value)
{
    const x_val *v = p->operands.at[i];
    switch (v->kind) {
    case XVAL_ANY: return same_or_set(m, v, value);
    case XVAL_NONE: return !value;
    case XVAL_REST: return same_rest(m, v, n, i);
    case XVAL_INPUT:
        if (!value && !(v->maybe && declared_optional(p->op, i)))
            return false;
        return same_or_set(m, v, value);
    default: return value && same_or_set(m, v, value);
    }
}

static bool operand_count_fits(const naive_match *m, const x_node *p, sld_node n)
{
    uint32_t declared = p->op->operands.n, want = p->operands.n, have = m->g->nodes.at[n].n_in;
    if (!declared || !p->op->operands.at[declared - 1]->variadic)
        return true;
    return want && p->operands.at[want - 1]->kind == XVAL_REST ? have >= want - 1 : have == want;
}

static bool results_fit(naive_match *m, const x_node *p, sld_node n)
{
    if (p->op->variadic_results && sld_n_results(m->g, n) != p->results.n)
        return false;
    for (uint32_t i = 0; i < p->results.n; i++) {
        const x_val *r = p->results.at[i];
        sld_value value = sld_result(m->g, n, i);
        if (!same_or_set(m, r, value) || (!r->yielded && m->g->values.at[value].n_uses != r->n_uses))
            return false;
    }
    return true;
}

static bool taken(const naive_match *m, sld_node n)
{
    for (uint32_t i = 1; i <= m->v->nodes.n; i++)
        if (m->nodes[i] == n)
            return true;
    return false;
}

static bool node_fits(naive_match *m, const x_node *p, sld_node n, bool exchanged)
{
    bool fits = operand_count_fits(m, p, n) && results_fit(m, p, n);
    for (uint32_t i = 0; fits && i < p->operands.n; i++)
        fits = operand_fits(m, p, i, n, operand(m, n, exchanged && i < 2 ? 1 - i : i));
    return fits;
}

static bool both_orders(const x_node *p)
{
    return p->op->commutative && p->operands.n >= 2 && p->operands.at[0]->kind != XVAL_REST &&
           p->operands.at[1]->kind != XVAL_REST;
}

/* Readers are placed before what they read. */
static void try_node(finder *f, uint32_t left, const x_node *p, sld_node n)
{
    size_t vals = f->m.v->vals.n + 1;
    sld_value *old = memcpy(malloc(vals * sizeof *old), f->m.vals, vals * sizeof *old);
    bool *known = memcpy(malloc(vals * sizeof *known), f->m.known, vals * sizeof *known);
    for (uint32_t exchanged = 0; exchanged < 1u + both_orders(p); exchanged++) {
        if (node_fits(&f->m, p, n, exchanged)) {
            f->m.nodes[p->id] = n;
            place_node(f, left - 1);
            f->m.nodes[p->id] = 0;
        }
        memcpy(f->m.vals, old, vals * sizeof *old);
        memcpy(f->m.known, known, vals * sizeof *known);
    }
    free(old);
    free(known);
}

static void place_node(finder *f, uint32_t left)
{
    naive_match *m = &f->m;
    if (!left) {
        if (naive_holds(m))
            f->found(f->of, m);
        m->n_bindings = 0;
        return;
    }
    const x_node *p = m->v->nodes.at[left - 1];
    for (sld_node n = sld_first_node(m->g); n; n = sld_next_node(m->g, n))
        if (m->g->nodes.at[n].op == p->op->id && !taken(m, n))
            try_node(f, left, p, n);
}

void naive_find(sld_graph *g, const pat_program *p, x_variant *v, void found(void *of, naive_match *m), void *of)
{
    finder f = {.m = {.g = g, .program = p, .v = v}, .found = found, .of = of};
    f.m.nodes = calloc(v->nodes.n + 1, sizeof *f.m.nodes);
    f.m.vals = calloc(v->vals.n + 1, sizeof *f.m.vals);
    f.m.known = calloc(v->vals.n + 1, sizeof *f.m.known);
    f.m.rest_at = calloc(v->vals.n + 1, sizeof *f.m.rest_at);
    f.m.bindings = calloc(NAIVE_BINDINGS, sizeof *f.m.bindings);
    place_node(&f, v->nodes.n);
    free(f.m.nodes);
    free(f.m.vals);
    free(f.m.known);
    free(f.m.rest_at);
    free(f.m.bindings);
}
