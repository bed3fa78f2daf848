/* Elements of small integer results that follow from the operands: how the shape
 * computations of an exported graph become symbolic dims. */
#include <string.h>

#include "infer.h"

typedef struct known { uint32_t n; sld_dim d[SLD_CONTENTS_MAX]; } known;

/* Copies, because the pool that contents live in may move. */
static bool operand(sld_env *e, uint32_t i, known *k)
{
    const sld_dim *p = i < e->n_in && e->in[i] ? sld_value_contents(e->g, e->in[i], &k->n) : NULL;
    if (p && k->n)
        memcpy(k->d, p, k->n * sizeof *p);
    return p != NULL;
}

static const sld_attr *attr(const sld_env *e, const char *name)
{
    for (uint32_t i = 0; i < e->op->n_attrs; i++)
        if (!strcmp(e->op->attrs[i].name, name))
            return &e->attrs[i];
    return NULL;
}

static bool push(known *k, sld_dim d)
{
    if (k->n == SLD_CONTENTS_MAX || d == SLD_SYM_NONE)
        return false;
    k->d[k->n++] = d;
    return true;
}

/* Element-wise over two operands of equal size, or one of a single element. */
static bool pairwise(sld_env *e, known *out)
{
    known a, b;
    sld_graph *g = e->g;
    if (!operand(e, 0, &a) || !operand(e, 1, &b) || (a.n != b.n && a.n != 1 && b.n != 1))
        return false;
    for (uint32_t i = 0; i < a.n || i < b.n; i++) {
        sld_dim x = a.d[a.n == 1 ? 0 : i], y = b.d[b.n == 1 ? 0 : i], d;
        switch (e->op->contents) {
        case SLD_CONTENTS_ADD: d = sld_dim_add(g, x, y); break;
        case SLD_CONTENTS_SUB: d = sld_dim_sub(g, x, y); break;
        case SLD_CONTENTS_MUL: d = sld_dim_mul(g, x, y); break;
        case SLD_CONTENTS_DIV: d = y == 0 ? SLD_SYM_NONE : sld_dim_div(g, x, y); break;
        case SLD_CONTENTS_MIN: d = sld_dim_min(g, x, y); break;
        default: d = sld_dim_max(g, x, y);
        }
        if (!push(out, d))
            return false;
    }
    return true;
}

static bool dims(sld_env *e, known *out)
{
    const sld_attr *from = attr(e, "start"), *to = attr(e, "end");
    uint32_t rank = e->g->values.at[e->in[0]].rank;
    int64_t lo = from ? from->i : 0, hi = to ? to->i : INT64_MAX;
    lo += lo < 0 ? rank : 0;
    hi += hi < 0 ? rank : 0;
    for (int64_t i = lo < 0 ? 0 : lo; i < hi && i < rank; i++)
        if (!push(out, sld_shape(e->g, e->in[0])[i]))
            return false;
    return true;
}

static bool one_dim(sld_env *e, known *out)
{
    const sld_attr *axis = attr(e, "axis");
    uint32_t rank = e->g->values.at[e->in[0]].rank;
    return axis && push(out, sld_shape(e->g, e->in[0])[axis->i < 0 ? axis->i + rank : axis->i]);
}

static bool joined(sld_env *e, known *out)
{
    known part;
    for (uint32_t i = 0; i < e->n_in; i++) {
        if (!operand(e, i, &part) || e->g->values.at[e->in[i]].rank != 1)
            return false;
        for (uint32_t k = 0; k < part.n; k++)
            if (!push(out, part.d[k]))
                return false;
    }
    return true;
}

static bool gathered(sld_env *e, known *out)
{
    known from, at;
    if (!operand(e, 0, &from) || !operand(e, 1, &at) || e->g->values.at[e->in[0]].rank != 1)
        return false;
    for (uint32_t i = 0; i < at.n; i++) {
        int64_t k = at.d[i] < 0 ? at.d[i] + from.n : at.d[i];
        if (sld_dim_is_sym(at.d[i]) || k < 0 || k >= from.n || !push(out, from.d[k]))
            return false;
    }
    return true;
}

