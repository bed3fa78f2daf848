/* Rules that never fire because another rule is always taken first. A match of the one holds a match of the other
 * that leaves no reader outside and is refused by nothing, and
 *
 *  - both have the same root, where rules are tried in the order of declaration; or
 *  - the other's root stands above it, where a phase comes first.
 *
 * The other may belong to an earlier phase when it is a single node that nothing later makes. */
#include <string.h>

#include "net.h"
#include "overlay.h"
#include "prover.h"
#include "whole.h"

/* The left side of `by` laid over that of `c`, whose types `t` knows. */
typedef struct fit {
    t_env *t;
    const w_case *by, *c;
    o_map map;
    uint32_t swaps, n_swaps; /* which commutative nodes are laid over with their operands exchanged; how many there are */
} fit;

enum { MOST_SWAPS = 6 };

/* -------------------------------------------------------------- structure -- */

static bool lay_node(fit *f, const x_node *a, x_node *b);

/* A value that must not be read outside is read in the other match just as often. */
static bool lay_result(fit *f, const x_val *a, const x_node *b)
{
    for (uint32_t i = 0; i < b->results.n; i++) {
        x_val *v = b->results.at[i];
        if (v->index != a->index)
            continue;
        f->map.vals[a->id] = v;
        return a->yielded || (!v->yielded && v->n_uses == a->n_uses);
    }
    return false;
}

static bool same_number(const x_val *a, const x_val *b)
{
    double off = a->fval > b->fval ? a->fval - b->fval : b->fval - a->fval, size = a->fval < 0 ? -a->fval : a->fval;
    return b->kind == XVAL_NUMBER && off + b->tol * size <= a->tol * size;
}

static bool lay_value(fit *f, x_val *a, x_val *b, bool optional)
{
    if (f->map.vals[a->id])
        return f->map.vals[a->id] == b;
    bool absent = b->kind == XVAL_NONE || b->maybe || (b->kind == XVAL_ANY && optional);
    bool fits = false;
    switch (a->kind) {
    case XVAL_ANY: fits = true; break;
    case XVAL_INPUT: fits = b->kind != XVAL_REST && (a->maybe || !absent); break;
    case XVAL_NUMBER: fits = same_number(a, b); break;
    case XVAL_CONST: fits = b->kind == XVAL_NUMBER || b->kind == XVAL_CONST; break;
    case XVAL_NONE: fits = b->kind == XVAL_NONE; break;
    case XVAL_REST: break;
    case XVAL_RESULT:
        return b->kind == XVAL_RESULT && a->index == b->index && lay_node(f, a->node, b->node);
    }
    f->map.vals[a->id] = b;
    return fits;
}

static bool lay_operands(fit *f, const x_node *a, const x_node *b)
{
    bool swap = false;
    if (a->op->commutative && f->n_swaps < MOST_SWAPS)
        swap = f->swaps >> f->n_swaps++ & 1;
    for (uint32_t i = 0; i < a->operands.n; i++) {
        const pat_operand *o = t_operand(a->op, i);
        if (!lay_value(f, a->operands.at[i], b->operands.at[swap && i < 2 ? 1 - i : i], o && o->optional))
            return false;
    }
    return true;
}

static bool lay_node(fit *f, const x_node *a, x_node *b)
{
    x_node **on = &f->map.nodes[a->id - 1];
    if (*on)
        return *on == b;
    if (a->op != b->op || a->operands.n != b->operands.n ||
        (a->op->variadic_results && a->results.n != b->results.n))
        return false;
    for (uint32_t i = 0; i < f->map.of->nodes.n; i++)
        if (f->map.nodes[i] == b)
            return false;
    *on = b;
    for (uint32_t i = 0; i < a->results.n; i++)
        if (!lay_result(f, a->results.at[i], b))
            return false;
    return lay_operands(f, a, b);
}

