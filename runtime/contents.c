/* Known elements of small integer results: how the shape computations of an exported graph
 * become symbolic dims.  Unknown is always a right answer; floats never have known elements,
 * and neither has anything that would need more than SLD_CONTENTS_MAX of them. */
#include "infer.h"

#include <string.h>

typedef struct known {
    uint32_t n, rank;
    int64_t shape[SLD_RANK_MAX];
    sld_dim d[SLD_CONTENTS_MAX];
} known;

/* Sets the shape and counts the elements; false when a dim is symbolic or there are too many. */
static bool set_shape(known *k, uint32_t rank, const sld_dim *shape)
{
    uint64_t n = 1;
    if (rank > SLD_RANK_MAX)
        return false;
    for (uint32_t i = 0; i < rank; i++) {
        if (shape[i] < 0 || shape[i] > SLD_CONTENTS_MAX || (n *= (uint64_t)shape[i]) > SLD_CONTENTS_MAX)
            return false;
        k->shape[i] = shape[i];
    }
    k->rank = rank;
    k->n = (uint32_t)n;
    return true;
}

/* A copy, because arithmetic may move what it is copied from. */
static bool operand(sld_env *e, uint32_t i, known *k)
{
    uint32_t n;
    sld_value v = i < e->n_in ? e->in[i] : 0;
    const sld_dim *d = v ? sld_value_contents(e->g, v, &n) : NULL;
    if (!d || !set_shape(k, sld_rank(e->g, v), sld_shape(e->g, v)) || k->n != n)
        return false;
    memcpy(k->d, d, n * sizeof *d);
    return true;
}

static const sld_attr *attr(const sld_env *e, const char *name)
{
    for (uint32_t i = 0; i < e->op->n_attrs; i++)
        if (!strcmp(e->op->attrs[i].name, name))
            return &e->attrs[i];
    return NULL;
}

/* An axis attribute as an index; no axis means the first. */
static bool axis_of(const sld_env *e, uint32_t rank, uint32_t *axis)
{
    const sld_attr *a = attr(e, "axis");
    int64_t k = a ? a->i + (a->i < 0 ? rank : 0) : 0;
    *axis = (uint32_t)k;
    return !(a && sld_dim_is_sym(a->i)) && k >= 0 && k < rank;
}

/* Number of elements of a run that the axes from `axis` on span. */
static uint32_t run_length(const known *k, uint32_t axis)
{
    uint32_t n = 1;
    for (uint32_t i = axis; i < k->rank; i++)
        n *= (uint32_t)k->shape[i];
    return n;
}

/* ------------------------------------------------------------- arithmetic -- */

/* Integer division truncates and dims floor, so that the two must agree. */
static sld_dim quotient(sld_graph *g, sld_dim a, sld_dim b)
{
    if (b == 0)
        return SLD_SYM_NONE;
    bool natural = sld_dim_le(g, 0, a) == SLD_ALWAYS && sld_dim_le(g, 1, b) == SLD_ALWAYS;
    return natural || sld_dim_mod(g, a, b) == 0 ? sld_dim_div(g, a, b) : SLD_SYM_NONE;
}

static sld_dim combine(sld_graph *g, unsigned contents, sld_dim a, sld_dim b)
{
    switch (contents) {
    case SLD_CONTENTS_ADD: return sld_dim_add(g, a, b);
    case SLD_CONTENTS_SUB: return sld_dim_sub(g, a, b);
    case SLD_CONTENTS_MUL: return sld_dim_mul(g, a, b);
    case SLD_CONTENTS_DIV: return quotient(g, a, b);
    case SLD_CONTENTS_MIN: return sld_dim_min(g, a, b);
    default: return sld_dim_max(g, a, b);
    }
}

/* Element i of the result as an element of an operand that is broadcast to it. */
static sld_dim broadcast_element(const known *out, const known *k, uint32_t i)
{
    uint32_t at = 0, stride = 1;
    for (uint32_t axis = out->rank; axis-- > 0;) {
        uint32_t n = (uint32_t)out->shape[axis], back = out->rank - axis;
        int64_t own = back <= k->rank ? k->shape[k->rank - back] : 1;
        at += own == 1 ? 0 : i % n * stride;
        stride *= (uint32_t)own;
        i /= n;
    }
    return k->d[at];
}

