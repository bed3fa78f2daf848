/* The functions that signatures call.  Each follows NumPy, ONNX or torch, as its comment in
 * sld_abi.h says, and writes the canonical form of an attribute that it interprets back to
 * the node: complete shapes, bounds within the dim, axes in one spelling. */
#include <inttypes.h>
#include <string.h>

#include "infer.h"

static bool fail_dim(void)
{
    return false; /* the arithmetic has set the error */
}

static bool list(sld_env *e, const sld_val *v, const char *what)
{
    return v->kind == SLD_VAL_LIST || sld__infer_fail(e, "%s wants a shape or list", what);
}

static bool push(sld_env *e, sld_val *out, sld_dim d)
{
    if (d == SLD_SYM_NONE)
        return fail_dim();
    if (out->n == SLD_LIST_MAX)
        return sld__infer_fail(e, "a list of more than %d elements", SLD_LIST_MAX);
    out->d[out->n++] = d;
    return true;
}

/* Writes a canonical list back to the attribute that an argument came from. */
static bool write_back(sld_env *e, const sld_val *arg, uint32_t n, const sld_dim *d)
{
    if (arg->slot < 0)
        return true;
    sld_attr *a = &e->attrs[arg->slot];
    sld_dim *p = sld__graph_alloc(e->g, (n + 1) * sizeof *p);
    if (!p)
        return false;
    memcpy(p, d, n * sizeof *d);
    a->p = p;
    a->n = n;
    return true;
}

/* An axis counted from either end as an index into rank dims. */
static bool axis_index(sld_env *e, sld_dim axis, uint32_t rank, uint32_t *index)
{
    *index = 0;
    if (sld_dim_is_sym(axis) || axis < -(int64_t)rank || axis >= (int64_t)rank)
        return sld__infer_fail(e, "axis %" PRId64 " is outside rank %u", axis, rank);
    *index = (uint32_t)(axis < 0 ? axis + rank : axis);
    return true;
}

static bool equal(sld_env *e, sld_dim a, sld_dim b)
{
    return sld_dim_eq(e->g, a, b) == SLD_ALWAYS;
}

static bool mismatch(sld_env *e, const char *what, sld_dim a, sld_dim b)
{
    char x[80], y[80];
    sld_dim_print(e->g, a, x, sizeof x);
    sld_dim_print(e->g, b, y, sizeof y);
    return sld__infer_fail(e, "%s: dims %s and %s do not agree", what, x, y);
}

/* ---------------------------------------------------------- broadcasting -- */

static bool broadcast_dim(sld_env *e, sld_dim a, sld_dim b, sld_dim *out)
{
    if (a == 1 || equal(e, a, b))
        *out = b;
    else if (b == 1)
        *out = a;
    else if (sld_dim_is_sym(a) && !sld_dim_is_sym(b) && sld_dim_eq(e->g, a, b) != SLD_NEVER)
        *out = b; /* a is 1 or b */
    else if (sld_dim_is_sym(b) && !sld_dim_is_sym(a) && sld_dim_eq(e->g, a, b) != SLD_NEVER)
        *out = a;
    else
        return mismatch(e, "broadcast", a, b);
    return true;
}

static bool broadcast_two(sld_env *e, const sld_dim *a, uint32_t na, const sld_dim *b, uint32_t nb, sld_val *out)
{
    out->kind = SLD_VAL_LIST;
    out->n = na > nb ? na : nb;
    for (uint32_t i = 0; i < out->n; i++) {
        sld_dim x = i + na >= out->n ? a[i + na - out->n] : 1, y = i + nb >= out->n ? b[i + nb - out->n] : 1;
        if (!broadcast_dim(e, x, y, &out->d[i]))
            return false;
    }
    return true;
}

