/* Ops that move elements without computing. */
#include "kern.h"

/* Views, when they are launched after all: the same bytes. */
static const char *copy_bytes(const sld_launch *l)
{
    size_t n = kern_numel(&l->out[0]) * kern_size(l->out[0].dtype);
    if (n)
        memcpy(l->out[0].data, l->in[0].data, n);
    return NULL;
}

#define COPY(name) \
    const char *sld_ref_##name(const sld_launch *l); \
    const char *sld_ref_##name(const sld_launch *l) { return copy_bytes(l); }
COPY(identity)
COPY(reshape)
COPY(squeeze)
COPY(unsqueeze)
COPY(flatten)
COPY(reshape_as)

/* out[i] = x[j] with j[perm[k]] = i[k]. */
static void permute(const sld_tensor *x, const sld_tensor *o, const uint32_t *perm)
{
    for (size_t i = 0, n = kern_numel(o); i < n; i++) {
        int64_t to[KERN_RANK_MAX], from[KERN_RANK_MAX];
        kern_unravel(o, i, to);
        for (uint32_t k = 0; k < o->rank; k++)
            from[perm[k]] = to[k];
        kern_copy_element(o, i, x, kern_ravel(x, from));
    }
}

const char *sld_ref_transpose(const sld_launch *l);
const char *sld_ref_transpose(const sld_launch *l)
{
    uint32_t perm[KERN_RANK_MAX];
    for (uint32_t k = 0; k < l->out[0].rank; k++)
        perm[k] = (uint32_t)kern_attr(l, "perm")->p[k];
    permute(&l->in[0], &l->out[0], perm);
    return NULL;
}

const char *sld_ref_swapaxes(const sld_launch *l);
const char *sld_ref_swapaxes(const sld_launch *l)
{
    uint32_t perm[KERN_RANK_MAX], a = kern_axis(l, "a", &l->in[0]), b = kern_axis(l, "b", &l->in[0]);
    for (uint32_t k = 0; k < l->out[0].rank; k++)
        perm[k] = k == a ? b : k == b ? a : k;
    permute(&l->in[0], &l->out[0], perm);
    return NULL;
}

const char *sld_ref_expand(const sld_launch *l);
const char *sld_ref_expand(const sld_launch *l)
{
    for (size_t i = 0, n = kern_numel(&l->out[0]); i < n; i++)
        kern_copy_element(&l->out[0], i, &l->in[0], kern_broadcast(&l->in[0], &l->out[0], i));
    return NULL;
}

const char *sld_ref_full(const sld_launch *l);
const char *sld_ref_full(const sld_launch *l)
{
    return sld_ref_expand(l);
}

/* Copies `n` rows of an axis between two tensors that agree in the others. */
static void copy_rows(const sld_tensor *to, uint32_t axis, size_t to_at, const sld_tensor *from,
                      size_t from_at, size_t n)
{
    kern_span t = kern_split(to, axis), f = kern_split(from, axis);
    size_t size = kern_size(to->dtype) * t.behind;
    if (!n || !size)
        return;
    for (size_t b = 0; b < t.before; b++)
        memcpy((char *)to->data + (b * t.n + to_at) * size,
               (const char *)from->data + (b * f.n + from_at) * size, n * size);
}

const char *sld_ref_concat(const sld_launch *l);
const char *sld_ref_concat(const sld_launch *l)
{
    uint32_t axis = kern_axis(l, "axis", &l->out[0]);
    size_t at = 0;
    for (uint32_t i = 0; i < l->n_in; i++) {
        copy_rows(&l->out[0], axis, at, &l->in[i], 0, (size_t)l->in[i].dims[axis]);
        at += (size_t)l->in[i].dims[axis];
    }
    return NULL;
}

const char *sld_ref_split(const sld_launch *l);
const char *sld_ref_split(const sld_launch *l)
{
    uint32_t axis = kern_axis(l, "axis", &l->in[0]);
    size_t at = 0;
    for (uint32_t i = 0; i < l->n_out; i++) {
        copy_rows(&l->out[i], axis, 0, &l->in[0], at, (size_t)l->out[i].dims[axis]);
        at += (size_t)l->out[i].dims[axis];
    }
    return NULL;
}

const char *sld_ref_slice(const sld_launch *l);
const char *sld_ref_slice(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *o = &l->out[0];
    const sld_attr *axes = kern_attr(l, "axes");
    const sld_attr *starts = kern_attr(l, "starts"), *steps = kern_attr(l, "steps");
    int64_t start[KERN_RANK_MAX] = {0}, step[KERN_RANK_MAX];
    for (uint32_t k = 0; k < x->rank; k++)
        step[k] = 1;
    for (uint32_t i = 0; i < axes->n; i++) {
        start[axes->p[i] + x->rank] = starts->p[i];
        step[axes->p[i] + x->rank] = steps->p[i];
    }
    for (size_t i = 0, n = kern_numel(o); i < n; i++) {
        int64_t index[KERN_RANK_MAX];
        kern_unravel(o, i, index);
        for (uint32_t k = 0; k < x->rank; k++)
            index[k] = start[k] + index[k] * step[k];
        kern_copy_element(o, i, x, kern_ravel(x, index));
    }
    return NULL;
}