/* All nodes are laid over (one with several roots is reached from one of them), and no path leaves them and comes back. */
static bool convex(const fit *f)
{
    const x_variant *v = f->c->v;
    bool *on = pat_alloc(f->map.arena, v->nodes.n + 1), *outside = pat_alloc(f->map.arena, v->nodes.n + 1);
    for (uint32_t i = 0; i < f->map.of->nodes.n; i++) {
        if (!f->map.nodes[i])
            return false;
        on[f->map.nodes[i]->id - 1] = true;
    }
    for (uint32_t i = 0; i < v->nodes.n; i++)
        for (uint32_t k = 0; k < v->nodes.at[i]->operands.n; k++) {
            const x_node *from = v->nodes.at[i]->operands.at[k]->node;
            if (!from)
                continue;
            outside[i] |= !on[i] && (on[from->id - 1] || outside[from->id - 1]);
            if (on[i] && outside[from->id - 1])
                return false;
        }
    return true;
}

/* ------------------------------------------------------------------ names -- */

static void bind(fit *f, x_scope *scope, pat_name name, s_val val, const pat_attr *attr)
{
    if (!t_find_name(f->t, scope, name))
        t_add_name(f->t, scope, name, val.kind, attr)->val = val;
}

static s_val captured_number(const fit *f, const x_val *b)
{
    return b->kind == XVAL_CONST ? t_add_name(f->t, b->capture->scope, b->capture->name, S_NUM, NULL)->val
                                 : t_unknown(f->t, S_NUM);
}

/* Names that attributes and constants are captured by. */
static void bind_captures(fit *f)
{
    const x_variant *v = f->map.of;
    for (uint32_t i = 0; i < v->nodes.n; i++)
        for (uint32_t k = 0; k < v->nodes.at[i]->attrs.n; k++) {
            const x_attr *a = v->nodes.at[i]->attrs.at[k];
            if (a->value && a->value->kind == PE_NAME && !net_literal(a))
                bind(f, o_scope_of(&f->map, a->scope), a->value->name, f->t->calls[f->map.nodes[i]->id - 1]->attrs[k], a->attr);
        }
    for (uint32_t i = 0; i < v->vals.n; i++)
        if (v->vals.at[i]->kind == XVAL_CONST)
            bind(f, o_scope_of(&f->map, v->vals.at[i]->capture->scope), v->vals.at[i]->capture->name,
                 captured_number(f, f->map.vals[i]), NULL);
}

static bool dim_fits(fit *f, x_scope *scope, const pat_expr *e, s_poly dim, bool binding)
{
    if (e->kind == PE_WILD)
        return true;
    if (e->kind == PE_NAME && binding)
        bind(f, scope, e->name, (s_val){.kind = S_NUM, .num = dim}, NULL);
    s_val want = binding ? (s_val){.kind = S_NONE} : t_expr(f->t, e, scope, NULL);
    return binding || (want.kind == S_NUM && s_prove_equal(f->t->c, want.num, dim));
}

static bool run_fits(fit *f, x_scope *scope, const pat_expr *e, s_shape run, bool binding)
{
    if (binding)
        bind(f, scope, e->name, (s_val){.kind = S_LIST, .list = run}, NULL);
    const t_name *n = t_find_name(f->t, scope, e->name);
    return binding || (n && n->val.kind == S_LIST && s_prove_same(f->t->c, n->val.list, run));
}

static bool shape_fits(fit *f, x_scope *scope, const pat_exprs *elems, s_shape s, bool binding)
{
    uint32_t head = 0;
    while (head < elems->n && elems->at[head]->kind != PE_RANK)
        head++;
    uint32_t tail = head < elems->n ? elems->n - head - 1 : 0;
    if (elems->n == 1 && elems->at[0]->kind == PE_WILD)
        return true;
    if (head < elems->n ? s.n < head + tail : s.n != head)
        return false;
    for (uint32_t i = 0; i < head + tail; i++) {
        const s_elem *at = &s.at[i < head ? i : s.n - head - tail + i];
        if (at->seg || !dim_fits(f, scope, elems->at[i < head ? i : i + 1], at->dim, binding))
            return false;
    }
    return head == elems->n || run_fits(f, scope, elems->at[head], s_cut(s, head, s.n - tail), binding);
}

