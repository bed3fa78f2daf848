/* The shape functions that cut, join and regroup: reshape, concat, stack, slice, split.  Bounds
 * and sizes may be symbolic; where a bound's sign or a size cannot be decided for all values of
 * the symbols, that is an error, because a guess would give a wrong shape. */
#include "infer.h"

#include <inttypes.h>
#include <string.h>

/* ----------------------------------------------------------------- reshape -- */

static void dim_text(sld_env *e, sld_dim d, char *buf, size_t n)
{
    sld_dim_print(e->g, d, buf, n);
}

static sld_dim product(sld_env *e, const sld_dim *d, uint32_t n)
{
    sld_dim p = 1;
    for (uint32_t i = 0; i < n && sld__ok(p); i++)
        p = sld_dim_mul(e->g, p, d[i]);
    return p;
}

/* Replaces 0 and finds -1; *free_at is the number of dims when there is none. */
static bool read_shape(sld_env *e, const sld_val *x, bool allowzero, sld_dim *d, uint32_t n,
                       uint32_t *free_at)
{
    *free_at = n;
    for (uint32_t i = 0; i < n; i++) {
        if (d[i] == 0 && !allowzero) {
            if (i >= x->n)
                return sld__infer_fail(e, "0 at %u of the new shape stands for a dim that the operand lacks",
                                       i);
            d[i] = x->d[i];
        } else if (d[i] == -1) {
            if (*free_at < n)
                return sld__infer_fail(e, "the new shape has two dims of -1");
            *free_at = i;
        } else if (sld_dim_le(e->g, 0, d[i]) == SLD_NEVER) {
            return sld__infer_fail(e, "dim %u of the new shape is negative", i);
        }
    }
    return true;
}

/* Products of what is left on both sides when equal dims are taken off: smaller polynomials, and dims that no
 * division takes apart cancel. A 0 stays, because it says nothing of the other dims. */
static bool left_over(sld_env *e, const sld_val *x, const sld_dim *want, uint32_t n, uint32_t free_at,
                      sld_dim *have_left, sld_dim *want_left)
{
    sld_dim rest[UINT8_MAX];
    uint32_t n_rest = x->n;
    if (n_rest)
        memcpy(rest, x->d, n_rest * sizeof *rest);
    *want_left = 1;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = 0;
        while (k < n_rest && (rest[k] != want[i] || !want[i]))
            k++;
        if (i == free_at)
            continue;
        if (k < n_rest)
            rest[k] = rest[--n_rest];
        else if (!sld__ok(*want_left = sld_dim_mul(e->g, *want_left, want[i])))
            return false;
    }
    return sld__ok(*have_left = product(e, rest, n_rest));
}

static bool free_dim(sld_env *e, sld_dim have, sld_dim want, sld_dim *out)
{
    char a[120], b[120];
    if (want == 0)
        return sld__infer_fail(e, "-1 in the new shape is not determined when another dim is 0");
    *out = sld_dim_div(e->g, have, want);
    if (!sld__ok(*out))
        return false;
    sld_dim back = sld_dim_mul(e->g, *out, want);
    if (!sld__ok(back) || sld__equal(e, back, have))
        return sld__ok(back);
    dim_text(e, have, a, sizeof a);
    dim_text(e, want, b, sizeof b);
    return sld__infer_fail(e, "-1 in the new shape stands for %s elements over %s, which is not exact", a, b);
}

bool sld__fn_reshape(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    sld_val x = a[0];
    bool allowzero = n < 3 || a[2].num;
    uint32_t free_at;
    sld_dim have = 0, want = 0;
    sld_dim *d = sld__copy_list(e, out, &a[1]);
    if (!d || !read_shape(e, &x, allowzero, d, out->n, &free_at) ||
        !left_over(e, &x, d, out->n, free_at, &have, &want))
        return false;
    if (free_at < out->n ? !free_dim(e, have, want, &d[free_at])
                         : !sld__agree(e, "numbers of elements", have, want))
        return false;
    if (n > 2)
        sld__set_int(e, &a[2], 1);
    return sld__set_list(e, &a[1], out->n, out->d);
}

