/* Gather and scatter.  Negative indices count from the end; others outside are an error. */
#include "kern.h"

static bool checked(int64_t *i, int64_t n)
{
    *i += *i < 0 ? n : 0;
    return *i >= 0 && *i < n;
}

static bool all_checked(int64_t *at, const sld_tensor *x)
{
    for (uint32_t k = 0; k < x->rank; k++)
        if (!checked(&at[k], x->dims[k]))
            return false;
    return true;
}

static const char *const outside = "an index is out of range";

const char *sld_ref_gather(const sld_launch *l);
const char *sld_ref_gather(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *index = &l->in[1], *o = &l->out[0];
    kern_span s = kern_split(x, kern_axis(l, "axis", x));
    size_t n = kern_numel(index), size = kern_size(x->dtype) * s.behind;
    for (size_t b = 0; b < s.before; b++)
        for (size_t k = 0; k < n; k++) {
            int64_t at = kern_geti(index, k);
            if (!checked(&at, (int64_t)s.n))
                return outside;
            if (size)
                memcpy((char *)o->data + (b * n + k) * size,
                       (const char *)x->data + (b * s.n + (size_t)at) * size, size);
        }
    return NULL;
}

const char *sld_ref_gather_elements(const sld_launch *l);
const char *sld_ref_gather_elements(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *index = &l->in[1], *o = &l->out[0];
    uint32_t axis = kern_axis(l, "axis", x);
    if (index->rank != x->rank)
        return "indices and data differ in rank";
    for (size_t i = 0, n = kern_numel(o); i < n; i++) {
        int64_t at[KERN_RANK_MAX];
        kern_unravel(o, i, at);
        at[axis] = kern_geti(index, i);
        if (!all_checked(at, x))
            return outside;
        kern_copy_element(o, i, x, kern_ravel(x, at));
    }
    return NULL;
}

/* Start of the slice of x that tuple t of the indices names: its first `batch` coordinates are those of the
 * tuple's own place. */
static bool tuple_start(const sld_tensor *x, const sld_tensor *index, size_t t, uint32_t batch, size_t *at,
                        size_t *behind)
{
    uint32_t depth = (uint32_t)index->dims[index->rank - 1];
    int64_t place[KERN_RANK_MAX];
    *at = 0;
    *behind = 1;
    kern_unravel(index, t * depth, place);
    for (uint32_t k = 0; k < batch + depth; k++) {
        int64_t c = k < batch ? place[k] : kern_geti(index, t * depth + k - batch);
        if (!checked(&c, x->dims[k]))
            return false;
        *at = *at * (size_t)x->dims[k] + (size_t)c;
    }
    for (uint32_t k = batch + depth; k < x->rank; k++)
        *behind *= (size_t)x->dims[k];
    *at *= *behind;
    return true;
}

const char *sld_ref_gather_nd(const sld_launch *l);
const char *sld_ref_gather_nd(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *index = &l->in[1], *o = &l->out[0];
    size_t depth = index->rank ? (size_t)index->dims[index->rank - 1] : 0, at, behind;
    uint32_t batch = (uint32_t)kern_attr(l, "batch_dims")->i;
    if (!depth || batch >= index->rank || batch + depth > x->rank)
        return "the last dim of the indices does not fit";
    for (size_t t = 0, tuples = kern_numel(index) / depth; t < tuples; t++) {
        if (!tuple_start(x, index, t, batch, &at, &behind))
            return outside;
        for (size_t i = 0; i < behind; i++)
            kern_copy_element(o, t * behind + i, x, at + i);
    }
    return NULL;
}

enum { PUT, ADD, MUL, MAX, MIN }; /* ORDER: attribute reduction of the scattering ops */

static double combined(double a, double b, int64_t reduction)
{
    switch (reduction) {
    case ADD: return a + b;
    case MUL: return a * b;
    case MAX: return a != a || a > b ? a : b;
    default: return a != a || a < b ? a : b;
    }
}

/* Integers wrap. */
static int64_t combined_ints(int64_t a, int64_t b, int64_t reduction)
{
    switch (reduction) {
    case ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case MAX: return a > b ? a : b;
    default: return a < b ? a : b;
    }
}

static void combine(const sld_tensor *o, size_t i, const sld_tensor *u, size_t k, int64_t reduction)
{
    if (reduction == PUT)
        kern_copy_element(o, i, u, k);
    else if (kern_is_float(o->dtype))
        kern_put(o, i, combined(kern_get(o, i), kern_get(u, k), reduction));
    else
        kern_puti(o, i, combined_ints(kern_geti(o, i), kern_geti(u, k), reduction));
}

static void copy_all(const sld_tensor *o, const sld_tensor *x)
{
    size_t n = kern_numel(o) * kern_size(o->dtype);
    if (n)
        memcpy(o->data, x->data, n);
}

/* Of several updates of one place the last one stays. */
const char *sld_ref_scatter_nd(const sld_launch *l);
const char *sld_ref_scatter_nd(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *index = &l->in[1], *u = &l->in[2], *o = &l->out[0];
    size_t depth = index->rank ? (size_t)index->dims[index->rank - 1] : 0, at, behind;
    copy_all(o, x);
    if (!depth || depth > x->rank)
        return "the last dim of the indices does not fit";
    for (size_t t = 0; t < kern_numel(index) / depth; t++) {
        if (!tuple_start(x, index, t, 0, &at, &behind))
            return outside;
        if ((t + 1) * behind > kern_numel(u))
            return "too few updates";
        for (size_t i = 0; i < behind; i++)
            combine(o, at + i, u, t * behind + i, kern_attr(l, "reduction")->i);
    }
    return NULL;
}

const char *sld_ref_scatter_elements(const sld_launch *l);
const char *sld_ref_scatter_elements(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *index = &l->in[1], *u = &l->in[2], *o = &l->out[0];
    uint32_t axis = kern_axis(l, "axis", x);
    copy_all(o, x);
    if (index->rank != x->rank || kern_numel(u) != kern_numel(index))
        return "indices and updates differ in shape";
    for (size_t i = 0, n = kern_numel(index); i < n; i++) {
        int64_t at[KERN_RANK_MAX];
        kern_unravel(index, i, at);
        at[axis] = kern_geti(index, i);
        if (!all_checked(at, x))
            return outside;
        combine(o, kern_ravel(x, at), u, i, kern_attr(l, "reduction")->i);
    }
    return NULL;
}

const char *sld_ref_slice_scatter(const sld_launch *l);
const char *sld_ref_slice_scatter(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *src = &l->in[1], *o = &l->out[0];
    uint32_t axis = kern_axis(l, "axis", x);
    int64_t start = kern_attr(l, "start")->i, step = kern_attr(l, "step")->i;
    start += start < 0 ? x->dims[axis] : 0;
    if (src->rank != x->rank)
        return "the source does not fit the slice";
    copy_all(o, x);
    for (size_t i = 0, n = kern_numel(src); i < n; i++) {
        int64_t at[KERN_RANK_MAX];
        kern_unravel(src, i, at);
        at[axis] = start + at[axis] * step;
        for (uint32_t k = 0; k < x->rank; k++)
            if (at[k] < 0 || at[k] >= x->dims[k])
                return "the source does not fit the slice";
        kern_copy_element(o, kern_ravel(x, at), src, i);
    }
    return NULL;
}
