/* Checks a node against its op's signature and infers the types of its results. */
#include "infer.h"

#include <inttypes.h>
#include <string.h>

#include "sld_abi.h"

bool sld__infer_fail(sld_env *e, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *where = e->g->where;
    sld__fail(e->g->ctx, SLD_ERR_TYPE, "%s%s%s: %s", where ? where : "", where ? ": " : "", e->op->name, text);
    e->failed = true;
    return false;
}

/* ------------------------------------------------------------- attributes -- */

static bool bad_attr(sld_env *e, const sld_attr_info *a, const char *what)
{
    return sld__infer_fail(e, "attribute %s: %s", a->name, what);
}

static bool convert_attr(sld_env *e, const sld_attr_info *info, sld_attr *a)
{
    if (a->kind == info->kind)
        return true;
    bool integer = a->kind == SLD_ATTR_INT || a->kind == SLD_ATTR_BOOL;
    switch (info->kind) {
    case SLD_ATTR_INT:
    case SLD_ATTR_AXIS:
        if (!integer)
            return bad_attr(e, info, "an integer is wanted");
        break;
    case SLD_ATTR_BOOL:
        if (!integer || (a->i != 0 && a->i != 1))
            return bad_attr(e, info, "a boolean is wanted");
        break;
    case SLD_ATTR_FLOAT:
        if (!integer || sld_dim_is_sym(a->i))
            return bad_attr(e, info, "a number is wanted");
        a->f = (double)a->i;
        break;
    case SLD_ATTR_AXES:
    case SLD_ATTR_INTS:
        if (integer) { /* a list of one */
            sld_dim *p = sld__graph_alloc(e->g, sizeof *p);
            if (!p)
                return false;
            *p = a->i;
            a->p = p;
            a->n = 1;
        } else if (a->kind != SLD_ATTR_INTS && a->kind != SLD_ATTR_AXES) {
            return bad_attr(e, info, "a list of integers is wanted");
        }
        break;
    case SLD_ATTR_ENUM:
        for (uint32_t i = 0; a->kind == SLD_ATTR_STRING && i < info->n_names; i++)
            if (!strcmp(info->names[i], a->s)) {
                *a = (sld_attr){.kind = SLD_ATTR_ENUM, .i = i};
                return true;
            }
        return bad_attr(e, info, "not one of the allowed words");
    default:
        return bad_attr(e, info, "wrong kind of value");
    }
    a->kind = info->kind;
    return true;
}

static bool normalise_axis(sld_env *e, const sld_attr_info *info, int64_t *axis)
{
    int64_t rank = e->n_in && e->in[0] ? e->g->values.at[e->in[0]].rank : 0;
    if (sld_dim_is_sym(*axis) || *axis < -rank || *axis >= rank)
        return sld__infer_fail(e, "attribute %s: axis %" PRId64 " is outside rank %" PRId64, info->name, *axis, rank);
    *axis -= *axis >= 0 ? rank : 0;
    return true;
}

static bool normalise_axes(sld_env *e, const sld_attr_info *info, sld_attr *a)
{
    sld_dim *p = sld__graph_alloc(e->g, (a->n + 1) * sizeof *p);
    if (!p)
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        int64_t axis = a->p[i];
        if (!normalise_axis(e, info, &axis))
            return false;
        uint32_t k = i;
        for (; k > 0 && p[k - 1] >= axis; k--) {
            if (p[k - 1] == axis)
                return bad_attr(e, info, "an axis is named twice");
            p[k] = p[k - 1];
        }
        p[k] = axis;
    }
    a->p = p;
    return true;
}

/* Whether the axes of an op stand beside other lists in the same order, as slices have them. */
static bool keeps_axis_order(const sld_op_info *op)
{
    for (uint32_t i = 0; i < op->n_attrs; i++)
        if (!strcmp(op->attrs[i].name, "starts"))
            return true;
    return false;
}

