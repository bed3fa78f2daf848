/* Walks a pattern over a graph from a root towards producers, in the order of a matcher, counts what
 * fails and goes on.  Where operands may be exchanged both orders are tried: a walk notes its choices,
 * and the next one differs in the last of them that can.  A walk ends as soon as it costs more than
 * the best one so far. */
#include "partial.h"

#include <string.h>

#include "infer.h"

enum { WALKS_MAX = 1 << 16 }; /* at one node; patterns of a dozen commutative ops need less */

struct sld_walker {
    sld_graph *g;
    sld_partial m, best;
    bool *seen;              /* by node of the pattern */
    bool *bound;             /* by value */
    uint8_t *choices;        /* 1: operands are exchanged */
    uint32_t n_choices, n_made;
    uint32_t limit;
    uint32_t n_nodes, n_vals, n_vars; /* room */
};

static bool over(const sld_walker *w) { return w->m.cost > w->limit; }

static void fault(sld_walker *w, sld_fault f)
{
    if (!w->m.cost++)
        w->m.first = f;
}

/* ------------------------------------------------------------------- types -- */

/* What is tested: a dim of a value's shape, or an element of an attribute. */
typedef struct elements { sld_value v; const sld_attr *attr; } elements;

static sld_dim element(const sld_walker *w, elements e, uint32_t i)
{
    return e.attr ? e.attr->p[i] : SLD_DIM(w->g, e.v, i);
}

static bool match_element(sld_walker *w, sld_dim d, const sld_term *t)
{
    sld_held h;
    if (t->kind == SLD_T_ANY)
        return true;
    if (t->kind == SLD_T_DIM && !w->m.vars[t->id].kind) {
        w->m.vars[t->id] = (sld_held){.kind = SLD_HELD_DIM, .dim = d};
        return true;
    }
    sld__pattern_eval(w->g, &w->m, t, &h);
    return h.kind != SLD_HELD_DIM || SLD_DIM_EQ(w->g, d, h.dim);
}

static bool match_run(sld_walker *w, elements e, const sld_term *t, uint32_t at, uint32_t n)
{
    sld_held *r = &w->m.vars[t->id];
    if (e.attr)
        return !r->kind || (r->dims.n == n && sld_list_has(w->g, *e.attr, at, r->dims));
    const sld_dims found = {e.v, at, n};
    if (r->kind)
        return sld_same_dims(w->g, r->dims, found);
    *r = (sld_held){.kind = SLD_HELD_DIMS, .dims = found};
    return true;
}

/* n elements against n_terms, of which one may stand for any number of them. */
static bool match_elements(sld_walker *w, elements e, uint32_t n, const sld_term *t, uint32_t n_terms)
{
    uint32_t runs = 0, at = 0;
    const sld_term *x = t;
    for (uint32_t i = 0; i < n_terms; i++, x = sld__next_term(x))
        runs += x->kind == SLD_T_RANK;
    if (runs ? n + 1 < n_terms : n != n_terms)
        return false;
    for (uint32_t i = 0; i < n_terms; i++, t = sld__next_term(t)) {
        uint32_t many = t->kind == SLD_T_RANK ? n + 1 - n_terms : 1;
        if (t->kind == SLD_T_RANK ? !match_run(w, e, t, at, many) : !match_element(w, element(w, e, at), t))
            return false;
        at += many;
    }
    return true;
}

static bool match_dtype(sld_walker *w, sld_value v, const sld_pat_type *t)
{
    int found = SLD_DTYPE(w->g, v);
    sld_held *var = &w->m.vars[t->var];
    if (t->dtype)
        return found == t->dtype;
    if (var->kind)
        return found == var->dtype;
    if (!(t->set >> found & 1))
        return false;
    *var = (sld_held){.kind = SLD_HELD_DTYPE, .dtype = found};
    return true;
}

static void match_types(sld_walker *w, uint16_t val, sld_node n)
{
    const sld_pat_val *p = &w->m.pattern->vals[val];
    sld_value v = w->m.vals[val];
    for (uint32_t i = 0; i < p->n_types && !over(w); i++) {
        const sld_pat_type *t = &p->types[i];
        bool any = t->n_elems == 1 && t->elems->kind == SLD_T_ANY;
        if (!match_dtype(w, v, t))
            fault(w, (sld_fault){SLD_FAULT_DTYPE, t->place, n, v, val, t});
        if (!any && !match_elements(w, (elements){.v = v}, SLD_RANK(w->g, v), t->elems, t->n_elems))
            fault(w, (sld_fault){SLD_FAULT_SHAPE, t->place, n, v, val, t});
    }
}

/* -------------------------------------------------------------- attributes -- */