static bool dtype_fits(fit *f, x_scope *scope, const pat_type *type, uint32_t dtype)
{
    const t_name *n = pat_dtype_number(type->dtype) ? NULL : t_find_name(f->t, scope, type->dtype);
    if (n)
        return n->val.kind == S_DTYPE && t_same_dtype(f->t, n->val.dtype, dtype);
    if (!pat_dtype_number(type->dtype))
        bind(f, scope, type->dtype, (s_val){.kind = S_DTYPE, .dtype = dtype}, NULL);
    return !(t_dtype_set(f->t, dtype) & ~t_declared_set(f->t->p, type->dtype));
}

static bool types_fit(fit *f, const x_val *a, bool binding)
{
    const x_val *b = f->map.vals[a->id];
    const t_value *v = &f->t->vals[b->id];
    for (uint32_t i = 0; i < a->types.n && b->kind != XVAL_NONE; i++) {
        const x_type *x = a->types.at[i];
        x_scope *scope = o_scope_of(&f->map, x->scope);
        if (!v->known || v->literal || !dtype_fits(f, scope, x->type, v->dtype) ||
            !shape_fits(f, scope, &x->type->elems, s_resolve_shape(f->t->c, v->shape), binding))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------- attributes -- */

static bool same_literal(const pat_expr *a, const pat_expr *b)
{
    char x[256], y[256];
    return pat_print_key(x, sizeof x, a) < sizeof x && pat_print_key(y, sizeof y, b) < sizeof y && !strcmp(x, y);
}

static bool same_val(fit *f, s_val a, s_val b)
{
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case S_NUM: return s_prove_equal(f->t->c, a.num, b.num);
    case S_LIST: return s_prove_same(f->t->c, a.list, b.list);
    case S_DTYPE: return t_same_dtype(f->t, a.dtype, b.dtype);
    default: return false;
    }
}

static bool attr_fits(fit *f, const x_attr *a, const x_node *on)
{
    const x_attr *b = on->attrs.at[a->slot];
    const pat_expr *want = net_literal(a), *is = net_literal(b);
    if (a->value && a->value->kind == PE_WILD)
        return true;
    if (want && is && same_literal(want, is))
        return true;
    s_val v = a->value ? t_expr(f->t, a->value, o_scope_of(&f->map, a->scope), a->attr) : t_default(f->t, a->attr);
    return same_val(f, v, f->t->calls[on->id - 1]->attrs[a->slot]);
}

static bool attrs_fit(fit *f)
{
    const x_variant *v = f->map.of;
    for (uint32_t i = 0; i < v->nodes.n; i++)
        for (uint32_t k = 0; k < v->nodes.at[i]->attrs.n; k++)
            if (!attr_fits(f, v->nodes.at[i]->attrs.at[k], f->map.nodes[i]))
                return false;
    return true;
}

/* ------------------------------------------------------------- conditions -- */

/* One condition with the names of each side read there. */
static bool same_condition(fit *f, const pat_expr *a, x_scope *in_a, const pat_expr *b, x_scope *in_b)
{
    const x_name *x = a->kind == PE_NAME ? pat_scope_find(in_a, a->name) : NULL;
    const x_name *y = b->kind == PE_NAME ? pat_scope_find(in_b, b->name) : NULL;
    if (x && x->val && y && y->val)
        return x->val == y->val;
    if (a->kind == PE_NAME && b->kind == PE_NAME) {
        const t_name *m = t_find_name(f->t, in_a, a->name), *n = t_find_name(f->t, in_b, b->name);
        return m && n ? same_val(f, m->val, n->val) : !m && !n && a->name == b->name;
    }
    if (a->kind != b->kind || a->name != b->name || a->ival != b->ival || a->fval != b->fval || a->args.n != b->args.n)
        return false;
    for (uint32_t i = 0; i < a->args.n; i++)
        if (!same_condition(f, a->args.at[i], in_a, b->args.at[i], in_b))
            return false;
    return true;
}

static bool condition_fits(fit *f, const x_cond *a)
{
    x_scope *scope = o_scope_of(&f->map, a->scope);
    for (uint32_t i = 0; i < f->c->v->where.n; i++)
        if (same_condition(f, a->expr, scope, f->c->v->where.at[i]->expr, f->c->v->where.at[i]->scope))
            return true;
    return t_proves(&(t_reading){f->t, NULL, scope}, a->expr);
}

/* What is asked of types, attributes and by `where` follows from what the other match asks. */
static bool asks_no_more(fit *f)
{
    const x_variant *v = f->map.of;
    bind_captures(f);
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < v->vals.n; i++)
            if (!types_fit(f, v->vals.at[i], !pass))
                return false;
    if (!attrs_fit(f))
        return false;
    for (uint32_t i = 0; i < v->where.n; i++)
        if (!condition_fits(f, v->where.at[i]))
            return false;
    return true;
}