const char *sld_ref_select(const sld_launch *l);
const char *sld_ref_select(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *o = &l->out[0];
    kern_span s = kern_split(x, kern_axis(l, "axis", x));
    int64_t at = kern_attr(l, "index")->i;
    at += at < 0 ? (int64_t)s.n : 0;
    if (at < 0 || at >= (int64_t)s.n)
        return "index is out of range";
    for (size_t b = 0; b < s.before; b++)
        for (size_t r = 0; r < s.behind; r++)
            kern_copy_element(o, b * s.behind + r, x, (b * s.n + (size_t)at) * s.behind + r);
    return NULL;
}

/* Source position of a padded one: reflected, clamped, or -1 outside. */
static int64_t source(int64_t i, int64_t n, int64_t mode)
{
    if (i >= 0 && i < n)
        return i;
    if (mode == 0 || n == 0)
        return -1;
    if (mode == 2)
        return i < 0 ? 0 : n - 1;
    int64_t period = n > 1 ? 2 * (n - 1) : 1;
    i = ((i % period) + period) % period;
    return i < n ? i : period - i;
}

const char *sld_ref_pad(const sld_launch *l);
const char *sld_ref_pad(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *o = &l->out[0];
    const sld_attr *pads = kern_attr(l, "pads");
    int64_t mode = kern_attr(l, "mode")->i; /* constant, reflect, edge */
    for (size_t i = 0, n = kern_numel(o); i < n; i++) {
        int64_t index[KERN_RANK_MAX];
        bool inside = true;
        kern_unravel(o, i, index);
        for (uint32_t k = 0; k < x->rank; k++) {
            index[k] = source(index[k] - pads->p[k], x->dims[k], mode);
            inside &= index[k] >= 0;
        }
        if (inside)
            kern_copy_element(o, i, x, kern_ravel(x, index));
        else if (kern_present(l, 1))
            kern_copy_element(o, i, &l->in[1], 0);
        else
            memset((char *)o->data + i * kern_size(o->dtype), 0, kern_size(o->dtype));
    }
    return NULL;
}

static const char *triangle(const sld_launch *l, bool upper)
{
    const sld_tensor *x = &l->in[0], *o = &l->out[0];
    if (x->rank < 2)
        return "a triangle of less than two dims";
    int64_t cols = x->dims[x->rank - 1], rows = x->dims[x->rank - 2], diagonal = kern_attr(l, "diagonal")->i;
    for (size_t i = 0, n = kern_numel(o); i < n; i++) {
        int64_t col = (int64_t)i % cols, row = (int64_t)i / cols % rows;
        if (upper ? col - row >= diagonal : col - row <= diagonal)
            kern_copy_element(o, i, x, i);
        else
            memset((char *)o->data + i * kern_size(o->dtype), 0, kern_size(o->dtype));
    }
    return NULL;
}

const char *sld_ref_tril(const sld_launch *l);
const char *sld_ref_tril(const sld_launch *l)
{
    return triangle(l, false);
}

const char *sld_ref_triu(const sld_launch *l);
const char *sld_ref_triu(const sld_launch *l)
{
    return triangle(l, true);
}

const char *sld_ref_shape(const sld_launch *l);
const char *sld_ref_shape(const sld_launch *l)
{
    int64_t rank = l->in[0].rank, start = kern_attr(l, "start")->i;
    start += start < 0 ? rank : 0;
    start = start < 0 ? 0 : start;
    for (size_t i = 0, n = kern_numel(&l->out[0]); i < n; i++)
        kern_puti(&l->out[0], i, l->in[0].dims[(size_t)start + i]);
    return NULL;
}

const char *sld_ref_size(const sld_launch *l);
const char *sld_ref_size(const sld_launch *l)
{
    kern_puti(&l->out[0], 0, l->in[0].dims[kern_axis(l, "axis", &l->in[0])]);
    return NULL;
}

const char *sld_ref_arange(const sld_launch *l);
const char *sld_ref_arange(const sld_launch *l)
{
    int64_t start = kern_attr(l, "start")->i, step = kern_attr(l, "step")->i;
    const sld_tensor *o = &l->out[0];
    for (size_t i = 0, n = kern_numel(o); i < n; i++) {
        int64_t v = start + (int64_t)i * step;
        if (kern_is_float(o->dtype))
            kern_put(o, i, (double)v);
        else
            kern_puti(o, i, v);
    }
    return NULL;
}
