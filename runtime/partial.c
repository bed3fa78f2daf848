/* Walks a pattern over a graph from a root towards producers, then to readers of what it has met, counts
 * what fails and goes on.  Where operands may be exchanged or several readers fit all are tried: a walk notes
 * its choices, and the next one differs in the last of them that can.  A walk ends as soon as it costs more
 * than the best one so far. */
#include "partial.h"

#include <string.h>

#include "infer.h"

enum { WALKS_MAX = 1 << 16 }; /* at one node; patterns of a dozen commutative ops need less */

typedef struct choice { uint32_t at, n; } choice; /* number `at` of n */

struct sld_walker {
    sld_graph *g;
    sld_partial m, best;
    bool *seen;              /* by node of the pattern */
    bool *bound;             /* by value */
    choice *choices;         /* one or none for each node of the pattern */
    uint32_t n_choices, n_made;
    uint32_t limit;
    bool unknown;            /* a test needed a variable that is not bound */
    SLD_ARRAY(sld_fault) later; /* what fails if such a test does in the end */
    uint32_t n_nodes, n_vals, n_vars; /* room */
};

static bool over(const sld_walker *w) { return w->m.cost > w->limit; }

/* Where a name stands for another value, the match reads another one more often than it should: that follows. */
static void fault(sld_walker *w, sld_fault f)
{
    if (!w->m.cost || (w->m.first.kind == SLD_FAULT_READERS && f.kind == SLD_FAULT_SAME))
        w->m.first = f;
    w->m.cost += f.kind == SLD_FAULT_OP ? SLD_COST_NODE : 1;
}

/* What a test came to: a fault, or something to ask again when more is bound. */
static void tested(sld_walker *w, bool holds, sld_fault f)
{
    if (!holds)
        fault(w, f);
    else if (w->unknown && SLD_RESERVE(w->g->ctx, w->later, w->later.n + 1))
        w->later.at[w->later.n++] = f;
    w->unknown = false;
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
    w->unknown |= !h.kind;
    return h.kind != SLD_HELD_DIM || SLD_DIM_EQ(w->g, d, h.dim);
}