/* --------------------------------------------------------------- the pairs -- */

static bool lies_over(fit *f, const x_node *root, x_node *on)
{
    bool more = true;
    for (uint32_t swaps = 0; more; swaps++) {
        uint32_t n_names = f->t->names.n;
        f->map = o_open(f->t->c->arena, f->by->v);
        f->swaps = swaps;
        f->n_swaps = 0;
        bool fits = lay_node(f, root, on) && convex(f) && asks_no_more(f);
        f->t->names.n = n_names;
        if (fits)
            return true;
        more = swaps + 1 < 1u << f->n_swaps;
    }
    return false;
}

/* Whether nothing of a rule's right side can lack a kernel: each op has a row without condition for every target
 * that the other rule's ops have one for. */
static uint32_t targets_of(const pat_program *p, const pat_op *op, bool always)
{
    const pat_kernel *k = pat_map_get(&p->by_name.kernels, op->name);
    uint32_t set = 0;
    for (uint32_t i = 0; k && i < k->rows.n; i++)
        if (!always || !k->rows.at[i]->when) {
            const char *target = k->rows.at[i]->target;
            set |= target[0] == 'r' ? 3u : target[0] == 'c' ? 2u : 4u; /* ref backs cpu */
        }
    return set;
}

static uint32_t targets_of_term(const pat_program *p, const pat_term *t, bool always)
{
    const pat_op *op = t->kind == PT_APPLY ? pat_find_op(p, t->name) : NULL;
    uint32_t set = op ? targets_of(p, op, always) : 7;
    for (uint32_t i = 0; i < t->operands.n; i++)
        set &= targets_of_term(p, t->operands.at[i], always);
    return set;
}

static uint32_t targets_of_rule(const pat_program *p, const pat_rule *r, bool always)
{
    uint32_t set = 7;
    for (uint32_t i = 0; i < r->replace.n; i++)
        set &= targets_of_term(p, r->replace.at[i]->value, always);
    return set;
}

static bool kernels_follow(const pat_program *p, const pat_rule *by, const pat_rule *rule)
{
    uint32_t always = targets_of_rule(p, by, true), may = targets_of_rule(p, rule, false);
    return always && !(may & ~always);
}

/* A match that others read only at its root is found before them. */
static bool leaves_at_root(const x_variant *v)
{
    for (uint32_t i = 0; i < v->vals.n; i++)
        if (v->vals.at[i]->kind == XVAL_RESULT && v->vals.at[i]->node != v->root && v->vals.at[i]->yielded)
            return false;
    return true;
}

typedef struct shadower {
    w_program *w;
    net net;
    uint32_t *made;          /* for each op, 1 + the last phase in which a rule makes it */
    const w_case *c;
    t_env *t;                /* types of c, once they are wanted */
    const w_case *by;        /* found */
} shadower;

/* Instances of one family that differ in nothing are told where its names are not used. */
static const pat_rule *written(const pat_rule *r)
{
    return r->family_of ? r->family_of : r;
}

