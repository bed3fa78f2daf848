/* What measurements on a GPU share. */
#ifndef GPU_BENCH_H
#define GPU_BENCH_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "plan.h"

static inline void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    exit(1);
}

static inline int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of an odd number of times, which are put into order. */
static inline double median(double *times, size_t n)
{
    qsort(times, n, sizeof *times, by_value);
    return times[n / 2];
}

/* Two results in bf16: adds the square of their difference and that of the second. */
static inline void add_squares(const void *a, const void *b, size_t n, double *diff, double *norm)
{
    for (size_t i = 0; i < n; i++) {
        double x = sld_bf16_to_f32(((const uint16_t *)a)[i]), y = sld_bf16_to_f32(((const uint16_t *)b)[i]);
        *diff += (x - y) * (x - y), *norm += y * y;
    }
}

#endif
