/* Rules of one phase that match together on one node, where neither the order of a file nor that of `use` says
 * which is taken. Two left sides are laid together on a node of each; what that leaves open is searched for numbers
 * (instance.c), so that the smallest graph on which both match can be shown. */
#include <string.h>

#include "instance.h"
#include "net.h"
#include "overlay.h"
#include "prover.h"
#include "whole.h"

enum { MOST_SWAPS = 4, MOST_REPORTS = 50 };

/* Two left sides; values of the second are numbered behind those of the first. */
typedef struct meeting {
    w_program *w;
    const w_case *c[2];
    o_map map[2];
    uint32_t *same;          /* for each value, one that it is the same as; itself at the end */
    x_node **other;          /* for each node of the first by id - 1, the one of the second that it is */
    uint32_t swaps, n_swaps;
    x_variant *v;            /* both together */
} meeting;

static uint32_t n_first(const meeting *m)
{
    return m->c[0]->v->vals.n;
}

static uint32_t all_vals(const meeting *m)
{
    return n_first(m) + m->c[1]->v->vals.n;
}

static x_val *val_at(const meeting *m, uint32_t i)
{
    return i < n_first(m) ? m->c[0]->v->vals.at[i] : m->c[1]->v->vals.at[i - n_first(m)];
}

static uint32_t last(const meeting *m, uint32_t i)
{
    while (m->same[i] != i)
        i = m->same[i];
    return i;
}

/* ---------------------------------------------------------------- unifying -- */

static bool meet_nodes(meeting *m, x_node *a, x_node *b);

static bool open_value(const x_val *v)
{
    return v->kind == XVAL_INPUT || v->kind == XVAL_ANY;
}

static bool near(const x_val *a, const x_val *b)
{
    double off = a->fval > b->fval ? a->fval - b->fval : b->fval - a->fval;
    return off <= a->tol * (a->fval < 0 ? -a->fval : a->fval) + b->tol * (b->fval < 0 ? -b->fval : b->fval);
}

static bool fit_kinds(const x_val *a, const x_val *b)
{
    bool literal = a->kind == XVAL_NUMBER || a->kind == XVAL_CONST, literal_b = b->kind == XVAL_NUMBER || b->kind == XVAL_CONST;
    if (a->kind == XVAL_REST || b->kind == XVAL_REST)
        return false;
    if (b->kind == XVAL_NONE && a->kind == XVAL_INPUT)
        return a->maybe;
    if (a->kind == XVAL_NONE && b->kind == XVAL_INPUT)
        return b->maybe;
    if (open_value(a) || open_value(b))
        return true;
    if (literal || literal_b)
        return literal && literal_b && (a->kind == XVAL_CONST || b->kind == XVAL_CONST || near(a, b));
    return a->kind == b->kind;
}

/* Which of two says more of what the value is. */
static int says(const x_val *v)
{
    static const int order[] = {[XVAL_ANY] = 0, [XVAL_INPUT] = 1, [XVAL_REST] = 1, [XVAL_NONE] = 2, [XVAL_CONST] = 3,
                                [XVAL_NUMBER] = 4, [XVAL_RESULT] = 5};
    return order[v->kind];
}

static bool meet_values(meeting *m, uint32_t i, uint32_t k)
{
    i = last(m, i);
    k = last(m, k);
    const x_val *a = val_at(m, i), *b = val_at(m, k);
    if (i == k)
        return true;
    if (!fit_kinds(a, b))
        return false;
    bool exact = a->kind == XVAL_NUMBER && b->kind == XVAL_NUMBER && a->tol < b->tol;
    if (says(a) > says(b) || exact)
        m->same[k] = i;
    else
        m->same[i] = k;
    if (a->kind != XVAL_RESULT || b->kind != XVAL_RESULT)
        return true;
    bool one = i < n_first(m), other = k < n_first(m);
    return a->index == b->index && (one == other ? a->node == b->node
                                                 : meet_nodes(m, one ? a->node : b->node, one ? b->node : a->node));
}