static bool fn_broadcast(sld_env *e, uint32_t n, const sld_val *args, sld_val *out)
{
    sld_dim last[SLD_RANK_MAX];
    out->kind = SLD_VAL_LIST;
    out->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t m = out->n;
        memcpy(last, out->d, m * sizeof *last);
        if (!list(e, &args[i], "broadcast") || !broadcast_two(e, last, m, args[i].d, args[i].n, out))
            return false;
    }
    return true;
}

static bool fn_expand(sld_env *e, const sld_val *a, const sld_val *shape, sld_val *out)
{
    sld_dim want[SLD_LIST_MAX];
    for (uint32_t i = 0; i < shape->n; i++) {
        bool keep = shape->d[i] == -1;
        if (keep && i + a->n < shape->n)
            return sld__infer_fail(e, "-1 stands for a dim that the operand does not have");
        want[i] = keep ? a->d[i + a->n - shape->n] : shape->d[i];
    }
    return broadcast_two(e, a->d, a->n, want, shape->n, out) && write_back(e, shape, out->n, out->d);
}

static bool fn_matmul(sld_env *e, const sld_val *a, const sld_val *b, sld_val *out)
{
    if (!a->n || !b->n)
        return sld__infer_fail(e, "a matrix product of scalars");
    sld_dim ka = a->d[a->n - 1], kb = b->n == 1 ? b->d[0] : b->d[b->n - 2];
    if (!equal(e, ka, kb))
        return mismatch(e, "matmul", ka, kb);
    uint32_t ba = a->n > 2 ? a->n - 2 : 0, bb = b->n > 2 ? b->n - 2 : 0;
    if (!broadcast_two(e, a->d, ba, b->d, bb, out))
        return false;
    return (a->n < 2 || push(e, out, a->d[a->n - 2])) && (b->n < 2 || push(e, out, b->d[b->n - 1]));
}

/* ---------------------------------------------------------------- reshape -- */

static sld_dim product(sld_env *e, const sld_dim *d, uint32_t n)
{
    sld_dim p = 1;
    for (uint32_t i = 0; i < n && p != SLD_SYM_NONE; i++)
        p = sld_dim_mul(e->g, p, d[i]);
    return p;
}

static bool fn_reshape(sld_env *e, const sld_val *a, const sld_val *shape, bool allowzero, sld_val *out)
{
    int free_at = -1;
    out->kind = SLD_VAL_LIST;
    for (uint32_t i = 0; i < shape->n; i++) {
        sld_dim d = shape->d[i];
        if (d == 0 && !allowzero && i >= a->n)
            return sld__infer_fail(e, "0 copies a dim that the operand does not have");
        if (d == -1 && free_at >= 0)
            return sld__infer_fail(e, "two dims are -1");
        if (d == -1)
            free_at = (int)i;
        else if (!sld_dim_is_sym(d) && d < 0)
            return sld__infer_fail(e, "negative dim in the new shape");
        if (!push(e, out, d == -1 ? 1 : d == 0 && !allowzero ? a->d[i] : d))
            return false;
    }
    sld_dim have = product(e, a->d, a->n), want = product(e, out->d, out->n);
    if (have == SLD_SYM_NONE || want == SLD_SYM_NONE)
        return fail_dim();
    if (free_at >= 0) {
        sld_dim d = want == 0 ? 0 : sld_dim_div(e->g, have, want);
        out->d[free_at] = d;
        want = d == SLD_SYM_NONE ? d : sld_dim_mul(e->g, d, want);
    }
    if (!equal(e, have, want))
        return mismatch(e, "number of elements", have, want);
    return write_back(e, shape, out->n, out->d);
}

static bool fn_squeeze(sld_env *e, const sld_val *a, const sld_val *axes, sld_val *out)
{
    bool drop[SLD_RANK_MAX] = {false};
    for (uint32_t i = 0; i < axes->n; i++) {
        uint32_t k;
        if (!axis_index(e, axes->d[i], a->n, &k))
            return false;
        if (!equal(e, a->d[k], 1))
            return mismatch(e, "a squeezed dim", a->d[k], 1);
        drop[k] = true;
    }
    out->kind = SLD_VAL_LIST;
    for (uint32_t i = 0; i < a->n; i++)
        if (!drop[i] && (axes->n || a->d[i] != 1) && !push(e, out, a->d[i]))
            return false;
    return true;
}