static bool comes_first(const shadower *s, const w_case *by, const x_node *at)
{
    const pat_rule *a = by->rule, *b = s->c->rule;
    if (written(a) == written(b) || (a->phase == b->phase && !w_ordered(s->w, a, b)))
        return false;
    if (a->phase != b->phase) {
        const x_node *only = by->v->root;
        bool free = by->v->nodes.n == 1 && a->phase->id < b->phase->id;
        for (uint32_t i = 0; free && i < only->operands.n; i++)
            free = only->operands.at[i]->kind == XVAL_INPUT || only->operands.at[i]->kind == XVAL_ANY;
        return free && !by->v->where.n && s->made[only->op->id] <= a->phase->id + 1;
    }
    return at == s->c->v->root ? a->id < b->id : leaves_at_root(by->v);
}

static void try_entry(void *of, const net_entry *e, x_node *at)
{
    shadower *s = of;
    if (s->by || !comes_first(s, e->c, at) || !kernels_follow(s->w->p, e->c->rule, s->c->rule) ||
        !w_gate_follows(s->w, e->c->rule, s->c->rule))
        return;
    if (!s->t)
        s->t = t_open(s->w->s, s->w->p, s->c->rule, s->c->v, NULL);
    fit f = {.t = s->t, .by = e->c, .c = s->c};
    if (!s->t->c->contradiction && lies_over(&f, e->at, at))
        s->by = e->c;
}

/* The case that is always taken before this one; NULL when there is none. */
static const w_case *taken_before(shadower *s, const w_case *c)
{
    s->c = c;
    s->t = NULL;
    s->by = NULL;
    for (uint32_t i = c->v->nodes.n; i-- > 0 && !s->by;)
        net_search(&s->net, c->v->nodes.at[i], true, try_entry, s);
    if (s->t)
        t_close(s->t);
    return s->by;
}

static void report(shadower *s, const pat_rule *rule, const w_case *by)
{
    pat_session *session = s->w->s;
    pat_within(session, rule);
    pat_error(session, rule->name_span, E_SHADOWED, "rule '%s' never fires: wherever it matches, '%s' is taken first",
              rule->name, by->rule->name);
    pat_note(session, by->rule->name_span, by->rule->phase == rule->phase ? "it is here" : "it is here, in an earlier phase");
    if (by->rule->phase == rule->phase && by->rule->id < rule->id)
        pat_hint(session, "put the rule that asks for more first");
}

static void add_made(shadower *s, const pat_term *t, uint32_t phase)
{
    const pat_op *op = t->kind == PT_APPLY ? pat_find_op(s->w->p, t->name) : NULL;
    if (op && s->made[op->id] <= phase)
        s->made[op->id] = phase + 1;
    for (uint32_t i = 0; i < t->operands.n; i++)
        add_made(s, t->operands.at[i], phase);
}

void pat_check_shadows(w_program *w)
{
    shadower s = {.w = w, .net = net_open(w->s), .made = pat_alloc(w->s->arena, (w->p->ops.n + 1) * sizeof *s.made)};
    for (uint32_t i = 0; i < w->cases.n; i++)
        net_add(&s.net, w->cases.at[i], w->cases.at[i]->v->root);
    for (uint32_t i = 0; i < w->p->rules.n; i++)
        for (uint32_t k = 0; k < w->p->rules.at[i]->replace.n; k++)
            add_made(&s, w->p->rules.at[i]->replace.at[k]->value, w->p->rules.at[i]->phase->id);
    for (uint32_t i = 0; i < w->cases.n;) {
        const pat_rule *rule = w->cases.at[i]->rule;
        const w_case *by = NULL;
        bool all = true;
        for (; i < w->cases.n && w->cases.at[i]->rule == rule; i++) {
            const w_case *first = all ? taken_before(&s, w->cases.at[i]) : NULL;
            all &= first != NULL;
            by = by ? by : first;
        }
        if (all)
            report(&s, rule, by);
    }
    pat_within(w->s, NULL);
}