static bool elementwise(sld_env *e, known *out)
{
    known a, b;
    if (!operand(e, 0, &a) || !operand(e, 1, &b))
        return false;
    for (uint32_t i = 0; i < out->n; i++) {
        out->d[i] =
            combine(e->g, e->op->contents, broadcast_element(out, &a, i), broadcast_element(out, &b, i));
        if (!sld__ok(out->d[i]))
            return false;
    }
    return true;
}

static bool negated(sld_env *e, known *out)
{
    known a;
    bool ok = operand(e, 0, &a) && a.n == out->n;
    for (uint32_t i = 0; ok && i < a.n; i++)
        ok = sld__ok(out->d[i] = sld_dim_sub(e->g, 0, a.d[i]));
    return ok;
}

/* ----------------------------------------------------------------- sources -- */

static bool dims_of(sld_env *e, known *out)
{
    const sld_attr *start = attr(e, "start");
    uint32_t rank = e->in[0] ? sld_rank(e->g, e->in[0]) : 0;
    int64_t from = start ? start->i : 0;
    from += from < 0 ? rank : 0;
    from = from < 0 ? 0 : from;
    if (from + out->n > rank)
        return out->n == 0;
    for (uint32_t i = 0; i < out->n; i++)
        out->d[i] = sld_shape(e->g, e->in[0])[from + i];
    return true;
}

static bool one_dim(sld_env *e, known *out)
{
    uint32_t axis;
    if (out->n != 1 || !e->in[0] || !axis_of(e, sld_rank(e->g, e->in[0]), &axis))
        return false;
    out->d[0] = sld_shape(e->g, e->in[0])[axis];
    return true;
}

static bool counted(sld_env *e, known *out)
{
    const sld_attr *start = attr(e, "start"), *step = attr(e, "step");
    sld_dim x = start ? start->i : 0, by = step ? step->i : 1;
    for (uint32_t i = 0; i < out->n; i++) {
        out->d[i] = x;
        if (i + 1 < out->n && !sld__ok(x = sld_dim_add(e->g, x, by)))
            return false;
    }
    return true;
}

static bool filled(sld_env *e, known *out)
{
    known a;
    bool ok = operand(e, 0, &a) && a.n == 1;
    for (uint32_t i = 0; ok && i < out->n; i++)
        out->d[i] = a.d[0];
    return ok;
}

static bool copied(sld_env *e, known *out)
{
    known a;
    if (!operand(e, 0, &a) || a.n != out->n)
        return false;
    memcpy(out->d, a.d, a.n * sizeof *a.d);
    return true;
}

/* ------------------------------------------------------------------ moving -- */

static bool joined(sld_env *e, known *out)
{
    uint32_t axis, before = 0;
    if (!axis_of(e, out->rank, &axis))
        return false;
    uint32_t run = run_length(out, axis);
    for (uint32_t i = 0; i < e->n_in; i++) {
        known a;
        if (!operand(e, i, &a) || a.rank != out->rank)
            return false;
        uint32_t own = run_length(&a, axis);
        for (uint32_t k = 0; k < a.n; k++)
            out->d[k / own * run + before + k % own] = a.d[k];
        before += own;
    }
    return true;
}

static bool gathered(sld_env *e, known *out)
{
    known a, index;
    uint32_t axis;
    if (!operand(e, 0, &a) || !operand(e, 1, &index) || !axis_of(e, a.rank, &axis))
        return false;
    uint32_t run = run_length(&a, axis + 1), width = (uint32_t)a.shape[axis];
    for (uint32_t i = 0; i < out->n; i++) {
        uint32_t outer = i / (run * index.n);
        sld_dim k = index.d[i / run % index.n];
        k += k < 0 && !sld_dim_is_sym(k) ? (int64_t)width : 0;
        if (k < 0 || k >= width)
            return false; /* symbolic, or outside */
        out->d[i] = a.d[(outer * width + (uint32_t)k) * run + i % run];
    }
    return true;
}