static bool match_name(sld_walker *w, const sld_attr *a, sld_held *var)
{
    if (!var->kind) {
        *var = (sld_held){.kind = SLD_HELD_ATTR, .attr = *a};
        return true;
    }
    if (var->kind == SLD_HELD_DIM)
        return SLD_DIM_EQ(w->g, a->i, var->dim);
    return var->kind != SLD_HELD_ATTR || sld_attr_same(*a, var->attr);
}

static bool match_value(sld_walker *w, const sld_attr *a, const sld_term *t)
{
    sld_held h;
    sld__pattern_eval(w->g, &w->m, t, &h);
    switch (h.kind) {
    case SLD_HELD_FLOAT: return sld_close(a->f, h.f, 1e-6);
    case SLD_HELD_DTYPE: return a->i == h.dtype;
    case SLD_HELD_TRUTH: return a->i == h.truth;
    case SLD_HELD_DIM: return a->kind == SLD_ATTR_FLOAT ? sld_close(a->f, (double)h.dim, 1e-6)
                                                        : SLD_DIM_EQ(w->g, a->i, h.dim);
    default: return true; /* it speaks of what was not found */
    }
}

static bool match_attr(sld_walker *w, sld_node n, const sld_pat_attr *p)
{
    const sld_attr *a = &SLD_ATTR(w->g, n, p->slot);
    const sld_term *t = p->value.terms;
    if (!p->value.n_terms)
        return sld_attr_equal(a, &sld_node_op(w->g, n)->attrs[p->slot].dflt);
    if (t->kind == SLD_T_DIM && p->value.n_terms == 1)
        return match_name(w, a, &w->m.vars[t->id]);
    if (t->kind == SLD_T_LIST)
        return match_elements(w, (elements){.attr = a}, a->n, t + 1, t->nargs);
    return match_value(w, a, t);
}

static void match_attrs(sld_walker *w, const sld_pat_node *p, sld_node n, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to && !over(w); i++)
        if (!match_attr(w, n, &p->attrs[i]))
            fault(w, (sld_fault){SLD_FAULT_ATTR, p->attrs[i].value.place, n, 0, 0, &p->attrs[i]});
}

/* ---------------------------------------------------------------- operands -- */

static void match_node(sld_walker *w, uint16_t id, sld_node n);

static void match_result(sld_walker *w, uint16_t val, sld_value v, sld_node reader)
{
    const sld_partial *m = &w->m;
    const sld_pat_val *p = &m->pattern->vals[val];
    const sld_pat_node *q = &m->pattern->nodes[p->node];
    if (w->seen[p->node]) {
        if (m->vals[val] && m->vals[val] != v)
            fault(w, (sld_fault){SLD_FAULT_SAME, q->place, reader, v, val, NULL});
        return;
    }
    sld_node n = v ? SLD_PRODUCER(w->g, v) : 0;
    if (n && SLD_RESULT_INDEX(w->g, v) == p->index) {
        match_node(w, p->node, n);
        return;
    }
    w->seen[p->node] = true;
    fault(w, (sld_fault){SLD_FAULT_OP, q->place, reader, v, val, NULL});
}

static void match_input(sld_walker *w, uint16_t val, sld_value v, sld_node reader, sld_place place)
{
    const sld_pat_val *p = &w->m.pattern->vals[val];
    if (w->bound[val]) {
        if (w->m.vals[val] != v)
            fault(w, (sld_fault){SLD_FAULT_SAME, place, reader, v, val, NULL});
        return;
    }
    w->bound[val] = true;
    w->m.vals[val] = v;
    if (v)
        match_types(w, val, reader);
    else if (!p->maybe)
        fault(w, (sld_fault){SLD_FAULT_PRESENCE, place, reader, v, val, NULL});
}

static bool match_constant(sld_walker *w, const sld_pat_val *p, sld_value v)
{
    sld_held *var = &w->m.vars[p->var];
    sld_attr found;
    if (p->kind == SLD_PAT_NUMBER)
        return sld_is_number(w->g, v, p->number, p->tolerance);
    if (!sld_scalar(w->g, v, &found))
        return false;
    if (var->kind == SLD_HELD_ATTR)
        return sld_close(found.f, var->attr.f, 0);
    *var = (sld_held){.kind = SLD_HELD_ATTR, .attr = found};
    return true;
}

