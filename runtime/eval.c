/* Values of signature expressions.  Dims may be symbolic, so comparisons have three answers:
 * always, never, depends.  What an absent operand would have given is a value of its own
 * (NONE); a comparison with it depends. */
#include <string.h>

#include "infer.h"

static sld_val value(sld_val_kind kind, int64_t num)
{
    return (sld_val){.kind = (uint8_t)kind, .slot = -1, .operand = -1, .num = num};
}

static sld_val truth_value(sld_truth t)
{
    return value(SLD_VAL_TRUTH, t);
}

/* ------------------------------------------------------------------ leaves -- */

static sld_val attr_value(const sld_env *e, uint32_t slot)
{
    const sld_attr *a = &e->attrs[slot];
    sld_val v = value(SLD_VAL_NUM, 0);
    switch (a->kind) {
    case SLD_ATTR_NONE:
    case SLD_ATTR_STRING:
        v.kind = SLD_VAL_NONE;
        break;
    case SLD_ATTR_FLOAT:
        v.kind = SLD_VAL_FLOAT;
        v.f = a->f;
        break;
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES:
        v.kind = SLD_VAL_LIST;
        v.n = a->n;
        v.d = a->p;
        break;
    default:
        v.kind = a->kind == SLD_ATTR_DTYPE ? SLD_VAL_DTYPE : SLD_VAL_NUM;
        v.num = a->i;
    }
    v.slot = (int16_t)slot;
    return v;
}

static sld_val operand_value(const sld_env *e, uint32_t i)
{
    sld_val v = value(SLD_VAL_NONE, 0);
    v.operand = (int16_t)i;
    if (i < e->n_in && e->in[i]) {
        v.kind = SLD_VAL_LIST;
        v.n = sld_rank(e->g, e->in[i]);
        v.d = sld_shape(e->g, e->in[i]);
    }
    return v;
}

static sld_val rank_value(const sld_env *e, uint32_t id)
{
    const sld_rank_binding *r = &e->ranks[id];
    sld_val v = value(SLD_VAL_NONE, 0);
    if (r->operand >= 0) {
        v.kind = SLD_VAL_LIST;
        v.n = r->n;
        v.d = sld_shape(e->g, e->in[r->operand]) + r->at;
    }
    return v;
}

/* Tokens that no symbol counts are any number of the bucket. */
static sld_val run_value(const sld_env *e, unsigned name)
{
    const sld_graph *g = e->g;
    if (name == SLD_RUN_WORLD)
        return value(g->world ? SLD_VAL_NUM : SLD_VAL_NONE, g->world);
    if (name == SLD_RUN_UNITS)
        return value(g->units ? SLD_VAL_NUM : SLD_VAL_NONE, g->units);
    if (g->tokens || g->bucket.lo == g->bucket.hi)
        return value(g->tokens || g->bucket.hi ? SLD_VAL_NUM : SLD_VAL_NONE, g->tokens ? g->tokens : g->bucket.hi);
    return value(SLD_VAL_TOKENS, 0);
}

/* ------------------------------------------------------------------- truth -- */

/* A dim in a comparison: its value where the symbols have values. */
static sld_dim at_symbols(const sld_env *e, sld_dim d)
{
    int64_t v;
    return e->symbols && sld_dim_is_sym(d) && sld_dim_eval(e->g, d, e->symbols, &v) ? v : d;
}

static sld_truth equal(sld_env *e, sld_dim a, sld_dim b)
{
    return sld_dim_eq(e->g, at_symbols(e, a), at_symbols(e, b));
}

static sld_truth at_most(sld_env *e, sld_dim a, sld_dim b)
{
    return sld_dim_le(e->g, at_symbols(e, a), at_symbols(e, b));
}

static sld_truth negate(sld_truth t)
{
    return t == SLD_ALWAYS ? SLD_NEVER : t == SLD_NEVER ? SLD_ALWAYS : SLD_DEPENDS;
}

/* An attribute may stand as a condition of its own. */
static sld_truth truth_of(sld_env *e, const sld_val *v)
{
    switch (v->kind) {
    case SLD_VAL_TRUTH: return (sld_truth)v->num;
    case SLD_VAL_NUM: return negate(equal(e, v->num, 0));
    case SLD_VAL_FLOAT: return v->f != 0 ? SLD_ALWAYS : SLD_NEVER;
    default: return SLD_DEPENDS;
    }
}

static bool is_number(const sld_env *e, const sld_val *v, double *out)
{
    sld_dim d = v->kind == SLD_VAL_NUM ? at_symbols(e, v->num) : 0;
    *out = v->kind == SLD_VAL_FLOAT ? v->f : (double)d;
    return v->kind == SLD_VAL_FLOAT || (v->kind == SLD_VAL_NUM && !sld_dim_is_sym(d));
}