bool sld__normalise_attrs(sld_env *e)
{
    for (uint32_t i = 0; i < e->op->n_attrs; i++) {
        const sld_attr_info *info = &e->op->attrs[i];
        sld_attr *a = &e->attrs[i];
        if (a->kind == SLD_ATTR_NONE && !info->has_default)
            return bad_attr(e, info, "it is missing and has no default");
        if (a->kind == SLD_ATTR_NONE)
            *a = info->dflt;
        if (!convert_attr(e, info, a))
            return false;
        if ((a->kind == SLD_ATTR_INTS || a->kind == SLD_ATTR_AXES) && a->n > SLD_LIST_MAX)
            return bad_attr(e, info, "the list is too long");
        if (a->kind == SLD_ATTR_AXIS && !normalise_axis(e, info, &a->i))
            return false;
        if (a->kind == SLD_ATTR_AXES && !keeps_axis_order(e->op) && !normalise_axes(e, info, a))
            return false;
        if (a->kind == SLD_ATTR_DTYPE && (a->i <= 0 || a->i >= SLD_DTYPE_COUNT))
            return bad_attr(e, info, "unknown dtype");
        if (a->kind == SLD_ATTR_ENUM && (a->i < 0 || a->i >= info->n_names))
            return bad_attr(e, info, "not one of the allowed words");
    }
    return true;
}

/* Lists and strings of the caller are copied, so that they live as long as the graph. */
static bool own_attrs(sld_env *e)
{
    for (uint32_t i = 0; i < e->op->n_attrs; i++) {
        sld_attr *a = &e->attrs[i];
        if (a->kind == SLD_ATTR_STRING && !(a->s = sld__graph_str(e->g, a->s)))
            return false;
        if (a->kind != SLD_ATTR_INTS && a->kind != SLD_ATTR_AXES)
            continue;
        sld_dim *p = sld__graph_alloc(e->g, (a->n + 1) * sizeof *p);
        if (!p)
            return false;
        if (a->n)
            memcpy(p, a->p, a->n * sizeof *p);
        a->p = p;
    }
    return true;
}

/* --------------------------------------------------------------- operands -- */

static void type_text(sld_env *e, sld_value v, char *buf, size_t n)
{
    const sld_value_rec *r = &e->g->values.at[v];
    size_t k = (size_t)snprintf(buf, n, "%s[", sld_dtype_name((sld_dtype)r->dtype));
    for (uint32_t i = 0; i < r->rank && k < n; i++) {
        k += (size_t)snprintf(buf + k, n - k, i ? ", " : "");
        if (k < n)
            k += (size_t)sld_dim_print(e->g, sld_shape(e->g, v)[i], buf + k, n - k);
    }
    if (k < n)
        snprintf(buf + k, n - k, "]");
}

static bool bad_operand(sld_env *e, const sld_operand_info *o, sld_value v, const char *why)
{
    char type[200];
    type_text(e, v, type, sizeof type);
    return sld__infer_fail(e, "operand %s: %s, got %s", o->name, why, type);
}

static bool bind_dtype(sld_env *e, const sld_operand_info *o, sld_value v)
{
    uint8_t t = e->g->values.at[v].dtype;
    char why[120];
    if (o->type.from == SLD_DT_FIXED && o->type.dtype != t) {
        snprintf(why, sizeof why, "expected %s", sld_dtype_name((sld_dtype)o->type.dtype));
        return bad_operand(e, o, v, why);
    }
    if (o->type.from != SLD_DT_VAR)
        return true;
    const sld_dtype_var *var = &e->op->dtype_vars[o->type.dtype];
    if (!(var->set >> t & 1)) {
        snprintf(why, sizeof why, "dtype %s does not stand for %s", var->name, sld_dtype_name((sld_dtype)t));
        return bad_operand(e, o, v, why);
    }
    if (e->dtypes[o->type.dtype] && e->dtypes[o->type.dtype] != t) {
        snprintf(why, sizeof why, "expected %s as the operand before", sld_dtype_name((sld_dtype)e->dtypes[o->type.dtype]));
        return bad_operand(e, o, v, why);
    }
    e->dtypes[o->type.dtype] = t;
    return true;
}

static const sld_term *skip_term(const sld_term *t)
{
    for (uint32_t left = 1; left; t++)
        left += t->nargs - 1u;
    return t;
}

static bool same_dim(sld_env *e, sld_dim a, sld_dim b)
{
    return sld_dim_eq(e->g, a, b) == SLD_ALWAYS;
}

/* A dim of an operand, or its value where the symbols have values. */
static sld_dim at_symbols(const sld_env *e, sld_dim d)
{
    int64_t v;
    return e->symbols && sld_dim_is_sym(d) && sld_dim_eval(e->g, d, e->symbols, &v) ? v : d;
}