/* ----------------------------------------------------------- concat, stack -- */

/* The operands from `first` on have the rank of the first one and its dims, but for axis `except`, whose sum
 * is wanted. */
static bool join(sld_env *e, uint32_t first, uint32_t except, sld_dim *d)
{
    uint32_t rank = sld_rank(e->g, e->in[first]);
    for (uint32_t i = first + 1; i < e->n_in; i++) {
        if (!e->in[i])
            return sld__infer_fail(e, "operand %u is missing", i);
        if (sld_rank(e->g, e->in[i]) != rank)
            return sld__infer_fail(e, "operand %u has rank %u, the first one %u", i,
                                   sld_rank(e->g, e->in[i]), rank);
        for (uint32_t k = 0; k < rank; k++) {
            sld_dim x = sld_shape(e->g, e->in[i])[k];
            if (k == except ? !sld__ok(d[k] = sld_dim_add(e->g, d[k], x))
                            : !sld__agree(e, "joined dims", d[k], x))
                return false;
        }
    }
    return true;
}

static bool no_operand(sld_env *e, const sld_val *xs)
{
    return xs->kind != SLD_VAL_LIST && !sld__infer_fail(e, "it joins at least one operand");
}

bool sld__fn_concat(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    uint32_t at = 0, first = (uint32_t)a[0].operand;
    if (no_operand(e, &a[0]) || !sld__axis(e, a[1].num, a[0].n, &at))
        return false;
    sld_dim *d = sld__copy_list(e, out, &a[0]);
    return d && join(e, first, at, d);
}

bool sld__fn_stack(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    uint32_t at = 0, first = (uint32_t)a[0].operand;
    sld_val x = a[0];
    if (no_operand(e, &x) || !sld__axis(e, a[1].num, x.n + 1, &at))
        return false;
    sld_dim *d = sld__new_list(e, out, x.n + 1);
    if (!d)
        return false;
    memcpy(d, x.d, x.n * sizeof *d);
    if (!join(e, first, x.n, d))
        return false;
    memmove(d + at + 1, d + at, (x.n - at) * sizeof *d);
    d[at] = e->n_in - first;
    return true;
}

/* ------------------------------------------------------------------- slice -- */

/* ONNX recommends the largest number of either index type for "to the end", torch the larger one. */
static bool is_far(sld_dim b, sld_dim dim, bool *up)
{
    bool wide = sld_dim_is_sym(dim);
    *up = b > 0;
    return b == INT64_MAX || b == SLD_SYM_LIMIT || (wide && (b == INT32_MAX || b == INT32_MIN));
}

/* One bound of a slice, counted from either end, as a place within [low, top] as Python clamps it. */
static bool clamp(sld_env *e, sld_dim b, sld_dim dim, sld_dim low, sld_dim top, sld_dim *out)
{
    sld_graph *g = e->g;
    bool up;
    *out = b;
    if (b == top)
        return true;
    if (is_far(b, dim, &up)) {
        *out = up ? top : low;
        return true;
    }
    sld_truth front = sld_dim_le(g, 0, b);
    if (front == SLD_DEPENDS) {
        char text[120];
        sld_dim_print(g, b, text, sizeof text);
        return sld__infer_fail(e, "the bound %s may count from either end", text);
    }
    if (front == SLD_NEVER)
        b = sld_dim_add(g, b, dim);
    b = sld__ok(b) ? sld_dim_min(g, b, top) : b;
    *out = sld__ok(b) ? sld_dim_max(g, b, low) : b;
    return sld__ok(*out);
}

/* Elements of start:end:step, whose bounds have been clamped. */
static sld_dim slice_length(sld_graph *g, sld_dim start, sld_dim end, int64_t step)
{
    sld_dim span = step > 0 ? sld_dim_sub(g, end, start) : sld_dim_sub(g, start, end);
    int64_t by = step > 0 ? step : -step;
    if (sld__ok(span) && by > 1)
        span = sld_dim_div(g, sld_dim_add(g, span, by - 1), by);
    return sld__ok(span) ? sld_dim_max(g, span, 0) : span;
}