static bool fn_unsqueeze(sld_env *e, const sld_val *a, const sld_val *axes, sld_val *out)
{
    bool fresh[2 * SLD_RANK_MAX] = {false};
    sld_dim sorted[SLD_RANK_MAX];
    uint32_t rank = a->n + axes->n, k = 0, m = 0;
    if (rank > SLD_RANK_MAX)
        return sld__infer_fail(e, "rank %u is above %d", rank, SLD_RANK_MAX);
    for (uint32_t i = 0; i < axes->n; i++) {
        uint32_t at;
        if (!axis_index(e, axes->d[i], rank, &at))
            return false;
        if (fresh[at])
            return sld__infer_fail(e, "an axis is named twice");
        fresh[at] = true;
    }
    out->kind = SLD_VAL_LIST;
    for (uint32_t i = 0; i < rank; i++) {
        if (fresh[i])
            sorted[m++] = i;
        if (!push(e, out, fresh[i] ? 1 : a->d[k++]))
            return false;
    }
    return write_back(e, axes, m, sorted);
}

static bool fn_flatten(sld_env *e, const sld_val *a, sld_dim first, sld_dim last, sld_val *out)
{
    uint32_t from = 0, to = 0;
    out->kind = SLD_VAL_LIST;
    if (!a->n)
        return push(e, out, 1);
    if (!axis_index(e, first, a->n, &from) || !axis_index(e, last, a->n, &to))
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        if (i > from && i <= to)
            out->d[out->n - 1] = sld_dim_mul(e->g, out->d[out->n - 1], a->d[i]);
        else if (!push(e, out, a->d[i]))
            return false;
        if (out->d[out->n - 1] == SLD_SYM_NONE)
            return fail_dim();
    }
    return true;
}

/* ------------------------------------------------------------ permutations -- */

static bool fn_permute(sld_env *e, const sld_val *a, const sld_val *perm, sld_val *out)
{
    sld_dim p[SLD_RANK_MAX];
    bool seen[SLD_RANK_MAX] = {false};
    if (perm->n && perm->n != a->n)
        return sld__infer_fail(e, "a permutation of %u axes over rank %u", perm->n, a->n);
    out->kind = SLD_VAL_LIST;
    for (uint32_t i = 0; i < a->n; i++) {
        uint32_t k = a->n - 1 - i;
        if (perm->n && !axis_index(e, perm->d[i], a->n, &k))
            return false;
        if (seen[k])
            return sld__infer_fail(e, "the permutation names an axis twice");
        seen[k] = true;
        p[i] = k;
        if (!push(e, out, a->d[k]))
            return false;
    }
    return write_back(e, perm, a->n, p);
}

static bool fn_swap(sld_env *e, const sld_val *a, sld_dim x, sld_dim y, sld_val *out)
{
    uint32_t i, j;
    if (!axis_index(e, x, a->n, &i) || !axis_index(e, y, a->n, &j))
        return false;
    *out = *a;
    out->d[i] = a->d[j];
    out->d[j] = a->d[i];
    return true;
}

/* ------------------------------------------------------------ parts, joins -- */