static bool sliced(sld_env *e, known *out)
{
    known from;
    const sld_attr *starts = attr(e, "starts"), *ends = attr(e, "ends"), *steps = attr(e, "steps");
    if (!operand(e, 0, &from) || e->g->values.at[e->in[0]].rank != 1 || !starts || starts->n != 1 || steps->n != 1)
        return false;
    int64_t i = starts->p[0], end = ends->p[0], step = steps->p[0];
    if (sld_dim_is_sym(i) || sld_dim_is_sym(end))
        return false;
    for (; i >= 0 && i < from.n && (step > 0 ? i < end : i > end); i += step)
        if (!push(out, from.d[i]))
            return false;
    return true;
}

static bool counted(sld_env *e, known *out)
{
    const sld_attr *start = attr(e, "start"), *limit = attr(e, "limit"), *step = attr(e, "step");
    if (!start || !limit || !step || sld_dim_is_sym(step->i) || step->i == 0 || sld_dim_is_sym(limit->i) || sld_dim_is_sym(start->i))
        return false;
    for (int64_t i = start->i; step->i > 0 ? i < limit->i : i > limit->i; i += step->i)
        if (!push(out, i))
            return false;
    return true;
}

static bool filled(sld_env *e, const sld_inferred *result, known *out)
{
    known value;
    uint64_t n = 1;
    for (uint32_t i = 0; i < result->rank; i++) {
        sld_dim d = e->g->dims.at[result->shape + i];
        if (d < 0 || d > SLD_CONTENTS_MAX || (n *= (uint64_t)d) > SLD_CONTENTS_MAX)
            return false;
    }
    if (!operand(e, 0, &value) || value.n != 1)
        return false;
    while (out->n < n)
        if (!push(out, value.d[0]))
            return false;
    return true;
}

static bool elements(sld_env *e, const sld_inferred *result, known *out)
{
    switch ((sld_contents)e->op->contents) {
    case SLD_CONTENTS_DIMS: return dims(e, out);
    case SLD_CONTENTS_SIZE: return one_dim(e, out);
    case SLD_CONTENTS_COPY: return operand(e, 0, out);
    case SLD_CONTENTS_NEG: {
        bool ok = operand(e, 0, out);
        for (uint32_t i = 0; ok && i < out->n; i++)
            ok = (out->d[i] = sld_dim_sub(e->g, 0, out->d[i])) != SLD_SYM_NONE;
        return ok;
    }
    case SLD_CONTENTS_CONCAT: return joined(e, out);
    case SLD_CONTENTS_GATHER: return gathered(e, out);
    case SLD_CONTENTS_SLICE: return sliced(e, out);
    case SLD_CONTENTS_RANGE: return counted(e, out);
    case SLD_CONTENTS_FULL: return filled(e, result, out);
    case SLD_CONTENTS_NONE: return false;
    default: return pairwise(e, out);
    }
}

bool sld__contents(sld_env *e, const sld_inferred *result, uint32_t *contents)
{
    known k = {.n = 0};
    bool integer = result->dtype >= SLD_BOOL && result->dtype <= SLD_I64;
    *contents = 0;
    if (!integer || !elements(e, result, &k))
        return !*sld_error(e->g->ctx);
    uint64_t n = 1;
    for (uint32_t i = 0; i < result->rank; i++) {
        sld_dim d = e->g->dims.at[result->shape + i];
        n = d < 0 || d > SLD_CONTENTS_MAX ? UINT64_MAX : n * (uint64_t)d;
        if (n > SLD_CONTENTS_MAX)
            return true;
    }
    if (n != k.n)
        return true; /* an element-wise result that broadcasts further */
    if (!SLD_RESERVE(e->g->ctx, e->g->dims, e->g->dims.n + k.n + 1))
        return false;
    *contents = e->g->dims.n + 1;
    if (k.n)
        memcpy(e->g->dims.at + e->g->dims.n, k.d, k.n * sizeof *k.d);
    e->g->dims.n += k.n + (k.n == 0);
    return true;
}