static bool attrs_meet(const x_node *a, const x_node *b)
{
    char x[256], y[256];
    for (uint32_t i = 0; i < a->attrs.n; i++) {
        const pat_expr *e = net_literal(a->attrs.at[i]), *f = net_literal(b->attrs.at[i]);
        if (e && f && pat_print_key(x, sizeof x, e) < sizeof x && pat_print_key(y, sizeof y, f) < sizeof y && strcmp(x, y))
            return false;
    }
    return true;
}

static bool meet_nodes(meeting *m, x_node *a, x_node *b)
{
    if (m->other[a->id - 1])
        return m->other[a->id - 1] == b;
    for (uint32_t i = 0; i < m->c[0]->v->nodes.n; i++)
        if (m->other[i] == b)
            return false;
    m->other[a->id - 1] = b;
    if (a->op != b->op || a->operands.n != b->operands.n || !attrs_meet(a, b))
        return false;
    for (uint32_t i = 0; i < a->results.n; i++)
        for (uint32_t k = 0; k < b->results.n; k++)
            if (a->results.at[i]->index == b->results.at[k]->index &&
                !meet_values(m, a->results.at[i]->id, n_first(m) + b->results.at[k]->id))
                return false;
    bool swap = a->op->commutative && m->n_swaps < MOST_SWAPS && (m->swaps >> m->n_swaps++ & 1);
    for (uint32_t i = 0; i < a->operands.n; i++)
        if (!meet_values(m, a->operands.at[i]->id, n_first(m) + b->operands.at[swap && i < 2 ? 1 - i : i]->id))
            return false;
    return true;
}

/* --------------------------------------------------------------- both as one -- */

static x_val **made(const meeting *m, uint32_t i)
{
    return i < n_first(m) ? &m->map[0].vals[i] : &m->map[1].vals[i - n_first(m)];
}

static x_val *make_value(meeting *m, uint32_t i)
{
    uint32_t at = last(m, i);
    x_val **v = made(m, at);
    if (!*v) {
        *v = pat_alloc(m->w->s->arena, sizeof **v);
        **v = *val_at(m, at);
        (*v)->id = m->v->vals.n;
        (*v)->n_uses = 0;
        (*v)->types.n = (*v)->types.cap = 0;
        (*v)->node = NULL;
        PAT_PUSH(m->w->s->arena, m->v->vals, *v);
    }
    return *made(m, i) = *v;
}

static bool make_node(meeting *m, uint32_t side, x_node *n);

/* Makes what a value is the result of first. False when it leads back to itself. */
static bool make_producer(meeting *m, uint32_t i)
{
    const x_val *v = val_at(m, last(m, i));
    return v->kind != XVAL_RESULT || make_node(m, last(m, i) >= n_first(m), v->node);
}

static x_attr *choose_attr(meeting *m, x_attr *a, x_attr *b)
{
    uint32_t side = b && !net_literal(a) && (net_literal(b) || (a->value && a->value->kind == PE_WILD));
    x_attr *to = pat_alloc(m->w->s->arena, sizeof *to);
    *to = side ? *b : *a;
    return to;
}

