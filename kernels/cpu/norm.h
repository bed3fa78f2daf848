/* RMS norm of rows, of a sum or gated: one pass for the sum of squares, one for the result. */
#ifndef SLD_CPU_NORM_H
#define SLD_CPU_NORM_H

#include "quant.h"

/* A norm and the buffers of one row. */
typedef struct norm {
    const sld_tensor *x, *b, *z, *sum; /* b: added to x; z: the gate; sum: takes x + b. NULL: there is none */
    const float *w;
    size_t width, n, from;             /* of a row; rows; the row that x starts with */
    float eps;
    float bw[ROW_MAX], bx[ROW_MAX], bb[ROW_MAX], bs[ROW_MAX];
} norm;

static inline void norm_open(norm *n, const sld_launch *l, uint32_t w)
{
    *n->bw = 0;
    n->from = 0;
    n->x = &l->in[0], n->b = n->z = n->sum = NULL;
    n->width = (size_t)n->x->dims[n->x->rank - 1];
    n->n = n->width ? kern_numel(n->x) / n->width : 0;
    n->eps = (float)kern_attr(l, "eps")->f;
    n->w = row_load(&l->in[w], 0, n->width, n->bw);
    if (!quant_flag(l, "centred"))
        return;
    for (size_t k = 0; k < n->width; k++)
        n->bw[k] = n->w[k] + 1;
    n->w = n->bw;
}

ROW_PART const float *norm_sum(norm *n, size_t i)
{
    size_t at = i * n->width;
    if (i + 1 < n->n) {
        row_expect(n->x, at + n->width - n->from * n->width, n->width);
        if (n->b)
            row_expect(n->b, at + n->width, n->width);
        if (n->sum)
            row_expect(n->sum, at + n->width, n->width);
    }
    const float *x = row_load(n->x, at - n->from * n->width, n->width, n->bx);
    if (!n->b) {
        if (n->sum && n->sum->dtype == SLD_F32)
            memcpy((float *)n->sum->data + at, x, n->width * sizeof *x);
        else if (n->sum)
            row_end(n->sum, at, n->width, x);
        return x;
    }
    const float *b = row_load(n->b, at, n->width, n->bb);
    float *s = n->sum ? row_begin(n->sum, at, n->bs) : n->bs;
    for (size_t k = 0; k < n->width; k++)
        s[k] = x[k] + b[k];
    if (n->sum)
        row_end(n->sum, at, n->width, s);
    return s;
}

/* Row i, before it is rounded. */
ROW_PART void norm_row(norm *n, size_t i, float *restrict y)
{
    const float *restrict s = norm_sum(n, i), *restrict w = n->w;
    float scale = 1 / sqrtf(row_dot(s, s, n->width) / (float)n->width + n->eps);
    for (size_t k = 0; k < n->width; k++)
        y[k] = s[k] * scale * w[k];
    if (!n->z)
        return;
    const float *z = row_load(n->z, i * n->width, n->width, n->bb);
    for (size_t k = 0; k < n->width; k++)
        y[k] *= row_silu(z[k]);
}

#endif