static sld_truth compare_floats(const sld_env *e, unsigned kind, const sld_val *a, const sld_val *b)
{
    double x, y;
    if (!is_number(e, a, &x) || !is_number(e, b, &y))
        return SLD_DEPENDS;
    bool r = kind == SLD_T_EQ   ? x == y
             : kind == SLD_T_NE ? x != y
             : kind == SLD_T_LT ? x < y
             : kind == SLD_T_LE ? x <= y
             : kind == SLD_T_GT ? x > y : x >= y;
    return r ? SLD_ALWAYS : SLD_NEVER;
}

static sld_truth equal_lists(sld_env *e, const sld_val *a, const sld_val *b)
{
    sld_truth all = a->n == b->n ? SLD_ALWAYS : SLD_NEVER;
    for (uint32_t i = 0; i < a->n && all != SLD_NEVER; i++) {
        sld_truth one = equal(e, a->d[i], b->d[i]);
        all = one < all ? one : all;
    }
    return all;
}

static void bounds(const sld_env *e, const sld_val *v, int64_t *lo, int64_t *hi)
{
    *lo = e->g->bucket.lo;
    *hi = e->g->bucket.hi;
    if (v->kind == SLD_VAL_NUM)
        sld_dim_bounds(e->g, at_symbols(e, v->num), lo, hi);
}

/* What tokens are compared with does not depend on them. */
static sld_truth compare_tokens(const sld_env *e, unsigned kind, const sld_val *a, const sld_val *b)
{
    int64_t a_lo, a_hi, b_lo, b_hi;
    bounds(e, a, &a_lo, &a_hi);
    bounds(e, b, &b_lo, &b_hi);
    sld_truth less = a_hi < b_lo ? SLD_ALWAYS : a_lo >= b_hi ? SLD_NEVER : SLD_DEPENDS;
    sld_truth most = a_hi <= b_lo ? SLD_ALWAYS : a_lo > b_hi ? SLD_NEVER : SLD_DEPENDS;
    sld_truth same = a_hi < b_lo || a_lo > b_hi ? SLD_NEVER : SLD_DEPENDS;
    switch (kind) {
    case SLD_T_EQ: return same;
    case SLD_T_NE: return negate(same);
    case SLD_T_LE: return most;
    case SLD_T_GT: return negate(most);
    case SLD_T_LT: return less;
    default: return negate(less);
    }
}

static sld_truth compare(sld_env *e, unsigned kind, const sld_val *a, const sld_val *b)
{
    if ((a->kind == SLD_VAL_TOKENS && (b->kind == SLD_VAL_NUM || b->kind == SLD_VAL_TOKENS)) ||
        (b->kind == SLD_VAL_TOKENS && a->kind == SLD_VAL_NUM))
        return compare_tokens(e, kind, a, b);
    if (a->kind == SLD_VAL_FLOAT || b->kind == SLD_VAL_FLOAT)
        return compare_floats(e, kind, a, b);
    if (a->kind == SLD_VAL_NONE || b->kind == SLD_VAL_NONE || a->kind != b->kind)
        return SLD_DEPENDS;
    if (a->kind == SLD_VAL_LIST)
        return kind == SLD_T_NE ? negate(equal_lists(e, a, b)) : kind == SLD_T_EQ ? equal_lists(e, a, b)
                                                                                 : SLD_DEPENDS;
    switch (kind) {
    case SLD_T_EQ: return equal(e, a->num, b->num);
    case SLD_T_NE: return negate(equal(e, a->num, b->num));
    case SLD_T_LE: return at_most(e, a->num, b->num);
    case SLD_T_GE: return at_most(e, b->num, a->num);
    case SLD_T_LT: return negate(at_most(e, b->num, a->num));
    default: return negate(at_most(e, a->num, b->num));
    }
}

/* --------------------------------------------------------------- operators -- */

static bool float_arithmetic(sld_env *e, unsigned kind, const sld_val *a, const sld_val *b, sld_val *out)
{
    double x, y;
    if (!is_number(e, a, &x) || !is_number(e, b, &y) || kind == SLD_T_MOD)
        return sld__infer_fail(e, "arithmetic of its declaration over something that is no number");
    out->kind = SLD_VAL_FLOAT;
    out->f = kind == SLD_T_ADD ? x + y : kind == SLD_T_SUB ? x - y : kind == SLD_T_MUL ? x * y : x / y;
    return true;
}

static bool arithmetic(sld_env *e, unsigned kind, const sld_val *a, const sld_val *b, sld_val *out)
{
    sld_graph *g = e->g;
    *out = value(SLD_VAL_NONE, 0);
    if (a->kind == SLD_VAL_NONE || b->kind == SLD_VAL_NONE || a->kind == SLD_VAL_TOKENS || b->kind == SLD_VAL_TOKENS)
        return true;
    if (a->kind != SLD_VAL_NUM || b->kind != SLD_VAL_NUM)
        return float_arithmetic(e, kind, a, b, out);
    out->kind = SLD_VAL_NUM;
    out->num = kind == SLD_T_ADD   ? sld_dim_add(g, a->num, b->num)
               : kind == SLD_T_SUB ? sld_dim_sub(g, a->num, b->num)
               : kind == SLD_T_MUL ? sld_dim_mul(g, a->num, b->num)
               : kind == SLD_T_DIV ? sld_dim_div(g, a->num, b->num)
                                   : sld_dim_mod(g, a->num, b->num);
    return sld__ok(out->num);
}