/* In the same way for both sides: a node that they share is made of the first's and the second's. */
static bool make_node(meeting *m, uint32_t side, x_node *n)
{
    x_node *pair[2] = {NULL, NULL};
    pair[side] = n;
    for (uint32_t i = 0; i < m->c[0]->v->nodes.n; i++)
        if (m->other[i] && (side ? m->other[i] : m->c[0]->v->nodes.at[i]) == n) {
            pair[0] = m->c[0]->v->nodes.at[i];
            pair[1] = m->other[i];
        }
    x_node **to = &m->map[side].nodes[n->id - 1];
    if (*to)
        return (*to)->visited;
    x_node *node = pat_alloc(m->w->s->arena, sizeof *node);
    *node = (x_node){.op = n->op, .span = n->span};
    for (uint32_t k = 0; k < 2; k++)
        if (pair[k])
            m->map[k].nodes[pair[k]->id - 1] = node;
    uint32_t from = side ? n_first(m) : 0;
    for (uint32_t i = 0; i < n->operands.n; i++)
        if (!make_producer(m, from + n->operands.at[i]->id))
            return false;
    for (uint32_t i = 0; i < n->operands.n; i++) {
        x_val *v = make_value(m, from + n->operands.at[i]->id);
        v->n_uses++;
        PAT_PUSH(m->w->s->arena, node->operands, v);
    }
    for (uint32_t k = 0; k < 2; k++)
        for (uint32_t i = 0; pair[k] && i < pair[k]->results.n; i++) {
            x_val *r = make_value(m, (k ? n_first(m) : 0) + pair[k]->results.at[i]->id);
            if (r->node)
                continue;
            r->node = node;
            PAT_PUSH(m->w->s->arena, node->results, r);
        }
    for (uint32_t i = 0; i < n->attrs.n; i++)
        PAT_PUSH(m->w->s->arena, node->attrs, pair[0] && pair[1] ? choose_attr(m, pair[0]->attrs.at[i], pair[1]->attrs.at[i])
                                                                : choose_attr(m, n->attrs.at[i], NULL));
    PAT_PUSH(m->w->s->arena, m->v->nodes, node);
    node->id = m->v->nodes.n;
    return node->visited = true;
}

/* Results that a statement leaves out lie between those that it names. */
static void sort_results(x_node *n)
{
    for (uint32_t i = 1; i < n->results.n; i++)
        for (uint32_t k = i; k > 0 && n->results.at[k - 1]->index > n->results.at[k]->index; k--) {
            x_val *v = n->results.at[k];
            n->results.at[k] = n->results.at[k - 1];
            n->results.at[k - 1] = v;
        }
}

/* Scopes are read once all values are there. */
static void move_scopes(meeting *m)
{
    pat_arena *a = m->w->s->arena;
    for (uint32_t i = 0; i < all_vals(m); i++)
        make_value(m, i);
    for (uint32_t i = 0; i < all_vals(m); i++) {
        const x_val *from = val_at(m, i);
        x_val *v = *made(m, i);
        for (uint32_t k = 0; k < from->types.n; k++) {
            x_type *t = pat_alloc(a, sizeof *t);
            *t = (x_type){from->types.at[k]->type, o_scope_of(&m->map[i >= n_first(m)], from->types.at[k]->scope)};
            PAT_PUSH(a, v->types, t);
        }
    }
    for (uint32_t k = 0; k < 2; k++)
        for (uint32_t i = 0; i < m->c[k]->v->nodes.n; i++) {
            const x_node *from = m->c[k]->v->nodes.at[i];
            x_node *n = m->map[k].nodes[i];
            sort_results(n);
            for (uint32_t j = 0; j < n->attrs.n; j++)
                if (n->attrs.at[j]->scope == from->attrs.at[j]->scope)
                    n->attrs.at[j]->scope = o_scope_of(&m->map[k], from->attrs.at[j]->scope);
        }
    for (uint32_t k = 0; k < 2; k++)
        for (uint32_t i = 0; i < m->c[k]->v->where.n; i++) {
            x_cond *c = pat_alloc(a, sizeof *c);
            *c = (x_cond){m->c[k]->v->where.at[i]->expr, o_scope_of(&m->map[k], m->c[k]->v->where.at[i]->scope)};
            PAT_PUSH(a, m->v->where, c);
        }
}