static void match_operand(sld_walker *w, uint16_t val, sld_value v, sld_node reader, sld_place place)
{
    const sld_pat_val *p = &w->m.pattern->vals[val];
    switch ((sld_pat_val_kind)p->kind) {
    case SLD_PAT_RESULT:
        match_result(w, val, v, reader);
        break;
    case SLD_PAT_INPUT:
        match_input(w, val, v, reader, place);
        break;
    case SLD_PAT_NUMBER: case SLD_PAT_CONSTANT:
        w->m.vals[val] = v;
        if (!match_constant(w, p, v))
            fault(w, (sld_fault){SLD_FAULT_NUMBER, place, reader, v, val, NULL});
        break;
    case SLD_PAT_ABSENT:
        if (v)
            fault(w, (sld_fault){SLD_FAULT_PRESENCE, place, reader, v, val, NULL});
        break;
    case SLD_PAT_REST: case SLD_PAT_ANY:
        break;
    }
}

/* ------------------------------------------------------------------- nodes -- */

/* Values that die with the match must have no other reader. */
static void match_results(sld_walker *w, const sld_pat_node *p, sld_node n)
{
    uint32_t n_out = SLD_N_RESULTS(w->g, n);
    if (n_out != p->n_results)
        fault(w, (sld_fault){SLD_FAULT_RESULTS, p->place, n, 0, 0, p});
    for (uint32_t i = 0; i < p->n_results && i < n_out && !over(w); i++) {
        uint16_t val = p->results[i];
        const sld_pat_val *r = &w->m.pattern->vals[val];
        sld_value v = w->m.vals[val] = SLD_RESULT(w->g, n, i);
        if (!r->outlives && SLD_USES(w->g, v) != r->n_uses)
            fault(w, (sld_fault){SLD_FAULT_READERS, p->place, n, v, val, NULL});
        match_types(w, val, n);
    }
}

static bool stands_elsewhere(const sld_walker *w, uint16_t id, sld_node n)
{
    for (uint16_t i = 0; i < w->m.pattern->n_nodes; i++)
        if (i != id && w->m.nodes[i] == n)
            return true;
    return false;
}

/* Whether an operand's producer is of the op that the pattern has there. */
static bool looks_right(const sld_walker *w, uint16_t val, sld_value v)
{
    const sld_pat_val *p = &w->m.pattern->vals[val];
    sld_node n = v ? SLD_PRODUCER(w->g, v) : 0;
    double d;
    if (p->kind == SLD_PAT_RESULT)
        return n && SLD_OP(w->g, n) == w->m.pattern->nodes[p->node].op;
    return (p->kind == SLD_PAT_NUMBER || p->kind == SLD_PAT_CONSTANT) && v && SLD_SCALAR(w->g, v, &d);
}

/* Which order of the operands is tried: first the one that looks right. */
static uint32_t choose_order(sld_walker *w, const sld_pat_node *p, sld_node n)
{
    sld_value a = SLD_OPERAND(w->g, n, 0), b = SLD_OPERAND(w->g, n, 1);
    uint16_t x = p->operands[0], y = p->operands[1];
    uint32_t i = w->n_made++;
    bool exchanged = looks_right(w, x, b) + looks_right(w, y, a) > looks_right(w, x, a) + looks_right(w, y, b);
    if (i == w->n_choices)
        w->choices[w->n_choices++] = 0;
    return w->choices[i] ^ exchanged;
}

static void match_operands(sld_walker *w, const sld_pat_node *p, sld_node n)
{
    uint32_t swap = p->commutes && SLD_N_OPERANDS(w->g, n) > 1 ? choose_order(w, p, n) : 0;
    for (uint32_t i = 0; i < p->n_operands && !over(w); i++)
        match_operand(w, p->operands[i], SLD_OPERAND(w->g, n, i < 2 ? i ^ swap : i), n, p->place);
}

static bool takes_rest(const sld_walker *w, const sld_pat_node *p)
{
    return p->n_operands && w->m.pattern->vals[p->operands[p->n_operands - 1]].kind == SLD_PAT_REST;
}

/* A node of another op that reads as many values may be all that is wrong: what it reads is walked too. */
static void match_node(sld_walker *w, uint16_t id, sld_node n)
{
    const sld_pat_node *p = &w->m.pattern->nodes[id];
    uint32_t n_in = SLD_N_OPERANDS(w->g, n);
    w->seen[id] = true;
    if (SLD_OP(w->g, n) != p->op) {
        fault(w, (sld_fault){SLD_FAULT_OP, p->place, n, SLD_RESULT(w->g, n, 0), 0, NULL});
        if (n_in == p->n_operands)
            match_operands(w, p, n);
        return;
    }
    w->m.nodes[id] = n;
    w->m.n_met++;
    if (n_in > p->n_operands && !takes_rest(w, p))
        fault(w, (sld_fault){SLD_FAULT_OPERANDS, p->place, n, 0, 0, p});
    if (stands_elsewhere(w, id, n))
        fault(w, (sld_fault){SLD_FAULT_TWICE, p->place, n, 0, 0, NULL});
    match_results(w, p, n);
    match_attrs(w, p, n, 0, p->n_early);
    match_operands(w, p, n);
    match_attrs(w, p, n, p->n_early, p->n_attrs);
}