typedef struct part { uint32_t axis; sld_dim start, end, step; } part;

/* How a bound is written so that it reads the same again: going back, the place before the first element is
 * -dim-1, because -1 would be the last. */
static bool spell(sld_env *e, bool back, sld_dim d, sld_dim last, sld_dim *bound)
{
    if (!back || *bound == last || sld_dim_le(e->g, 0, *bound) == SLD_ALWAYS)
        return true;
    if (*bound != -1)
        return sld__infer_fail(e, "a bound of a backward slice may lie before the first element");
    return sld__ok(*bound = sld_dim_sub(e->g, -1, d));
}

/* Brings the bounds into the dim, and the dim to the number of elements between them. */
static bool cut_axis(sld_env *e, part *p, sld_dim *dim)
{
    sld_dim d = *dim, last = sld_dim_sub(e->g, d, 1);
    bool back = p->step < 0;
    if (sld_dim_is_sym(p->step) || p->step == 0)
        return sld__infer_fail(e, "a step must be a number other than 0");
    if (!sld__ok(last) || !clamp(e, p->start, d, back ? -1 : 0, back ? last : d, &p->start) ||
        !clamp(e, p->end, d, back ? -1 : 0, back ? last : d, &p->end))
        return false;
    if (!back && sld_dim_le(e->g, p->start, p->end) == SLD_NEVER)
        p->end = p->start; /* rules may rely on their order */
    *dim = slice_length(e->g, p->start, p->end, p->step);
    return sld__ok(*dim) && spell(e, back, d, last, &p->start) && spell(e, back, d, last, &p->end);
}

/* Sorts the parts by axis, so that equal slices look equal. */
static bool read_parts(sld_env *e, uint32_t n_args, const sld_val *a, part *parts)
{
    const sld_val *axes = &a[1], *starts = &a[2], *ends = &a[3], *steps = n_args > 4 && a[4].n ? &a[4] : NULL;
    uint32_t n = starts->n;
    if (ends->n != n || (axes->n && axes->n != n) || (steps && steps->n != n))
        return sld__infer_fail(e, "starts, ends, axes and steps differ in length");
    if (n > a[0].n)
        return sld__infer_fail(e, "%u axes are cut of rank %u", n, a[0].n);
    for (uint32_t i = 0; i < n; i++) {
        part p = {.start = starts->d[i], .end = ends->d[i], .step = steps ? steps->d[i] : 1};
        uint32_t k = i;
        if (!sld__axis(e, axes->n ? axes->d[i] : (int64_t)i, a[0].n, &p.axis))
            return false;
        for (; k > 0 && parts[k - 1].axis >= p.axis; k--) {
            if (parts[k - 1].axis == p.axis)
                return sld__infer_fail(e, "axis %u is named twice", p.axis);
            parts[k] = parts[k - 1];
        }
        parts[k] = p;
    }
    return true;
}

bool sld__fn_slice(sld_env *e, uint32_t n_args, const sld_val *a, sld_val *out)
{
    part parts[UINT8_MAX];
    uint32_t n = a[2].n;
    if (!read_parts(e, n_args, a, parts))
        return false;
    sld_val lists[4];
    sld_dim *at[4], *d = sld__copy_list(e, out, &a[0]);
    for (int k = 0; k < 4; k++)
        if (!(at[k] = sld__new_list(e, &lists[k], n)))
            return false;
    for (uint32_t i = 0; d && i < n; i++) {
        if (!cut_axis(e, &parts[i], &d[parts[i].axis]))
            return false;
        at[0][i] = (int64_t)parts[i].axis - a[0].n;
        at[1][i] = parts[i].start;
        at[2][i] = parts[i].end;
        at[3][i] = parts[i].step;
    }
    for (uint32_t k = 0; d && k < 4 && k + 1 < n_args; k++)
        if (!sld__set_list(e, &a[k + 1], n, lists[k].d))
            return false;
    return d != NULL;
}

