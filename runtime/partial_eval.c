/* Expressions of patterns over what a partial match has bound.  They mean what the C that solderc
 * writes for them means: a comparison of dims holds only when it holds for all values of the symbols. */
#include "infer.h"
#include "partial.h"

static sld_held truth(bool b) { return (sld_held){.kind = SLD_HELD_TRUTH, .truth = b}; }
static sld_held dim(sld_dim d) { return (sld_held){.kind = SLD_HELD_DIM, .dim = d}; }
static sld_held number(double f) { return (sld_held){.kind = SLD_HELD_FLOAT, .f = f}; }
static sld_held dtype(int t) { return (sld_held){.kind = SLD_HELD_DTYPE, .dtype = t}; }

/* A captured attribute as what it is in an expression; lists and strings stay. */
static sld_held value_of(sld_held h)
{
    if (h.kind != SLD_HELD_ATTR)
        return h;
    switch (h.attr.kind) {
    case SLD_ATTR_FLOAT: return number(h.attr.f);
    case SLD_ATTR_DTYPE: return dtype((int)h.attr.i);
    case SLD_ATTR_STRING: case SLD_ATTR_INTS: case SLD_ATTR_AXES: case SLD_ATTR_NONE: return h;
    default: return dim(h.attr.i);
    }
}

static bool is_true(sld_held h) { return h.kind == SLD_HELD_TRUTH ? h.truth : h.kind == SLD_HELD_DIM && h.dim; }

static bool as_double(sld_held h, double *f)
{
    *f = h.kind == SLD_HELD_FLOAT ? h.f : (double)h.dim;
    return h.kind == SLD_HELD_FLOAT || h.kind == SLD_HELD_DIM;
}

/* -------------------------------------------------------------- operators -- */

static sld_held compare_dims(sld_graph *g, unsigned op, sld_dim a, sld_dim b)
{
    switch (op) {
    case SLD_T_EQ: return truth(SLD_DIM_EQ(g, a, b));
    case SLD_T_NE: return truth(SLD_DIM_NE(g, a, b));
    case SLD_T_LE: return truth(SLD_DIM_LE(g, a, b));
    case SLD_T_GE: return truth(SLD_DIM_LE(g, b, a));
    case SLD_T_LT: return truth(SLD_DIM_LE(g, SLD_DIM_ADD(g, a, 1), b));
    default: return truth(SLD_DIM_LE(g, SLD_DIM_ADD(g, b, 1), a));
    }
}

static sld_held compare_numbers(unsigned op, double a, double b)
{
    switch (op) {
    case SLD_T_EQ: return truth(a == b);
    case SLD_T_NE: return truth(a != b);
    case SLD_T_LE: return truth(a <= b);
    case SLD_T_GE: return truth(a >= b);
    case SLD_T_LT: return truth(a < b);
    default: return truth(a > b);
    }
}

static sld_held compare(sld_graph *g, unsigned op, sld_held a, sld_held b)
{
    double x, y;
    bool same = op != SLD_T_NE;
    if (a.kind == SLD_HELD_DIMS && b.kind == SLD_HELD_DIMS)
        return truth(sld_same_dims(g, a.dims, b.dims) == same);
    if (a.kind == SLD_HELD_DTYPE && b.kind == SLD_HELD_DTYPE)
        return truth((a.dtype == b.dtype) == same);
    if (a.kind == SLD_HELD_TRUTH || b.kind == SLD_HELD_TRUTH)
        return truth((is_true(a) == is_true(b)) == same);
    if (a.kind == SLD_HELD_DIM && b.kind == SLD_HELD_DIM)
        return compare_dims(g, op, a.dim, b.dim);
    return as_double(a, &x) && as_double(b, &y) ? compare_numbers(op, x, y) : (sld_held){0};
}

static sld_held arithmetic(sld_graph *g, unsigned op, sld_held a, sld_held b)
{
    double x, y;
    if (a.kind == SLD_HELD_DIM && b.kind == SLD_HELD_DIM)
        switch (op) {
        case SLD_T_ADD: return dim(SLD_DIM_ADD(g, a.dim, b.dim));
        case SLD_T_SUB: return dim(SLD_DIM_SUB(g, a.dim, b.dim));
        case SLD_T_MUL: return dim(SLD_DIM_MUL(g, a.dim, b.dim));
        case SLD_T_DIV: return dim(SLD_DIM_DIV(g, a.dim, b.dim));
        default: return dim(SLD_DIM_MOD(g, a.dim, b.dim));
        }
    if (!as_double(a, &x) || !as_double(b, &y))
        return (sld_held){0};
    return number(op == SLD_T_ADD ? x + y : op == SLD_T_SUB ? x - y : op == SLD_T_MUL ? x * y : x / y);
}