/* Offset in the operand of the slice's first element, and the distances along its axes. */
static bool slice_strides(const sld_env *e, const known *a, int64_t *first, int64_t *stride)
{
    const sld_attr *axes = attr(e, "axes"), *starts = attr(e, "starts"), *steps = attr(e, "steps");
    if (!axes || !starts || !steps || axes->n != starts->n || steps->n != starts->n)
        return false;
    *first = 0;
    for (uint32_t i = 0; i < a->rank; i++)
        stride[i] = run_length(a, i + 1);
    for (uint32_t i = 0; i < axes->n; i++) {
        int64_t *s = &stride[axes->p[i] + a->rank];
        if (sld_dim_is_sym(starts->p[i]))
            return false;
        *first += starts->p[i] * *s;
        *s *= steps->p[i];
    }
    return true;
}

static bool sliced(sld_env *e, known *out)
{
    known a;
    int64_t first, stride[SLD_RANK_MAX];
    if (!operand(e, 0, &a) || a.rank != out->rank || !slice_strides(e, &a, &first, stride))
        return false;
    for (uint32_t i = 0; i < out->n; i++) {
        int64_t at = first;
        uint32_t rest = i;
        for (uint32_t axis = out->rank; axis-- > 0; rest /= (uint32_t)out->shape[axis])
            at += (int64_t)(rest % (uint32_t)out->shape[axis]) * stride[axis];
        out->d[i] = a.d[at];
    }
    return true;
}

static bool elements(sld_env *e, known *out)
{
    switch ((sld_contents)e->op->contents) {
    case SLD_CONTENTS_NONE:
    case SLD_CONTENTS_COUNT: return false;
    case SLD_CONTENTS_DIMS: return e->n_in && dims_of(e, out);
    case SLD_CONTENTS_SIZE: return e->n_in && one_dim(e, out);
    case SLD_CONTENTS_COPY: return copied(e, out);
    case SLD_CONTENTS_NEG: return negated(e, out);
    case SLD_CONTENTS_CONCAT: return joined(e, out);
    case SLD_CONTENTS_GATHER: return gathered(e, out);
    case SLD_CONTENTS_SLICE: return sliced(e, out);
    case SLD_CONTENTS_RANGE: return counted(e, out);
    case SLD_CONTENTS_FULL: return filled(e, out);
    default: return elementwise(e, out);
    }
}

/* ------------------------------------------------------------------- range -- */

/* What the result's dtype can hold; a bool is 0 or 1. A number that would wrap around is left unknown. */
static bool fit(sld_env *e, uint8_t dtype, sld_dim *d)
{
    static const struct { int64_t lo, hi; } ranges[] = {
        [SLD_U8] = {0, UINT8_MAX}, [SLD_I8] = {INT8_MIN, INT8_MAX},
        [SLD_I32] = {INT32_MIN, INT32_MAX}, [SLD_I64] = {INT64_MIN, INT64_MAX},
    };
    if (dtype == SLD_BOOL) {
        sld_truth zero = sld_dim_eq(e->g, *d, 0);
        *d = zero == SLD_NEVER;
        return zero != SLD_DEPENDS;
    }
    return sld_dim_is_sym(*d) || (*d >= ranges[dtype].lo && *d <= ranges[dtype].hi);
}

bool sld__contents(sld_env *e, const sld_type_rec *result, uint32_t *contents)
{
    sld_graph *g = e->g;
    known out;
    bool known_ok = e->op->contents != SLD_CONTENTS_NONE && result->dtype >= SLD_BOOL &&
                    result->dtype <= SLD_I64 && set_shape(&out, result->rank, g->dims.at + result->shape) &&
                    elements(e, &out);
    for (uint32_t i = 0; known_ok && i < out.n; i++)
        known_ok = fit(e, result->dtype, &out.d[i]);
    *contents = 0;
    if (!known_ok)
        return sld__forgive(g->ctx); /* an overflow in arithmetic only leaves the elements unknown */
    if (!SLD_RESERVE(g->ctx, g->dims, g->dims.n + out.n))
        return false;
    *contents = g->dims.n + 1;
    for (uint32_t i = 0; i < out.n; i++)
        g->dims.at[g->dims.n++] = out.d[i];
    return true;
}