static bool eval_in(sld_env *e, const sld_term **t, uint32_t n, sld_val *out)
{
    sld_val a, b;
    sld_truth any = SLD_NEVER;
    if (!sld__eval(e, t, &a))
        return false;
    for (uint32_t i = 1; i < n; i++) {
        if (!sld__eval(e, t, &b))
            return false;
        sld_truth one = compare(e, SLD_T_EQ, &a, &b);
        any = one > any ? one : any;
    }
    *out = truth_value(any);
    return true;
}

/* The right side is skipped when the left one decides: it may make sense only if that holds. */
static bool eval_logic(sld_env *e, const sld_term **t, unsigned kind, sld_val *out)
{
    sld_truth a, b;
    if (!sld__eval_truth(e, t, &a))
        return false;
    if (a == (kind == SLD_T_AND ? SLD_NEVER : SLD_ALWAYS)) {
        *t = sld__next_term(*t);
        *out = truth_value(a);
        return true;
    }
    if (!sld__eval_truth(e, t, &b))
        return false;
    *out = truth_value(kind == SLD_T_AND ? (a < b ? a : b) : (a > b ? a : b));
    return true;
}

static bool eval_call(sld_env *e, const sld_term **t, const sld_term *call, sld_val *out)
{
    enum { ARGS_MAX = 8 };
    sld_val args[ARGS_MAX];
    if (call->nargs > ARGS_MAX)
        return sld__infer_fail(e, "a call of its declaration has more than %d arguments", ARGS_MAX);
    for (uint32_t i = 0; i < call->nargs; i++)
        if (!sld__eval(e, t, &args[i]))
            return false;
    *out = value(SLD_VAL_NONE, 0);
    return sld__shape_fn(e, call->id, call->nargs, args, out);
}

static bool eval_list(sld_env *e, const sld_term **t, uint32_t n, sld_val *out)
{
    sld_dim *d = sld__new_list(e, out, n);
    if (!d)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        sld_val v;
        if (!sld__eval(e, t, &v))
            return false;
        if (v.kind != SLD_VAL_NUM)
            return sld__infer_fail(e, "a list of its declaration holds something that is no dim");
        d[i] = v.num;
    }
    return true;
}

static bool eval_binary(sld_env *e, const sld_term **t, unsigned kind, sld_val *out)
{
    sld_val a, b;
    if (!sld__eval(e, t, &a) || !sld__eval(e, t, &b))
        return false;
    if (kind < SLD_T_EQ)
        return arithmetic(e, kind, &a, &b, out);
    *out = truth_value(compare(e, kind, &a, &b));
    return true;
}

static bool eval_unary(sld_env *e, const sld_term **t, unsigned kind, sld_val *out)
{
    sld_val a, zero = value(SLD_VAL_NUM, 0);
    sld_truth truth;
    if (kind == SLD_T_NEG)
        return sld__eval(e, t, &a) && arithmetic(e, SLD_T_SUB, &zero, &a, out);
    if (!sld__eval_truth(e, t, &truth))
        return false;
    *out = truth_value(negate(truth));
    return true;
}

bool sld__eval(sld_env *e, const sld_term **t, sld_val *out)
{
    const sld_term *op = (*t)++;
    *out = value(SLD_VAL_NUM, 0);
    switch ((sld_term_kind)op->kind) {
    case SLD_T_INT:
        out->num = op->ival;
        return true;
    case SLD_T_FLOAT:
        out->kind = SLD_VAL_FLOAT;
        out->f = op->fval;
        return true;
    case SLD_T_DTYPE:
        out->kind = SLD_VAL_DTYPE;
        out->num = op->ival;
        return true;
    case SLD_T_DIM:
        out->kind = e->dims[op->id] == SLD_SYM_NONE ? SLD_VAL_NONE : SLD_VAL_NUM;
        out->num = e->dims[op->id];
        return true;
    case SLD_T_RANK:
        *out = rank_value(e, op->id);
        return true;
    case SLD_T_ATTR:
        *out = attr_value(e, op->id);
        return true;
    case SLD_T_OPERAND:
        *out = operand_value(e, op->id);
        return true;
    case SLD_T_RUN:
        *out = run_value(e, op->id);
        return true;
    case SLD_T_CALL:
        return eval_call(e, t, op, out);
    case SLD_T_LIST:
        return eval_list(e, t, op->nargs, out);
    case SLD_T_IN:
        return eval_in(e, t, op->nargs, out);
    case SLD_T_AND:
    case SLD_T_OR:
        return eval_logic(e, t, op->kind, out);
    case SLD_T_NEG:
    case SLD_T_NOT:
        return eval_unary(e, t, op->kind, out);
    default:
        return eval_binary(e, t, op->kind, out);
    }
}

bool sld__eval_truth(sld_env *e, const sld_term **t, sld_truth *out)
{
    sld_val v;
    if (!sld__eval(e, t, &v))
        return false;
    *out = truth_of(e, &v);
    return true;
}
