/* RMS norm and what is joined with it: one pass for the sum of squares, one for the result. */
#include "fused.h"

static size_t rows_of(const sld_tensor *x, size_t *width)
{
    *width = (size_t)x->dims[x->rank - 1];
    return *width ? kern_numel(x) / *width : 0;
}

static float inverse_rms(const float *x, size_t n, double eps)
{
    return 1 / sqrtf(row_dot(x, x, n) / (float)n + (float)eps);
}

const char *sld_cpu_rms_norm(const sld_launch *l);
const char *sld_cpu_rms_norm(const sld_launch *l)
{
    const sld_tensor *y = &l->out[0];
    float bx[ROW_MAX], bw[ROW_MAX], by[ROW_MAX];
    size_t width, n = rows_of(&l->in[0], &width);
    const float *w = row_load(&l->in[1], 0, width, bw);
    for (size_t i = 0; i < n; i++) {
        const float *x = row_load(&l->in[0], i * width, width, bx);
        float *out = row_begin(y, i * width, by), scale = inverse_rms(x, width, kern_attr(l, "eps")->f);
        for (size_t k = 0; k < width; k++)
            out[k] = x[k] * scale * w[k];
        row_end(y, i * width, width, out);
    }
    return NULL;
}

const char *sld_cpu_add_rms_norm(const sld_launch *l);
const char *sld_cpu_add_rms_norm(const sld_launch *l)
{
    const sld_tensor *y = &l->out[0], *sum = &l->out[1];
    float ba[ROW_MAX], bb[ROW_MAX], bw[ROW_MAX], bs[ROW_MAX], by[ROW_MAX];
    size_t width, n = rows_of(&l->in[0], &width);
    const float *w = row_load(&l->in[2], 0, width, bw);
    for (size_t i = 0; i < n; i++) {
        const float *a = row_load(&l->in[0], i * width, width, ba);
        const float *b = row_load(&l->in[1], i * width, width, bb);
        float *s = row_begin(sum, i * width, bs), *out = row_begin(y, i * width, by);
        for (size_t k = 0; k < width; k++)
            s[k] = a[k] + b[k];
        float scale = inverse_rms(s, width, kern_attr(l, "eps")->f);
        for (size_t k = 0; k < width; k++)
            out[k] = s[k] * scale * w[k];
        row_end(sum, i * width, width, s);
        row_end(y, i * width, width, out);
    }
    return NULL;
}

const char *sld_cpu_gated_rms_norm(const sld_launch *l);
const char *sld_cpu_gated_rms_norm(const sld_launch *l)
{
    const sld_tensor *y = &l->out[0];
    float bx[ROW_MAX], bw[ROW_MAX], bz[ROW_MAX], by[ROW_MAX];
    size_t width, n = rows_of(&l->in[0], &width);
    const float *w = row_load(&l->in[1], 0, width, bw);
    for (size_t i = 0; i < n; i++) {
        const float *x = row_load(&l->in[0], i * width, width, bx);
        const float *z = row_load(&l->in[2], i * width, width, bz);
        float *out = row_begin(y, i * width, by), scale = inverse_rms(x, width, kern_attr(l, "eps")->f);
        for (size_t k = 0; k < width; k++)
            out[k] = x[k] * scale * w[k] * row_silu(z[k]);
        row_end(y, i * width, width, out);
    }
    return NULL;
}
