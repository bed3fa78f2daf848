/* Matrix products and convolution, accumulated in double. */
#include "kern.h"

/* Sum of k products of elements that stand `da` and `db` apart. */
static double dot(const sld_tensor *a, size_t ia, size_t da, const sld_tensor *b, size_t ib, size_t db,
                  size_t k)
{
    double sum = 0;
    for (size_t p = 0; p < k; p++)
        sum += kern_get(a, ia + p * da) * kern_get(b, ib + p * db);
    return sum;
}

const char *sld_ref_matmul(const sld_launch *l);
const char *sld_ref_matmul(const sld_launch *l)
{
    const sld_tensor *a = &l->in[0], *b = &l->in[1], *o = &l->out[0];
    size_t m = a->rank > 1 ? (size_t)a->dims[a->rank - 2] : 1, k = (size_t)a->dims[a->rank - 1];
    size_t n = b->rank > 1 ? (size_t)b->dims[b->rank - 1] : 1;
    /* The batch dims of operands and result, as shapes of their own. */
    sld_tensor ba = *a, bb = *b, bo = *o;
    ba.rank = a->rank > 2 ? (uint8_t)(a->rank - 2) : 0;
    bb.rank = b->rank > 2 ? (uint8_t)(b->rank - 2) : 0;
    bo.rank = (uint8_t)(o->rank - (a->rank > 1) - (b->rank > 1));
    for (size_t i = 0, elements = kern_numel(o); i < elements; i++) {
        size_t batch = i / (m * n), row = i / n % m, col = i % n;
        size_t ia = (kern_broadcast(&ba, &bo, batch) * m + row) * k;
        size_t ib = kern_broadcast(&bb, &bo, batch) * k * n + col;
        kern_put(o, i, dot(a, ia, 1, b, ib, n, k));
    }
    return NULL;
}

/* x w^T + bias */
const char *sld_ref_linear(const sld_launch *l);
const char *sld_ref_linear(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1], *o = &l->out[0];
    size_t k = (size_t)w->dims[1], n = (size_t)w->dims[0];
    for (size_t i = 0, elements = kern_numel(o); i < elements; i++) {
        double bias = kern_present(l, 2) ? kern_get(&l->in[2], i % n) : 0;
        kern_put(o, i, dot(x, i / n * k, 1, w, i % n * k, 1, k) + bias);
    }
    return NULL;
}

/* alpha A' B' + beta C */
const char *sld_ref_gemm(const sld_launch *l);
const char *sld_ref_gemm(const sld_launch *l)
{
    const sld_tensor *a = &l->in[0], *b = &l->in[1], *o = &l->out[0];
    if (a->rank != 2 || b->rank != 2)
        return "operands are no matrices";
    if (kern_present(l, 2) && !kern_broadcasts(&l->in[2], o))
        return "c does not broadcast to the result";
    bool ta = kern_attr(l, "trans_a")->i, tb = kern_attr(l, "trans_b")->i;
    size_t m = (size_t)o->dims[0], n = (size_t)o->dims[1], k = (size_t)a->dims[ta ? 0 : 1];
    double alpha = kern_attr(l, "alpha")->f, beta = kern_attr(l, "beta")->f;
    for (size_t i = 0; i < m * n; i++) {
        size_t row = i / n, col = i % n;
        double c = kern_present(l, 2) ? beta * kern_get(&l->in[2], kern_broadcast(&l->in[2], o, i)) : 0;
        double ab = dot(a, ta ? row : row * k, ta ? m : 1, b, tb ? col * k : col, tb ? 1 : n, k);
        kern_put(o, i, alpha * ab + c);
    }
    return NULL;
}

enum { NOTSET, VALID, SAME_UPPER, SAME_LOWER }; /* ORDER: attribute auto_pad of op conv */

/* One output element: the window at `at` (image, channel, place) over the group's channels. */
static double convolve(const sld_launch *l, const int64_t *at)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1];
    const sld_attr *strides = kern_attr(l, "strides"), *pads = kern_attr(l, "pads");
    const sld_attr *dilations = kern_attr(l, "dilations");
    int64_t per_group = w->dims[1], group = at[1] / (w->dims[0] / kern_attr(l, "group")->i);
    size_t window = kern_numel(w) / (size_t)w->dims[0];
    double sum = kern_present(l, 2) ? kern_get(&l->in[2], (size_t)at[1]) : 0;
    for (size_t i = 0; i < window; i++) {
        int64_t wi[KERN_RANK_MAX], xi[KERN_RANK_MAX];
        bool inside = true;
        kern_unravel(w, (size_t)at[1] * window + i, wi);
        xi[0] = at[0];
        xi[1] = group * per_group + wi[1];
        for (uint32_t k = 2; k < x->rank; k++) {
            xi[k] = at[k] * (strides->n ? strides->p[k - 2] : 1) - (pads->n ? pads->p[k - 2] : 0) +
                    wi[k] * (dilations->n ? dilations->p[k - 2] : 1);
            inside &= xi[k] >= 0 && xi[k] < x->dims[k];
        }
        if (inside)
            sum += kern_get(x, kern_ravel(x, xi)) * kern_get(w, kern_ravel(w, wi));
    }
    return sum;
}

const char *sld_ref_conv(const sld_launch *l);
const char *sld_ref_conv(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1], *o = &l->out[0];
    int64_t group = kern_attr(l, "group")->i;
    if (group < 1 || w->dims[0] % group || x->dims[1] != w->dims[1] * group)
        return "channels do not divide into the groups";
    if (kern_present(l, 2) && l->in[2].dims[0] != w->dims[0])
        return "the bias does not have one element for each output channel";
    if (kern_attr(l, "auto_pad")->i >= SAME_UPPER)
        return "auto_pad SAME is not supported: state the pads";
    for (size_t i = 0, n = kern_numel(o); i < n; i++) {
        int64_t at[KERN_RANK_MAX];
        kern_unravel(o, i, at);
        kern_put(o, i, convolve(l, at));
    }
    return NULL;
}

/* One spatial dim, with numbers for lists. */
const char *sld_ref_conv1d(const sld_launch *l);
const char *sld_ref_conv1d(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1], *o = &l->out[0];
    int64_t group = kern_attr(l, "group")->i, stride = kern_attr(l, "stride")->i, dilation = kern_attr(l, "dilation")->i;
    int64_t length = x->dims[2], channels = w->dims[1], window = w->dims[2], places = o->dims[2];
    if (group < 1 || w->dims[0] % group || x->dims[1] != channels * group)
        return "channels do not divide into the groups";
    for (int64_t i = 0, n = (int64_t)kern_numel(o); i < n; i++) {
        int64_t image = i / places / w->dims[0], m = i / places % w->dims[0], at = i % places * stride - kern_attr(l, "padding")->i;
        int64_t first = image * x->dims[1] + m / (w->dims[0] / group) * channels;
        double sum = kern_present(l, 2) ? kern_get(&l->in[2], (size_t)m) : 0;
        for (int64_t k = 0; k < channels * window; k++) {
            int64_t from = at + k % window * dilation;
            if (from >= 0 && from < length)
                sum += kern_get(x, (size_t)((first + k / window) * length + from)) * kern_get(w, (size_t)(m * channels * window + k));
        }
        kern_put(o, (size_t)i, sum);
    }
    return NULL;
}
