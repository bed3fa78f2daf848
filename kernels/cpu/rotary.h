/* One head at a time, as floats. */
#ifndef SLD_CPU_ROTARY_H
#define SLD_CPU_ROTARY_H

#include "fused.h"
#include "qkv.h"

enum { HEAD_MAX = 1024 /* the largest head of the conditions of the kernels */ };

/* x rounded to the dtype of t, as storing and loading it would. */
static inline void row_round(uint8_t dtype, size_t n, float *restrict x)
{
    if (dtype == SLD_BF16)
        for (size_t i = 0; i < n; i++)
            x[i] = sld_bf16_to_f32(sld_f32_to_bf16(x[i]));
    else if (dtype == SLD_F16)
        for (size_t i = 0; i < n; i++)
            x[i] = sld_f16_to_f32(sld_f32_to_f16(x[i]));
}

/* Cosines c, sines s, each of half the dims that turn. */
static inline void rotate(const float *restrict c, const float *restrict s, size_t half, bool neox, size_t d,
                   const float *restrict x, float *restrict y)
{
    if (neox)
        for (size_t i = 0; i < half; i++) {
            y[i] = x[i] * c[i] - x[i + half] * s[i];
            y[i + half] = x[i + half] * c[i] + x[i] * s[i];
        }
    else
        for (size_t i = 0; i < half; i++) {
            y[2 * i] = x[2 * i] * c[i] - x[2 * i + 1] * s[i];
            y[2 * i + 1] = x[2 * i + 1] * c[i] + x[2 * i] * s[i];
        }
    for (size_t i = 2 * half; i < d; i++)
        y[i] = x[i];
}

static inline void norm(const float *restrict w, float eps, size_t d, const float *restrict x, float *restrict y)
{
    float scale = 1 / sqrtf(row_dot(x, x, d) / (float)d + eps);
    for (size_t i = 0; i < d; i++)
        y[i] = x[i] * scale * w[i];
}

static inline void narrow(uint8_t dtype, double scale, size_t n, const float *restrict x, uint8_t *restrict out)
{
    float by = (float)scale;
    if (dtype == SLD_F8E4M3FN)
        for (size_t i = 0; i < n; i++)
            out[i] = sld_f32_to_f8e4m3fn(x[i] / by);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = sld_f32_to_f8e4m3fnuz(x[i] / by);
}

typedef struct turned { const float *cos, *sin, *weights[2]; } turned;

/* Row p of the table. */
static inline turned load_row(const sld_tensor *table, int64_t p, float *buffer)
{
    size_t r = (size_t)table->dims[1];
    const float *row = row_load(table, (size_t)p * r, r, buffer);
    return (turned){.cos = row, .sin = row + r / 2};
}

#endif