static bool bind_rank(sld_env *e, const sld_operand_info *o, sld_value v, uint32_t var, uint32_t at, uint32_t n)
{
    bool first = !e->ranks[var].bound;
    if (!first && e->ranks[var].n != n)
        return bad_operand(e, o, v, "its rank differs from the operand before");
    e->ranks[var].bound = true;
    e->ranks[var].n = n;
    for (uint32_t i = 0; i < n; i++) {
        sld_dim d = at_symbols(e, sld_shape(e->g, v)[at + i]);
        if (!first && !same_dim(e, e->ranks[var].d[i], d))
            return bad_operand(e, o, v, "its shape differs from the operand before");
        if (first)
            e->ranks[var].d[i] = d;
    }
    return true;
}

static bool bind_dim(sld_env *e, const sld_operand_info *o, sld_value v, const sld_term *t, uint32_t at)
{
    sld_dim d = at_symbols(e, sld_shape(e->g, v)[at]);
    char why[160], text[80];
    if (t->kind == SLD_T_DIM && !e->bound[t->id]) {
        e->bound[t->id] = true;
        e->dims[t->id] = d;
        return true;
    }
    sld_val want;
    if (!sld__eval(e, &t, &want))
        return false;
    if (same_dim(e, want.d[0], d))
        return true;
    sld_dim_print(e->g, want.d[0], text, sizeof text);
    snprintf(why, sizeof why, "expected dim %u to be %s", at, text);
    return bad_operand(e, o, v, why);
}

static bool bind_shape(sld_env *e, const sld_operand_info *o, sld_value v)
{
    uint32_t n = o->type.n_elems, rank = e->g->values.at[v].rank, at = n;
    const sld_term *t = o->type.shape;
    for (uint32_t i = 0; i < n; i++, t = skip_term(t))
        if (t->kind == SLD_T_RANK)
            at = i;
    char why[80];
    snprintf(why, sizeof why, "expected rank %s%u", at < n ? "of at least " : "", at < n ? n - 1 : n);
    if (at == n ? rank != n : rank + 1 < n)
        return bad_operand(e, o, v, why);
    t = o->type.shape;
    for (uint32_t i = 0; i < n; i++, t = skip_term(t)) {
        bool ok = i == at  ? bind_rank(e, o, v, t->id, i, rank + 1 - n)
                  : i < at ? bind_dim(e, o, v, t, i)
                           : bind_dim(e, o, v, t, rank - (n - i));
        if (!ok)
            return false;
    }
    return true;
}