/* The shapes of a variadic operand agree but for one axis, whose sum is wanted. */
static bool fn_concat(sld_env *e, const sld_val *xs, sld_dim axis, bool stack, sld_val *out)
{
    uint32_t at, first = (uint32_t)xs->operand;
    if (xs->operand < 0 || !axis_index(e, axis, xs->n + stack, &at))
        return e->failed ? false : sld__infer_fail(e, "concat wants a variadic operand");
    *out = *xs;
    out->kind = SLD_VAL_LIST;
    for (uint32_t i = first + 1; i < e->n_in; i++) {
        const sld_value_rec *r = &e->g->values.at[e->in[i]];
        if (!e->in[i] || r->rank != xs->n)
            return sld__infer_fail(e, "operand %u has another rank", i);
        for (uint32_t k = 0; k < xs->n; k++) {
            sld_dim d = sld_shape(e->g, e->in[i])[k];
            if (k == at && !stack)
                out->d[k] = sld_dim_add(e->g, out->d[k], d);
            else if (!equal(e, d, out->d[k]))
                return mismatch(e, "concat", out->d[k], d);
        }
        if (!stack && out->d[at] == SLD_SYM_NONE)
            return fail_dim();
    }
    if (!stack)
        return true;
    memmove(out->d + at + 1, out->d + at, (xs->n - at) * sizeof *out->d);
    out->d[at] = e->n_in - first;
    out->n = xs->n + 1;
    return true;
}

/* One bound of a slice over dim d as an index within [lo, hi]. */
static sld_dim bound(sld_env *e, sld_dim b, sld_dim d, sld_dim lo, sld_dim hi)
{
    sld_graph *g = e->g;
    if (b == INT64_MAX)
        return hi;
    if (!sld_dim_is_sym(b) && b < -((int64_t)1 << 62))
        return lo;
    if (sld_dim_le(g, 0, b) == SLD_NEVER)
        b = sld_dim_add(g, b, d);
    if (b == SLD_SYM_NONE)
        return b;
    b = sld_dim_le(g, b, hi) == SLD_ALWAYS ? b : sld_dim_min(g, b, hi);
    return b == SLD_SYM_NONE || sld_dim_le(g, lo, b) == SLD_ALWAYS ? b : sld_dim_max(g, b, lo);
}

/* Number of elements of start:end:step; both are within the dim. */
static sld_dim slice_length(sld_env *e, sld_dim start, sld_dim end, int64_t step)
{
    sld_graph *g = e->g;
    sld_dim span = step > 0 ? sld_dim_sub(g, end, start) : sld_dim_sub(g, start, end);
    int64_t by = step > 0 ? step : -step;
    if (span == SLD_SYM_NONE)
        return span;
    if (by > 1)
        span = sld_dim_div(g, sld_dim_add(g, span, by - 1), by);
    return span == SLD_SYM_NONE || sld_dim_le(g, 0, span) == SLD_ALWAYS ? span : sld_dim_max(g, span, 0);
}

static bool fn_slice(sld_env *e, const sld_val *args, sld_val *out)
{
    const sld_val *a = &args[0], *axes = &args[1], *starts = &args[2], *ends = &args[3], *steps = &args[4];
    uint32_t n = starts->n;
    sld_dim ax[SLD_LIST_MAX], from[SLD_LIST_MAX], to[SLD_LIST_MAX], by[SLD_LIST_MAX];
    if (ends->n != n || (axes->n && axes->n != n) || (steps->n && steps->n != n) || n > a->n)
        return sld__infer_fail(e, "starts, ends, axes and steps differ in length");
    *out = *a;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k;
        int64_t step = steps->n ? steps->d[i] : 1;
        if (!axis_index(e, axes->n ? axes->d[i] : (int64_t)i, a->n, &k))
            return false;
        if (sld_dim_is_sym(step) || step == 0 || step == INT64_MIN)
            return sld__infer_fail(e, "a step must be a number other than 0");
        sld_dim d = a->d[k], top = step > 0 ? d : sld_dim_sub(e->g, d, 1), low = step > 0 ? 0 : -1;
        from[i] = bound(e, starts->d[i], d, 0, top);
        to[i] = step < 0 && !sld_dim_is_sym(ends->d[i]) && ends->d[i] == -1 && e->attrs[ends->slot >= 0 ? ends->slot : 0].n != n
                    ? -1 : bound(e, ends->d[i], d, low, top);
        ax[i] = (int64_t)k - a->n;
        by[i] = step;
        out->d[k] = from[i] == SLD_SYM_NONE || to[i] == SLD_SYM_NONE ? SLD_SYM_NONE : slice_length(e, from[i], to[i], step);
        if (out->d[k] == SLD_SYM_NONE)
            return fail_dim();
        /* -1 would count from the end when it is read again. */
        if (step < 0 && to[i] == -1)
            to[i] = INT64_MIN / 2 + 1;
    }
    return write_back(e, axes, n, ax) && write_back(e, starts, n, from) && write_back(e, ends, n, to) &&
           write_back(e, steps, n, by);
}