bool sld__fn_cut(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    sld_dim dim = a[0].num, start = 0, end = 0;
    if (!clamp(e, a[1].num, dim, 0, dim, &start) || !clamp(e, a[2].num, dim, 0, dim, &end))
        return false;
    out->kind = SLD_VAL_NUM;
    out->num = slice_length(e->g, start, end, 1);
    return sld__ok(out->num);
}

/* ------------------------------------------------------------------- split -- */

/* Size of all parts but the last. parts 0: as many as there are results, all equal. */
static bool chunk_size(sld_env *e, sld_dim dim, sld_dim parts, sld_dim *out)
{
    sld_graph *g = e->g;
    if (parts == 0) {
        sld_dim n = e->n_out;
        return sld__ok(*out = sld_dim_div(g, dim, n)) &&
               sld__agree(e, "equal parts", sld_dim_mul(g, *out, n), dim);
    }
    if (sld_dim_is_sym(parts) || parts < 0)
        return sld__infer_fail(e, "the number of parts must be a number above 0");
    return sld__ok(*out = sld_dim_div(g, sld_dim_add(g, dim, parts - 1), parts));
}

/* Sizes from a number of parts: the last one takes what is left, which is at most as much as the others have.
 */
static bool make_sizes(sld_env *e, sld_dim dim, sld_dim parts, sld_dim *sizes)
{
    sld_graph *g = e->g;
    sld_dim chunk = 0, n = e->n_out;
    if (!chunk_size(e, dim, parts, &chunk))
        return false;
    for (uint32_t i = 0; i < n; i++)
        sizes[i] = chunk;
    sld_dim last = sld_dim_sub(g, dim, sld_dim_mul(g, chunk, n - 1));
    sizes[n - 1] = last;
    if (!sld__ok(last))
        return false;
    if (sld_dim_le(g, 0, last) == SLD_NEVER || sld_dim_le(g, last, chunk) == SLD_NEVER)
        return sld__infer_fail(e, "%" PRId64 " parts do not give %" PRId64 " results", parts, n);
    return true;
}

static bool check_sizes(sld_env *e, sld_dim dim, const sld_val *sizes)
{
    sld_dim total = 0;
    if (sizes->n != e->n_out)
        return sld__infer_fail(e, "%u sizes for %u results", sizes->n, e->n_out);
    for (uint32_t i = 0; i < sizes->n; i++) {
        if (sld_dim_le(e->g, 0, sizes->d[i]) == SLD_NEVER)
            return sld__infer_fail(e, "size %u is negative", i);
        if (!sld__ok(total = sld_dim_add(e->g, total, sizes->d[i])))
            return false;
    }
    return sld__agree(e, "the sum of the sizes and the dim", total, dim);
}

/* Checks the sizes or makes them, and leaves them in the attribute for the further results. */
static bool complete_sizes(sld_env *e, uint32_t n_args, const sld_val *a, sld_dim dim, sld_val *sizes)
{
    sld_dim parts = n_args > 3 ? a[3].num : 0;
    if (sizes->n)
        return parts ? sld__infer_fail(e, "sizes and a number of parts are both given")
                     : check_sizes(e, dim, sizes);
    sld_dim *d = sld__graph_alloc(e->g, e->n_out * sizeof *d);
    if (!d || !make_sizes(e, dim, parts, d))
        return false;
    sizes->n = e->n_out;
    sizes->d = d;
    if (n_args > 3)
        sld__set_int(e, &a[3], 0);
    return sld__set_list(e, sizes, sizes->n, sizes->d);
}

bool sld__fn_split(sld_env *e, uint32_t n_args, const sld_val *a, sld_val *out)
{
    uint32_t at = 0;
    sld_val sizes = a[1];
    if (!sld__axis(e, a[2].num, a[0].n, &at))
        return false;
    sld_dim *d = sld__copy_list(e, out, &a[0]);
    if (!d || ((e->result == 0 || sizes.n != e->n_out) && !complete_sizes(e, n_args, a, d[at], &sizes)))
        return false;
    d[at] = sizes.d[e->result];
    return true;
}