bool sld__bind_operands(sld_env *e)
{
    const sld_op_info *op = e->op;
    bool variadic = op->n_operands && op->operands[op->n_operands - 1].flags & SLD_OPERAND_VARIADIC;
    if (e->n_in > op->n_operands && !variadic)
        return sld__infer_fail(e, "%u operands where at most %u are known", e->n_in, op->n_operands);
    for (uint32_t i = 0; i < op->n_operands || i < e->n_in; i++) {
        const sld_operand_info *o = &op->operands[i < op->n_operands ? i : op->n_operands - 1u];
        sld_value v = i < e->n_in ? e->in[i] : 0;
        bool further = i + 1 > op->n_operands || (o->flags & SLD_OPERAND_VARIADIC && i + 1u > op->n_operands);
        if (!v && (o->flags & SLD_OPERAND_OPTIONAL || (o->flags & SLD_OPERAND_VARIADIC && i >= e->n_in)))
            continue;
        if (!v)
            return sld__infer_fail(e, "operand %s is missing", o->name);
        if (!bind_dtype(e, o, v) || (!further && !bind_shape(e, o, v)))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------ expressions -- */

static sld_val number(sld_dim d)
{
    sld_val v;
    v.kind = SLD_VAL_NUM;
    v.n = 0;
    v.d[0] = d;
    v.slot = v.operand = -1;
    return v;
}

static sld_val truth(sld_truth t)
{
    sld_val v = number(t);
    v.kind = SLD_VAL_TRUTH;
    return v;
}

static bool attr_value(sld_env *e, uint32_t slot, sld_val *out)
{
    const sld_attr *a = &e->attrs[slot];
    *out = number(0);
    out->slot = (int)slot;
    switch (a->kind) {
    case SLD_ATTR_FLOAT:
        out->kind = SLD_VAL_FLOAT;
        out->f = a->f;
        return true;
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES:
        out->kind = SLD_VAL_LIST;
        out->n = a->n;
        for (uint32_t i = 0; i < a->n; i++)
            out->d[i] = at_symbols(e, a->p[i]);
        return true;
    case SLD_ATTR_STRING:
        return sld__infer_fail(e, "a string stands in a shape");
    case SLD_ATTR_DTYPE:
        out->kind = SLD_VAL_DTYPE;
        /* fall through */
    default:
        out->d[0] = at_symbols(e, a->i);
        return true;
    }
}

static bool operand_value(sld_env *e, uint32_t slot, sld_val *out)
{
    sld_value v = slot < e->n_in ? e->in[slot] : 0;
    *out = number(0);
    out->kind = v ? SLD_VAL_LIST : SLD_VAL_NONE;
    out->operand = (int)slot;
    out->n = v ? e->g->values.at[v].rank : 0;
    for (uint32_t i = 0; i < out->n; i++)
        out->d[i] = at_symbols(e, sld_shape(e->g, v)[i]);
    return true;
}

static sld_truth negate(sld_truth t)
{
    return t == SLD_ALWAYS ? SLD_NEVER : t == SLD_NEVER ? SLD_ALWAYS : SLD_DEPENDS;
}

static sld_truth compare(sld_env *e, unsigned kind, const sld_val *a, const sld_val *b)
{
    sld_graph *g = e->g;
    if (a->kind == SLD_VAL_FLOAT || b->kind == SLD_VAL_FLOAT) {
        double x = a->kind == SLD_VAL_FLOAT ? a->f : (double)a->d[0], y = b->kind == SLD_VAL_FLOAT ? b->f : (double)b->d[0];
        bool r = kind == SLD_T_EQ ? x == y : kind == SLD_T_NE ? x != y : kind == SLD_T_LT ? x < y
               : kind == SLD_T_LE ? x <= y : kind == SLD_T_GT ? x > y : x >= y;
        return r ? SLD_ALWAYS : SLD_NEVER;
    }
    if (a->kind == SLD_VAL_NONE || b->kind == SLD_VAL_NONE)
        return SLD_NEVER;
    switch (kind) {
    case SLD_T_EQ: return sld_dim_eq(g, a->d[0], b->d[0]);
    case SLD_T_NE: return negate(sld_dim_eq(g, a->d[0], b->d[0]));
    case SLD_T_LE: return sld_dim_le(g, a->d[0], b->d[0]);
    case SLD_T_GE: return sld_dim_le(g, b->d[0], a->d[0]);
    case SLD_T_LT: return negate(sld_dim_le(g, b->d[0], a->d[0]));
    default: return negate(sld_dim_le(g, a->d[0], b->d[0]));
    }
}

static bool arithmetic(sld_env *e, unsigned kind, const sld_val *a, const sld_val *b, sld_val *out)
{
    sld_graph *g = e->g;
    if (a->kind != SLD_VAL_NUM || b->kind != SLD_VAL_NUM)
        return sld__infer_fail(e, "arithmetic over something that is no dim");
    sld_dim d = kind == SLD_T_ADD   ? sld_dim_add(g, a->d[0], b->d[0])
                : kind == SLD_T_SUB ? sld_dim_sub(g, a->d[0], b->d[0])
                : kind == SLD_T_MUL ? sld_dim_mul(g, a->d[0], b->d[0])
                : kind == SLD_T_DIV ? sld_dim_div(g, a->d[0], b->d[0])
                                    : sld_dim_mod(g, a->d[0], b->d[0]);
    *out = number(d);
    return d != SLD_SYM_NONE;
}

static bool eval_in(sld_env *e, const sld_term **t, uint32_t n, sld_val *out)
{
    sld_val a, b;
    sld_truth r = SLD_NEVER;
    if (!sld__eval(e, t, &a))
        return false;
    for (uint32_t i = 1; i < n; i++) {
        if (!sld__eval(e, t, &b))
            return false;
        sld_truth one = compare(e, SLD_T_EQ, &a, &b);
        r = one > r ? one : r;
    }
    *out = truth(r);
    return true;
}

static bool eval_call(sld_env *e, const sld_term **t, unsigned fn, uint32_t n, sld_val *out)
{
    sld_val *args = sld__alloc(e->g->ctx, (n + 1) * sizeof *args);
    bool ok = args != NULL;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = sld__eval(e, t, &args[i]);
    *out = number(0);
    ok = ok && sld__shape_fn(e, fn, n, args, out);
    out->slot = out->operand = -1;
    sld__free(e->g->ctx, args);
    return ok;
}

static bool eval_operator(sld_env *e, const sld_term **t, const sld_term *op, sld_val *out)
{
    sld_val a, b;
    if (!sld__eval(e, t, &a))
        return false;
    if (op->kind == SLD_T_NOT) {
        *out = truth(negate((sld_truth)a.d[0]));
        return true;
    }
    if (op->kind == SLD_T_NEG) {
        b = a;
        a = number(0);
        if (b.kind == SLD_VAL_FLOAT) {
            *out = b;
            out->f = -b.f;
            return true;
        }
        return arithmetic(e, SLD_T_SUB, &a, &b, out);
    }
    if (!sld__eval(e, t, &b))
        return false;
    if (op->kind == SLD_T_AND || op->kind == SLD_T_OR) {
        bool smaller = a.d[0] < b.d[0];
        *out = truth((sld_truth)((op->kind == SLD_T_AND) == smaller ? a.d[0] : b.d[0]));
        return true;
    }
    if (op->kind >= SLD_T_EQ && op->kind <= SLD_T_GE) {
        *out = truth(compare(e, op->kind, &a, &b));
        return true;
    }
    return arithmetic(e, op->kind, &a, &b, out);
}

bool sld__eval(sld_env *e, const sld_term **t, sld_val *out)
{
    const sld_term *op = (*t)++;
    *out = number(0);
    switch (op->kind) {
    case SLD_T_INT:
        out->d[0] = op->ival;
        return true;
    case SLD_T_DTYPE:
        out->kind = SLD_VAL_DTYPE;
        out->d[0] = op->ival;
        return true;
    case SLD_T_FLOAT:
        out->kind = SLD_VAL_FLOAT;
        out->f = op->fval;
        return true;
    case SLD_T_DIM:
        out->d[0] = e->dims[op->id];
        out->kind = e->bound[op->id] ? SLD_VAL_NUM : SLD_VAL_NONE;
        return true;
    case SLD_T_RANK:
        out->kind = SLD_VAL_LIST;
        out->n = e->ranks[op->id].n;
        memcpy(out->d, e->ranks[op->id].d, out->n * sizeof(sld_dim));
        return true;
    case SLD_T_ATTR:
        return attr_value(e, op->id, out);
    case SLD_T_OPERAND:
        return operand_value(e, op->id, out);
    case SLD_T_CALL:
        return eval_call(e, t, op->id, op->nargs, out);
    case SLD_T_IN:
        return eval_in(e, t, op->nargs, out);
    case SLD_T_LIST:
        out->kind = SLD_VAL_LIST;
        for (uint32_t i = 0; i < op->nargs; i++) {
            sld_val v;
            if (!sld__eval(e, t, &v))
                return false;
            out->d[out->n++] = v.d[0];
        }
        return true;
    default:
        return eval_operator(e, t, op, out);
    }
}

/* ---------------------------------------------------------------- results -- */

static bool infer_shape(sld_env *e, const sld_type *t, sld_inferred *out)
{
    sld_dim dims[SLD_RANK_MAX];
    uint32_t rank = 0;
    const sld_term *at = t->shape;
    for (uint32_t i = 0; i < t->n_elems; i++) {
        sld_val v;
        if (!sld__eval(e, &at, &v))
            return false;
        const sld_dim *p = v.d;
        uint32_t n = v.kind == SLD_VAL_LIST ? v.n : 1;
        if (rank + n > SLD_RANK_MAX)
            return sld__infer_fail(e, "the result has more than %d dims", SLD_RANK_MAX);
        for (uint32_t k = 0; k < n; k++) {
            if (sld_dim_le(e->g, 0, p[k]) == SLD_NEVER)
                return sld__infer_fail(e, "dim %u of the result would be negative", rank);
            dims[rank++] = p[k];
        }
    }
    if (!SLD_RESERVE(e->g->ctx, e->g->dims, e->g->dims.n + rank))
        return false;
    out->rank = (uint8_t)rank;
    out->shape = e->g->dims.n;
    if (rank)
        memcpy(e->g->dims.at + e->g->dims.n, dims, rank * sizeof *dims);
    e->g->dims.n += rank;
    return true;
}

static bool infer_result(sld_env *e, uint32_t i, sld_inferred *out)
{
    const sld_type *t = &e->op->results[e->op->flags & SLD_OP_VARIADIC ? 0 : i].type;
    e->result = i;
    out->dtype = t->from == SLD_DT_FIXED ? t->dtype
                 : t->from == SLD_DT_VAR ? e->dtypes[t->dtype] : (uint8_t)e->attrs[t->dtype].i;
    return infer_shape(e, t, out);
}

static bool check_where(sld_env *e)
{
    const sld_term *t = e->op->where, *end = e->op->n_where ? t + e->op->n_where : t;
    while (t < end) {
        sld_val v;
        if (!sld__eval(e, &t, &v))
            return false;
        if (v.d[0] == SLD_NEVER)
            return sld__infer_fail(e, "a condition of its declaration does not hold: %s", e->op->decl);
    }
    return true;
}

sld_status sld_infer(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, sld_attr *attrs, uint32_t n_out,
                     sld_inferred *out, uint32_t *contents)
{
    sld_env *e = sld__alloc(g->ctx, sizeof *e);
    if (!e)
        return SLD_ERR_MEMORY;
    e->g = g;
    e->op = &g->rules->ops[op];
    e->n_in = n_in;
    e->n_out = n_out;
    e->in = in;
    e->attrs = attrs;
    bool ok = e->op->flags & SLD_OP_VARIADIC || n_out == e->op->n_results ||
              sld__infer_fail(e, "%u results where %u are declared", n_out, e->op->n_results);
    ok = ok && sld__normalise_attrs(e) && own_attrs(e) && sld__bind_operands(e) && check_where(e);
    for (uint32_t i = 0; ok && i < n_out; i++) {
        contents[i] = 0;
        ok = infer_result(e, i, &out[i]);
    }
    if (ok && n_out == 1)
        ok = sld__contents(e, &out[0], &contents[0]);
    if (!ok && !*sld_error(g->ctx))
        sld__infer_fail(e, "its result type cannot be inferred");
    sld__free(g->ctx, e);
    return ok ? SLD_OK : SLD_ERR_TYPE;
}

sld_truth sld_conditions(sld_graph *g, sld_node n, const sld_term *terms, uint32_t n_terms, const int64_t *symbols)
{
    sld_env *e = sld__alloc(g->ctx, sizeof *e);
    sld_value *in = sld__alloc(g->ctx, (g->nodes.at[n].n_in + 1u) * sizeof *in);
    sld_truth all = SLD_ALWAYS;
    if (!e || !in)
        all = SLD_DEPENDS;
    for (uint32_t i = 0; in && i < g->nodes.at[n].n_in; i++)
        in[i] = sld_operand(g, n, i);
    if (all == SLD_ALWAYS) {
        *e = (sld_env){.g = g, .op = sld_node_op(g, n), .n_in = g->nodes.at[n].n_in, .n_out = g->nodes.at[n].n_out,
                       .in = in, .attrs = g->attrs.at + g->nodes.at[n].attrs, .symbols = symbols};
        if (!sld__bind_operands(e))
            all = SLD_NEVER;
    }
    const sld_term *t = terms;
    while (all == SLD_ALWAYS && t < terms + n_terms) {
        sld_val v;
        all = sld__eval(e, &t, &v) ? (sld_truth)v.d[0] : SLD_NEVER;
    }
    sld__clear(g->ctx); /* a condition that cannot be evaluated does not hold */
    sld__free(g->ctx, in);
    sld__free(g->ctx, e);
    return all;
}

bool sld_attr_equal(const sld_attr *a, const sld_attr *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case SLD_ATTR_NONE: return true;
    case SLD_ATTR_FLOAT: return a->f == b->f || (a->f != a->f && b->f != b->f);
    case SLD_ATTR_STRING: return !strcmp(a->s, b->s);
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES: return a->n == b->n && (!a->n || !memcmp(a->p, b->p, a->n * sizeof *a->p));
    default: return a->i == b->i;
    }
}