static bool match_run(sld_walker *w, elements e, const sld_term *t, uint32_t at, uint32_t n)
{
    sld_held *r = &w->m.vars[t->id];
    if (e.attr) {
        w->unknown |= !r->kind;
        return !r->kind || (r->dims.n == n && sld_list_has(w->g, *e.attr, at, r->dims));
    }
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

static bool match_shape(sld_walker *w, sld_value v, const sld_pat_type *t)
{
    bool any = t->n_elems == 1 && t->elems->kind == SLD_T_ANY;
    return any || match_elements(w, (elements){.v = v}, SLD_RANK(w->g, v), t->elems, t->n_elems);
}

static void match_types(sld_walker *w, uint16_t val, sld_node n)
{
    const sld_pat_val *p = &w->m.pattern->vals[val];
    sld_value v = w->m.vals[val];
    for (uint32_t i = 0; i < p->n_types && !over(w); i++) {
        const sld_pat_type *t = &p->types[i];
        tested(w, match_dtype(w, v, t), (sld_fault){SLD_FAULT_DTYPE, t->place, n, v, val, t});
        tested(w, match_shape(w, v, t), (sld_fault){SLD_FAULT_SHAPE, t->place, n, v, val, t});
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
    w->unknown |= !h.kind;
    switch (h.kind) {
    case SLD_HELD_FLOAT: return sld_close(a->f, h.f, 1e-6);
    case SLD_HELD_DTYPE: return a->i == h.dtype;
    case SLD_HELD_TRUTH: return a->i == h.truth;
    case SLD_HELD_DIM: return a->kind == SLD_ATTR_FLOAT ? sld_close(a->f, (double)h.dim, 1e-6)
                                                        : SLD_DIM_EQ(w->g, a->i, h.dim);
    default: return true;
    }
}

static bool match_attr(sld_walker *w, sld_node n, const sld_pat_attr *p)
{
    const sld_attr *a = &SLD_ATTR(w->g, n, p->slot);
    const sld_term *t = p->value.terms;
    if (p->text)
        return sld_is_text(*a, p->text);
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
        tested(w, match_attr(w, n, &p->attrs[i]),
               (sld_fault){SLD_FAULT_ATTR, p->attrs[i].value.place, n, 0, 0, &p->attrs[i]});
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
    double f;
    if (!v || !SLD_SCALAR(w->g, v, &f))
        return false;
    if (p->kind == SLD_PAT_NUMBER)
        return sld_close(f, p->number, p->tolerance);
    if (var->kind == SLD_HELD_ATTR)
        return f == var->attr.f;
    *var = (sld_held){.kind = SLD_HELD_ATTR, .attr = {.kind = SLD_ATTR_FLOAT, .f = f}};
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
        uint16_t val = p->operands[p->n_operands + i];
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

static bool is_literal(const sld_walker *w, uint16_t val)
{
    uint8_t kind = w->m.pattern->vals[val].kind;
    return kind == SLD_PAT_NUMBER || kind == SLD_PAT_CONSTANT;
}

/* Whether the result's shape is the broadcast of this operand and others. */
static bool broadcasts(const sld_op_info *op, uint32_t i)
{
    const sld_type *r = op->n_results ? &op->results[0].type : NULL, *o = i < op->n_operands ? &op->operands[i].type : r;
    if (!r || o == r || r->n_elems != 1 || r->shape->kind != SLD_T_CALL || r->shape->id != SLD_FN_BROADCAST ||
        o->n_elems != 1 || o->shape->kind != SLD_T_RANK)
        return false;
    for (uint32_t k = 1; k <= r->shape->nargs; k++)
        if (r->shape[k].kind == SLD_T_RANK && r->shape[k].id == o->shape->id)
            return true;
    return false;
}

/* A literal leaves the shape of the result alone: its rank is at most that of another operand. */
static bool keeps_rank(const sld_walker *w, const sld_pat_node *p, sld_node n, uint32_t literal, uint32_t swap)
{
    const sld_op_info *op = sld_node_op(w->g, n);
    sld_value v = SLD_OPERAND_OR_0(w->g, n, literal < 2 ? literal ^ swap : literal);
    bool asked = false;
    for (uint32_t k = 0; v && broadcasts(op, literal) && k < p->n_operands; k++) {
        sld_value other = SLD_OPERAND_OR_0(w->g, n, k < 2 ? k ^ swap : k);
        if (is_literal(w, p->operands[k]) || !other || !broadcasts(op, k))
            continue;
        if (SLD_RANK(w->g, v) <= SLD_RANK(w->g, other))
            return true;
        asked = true;
    }
    return !asked;
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

/* Which of n is tried now; the first one first. */
static uint32_t choose(sld_walker *w, uint32_t n)
{
    uint32_t i = w->n_made++;
    if (i == w->n_choices)
        w->choices[w->n_choices++].at = 0;
    w->choices[i].n = n;
    return w->choices[i].at;
}

/* Whether operands 0 and 1 are exchanged: the order that looks right is tried first. */
static uint32_t choose_order(sld_walker *w, const sld_pat_node *p, sld_node n)
{
    sld_value a = SLD_OPERAND_OR_0(w->g, n, 0), b = SLD_OPERAND_OR_0(w->g, n, 1);
    uint16_t x = p->operands[0], y = p->operands[1];
    bool exchanged = looks_right(w, x, b) + looks_right(w, y, a) > looks_right(w, x, a) + looks_right(w, y, b);
    return choose(w, 2) ^ exchanged;
}

static void match_operands(sld_walker *w, const sld_pat_node *p, sld_node n)
{
    uint32_t swap = p->commutes && SLD_N_OPERANDS(w->g, n) > 1 ? choose_order(w, p, n) : 0;
    for (uint32_t i = 0; i < p->n_operands && !over(w); i++)
        match_operand(w, p->operands[i], SLD_OPERAND_OR_0(w->g, n, i < 2 ? i ^ swap : i), n, p->place);
    for (uint32_t i = 0; i < p->n_operands && !over(w); i++)
        if (is_literal(w, p->operands[i]) && !keeps_rank(w, p, n, i, swap))
            fault(w, (sld_fault){SLD_FAULT_RANK, p->place, n, SLD_OPERAND_OR_0(w->g, n, i < 2 ? i ^ swap : i), 0, NULL});
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

/* ----------------------------------------------------------------- readers -- */

/* The node not yet met of which most operands are. */
static const sld_pat_node *next_reader(const sld_walker *w)
{
    const sld_pattern *p = w->m.pattern;
    const sld_pat_node *best = NULL;
    uint32_t most = 0;
    for (uint32_t i = p->n_nodes; i-- > 0;) {
        uint32_t known = 0;
        for (uint32_t k = 0; !w->seen[i] && p->nodes[i].apart && k < p->nodes[i].n_operands; k++)
            known += w->m.vals[p->nodes[i].operands[k]] != 0;
        if (known > most) {
            most = known;
            best = &p->nodes[i];
        }
    }
    return best;
}

/* One of the nodes of the right op that read what p reads; 0 when there is none. */
static sld_node choose_reader(sld_walker *w, const sld_pat_node *p)
{
    sld_value v = 0;
    for (uint32_t k = 0; k < p->n_operands && !v; k++)
        v = w->m.vals[p->operands[k]];
    uint32_t n, fit = 0;
    const uint32_t *users = sld__users(w->g, v, &n);
    for (uint32_t i = 0; i < n; i++)
        fit += !(users[i] & SLD_USER_OUTPUT) && sld__reads(w->g, users[i], v) && SLD_OP(w->g, users[i]) == p->op;
    uint32_t chosen = fit > 1 ? choose(w, fit) : 0;
    for (uint32_t i = 0; i < n; i++)
        if (!(users[i] & SLD_USER_OUTPUT) && sld__reads(w->g, users[i], v) && SLD_OP(w->g, users[i]) == p->op &&
            chosen-- == 0)
            return users[i];
    return 0;
}

static void match_readers(sld_walker *w)
{
    const sld_pat_node *p;
    while (!over(w) && (p = next_reader(w))) {
        uint16_t id = (uint16_t)(p - w->m.pattern->nodes);
        sld_node n = choose_reader(w, p);
        if (n)
            match_node(w, id, n);
        else
            fault(w, (sld_fault){SLD_FAULT_OP, p->place, w->m.root, 0, 0, NULL});
        w->seen[id] = true;
    }
}

/* Tests that spoke of what was not bound yet. */
static void match_later(sld_walker *w)
{
    for (uint32_t i = 0; i < w->later.n && !over(w); i++) {
        const sld_fault *f = &w->later.at[i];
        if (f->kind == SLD_FAULT_ATTR ? !match_attr(w, f->node, f->part)
                                      : f->kind == SLD_FAULT_SHAPE && !match_shape(w, f->value, f->part))
            fault(w, *f);
    }
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
    w->m.cost = w->m.n_met = w->n_made = w->later.n = 0;
    match_node(w, p->root, w->m.root);
    match_readers(w);
    match_later(w);
    match_where(w);
    for (uint32_t i = 0; i < p->n_nodes; i++)
        w->m.cost += w->seen[i] ? 0 : SLD_COST_NODE;
}

static bool next_choice(sld_walker *w)
{
    for (uint32_t i = w->n_made; i-- > 0;)
        if (++w->choices[i].at < w->choices[i].n) {
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
    if (w->seen && w->bound && w->choices && alloc_partial(w, &w->m) && alloc_partial(w, &w->best) &&
        sld__users_make(g))
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
    sld__users_drop(w->g);
    free_partial(w, &w->m);
    free_partial(w, &w->best);
    sld__free(w->g->ctx, w->seen);
    sld__free(w->g->ctx, w->bound);
    sld__free(w->g->ctx, w->choices);
    sld__free(w->g->ctx, w->later.at);
    sld__free(w->g->ctx, w);
}