/* What a match must not leave for others to read is read by its own nodes only; all else is an output. */
static bool readers_fit(meeting *m)
{
    for (uint32_t i = 0; i < m->v->vals.n; i++)
        m->v->vals.at[i]->yielded = true;
    for (uint32_t i = 0; i < all_vals(m); i++) {
        const x_val *v = val_at(m, i);
        x_val *to = *made(m, i);
        if (v->kind != XVAL_RESULT || v->yielded)
            continue;
        if (v->n_uses != to->n_uses)
            return false;
        to->yielded = false;
    }
    return true;
}

/* One name for two values would be read as one value. */
static void rename_twins(meeting *m)
{
    for (uint32_t i = 0; i < m->v->vals.n; i++)
        for (uint32_t k = 0; k < i && m->v->vals.at[i]->name; k++)
            if (m->v->vals.at[k]->name == m->v->vals.at[i]->name &&
                !strcmp(m->v->vals.at[k]->scope->prefix, m->v->vals.at[i]->scope->prefix))
                m->v->vals.at[i]->name = NULL;
}

static bool join(meeting *m)
{
    pat_arena *a = m->w->s->arena;
    m->v = pat_alloc(a, sizeof *m->v);
    *m->v = (x_variant){.session = m->w->s, .program = m->w->p, .rule = m->c[0]->rule};
    for (uint32_t k = 0; k < 2; k++)
        m->map[k] = o_open(a, m->c[k]->v);
    for (uint32_t k = 0; k < 2; k++)
        for (uint32_t i = 0; i < m->c[k]->v->nodes.n; i++)
            if (!make_node(m, k, m->c[k]->v->nodes.at[i]))
                return false;
    move_scopes(m);
    m->v->root = m->v->nodes.at[m->v->nodes.n - 1];
    m->v->scope = o_scope_of(&m->map[0], m->c[0]->v->scope);
    rename_twins(m);
    return readers_fit(m);
}

/* ---------------------------------------------------------------- the graph -- */

/* What both sides say of one attribute. */
static void assume_attr(t_env *t, meeting *m, const x_attr *a, const x_attr *b)
{
    if ((a->value && a->value->kind == PE_WILD) || (b->value && b->value->kind == PE_WILD))
        return;
    s_val x = a->value ? t_expr(t, a->value, o_scope_of(&m->map[0], a->scope), a->attr) : t_default(t, a->attr);
    s_val y = b->value ? t_expr(t, b->value, o_scope_of(&m->map[1], b->scope), b->attr) : t_default(t, b->attr);
    if (x.kind != y.kind)
        return;
    if (x.kind == S_NUM)
        s_assume_zero(t->c, s_sub(t->c, x.num, y.num));
    else if (x.kind == S_LIST)
        s_assume_same(t->c, x.list, y.list);
    else
        t_assume_dtype(t, x.dtype, y.dtype);
}

/* NULL when none is found. */
static const char *find_graph(meeting *m)
{
    t_env *t = t_open(m->w->s, m->w->p, m->c[0]->rule, m->v, NULL);
    for (uint32_t i = 0; i < m->c[0]->v->nodes.n; i++)
        for (uint32_t k = 0; m->other[i] && k < m->other[i]->attrs.n; k++)
            assume_attr(t, m, m->c[0]->v->nodes.at[i]->attrs.at[k], m->other[i]->attrs.at[k]);
    const char *text = t->c->contradiction ? NULL : pat_example(t, NULL);
    t_close(t);
    return text;
}

/* ---------------------------------------------------------------- the pairs -- */

typedef struct overlap { const w_case *c[2]; const char *graph; uint32_t size; } overlap;

typedef struct finder {
    w_program *w;
    net net;
    const w_case *c;
    PAT_LIST(overlap) found; /* of the rule at work, the smallest with each other rule */
    uint32_t n_reports;
} finder;

/* A node that both only read is no reason to quarrel. */
static bool takes_away(const meeting *m)
{
    for (uint32_t i = 0; i < m->c[0]->v->nodes.n; i++)
        if (m->other[i] && (!m->c[0]->stays[i] || !m->c[1]->stays[m->other[i]->id - 1]))
            return true;
    return false;
}