static bool fn_split(sld_env *e, const sld_val *args, sld_val *out)
{
    const sld_val *a = &args[0], *sizes = &args[1];
    uint32_t at, n = e->n_out;
    sld_dim part[SLD_LIST_MAX], total = 0;
    if (!axis_index(e, args[2].d[0], a->n, &at))
        return false;
    int64_t parts = args[3].d[0] ? args[3].d[0] : (int64_t)n;
    if (n > SLD_LIST_MAX || (sizes->n ? sizes->n != n : sld_dim_is_sym(parts) || parts < 1))
        return sld__infer_fail(e, "%u results for %u sizes", n, sizes->n);
    for (uint32_t i = 0; i < n; i++) {
        sld_dim chunk = sizes->n ? sizes->d[i] : sld_dim_div(e->g, sld_dim_add(e->g, a->d[at], parts - 1), parts);
        if (!sizes->n && i + 1 == n)
            chunk = sld_dim_sub(e->g, a->d[at], total);
        part[i] = chunk;
        total = chunk == SLD_SYM_NONE ? chunk : sld_dim_add(e->g, total, chunk);
        if (total == SLD_SYM_NONE)
            return fail_dim();
    }
    if (!equal(e, total, a->d[at]))
        return mismatch(e, "the sum of the sizes", total, a->d[at]);
    *out = *a;
    out->d[at] = part[e->result < n ? e->result : 0];
    if (args[3].slot >= 0)
        e->attrs[args[3].slot].i = 0;
    return write_back(e, sizes, n, part);
}

static bool fn_pad(sld_env *e, const sld_val *a, const sld_val *pads, sld_val *out)
{
    if (pads->n != 2 * a->n)
        return sld__infer_fail(e, "%u pads for rank %u", pads->n, a->n);
    *out = *a;
    for (uint32_t i = 0; i < a->n; i++) {
        out->d[i] = sld_dim_add(e->g, sld_dim_add(e->g, a->d[i], pads->d[i]), pads->d[i + a->n]);
        if (out->d[i] == SLD_SYM_NONE)
            return fail_dim();
    }
    return true;
}

/* --------------------------------------------------------------- indexing -- */

static bool fn_gather(sld_env *e, const sld_val *a, const sld_val *i, sld_dim axis, sld_val *out)
{
    uint32_t at;
    if (!axis_index(e, axis, a->n, &at))
        return false;
    out->kind = SLD_VAL_LIST;
    for (uint32_t k = 0; k < a->n; k++)
        for (uint32_t m = 0; m < (k == at ? i->n : 1); m++)
            if (!push(e, out, k == at ? i->d[m] : a->d[k]))
                return false;
    return true;
}

static bool fn_gather_nd(sld_env *e, const sld_val *a, const sld_val *i, sld_dim batch, sld_val *out)
{
    sld_dim depth = i->n ? i->d[i->n - 1] : 0;
    if (!i->n || sld_dim_is_sym(depth) || sld_dim_is_sym(batch) || batch < 0 || depth < 1 || batch + depth > a->n || batch >= i->n)
        return sld__infer_fail(e, "the last dim of the indices does not fit the operand");
    out->kind = SLD_VAL_LIST;
    for (uint32_t k = 0; k + 1 < i->n; k++)
        if (!push(e, out, i->d[k]))
            return false;
    for (uint32_t k = (uint32_t)(batch + depth); k < a->n; k++)
        if (!push(e, out, a->d[k]))
            return false;
    return true;
}

