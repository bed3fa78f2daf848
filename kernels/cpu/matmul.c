/* Matrix products. f32 goes to BLAS where it is linked; other floats, and f32 without BLAS, take blocked
 * loops that widen their operands once for each tile of rows. */
#include <limits.h>

#include "fused.h"

#ifdef SLD_HAVE_BLAS
#include <cblas.h>
#endif

enum { TILE = 4, COLUMNS = 256 /* of weights, as one part */ };

/* One product: C [m,n] = A [m,k] B [k,n], with the element at which each starts. */
typedef struct product {
    const sld_tensor *a, *b, *c;
    size_t ia, ib, ic, m, n, k;
} product;

/* True when BLAS did it: its dims are ints. */
static bool blas(const product *p, bool b_transposed)
{
#ifdef SLD_HAVE_BLAS
    if (p->a->dtype != SLD_F32 || !p->k || p->m > INT_MAX || p->n > INT_MAX || p->k > INT_MAX)
        return false;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, b_transposed ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n,
                (int)p->k, 1, (const float *)p->a->data + p->ia, (int)p->k, (const float *)p->b->data + p->ib,
                (int)(b_transposed ? p->k : p->n), 0, (float *)p->c->data + p->ic, (int)p->n);
    return true;
#else
    (void)p, (void)b_transposed;
    return false;
#endif
}

/* Rows [i, i + rows) and columns [j, j + cols) of C. The inner loop runs over columns, so that it vectorises
 * without reordering sums. */
static void multiply_tile(const product *p, size_t i, size_t rows, size_t j, size_t cols)
{
    float acc[TILE][PIECE], bb[PIECE];
    for (size_t r = 0; r < rows; r++)
        memset(acc[r], 0, cols * sizeof(float));
    for (size_t q = 0; q < p->k; q++) {
        const float *restrict b = row_load(p->b, p->ib + q * p->n + j, cols, bb);
        for (size_t r = 0; r < rows; r++) {
            float x = (float)kern_get(p->a, p->ia + (i + r) * p->k + q);
            for (size_t c = 0; c < cols; c++)
                acc[r][c] += x * b[c];
        }
    }
    for (size_t r = 0; r < rows; r++) {
        size_t at = p->ic + (i + r) * p->n + j;
        if (p->c->dtype == SLD_F32)
            memcpy((float *)p->c->data + at, acc[r], cols * sizeof(float));
        else
            row_end(p->c, at, cols, acc[r]);
    }
}

static void multiply_tiles(const void *work, size_t from, size_t to)
{
    const product *p = work;
    for (size_t t = from, across = row_parts(p->n, PIECE); t < to; t++) {
        size_t i = t / across * TILE, j = t % across * PIECE;
        multiply_tile(p, i, row_min(p->m - i, TILE), j, row_min(p->n - j, PIECE));
    }
}

static void multiply(const sld_launch *l, const product *p)
{
    if (!blas(p, false))
        row_share(l, row_parts(p->m, TILE) * row_parts(p->n, PIECE), (p->k + 1) * row_min(p->n, PIECE) * sizeof(float),
                  multiply_tiles, p);
}

/* Batches by broadcasting; a right side without batch multiplies all rows of the left at once. */
const char *sld_cpu_matmul(const sld_launch *l);
const char *sld_cpu_matmul(const sld_launch *l)
{
    const sld_tensor *a = &l->in[0], *b = &l->in[1], *o = &l->out[0];
    product p = {.a = a, .b = b, .c = o, .m = a->rank > 1 ? (size_t)a->dims[a->rank - 2] : 1};
    p.k = (size_t)a->dims[a->rank - 1];
    p.n = b->rank > 1 ? (size_t)b->dims[b->rank - 1] : 1;
    if (!kern_numel(o))
        return NULL;
    if (b->rank <= 2) {
        p.m = kern_numel(o) / p.n;
        multiply(l, &p);
        return NULL;
    }
    sld_tensor ba = *a, bb = *b, bo = *o;
    ba.rank = a->rank > 2 ? (uint8_t)(a->rank - 2) : 0;
    bb.rank = (uint8_t)(b->rank - 2);
    bo.rank = (uint8_t)(o->rank - (a->rank > 1) - 1);
    for (size_t i = 0, batches = kern_numel(&bo); i < batches; i++) {
        p.ia = kern_broadcast(&ba, &bo, i) * p.m * p.k;
        p.ib = kern_broadcast(&bb, &bo, i) * p.k * p.n;
        p.ic = i * p.m * p.n;
        multiply(l, &p);
    }
    return NULL;
}

/* x w^T + bias without BLAS: rows of w are dense, so each result is a dot product. */
typedef struct linear { product p; const sld_tensor *bias; } linear;

static void linear_tile(const linear *w, size_t i, size_t rows, size_t from, size_t to)
{
    float x[TILE][ROW_MAX], bw[ROW_MAX];
    const product *p = &w->p;
    for (size_t r = 0; r < rows; r++)
        row_widen(p->a, (i + r) * p->k, p->k, x[r]);
    for (size_t j = from; j < to; j++) {
        const float *weights = row_load(p->b, j * p->k, p->k, bw);
        float add = w->bias ? (float)kern_get(w->bias, j) : 0;
        for (size_t r = 0; r < rows; r++)
            kern_put(p->c, (i + r) * p->n + j, row_dot(x[r], weights, p->k) + add);
    }
}

static void linear_tiles(const void *work, size_t from, size_t to)
{
    const product *p = &((const linear *)work)->p;
    for (size_t t = from, across = row_parts(p->n, COLUMNS); t < to; t++) {
        size_t i = t / across * TILE, j = t % across * COLUMNS;
        linear_tile(work, i, row_min(p->m - i, TILE), j, row_min(p->n, j + COLUMNS));
    }
}

const char *sld_cpu_linear(const sld_launch *l);
const char *sld_cpu_linear(const sld_launch *l)
{
    const sld_tensor *bias = kern_present(l, 2) ? &l->in[2] : NULL, *w = &l->in[1], *o = &l->out[0];
    linear all = {{.a = &l->in[0], .b = w, .c = o, .n = (size_t)w->dims[0], .k = (size_t)w->dims[1]}, bias};
    product *p = &all.p;
    p->m = p->n ? kern_numel(o) / p->n : 0;
    if (!p->m || !blas(p, true)) {
        row_share(l, row_parts(p->m, TILE) * row_parts(p->n, COLUMNS), (p->k + 1) * row_min(p->n, COLUMNS) * sizeof(float),
                  linear_tiles, &all);
        return NULL;
    }
    const float *add = bias ? bias->data : NULL;
    float *y = o->data;
    for (size_t i = 0; add && i < p->m; i++)
        for (size_t j = 0; j < p->n; j++)
            y[i * p->n + j] += add[j];
    return NULL;
}