static void match_where(sld_walker *w)
{
    for (uint32_t i = 0; i < w->m.pattern->n_where && !over(w); i++) {
        const sld_pat_expr *e = &w->m.pattern->where[i];
        sld_held h;
        sld__pattern_eval(w->g, &w->m, e->terms, &h);
        if (h.kind == SLD_HELD_TRUTH && !h.truth)
            fault(w, (sld_fault){SLD_FAULT_CONDITION, e->place, w->m.root, 0, 0, e});
    }
}

/* ------------------------------------------------------------------- walks -- */

static void walk_once(sld_walker *w)
{
    const sld_pattern *p = w->m.pattern;
    memset(w->seen, 0, p->n_nodes * sizeof *w->seen);
    memset(w->bound, 0, p->n_vals * sizeof *w->bound);
    memset(w->m.nodes, 0, p->n_nodes * sizeof *w->m.nodes);
    memset(w->m.vals, 0, p->n_vals * sizeof *w->m.vals);
    memset(w->m.vars, 0, p->n_vars * sizeof *w->m.vars);
    w->m.cost = w->m.n_met = w->n_made = 0;
    match_node(w, p->root, w->m.root);
    match_where(w);
    for (uint32_t i = 0; i < p->n_nodes; i++)
        w->m.cost += !w->seen[i];
}

static bool next_choice(sld_walker *w)
{
    for (uint32_t i = w->n_made; i-- > 0;)
        if (!w->choices[i]) {
            w->choices[i] = 1;
            w->n_choices = i + 1;
            return true;
        }
    return false;
}

static void keep(sld_walker *w)
{
    sld_partial old = w->best;
    w->best = w->m;
    w->m.nodes = old.nodes;
    w->m.vals = old.vals;
    w->m.vars = old.vars;
}

const sld_partial *sld__walk(sld_walker *w, const sld_pattern *p, sld_node root, uint32_t limit)
{
    bool found = false;
    w->m.pattern = p;
    w->m.root = root;
    w->limit = limit;
    w->n_choices = w->n_made = 0;
    for (uint32_t i = 0; i < WALKS_MAX; i++) {
        walk_once(w);
        if (!over(w)) {
            keep(w);
            found = true;
            if (!w->best.cost)
                break;
            w->limit = w->best.cost - 1;
        }
        if (!next_choice(w))
            break;
    }
    return found ? &w->best : NULL;
}

static bool alloc_partial(sld_walker *w, sld_partial *m)
{
    m->nodes = sld__alloc(w->g->ctx, w->n_nodes * sizeof *m->nodes);
    m->vals = sld__alloc(w->g->ctx, w->n_vals * sizeof *m->vals);
    m->vars = sld__alloc(w->g->ctx, w->n_vars * sizeof *m->vars);
    return m->nodes && m->vals && m->vars;
}

sld_walker *sld__walker_new(sld_graph *g)
{
    sld_walker *w = sld__alloc(g->ctx, sizeof *w);
    if (!w)
        return NULL;
    *w = (sld_walker){.g = g, .n_nodes = 1, .n_vals = 1, .n_vars = 1};
    for (uint32_t i = 0; i < g->rules->n_patterns; i++) {
        const sld_pattern *p = &g->rules->patterns[i];
        w->n_nodes = p->n_nodes > w->n_nodes ? p->n_nodes : w->n_nodes;
        w->n_vals = p->n_vals > w->n_vals ? p->n_vals : w->n_vals;
        w->n_vars = p->n_vars > w->n_vars ? p->n_vars : w->n_vars;
    }
    w->seen = sld__alloc(g->ctx, w->n_nodes * sizeof *w->seen);
    w->bound = sld__alloc(g->ctx, w->n_vals * sizeof *w->bound);
    w->choices = sld__alloc(g->ctx, w->n_nodes * sizeof *w->choices);
    if (w->seen && w->bound && w->choices && alloc_partial(w, &w->m) && alloc_partial(w, &w->best))
        return w;
    sld__walker_free(w);
    return NULL;
}

static void free_partial(sld_walker *w, sld_partial *m)
{
    sld__free(w->g->ctx, m->nodes);
    sld__free(w->g->ctx, m->vals);
    sld__free(w->g->ctx, m->vars);
}

void sld__walker_free(sld_walker *w)
{
    if (!w)
        return;
    free_partial(w, &w->m);
    free_partial(w, &w->best);
    sld__free(w->g->ctx, w->seen);
    sld__free(w->g->ctx, w->bound);
    sld__free(w->g->ctx, w->choices);
    sld__free(w->g->ctx, w);
}