/* torch: adjacent index tensors stay in place, others go to the front. The indices are the operands behind the
 * first; an absent one takes the whole dim. */
static bool fn_index(sld_env *e, const sld_val *a, sld_val *out)
{
    sld_val joined = {.kind = SLD_VAL_LIST};
    uint32_t n = e->n_in - 1, first = n, last = 0;
    bool adjacent = true;
    if (n > a->n)
        return sld__infer_fail(e, "more indices than dims");
    for (uint32_t k = 0; k < n; k++) {
        sld_value v = e->in[k + 1];
        if (!v)
            continue;
        sld_dim last_shape[SLD_RANK_MAX];
        uint32_t m = joined.n;
        memcpy(last_shape, joined.d, m * sizeof *last_shape);
        if (!broadcast_two(e, last_shape, m, sld_shape(e->g, v), e->g->values.at[v].rank, &joined))
            return false;
        adjacent &= first == n || last + 1 == k;
        first = first == n ? k : first;
        last = k;
    }
    out->kind = SLD_VAL_LIST;
    for (uint32_t m = 0; !adjacent && m < joined.n; m++)
        if (!push(e, out, joined.d[m]))
            return false;
    for (uint32_t k = 0; k < a->n; k++) {
        for (uint32_t m = 0; adjacent && k == first && m < joined.n; m++)
            if (!push(e, out, joined.d[m]))
                return false;
        if ((k >= n || !e->in[k + 1]) && !push(e, out, a->d[k]))
            return false;
    }
    return true;
}

/* One axis dropped, or replaced by n. */
static bool fn_with(sld_env *e, const sld_val *a, sld_dim axis, const sld_dim *n, sld_val *out)
{
    uint32_t at;
    if (!axis_index(e, axis, a->n, &at))
        return false;
    out->kind = SLD_VAL_LIST;
    for (uint32_t i = 0; i < a->n; i++)
        if ((i != at || n) && !push(e, out, i == at ? *n : a->d[i]))
            return false;
    return true;
}

static bool fn_reduce(sld_env *e, const sld_val *a, const sld_val *axes, bool keepdims, sld_val *out)
{
    bool reduced[SLD_RANK_MAX] = {false};
    uint32_t n = axes->kind == SLD_VAL_LIST ? axes->n : 1;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k;
        if (!axis_index(e, axes->d[i], a->n, &k))
            return false;
        reduced[k] = true;
    }
    out->kind = SLD_VAL_LIST;
    for (uint32_t i = 0; i < a->n; i++) {
        bool gone = reduced[i] || !n;
        if ((!gone || keepdims) && !push(e, out, gone ? 1 : a->d[i]))
            return false;
    }
    return true;
}

static bool fn_conv(sld_env *e, const sld_val *args, sld_val *out)
{
    const sld_val *x = &args[0], *w = &args[1], *strides = &args[2], *pads = &args[3], *dilations = &args[4];
    if (x->n < 3 || w->n != x->n || (pads->n && pads->n != 2 * (x->n - 2)) || (strides->n && strides->n != x->n - 2) ||
        (dilations->n && dilations->n != x->n - 2))
        return sld__infer_fail(e, "input, weight, strides, pads and dilations differ in rank");
    *out = *x;
    out->d[1] = w->d[0];
    for (uint32_t i = 0; i < x->n - 2; i++) {
        sld_graph *g = e->g;
        sld_dim stride = strides->n ? strides->d[i] : 1, dilation = dilations->n ? dilations->d[i] : 1;
        sld_dim pad = pads->n ? sld_dim_add(g, pads->d[i], pads->d[i + x->n - 2]) : 0;
        if (stride < 1 || dilation < 1)
            return sld__infer_fail(e, "strides and dilations must be positive");
        sld_dim window = sld_dim_add(g, sld_dim_mul(g, dilation, sld_dim_sub(g, w->d[i + 2], 1)), 1);
        sld_dim room = sld_dim_sub(g, sld_dim_add(g, x->d[i + 2], pad), window);
        out->d[i + 2] = sld_dim_add(g, sld_dim_div(g, room, stride), 1);
        if (out->d[i + 2] == SLD_SYM_NONE)
            return fail_dim();
    }
    return true;
}

