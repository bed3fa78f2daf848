/* Matrix products: BLAS where it is linked, otherwise a blocked loop that vectorises. */
#include "kern.h"

#ifdef SLD_HAVE_BLAS
#include <cblas.h>
#endif

/* C += A B, row-major. The inner loop runs over n, so that it vectorises without reordering sums. */
static void multiply(size_t m, size_t n, size_t k, const float *restrict a, const float *restrict b, float *restrict c)
{
    memset(c, 0, m * n * sizeof *c);
    for (size_t p0 = 0; p0 < k; p0 += 64)
        for (size_t i = 0; i < m; i++)
            for (size_t p = p0; p < p0 + 64 && p < k; p++) {
                float x = a[i * k + p];
                for (size_t j = 0; j < n; j++)
                    c[i * n + j] += x * b[p * n + j];
            }
}

typedef void (*product)(const sld_tensor *a, size_t ia, const sld_tensor *b, size_t ib, const sld_tensor *c, size_t ic, size_t m,
                        size_t n, size_t k);

/* Batches by broadcasting; a matrix on the right without batch multiplies all rows at once. */
static const char *batched(const sld_launch *l, product f)
{
    const sld_tensor *a = &l->in[0], *b = &l->in[1], *o = &l->out[0];
    size_t m = a->rank > 1 ? (size_t)a->dims[a->rank - 2] : 1, k = (size_t)a->dims[a->rank - 1];
    size_t n = b->rank > 1 ? (size_t)b->dims[b->rank - 1] : 1;
    if (!kern_numel(o))
        return NULL;
    if (b->rank <= 2) {
        f(a, 0, b, 0, o, 0, kern_numel(o) / n, n, k);
        return NULL;
    }
    sld_tensor ba = *a, bb = *b, bo = *o;
    ba.rank = a->rank > 2 ? (uint8_t)(a->rank - 2) : 0;
    bb.rank = (uint8_t)(b->rank - 2);
    bo.rank = (uint8_t)(o->rank - (a->rank > 1) - 1);
    for (size_t i = 0, batches = kern_numel(&bo); i < batches; i++)
        f(a, kern_broadcast(&ba, &bo, i) * m * k, b, kern_broadcast(&bb, &bo, i) * k * n, o, i * m * n, m, n, k);
    return NULL;
}

static void product_f32(const sld_tensor *a, size_t ia, const sld_tensor *b, size_t ib, const sld_tensor *c, size_t ic, size_t m,
                        size_t n, size_t k)
{
#ifdef SLD_HAVE_BLAS
    if (k) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, (const float *)a->data + ia, (int)k,
                    (const float *)b->data + ib, (int)n, 0, (float *)c->data + ic, (int)n);
        return;
    }
#endif
    multiply(m, n, k, (const float *)a->data + ia, (const float *)b->data + ib, (float *)c->data + ic);
}

/* f32; dims below 2^31, which the binding asks for. */
const char *sld_cpu_matmul(const sld_launch *l);
const char *sld_cpu_matmul(const sld_launch *l)
{
    return batched(l, product_f32);
}