static sld_held binary(sld_graph *g, unsigned op, sld_held a, sld_held b)
{
    if (!a.kind || !b.kind)
        return (sld_held){0};
    if (op == SLD_T_AND || op == SLD_T_OR)
        return truth(op == SLD_T_AND ? is_true(a) && is_true(b) : is_true(a) || is_true(b));
    return op >= SLD_T_EQ && op <= SLD_T_GE ? compare(g, op, a, b) : arithmetic(g, op, a, b);
}

static const sld_term *unary(sld_graph *g, const sld_partial *m, const sld_term *t, sld_held *out)
{
    sld_held a;
    const sld_term *end = sld__pattern_eval(g, m, t + 1, &a);
    *out = (sld_held){0};
    if (t->kind == SLD_T_NOT && a.kind)
        *out = truth(!is_true(a));
    else if (a.kind == SLD_HELD_DIM)
        *out = dim(SLD_DIM_SUB(g, 0, a.dim));
    else if (a.kind == SLD_HELD_FLOAT)
        *out = number(-a.f);
    return end;
}

/* A list: its first element equals one of the others. */
static const sld_term *member(sld_graph *g, const sld_partial *m, const sld_term *in, sld_held *out)
{
    sld_held x, y;
    const sld_term *t = sld__pattern_eval(g, m, in + 1, &x);
    bool found = false, known = x.kind != SLD_HELD_NONE;
    for (uint32_t i = 1; i < in->nargs; i++) {
        t = sld__pattern_eval(g, m, t, &y);
        known &= y.kind != SLD_HELD_NONE;
        found |= known && is_true(compare(g, SLD_T_EQ, x, y));
    }
    *out = known ? truth(found) : (sld_held){0};
    return t;
}

/* ------------------------------------------------------------------ calls -- */

static sld_held of_list(sld_pat_fn fn, sld_held list)
{
    if (list.kind != SLD_HELD_ATTR)
        return (sld_held){0};
    return truth(fn == SLD_PAT_ONES ? sld_list_ones(list.attr) : sld_list_identity(list.attr));
}

static sld_held of_value(sld_graph *g, sld_pat_fn fn, sld_value v)
{
    if (!v)
        return (sld_held){0};
    switch (fn) {
    case SLD_PAT_SHAPE: return (sld_held){.kind = SLD_HELD_DIMS, .dims = {v, 0, SLD_RANK(g, v)}};
    case SLD_PAT_DTYPE: return dtype(SLD_DTYPE(g, v));
    case SLD_PAT_RANK: return dim((sld_dim)SLD_RANK(g, v));
    default: return truth(SLD_IS_CONST(g, v));
    }
}

const sld_term *sld__pattern_eval(sld_graph *g, const sld_partial *m, const sld_term *t, sld_held *out)
{
    sld_held a, b;
    const sld_term *next;
    switch (t->kind) {
    case SLD_T_INT: *out = dim(t->ival); return t + 1;
    case SLD_T_FLOAT: *out = number(t->fval); return t + 1;
    case SLD_T_DTYPE: *out = dtype((int)t->ival); return t + 1;
    case SLD_T_DIM: case SLD_T_RANK: *out = value_of(m->vars[t->id]); return t + 1;
    case SLD_T_NEG: case SLD_T_NOT: return unary(g, m, t, out);
    case SLD_T_IN: return member(g, m, t, out);
    case SLD_T_CALL:
        if (t[1].kind == SLD_T_OPERAND) {
            *out = of_value(g, (sld_pat_fn)t->id, m->vals[t[1].id]);
            return t + 2;
        }
        next = sld__pattern_eval(g, m, t + 1, &a);
        *out = of_list((sld_pat_fn)t->id, a);
        return next;
    case SLD_T_LIST: case SLD_T_ANY: case SLD_T_OPERAND:
        *out = (sld_held){0};
        return sld__next_term(t);
    default:
        next = sld__pattern_eval(g, m, sld__pattern_eval(g, m, t + 1, &a), &b);
        *out = binary(g, t->kind, a, b);
        return next;
    }
}
