/* One head at a time, in double. */
#ifndef SLD_REF_ROTARY_H
#define SLD_REF_ROTARY_H

#include "qkv.h"

enum { HEAD_MAX = 4096 };

static inline void load(const sld_tensor *t, size_t at, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = kern_get(t, at + i);
}

/* y[at..] = a head turned to a position; row `p` of the table holds the cosines and then the sines. */
static inline void rotate(const sld_tensor *table, int64_t p, bool neox, const sld_tensor *y, size_t at, size_t d,
                   const double *x)
{
    size_t r = (size_t)table->dims[1], half = r / 2;
    for (size_t i = 0; i < half; i++) {
        size_t first = qkv_first(i, neox), second = qkv_second(i, half, neox);
        double c = kern_get(table, (size_t)p * r + i), s = kern_get(table, (size_t)p * r + half + i);
        kern_put(y, at + first, x[first] * c - x[second] * s);
        kern_put(y, at + second, x[second] * c + x[first] * s);
    }
    for (size_t i = r; i < d; i++)
        kern_put(y, at + i, x[i]);
}

#endif