/* ---------------------------------------------------------------- numbers -- */

static bool number(sld_val *out, sld_dim d)
{
    out->kind = SLD_VAL_NUM;
    out->d[0] = d;
    return d != SLD_SYM_NONE;
}

static bool fn_size(sld_env *e, const sld_val *a, sld_dim axis, sld_val *out)
{
    uint32_t k;
    return axis_index(e, axis, a->n, &k) && number(out, a->d[k]);
}

static bool fn_operand_number(sld_env *e, unsigned fn, const sld_val *a, sld_val *out)
{
    sld_value v = a->operand >= 0 && (uint32_t)a->operand < e->n_in ? e->in[a->operand] : 0;
    if (!v) {
        out->kind = SLD_VAL_NONE;
        return true;
    }
    uint8_t t = e->g->values.at[v].dtype;
    if (fn == SLD_FN_DTYPE) {
        out->kind = SLD_VAL_DTYPE;
        out->d[0] = t;
        return true;
    }
    sld_dim n = product(e, a->d, a->n);
    return n != SLD_SYM_NONE && number(out, sld_dim_mul(e->g, n, (int64_t)sld_dtype_size((sld_dtype)t)));
}

static bool fn_cut(sld_env *e, const sld_val *args, sld_val *out)
{
    sld_dim n = args[0].d[0], from = bound(e, args[1].d[0], n, 0, n), to = bound(e, args[2].d[0], n, 0, n);
    return from != SLD_SYM_NONE && to != SLD_SYM_NONE && number(out, slice_length(e, from, to, 1));
}

static bool wants(sld_env *e, unsigned fn, uint32_t n)
{
    static const uint8_t least[SLD_FN_COUNT] = {
        [SLD_FN_REDUCE] = 3, [SLD_FN_PERMUTE] = 2, [SLD_FN_SWAP] = 3, [SLD_FN_RESHAPE] = 2, [SLD_FN_EXPAND] = 2,
        [SLD_FN_SQUEEZE] = 2, [SLD_FN_UNSQUEEZE] = 2, [SLD_FN_FLATTEN] = 3, [SLD_FN_MATMUL] = 2, [SLD_FN_CONCAT] = 2,
        [SLD_FN_STACK] = 2, [SLD_FN_SLICE] = 5, [SLD_FN_SPLIT] = 4, [SLD_FN_GATHER] = 3, [SLD_FN_GATHER_ND] = 3,
        [SLD_FN_SELECT] = 2, [SLD_FN_PAD] = 2, [SLD_FN_CONV] = 5, [SLD_FN_INDEX] = 1, [SLD_FN_WITH] = 3,
        [SLD_FN_RANK] = 1, [SLD_FN_SIZE] = 2, [SLD_FN_NUMEL] = 1, [SLD_FN_BYTES] = 1, [SLD_FN_CEILDIV] = 2,
        [SLD_FN_MIN] = 2, [SLD_FN_MAX] = 2, [SLD_FN_CUT] = 3, [SLD_FN_DTYPE] = 1, [SLD_FN_TRANSPOSE_IF] = 2, [SLD_FN_TOPK] = 3,
    };
    return n >= least[fn] || sld__infer_fail(e, "a shape function of its declaration wants %u arguments", least[fn]);
}

