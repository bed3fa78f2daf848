/* Rows as floats, whatever the dtype: f32 rows are used in place, others pass through a buffer.
 * Bindings keep f64 away from the kernels that compute in float. */
#ifndef SLD_CPU_FUSED_H
#define SLD_CPU_FUSED_H

#include "kern.h"

enum {
    ROW_MAX = 16384, /* the widest row of the conditions in kernels.pat */
    PIECE = 2048     /* longer runs of single elements pass through buffers of this size */
};

static inline size_t row_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Of any float dtype: the weight of a norm may have its own. */
static inline void row_widen(const sld_tensor *t, size_t at, size_t n, float *restrict out)
{
    if (!n) /* an empty tensor has no data */
        return;
    if (t->dtype == SLD_BF16) {
        const uint16_t *restrict p = (const uint16_t *)t->data + at;
        for (size_t i = 0; i < n; i++)
            out[i] = sld_bf16_to_f32(p[i]);
    } else if (t->dtype == SLD_F16) {
        const uint16_t *restrict p = (const uint16_t *)t->data + at;
        for (size_t i = 0; i < n; i++)
            out[i] = sld_f16_to_f32(p[i]);
    } else {
        for (size_t i = 0; i < n; i++)
            out[i] = (float)kern_get(t, at + i);
    }
}

static inline const float *row_load(const sld_tensor *t, size_t at, size_t n, float *buffer)
{
    if (t->dtype == SLD_F32 && n)
        return (const float *)t->data + at;
    row_widen(t, at, n, buffer);
    return buffer;
}

/* Where to compute a row of a result: in place, or in the buffer. */
static inline float *row_begin(const sld_tensor *t, size_t at, float *buffer)
{
    return t->dtype == SLD_F32 ? (float *)t->data + at : buffer;
}

static inline void row_end(const sld_tensor *t, size_t at, size_t n, const float *row)
{
    if (t->dtype == SLD_F32 || !n)
        return;
    uint16_t *restrict p = (uint16_t *)t->data + at; /* f16 or bf16: bindings let no other dtype pass */
    if (t->dtype == SLD_BF16)
        for (size_t i = 0; i < n; i++)
            p[i] = sld_f32_to_bf16(row[i]);
    else
        for (size_t i = 0; i < n; i++)
            p[i] = sld_f32_to_f16(row[i]);
}

/* Sum of products over sixteen partial sums: short enough chains for the compiler to vectorise, and more
 * exact than one. */
static inline float row_dot(const float *x, const float *y, size_t n)
{
    float s[16] = {0};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t k = 0; k < 16; k++)
            s[k] += x[i + k] * y[i + k];
    for (size_t k = 0; i < n; i++, k++)
        s[k] += x[i] * y[i];
    for (size_t half = 8; half; half /= 2)
        for (size_t k = 0; k < half; k++)
            s[k] += s[k + half];
    return s[0];
}

static inline float row_silu(float x)
{
    return x / (1 + expf(-x));
}

static inline float row_gelu(float x)
{
    return 0.5f * x * (1 + erff(x * 0.70710678f));
}

static inline float row_gelu_tanh(float x)
{
    return 0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
}

#endif