static overlap *found_with(finder *f, const w_case *a)
{
    for (uint32_t i = 0; i < f->found.n; i++)
        if (f->found.at[i]->c[0]->rule == a->rule)
            return f->found.at[i];
    overlap *o = pat_alloc(f->w->s->arena, sizeof *o);
    o->c[0] = a;
    PAT_PUSH(f->w->s->arena, f->found, o);
    return o;
}

static void try_together(finder *f, const w_case *a, x_node *na, x_node *nb)
{
    overlap *best = found_with(f, a);
    bool more = true;
    for (uint32_t swaps = 0; more; swaps++) {
        meeting m = {.w = f->w, .c = {a, f->c}, .swaps = swaps};
        m.same = pat_alloc(f->w->s->arena, all_vals(&m) * sizeof *m.same);
        m.other = pat_alloc(f->w->s->arena, a->v->nodes.n * sizeof(x_node *));
        for (uint32_t i = 0; i < all_vals(&m); i++)
            m.same[i] = i;
        if (meet_nodes(&m, na, nb) && takes_away(&m) && join(&m) && (!best->graph || m.v->nodes.n < best->size)) {
            const char *graph = find_graph(&m);
            if (graph)
                *best = (overlap){{a, f->c}, graph, m.v->nodes.n};
        }
        more = swaps + 1 < 1u << m.n_swaps;
    }
}

static void try_entry(void *of, const net_entry *e, x_node *at)
{
    finder *f = of;
    const pat_rule *a = e->c->rule, *b = f->c->rule;
    if (a->id < b->id && a->phase == b->phase && !w_ordered(f->w, a, b) && f->n_reports < MOST_REPORTS &&
        w_may_both_run(f->w, a, b))
        try_together(f, e->c, e->at, at);
}

static void report(finder *f, const overlap *o)
{
    pat_session *s = f->w->s;
    const pat_rule *a = o->c[0]->rule, *b = o->c[1]->rule;
    pat_within(s, b);
    pat_warn(s, b->name_span, E_OVERLAP, "rules '%s' and '%s' match together, and no order is given between them", a->name,
             b->name);
    pat_note(s, a->name_span, "the other is here");
    pat_hint(s, "the smallest graph on which both match:\n%.*s", (int)strlen(o->graph) - 1, o->graph);
    pat_hint(s, "let the file of one use that of the other, whose rules come first then, or give them different phases");
    f->n_reports++;
}

/* Whether there are files without an order at all. */
static bool any_unordered(const w_program *w)
{
    for (uint32_t i = 0; i < w->n_files; i++)
        for (uint32_t k = 0; k < i; k++)
            if (!w->before[i * w->n_files + k] && !w->before[k * w->n_files + i])
                return true;
    return false;
}

void pat_check_overlaps(w_program *w)
{
    finder f = {.w = w, .net = net_open(w->s)};
    if (!any_unordered(w))
        return;
    for (uint32_t i = 0; i < w->cases.n; i++)
        for (uint32_t k = 0; k < w->cases.at[i]->v->nodes.n; k++)
            net_add(&f.net, w->cases.at[i], w->cases.at[i]->v->nodes.at[k]);
    for (uint32_t i = 0; i < w->cases.n;) {
        const pat_rule *rule = w->cases.at[i]->rule;
        f.found.n = 0;
        for (; i < w->cases.n && w->cases.at[i]->rule == rule; i++) {
            f.c = w->cases.at[i];
            for (uint32_t k = 0; k < f.c->v->nodes.n; k++)
                net_search(&f.net, f.c->v->nodes.at[k], false, try_entry, &f);
        }
        for (uint32_t k = 0; k < f.found.n; k++)
            if (f.found.at[k]->graph)
                report(&f, f.found.at[k]);
    }
    pat_within(w->s, NULL);
}
