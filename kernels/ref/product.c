/* Matrix products and convolution, accumulated in double. */
#include "kern.h"

/* C[m, n] = sum over k of A[m, k] B[k, n]; strides in elements. */
static void product(const sld_tensor *a, size_t a0, size_t am, size_t ak, const sld_tensor *b, size_t b0, size_t bk, size_t bn,
                    const sld_tensor *c, size_t c0, size_t m, size_t n, size_t k)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t p = 0; p < k; p++)
                sum += kern_get(a, a0 + i * am + p * ak) * kern_get(b, b0 + p * bk + j * bn);
            kern_put(c, c0 + i * n + j, sum);
        }
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
    for (size_t i = 0, batches = kern_numel(&bo); i < batches; i++)
        product(a, kern_broadcast(&ba, &bo, i) * m * k, k, 1, b, kern_broadcast(&bb, &bo, i) * k * n, n, 1, o, i * m * n, m, n, k);
    return NULL;
}

/* x w^T + bias */
const char *sld_ref_linear(const sld_launch *l);
const char *sld_ref_linear(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1], *o = &l->out[0];
    size_t k = (size_t)w->dims[1], n = (size_t)w->dims[0], m = n ? kern_numel(o) / n : 0;
    product(x, 0, k, 1, w, 0, 1, k, o, 0, m, n, k);
    for (size_t i = 0; kern_present(l, 2) && i < m * n; i++)
        kern_put(o, i, kern_get(o, i) + kern_get(&l->in[2], i % n));
    return NULL;
}

/* alpha A' B' + beta C */
const char *sld_ref_gemm(const sld_launch *l);
const char *sld_ref_gemm(const sld_launch *l)
{
    const sld_tensor *a = &l->in[0], *b = &l->in[1], *o = &l->out[0];
    if (a->rank != 2 || b->rank != 2)
        return "operands are no matrices";
    bool ta = kern_attr(l, "trans_a")->i, tb = kern_attr(l, "trans_b")->i;
    size_t m = (size_t)o->dims[0], n = (size_t)o->dims[1], k = (size_t)a->dims[ta ? 0 : 1];
    product(a, 0, ta ? 1 : k, ta ? m : 1, b, 0, tb ? 1 : n, tb ? k : 1, o, 0, m, n, k);
    double alpha = kern_attr(l, "alpha")->f, beta = kern_attr(l, "beta")->f;
    for (size_t i = 0; i < m * n; i++) {
        double c = kern_present(l, 2) ? kern_get(&l->in[2], kern_broadcast(&l->in[2], o, i)) : 0;
        kern_put(o, i, alpha * kern_get(o, i) + beta * c);
    }
    return NULL;
}

/* One output element: the window at `at` (image, channel, place) over the group's channels. */
static double convolve(const sld_launch *l, const int64_t *at)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1];
    const sld_attr *strides = kern_attr(l, "strides"), *pads = kern_attr(l, "pads"), *dilations = kern_attr(l, "dilations");
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
    for (size_t i = 0, n = kern_numel(o); i < n; i++) {
        int64_t at[KERN_RANK_MAX];
        kern_unravel(o, i, at);
        kern_put(o, i, convolve(l, at));
    }
    return NULL;
}