bool sld__shape_fn(sld_env *e, unsigned fn, uint32_t n, sld_val *a, sld_val *out)
{
    if (!wants(e, fn, n))
        return false;
    out->n = 0;
    switch ((sld_fn)fn) {
    case SLD_FN_BROADCAST: return fn_broadcast(e, n, a, out);
    case SLD_FN_REDUCE: return fn_reduce(e, &a[0], &a[1], a[2].d[0] != 0, out);
    case SLD_FN_PERMUTE: return fn_permute(e, &a[0], &a[1], out);
    case SLD_FN_SWAP: return fn_swap(e, &a[0], a[1].d[0], a[2].d[0], out);
    case SLD_FN_RESHAPE: {
        bool ok = fn_reshape(e, &a[0], &a[1], n < 3 || a[2].d[0], out);
        if (ok && n > 2 && a[2].slot >= 0)
            e->attrs[a[2].slot].i = 1; /* the shape is complete now */
        return ok;
    }
    case SLD_FN_EXPAND: return fn_expand(e, &a[0], &a[1], out);
    case SLD_FN_SQUEEZE: return fn_squeeze(e, &a[0], &a[1], out);
    case SLD_FN_UNSQUEEZE: return fn_unsqueeze(e, &a[0], &a[1], out);
    case SLD_FN_FLATTEN: return fn_flatten(e, &a[0], a[1].d[0], a[2].d[0], out);
    case SLD_FN_MATMUL: return fn_matmul(e, &a[0], &a[1], out);
    case SLD_FN_CONCAT: return fn_concat(e, &a[0], a[1].d[0], false, out);
    case SLD_FN_STACK: return fn_concat(e, &a[0], a[1].d[0], true, out);
    case SLD_FN_SLICE: return fn_slice(e, a, out);
    case SLD_FN_SPLIT: return fn_split(e, a, out);
    case SLD_FN_GATHER: return fn_gather(e, &a[0], &a[1], a[2].d[0], out);
    case SLD_FN_GATHER_ND: return fn_gather_nd(e, &a[0], &a[1], a[2].d[0], out);
    case SLD_FN_SELECT: return fn_with(e, &a[0], a[1].d[0], NULL, out);
    case SLD_FN_PAD: return fn_pad(e, &a[0], &a[1], out);
    case SLD_FN_CONV: return fn_conv(e, a, out);
    case SLD_FN_INDEX: return fn_index(e, &a[0], out);
    case SLD_FN_WITH: return fn_with(e, &a[0], a[1].d[0], &a[2].d[0], out);
    case SLD_FN_TOPK: return fn_with(e, &a[0], a[2].d[0], &a[1].d[0], out);
    case SLD_FN_RANK: return number(out, a[0].n);
    case SLD_FN_SIZE: return fn_size(e, &a[0], a[1].d[0], out);
    case SLD_FN_NUMEL: return number(out, product(e, a[0].d, a[0].n));
    case SLD_FN_CEILDIV:
        return number(out, sld_dim_div(e->g, sld_dim_add(e->g, a[0].d[0], sld_dim_sub(e->g, a[1].d[0], 1)), a[1].d[0]));
    case SLD_FN_MIN: return number(out, sld_dim_min(e->g, a[0].d[0], a[1].d[0]));
    case SLD_FN_MAX: return number(out, sld_dim_max(e->g, a[0].d[0], a[1].d[0]));
    case SLD_FN_CUT: return fn_cut(e, a, out);
    case SLD_FN_BYTES:
    case SLD_FN_DTYPE: return fn_operand_number(e, fn, &a[0], out);
    case SLD_FN_TRANSPOSE_IF:
        return a[1].d[0] && a[0].n > 1 ? fn_swap(e, &a[0], -1, -2, out) : (*out = a[0], true);
    case SLD_FN_COUNT: break;
    }
    return sld__infer_fail(e, "unknown shape function");
}
