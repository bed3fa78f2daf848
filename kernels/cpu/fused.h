/* Rows as floats, whatever the dtype: f32 rows are used in place, others pass through a buffer.
 * Bindings keep f64 away from the kernels that compute in float. */
#ifndef SLD_CPU_FUSED_H
#define SLD_CPU_FUSED_H

#include "kern.h"

enum {
    ROW_MAX = 16384, /* the widest row of the conditions in kernels.pat */
    PIECE = 2048     /* longer runs of single elements pass through buffers of this size */
};

/* A loop over rows, compiled for several widths of vectors; the machine takes its own when the program starts. All give
 * the same bits: sums keep their order, and kernels are compiled without contraction. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !(defined(__clang__) && __clang_major__ < 18) /* before, other files did not find such a function */
#define ROW_CLONES
#define ROW_WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ROW_WIDE
#endif
/* What such a loop calls becomes part of it. */
#define ROW_PART static inline __attribute__((always_inline))

static inline size_t row_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many parts of `each` make up n. */
static inline size_t row_parts(size_t n, size_t each)
{
    return (n + each - 1) / each;
}

static inline uint32_t row_max(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* rows(work, from, to) for all rows below n, among the threads of the launch. cost: bytes that a row moves, or that would be
 * moved in the time that it takes. Rows write to places of their own, so the bits do not depend on who does which. */
static inline void row_share(const sld_launch *l, size_t n, size_t cost, sld_rows *rows, const void *work)
{
    if (l->team && n > 1)
        l->team->share(l->team, n, cost, rows, work);
    else if (n)
        rows(work, 0, n);
}

/* Of any float dtype: the weight of a norm may have its own. */
ROW_PART void row_widen(const sld_tensor *t, size_t at, size_t n, float *restrict out)
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

/* Asks memory for what is wanted after the row at hand: otherwise each row begins with a wait. Compilers drop calls of
 * functions that do nothing else, unless these hold an asm. */
ROW_PART void row_ask(const char *p, size_t bytes)
{
    __asm__ volatile("");
    for (size_t i = 0; i < bytes; i += 64)
        __builtin_prefetch(p + i, 0, 3);
}

ROW_PART void row_expect(const sld_tensor *t, size_t at, size_t n)
{
    row_ask((const char *)t->data + at * kern_size(t->dtype), n * kern_size(t->dtype));
}

/* Whether a result of so many bytes has left the caches when it is read: by the next op, or later. */
static inline bool row_is_far(size_t bytes, bool later)
{
    return bytes >= (later ? (size_t)1 << 20 : (size_t)16 << 20);
}

/* What passed by the caches is seen by other threads from here on. */
static inline void row_settle(void)
{
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#endif
}

ROW_PART const float *row_load(const sld_tensor *t, size_t at, size_t n, float *buffer)
{
    if (t->dtype == SLD_F32 && n)
        return (const float *)t->data + at;
    *buffer = 0; /* an empty row is not read, but the compiler does not see that */
    row_widen(t, at, n, buffer);
    return buffer;
}

/* Where to compute a row of a result: in place, or in the buffer. */
ROW_PART float *row_begin(const sld_tensor *t, size_t at, float *buffer)
{
    return t->dtype == SLD_F32 ? (float *)t->data + at : buffer;
}

/* sld_f32_to_bf16 in 32 bits, without branches. */
ROW_PART uint32_t row_to_bf16(float f)
{
    uint32_t u = sld__f32_bits(f), rounded = u + 0x7fff + (u >> 16 & 1);
    return ((u & 0x7fffffff) > 0x7f800000 ? u | 0x400000 : rounded) >> 16;
}

ROW_PART void row_end(const sld_tensor *t, size_t at, size_t n, const float *row)
{
    if (t->dtype == SLD_F32 || !n)
        return;
    uint16_t *restrict p = (uint16_t *)t->data + at; /* f16 or bf16: bindings let no other dtype pass */
    if (t->dtype == SLD_BF16)
        for (size_t i = 0; i < n; i++)
            p[i] = (uint16_t)row_to_bf16(row[i]);
    else
        for (size_t i = 0; i < n; i++)
            p[i] = sld_f32_to_f16(row[i]);
}

/* Sums over so many partial sums: short enough chains for the compiler to vectorise, and more exact than one. */
enum { WAYS = 64 };

/* Vectors by name, since compilers take the last steps apart into single numbers. */
ROW_PART float row_sum(float *s)
{
    typedef float eight __attribute__((vector_size(32)));
    typedef float four __attribute__((vector_size(16)));
    eight a, b;
    four c, d;
    for (size_t half = WAYS / 2; half >= 16; half /= 2)
        for (size_t k = 0; k < half; k++)
            s[k] += s[k + half];
    memcpy(&a, s, sizeof a);
    memcpy(&b, s + 8, sizeof b);
    a += b;
    memcpy(&c, &a, sizeof c);
    memcpy(&d, (char *)&a + sizeof c, sizeof d);
    c += d;
    return (c[0] + c[2]) + (c[1] + c[3]);
}

ROW_PART float row_dot(const float *x, const float *y, size_t n)
{
    float s[WAYS] = {0};
    size_t i = 0;
    for (; i + WAYS <= n; i += WAYS)
        for (size_t k = 0; k < WAYS; k++)
            s[k] += x[i + k] * y[i + k];
    for (size_t k = 0; i < n; i++, k++)
        s[k] += x[i] * y[i];
    return row_sum(s);
}

/* a b + c, rounded once; or, where that would be a call for each number, twice, which matters for one of 2^29 numbers. */
ROW_PART float row_fma(float a, float b, float c)
{
#if defined(ROW_CLONES) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return fmaf(a, b, c);
#else
    return (float)((double)a * b + c);
#endif
}

/* e^x, at most 2e-7 of it off, without branches: 2^n times a polynomial of what is left. x is kept to [-87, 89], whose
 * end is infinity, by its bits, and so is what is not a number. */
ROW_PART float row_exp(float x)
{
    int32_t below = (int32_t)sld__f32_bits(x);
    below = below < 0x42b20000 ? below : 0x42b20000;
    uint32_t within = (uint32_t)below < 0xc2ae0000 ? (uint32_t)below : 0xc2ae0000;
    x = sld__f32_from_bits(within);
    float up = row_fma(x, 1.44269504f, 12582912), n = up - 12582912; /* an integer: a float of that size has no fraction */
    float r = row_fma(n, 2.12194440e-4f, row_fma(n, -0.693359375f, x));
    float p = row_fma(row_fma(row_fma(8.31247773e-3f, r, 4.18905504e-2f), r, 0.166671157f), r, 0.499992281f);
    return row_fma(row_fma(p, r, 1), r, 1) * sld__f32_from_bits((sld__f32_bits(up) << 23) + (127u << 23));
}

ROW_PART float row_silu(float x)
{
    return x / (1 + row_exp(-x));
}

/* silu(x) for results of 16 bits, at most 6e-6 of it off: e^-x as a power of 2, which is that of a whole number times a
 * shorter polynomial. Beyond what the exponents of floats reach the power is infinity, or nothing beside 1. */
ROW_PART float row_silu_16(float x)
{
    int32_t bits = (int32_t)sld__f32_bits(x * -1.44269504f);
    bits = bits < 0x43010000 ? bits : 0x43010000;                                          /* 129 */
    uint32_t within = (uint32_t)bits < 0xc2fc0000 ? (uint32_t)bits : 0xc2fc0000;           /* -126 */
    float t = sld__f32_from_bits(within), up = t + 12582912, r = t - (up - 12582912);
    float p = row_fma(row_fma(0.0095828576f, r, 0.0559064373f), r, 0.240240991f);
    p = row_fma(row_fma(p, r, 0.693124175f), r, 1);
    return x / (1 + p * sld__f32_from_bits((sld__f32_bits(up) << 23) + (126u << 23)) * 2);
}

ROW_PART float row_gelu(float x)
{
    return 0.5f * x * erfcf(x * -0.70710678f);
}

ROW_PART float row_gelu_tanh(float x)
{
    return x / (1 + row_exp(-1.59576912f * (x + 0.044715f * x * x * x))); /* 1 + tanh(v) = 2 / (1 + e^-2v) */
}

#endif
