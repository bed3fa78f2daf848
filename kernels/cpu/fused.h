/* Rows as floats, whatever the dtype: f32 rows are used in place, others pass through a buffer. */
#ifndef SLD_CPU_FUSED_H
#define SLD_CPU_FUSED_H

#include "kern.h"

enum { ROW_MAX = 16384 }; /* the widest row of the op table's conditions */

static inline const float *row_load(const sld_tensor *t, size_t at, size_t n, float *buffer)
{
    if (t->dtype == SLD_F32)
        return (const float *)t->data + at;
    for (size_t i = 0; i < n; i++)
        buffer[i] = (float)kern_get(t, at + i);
    return buffer;
}

/* Where to compute a row of a result: in place, or in the buffer. */
static inline float *row_begin(const sld_tensor *t, size_t at, float *buffer)
{
    return t->dtype == SLD_F32 ? (float *)t->data + at : buffer;
}

static inline void row_end(const sld_tensor *t, size_t at, size_t n, const float *row)
{
    for (size_t i = 0; t->dtype != SLD_F32 && i < n; i++)
        kern_put(t, at + i, row[i]);
}

/* Sum of squares over eight partial sums: short enough chains for the compiler to vectorise, and more exact than one. */
static inline float row_square_sum(const float *x, size_t n)
{
    float s[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            s[k] += x[i + k] * x[i + k];
    for (; i < n; i++)
        s[0] += x[i] * x[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static inline float row_dot(const float *x, const float *y, size_t n)
{
    float s[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            s[k] += x[i + k] * y[i + k];
    for (; i < n; i++)
        s[0] += x[i] * y[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

#endif
