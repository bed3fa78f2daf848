/* Rows of floats in the order of pairs. Two elements of 16 bits come out of one word by a shift and a mask; in the order
 * of memory they would have to be spread over lanes first. So of each chunk stand first the first elements of all words,
 * then the second ones. 32-bit elements k and k + WORDS count as a pair, whose order is that of memory. What is computed
 * element by element, or of all of a chunk, does not see the order. The last chunk of a row ends in zeros. */
#ifndef SLD_CPU_PAIRS_H
#define SLD_CPU_PAIRS_H

#include "fused.h"

enum { CHUNK = 64, WORDS = CHUNK / 2 };

typedef struct pair { float a, b; } pair;

/* Room for the end of a row that is no whole chunk. */
typedef struct chunk { _Alignas(64) char bytes[CHUNK * sizeof(float)]; } chunk;

/* How many elements of a row of n to take at once from `at` on: whole chunks, up to `most`, and then what is left. */
ROW_PART size_t part_size(size_t at, size_t n, size_t most)
{
    size_t left = n - at;
    return left < CHUNK ? left : row_min(left / CHUNK * CHUNK, most);
}

ROW_PART size_t part_whole(size_t n)
{
    return (n + CHUNK - 1) / CHUNK * CHUNK;
}

/* Where a part is read, */
ROW_PART const char *part_in(const char *x, size_t size, size_t n, chunk *room)
{
    if (n % CHUNK == 0)
        return x;
    memset(room, 0, sizeof *room);
    memcpy(room, x, n * size);
    return room->bytes;
}

/* and where it is written. */
ROW_PART char *part_out(char *y, size_t n, chunk *room)
{
    return n % CHUNK == 0 ? y : room->bytes;
}

ROW_PART void part_end(char *y, size_t size, size_t n, const chunk *room)
{
    if (n % CHUNK)
        memcpy(y, room->bytes, n * size);
}

/* Pair k of a chunk; the dtype is a constant where these become part of a loop. */
ROW_PART pair pair_get(uint8_t dtype, const char *x, size_t k)
{
    uint32_t u;
    if (dtype == SLD_F32)
        return (pair){((const float *)x)[k], ((const float *)x)[k + WORDS]};
    memcpy(&u, x + 4 * k, sizeof u);
    if (dtype == SLD_BF16)
        return (pair){sld__f32_from_bits(u << 16), sld__f32_from_bits(u & 0xffff0000)};
    return (pair){sld_f16_to_f32((uint16_t)u), sld_f16_to_f32((uint16_t)(u >> 16))};
}

/* Of a result of arithmetic on bf16: what is not a number has no bits below those that are kept. */
ROW_PART uint32_t pair_to_bf16(float f)
{
    uint32_t u = sld__f32_bits(f);
    return u + 0x7fff + (u >> 16 & 1);
}

ROW_PART void pair_put(uint8_t dtype, char *y, size_t k, pair v)
{
    uint32_t u;
    if (dtype == SLD_F32) {
        ((float *)y)[k] = v.a, ((float *)y)[k + WORDS] = v.b;
        return;
    }
    if (dtype == SLD_BF16)
        u = pair_to_bf16(v.a) >> 16 | (pair_to_bf16(v.b) & 0xffff0000);
    else
        u = sld_f32_to_f16(v.a) | (uint32_t)sld_f32_to_f16(v.b) << 16;
    memcpy(y + 4 * k, &u, sizeof u);
}

/* As the dtype stores it. */
ROW_PART float rounded(uint8_t dtype, float v)
{
    return dtype == SLD_F32 ? v : dtype == SLD_BF16 ? sld__f32_from_bits(pair_to_bf16(v) & 0xffff0000)
                                                    : sld_f16_to_f32(sld_f32_to_f16(v));
}

/* x rounded, as storing and loading it would. */
ROW_PART void row_round(uint8_t dtype, size_t n, float *restrict x)
{
    if (dtype == SLD_BF16)
        for (size_t i = 0; i < n; i++)
            x[i] = rounded(SLD_BF16, x[i]);
    else if (dtype == SLD_F16)
        for (size_t i = 0; i < n; i++)
            x[i] = rounded(SLD_F16, x[i]);
}

/* Pair k of a chunk of floats. */
ROW_PART pair pair_of(const float *v, size_t k)
{
    return (pair){v[k], v[k + WORDS]};
}

ROW_PART void pair_set(float *v, size_t k, pair p)
{
    v[k] = p.a, v[k + WORDS] = p.b;
}

/* The sum of squares of a row, in the same order wherever it is taken. */
ROW_PART float pairs_squares(uint8_t dtype, const char *x, size_t n)
{
    float sums[WAYS] = {0};
    chunk room;
    size_t size = kern_size(dtype);
    for (size_t at = 0, m; at < n; at += m) {
        m = part_size(at, n, n);
        const char *part = part_in(x + at * size, size, m, &room);
        for (size_t c = 0; c < m; c += CHUNK)
            for (size_t k = 0; k < WORDS; k++) {
                pair p = pair_get(dtype, part + c * size, k);
                sums[k] += p.a * p.a, sums[k + WORDS] += p.b * p.b;
            }
    }
    return row_sum(sums);
}

/* 8-bit code of v, clamped to the magnitude whose bits are `top`, in the low byte. bias: the format's, 7 (e4m3fn) or 8, whose
 * zero has no sign. In `bits` the last bit has the weight of a code's last: what is left of the magnitude stands there, to
 * nearest even, on a number that makes up for the bias. */
ROW_PART uint32_t quant_code(float v, uint32_t top, uint32_t bias)
{
    uint32_t u = sld__f32_bits(v), magnitude = u & 0x7fffffff, a = magnitude < top ? magnitude : top;
    uint32_t e = a & 0x7f800000, least = (128 - bias) << 23; /* the exponent of denormals, too */
    e = e > least ? e : least;
    uint32_t onto = e + (20 << 23) + (bias == 7 ? 56 : 64);
    uint32_t bits = sld__f32_bits(sld__f32_from_bits(a) + sld__f32_from_bits(onto)) + (e >> 20);
    uint32_t code = (bits & 0x7f) | (u >> 24 & 0x80);
    code = bias == 7 || bits & 0x7f ? code : 0;
    return magnitude > 0x7f800000 ? (bias == 7 ? 0x7f : 0x80) : code;
}

/* ---- loops over parts of rows: n is rounded up to whole chunks. `from` and `to` are the dtype of the row, whose elements
 * stand in the order of memory, or SLD_F32: floats in the order of pairs. far: results that leave the caches before they are
 * read (row_is_far). ---- */
typedef struct pair_loops {
    /* Elements as floats, and back. */
    void (*get)(uint8_t dtype, const char *x, size_t n, float *v);
    void (*put)(uint8_t dtype, const float *v, size_t n, char *y);
    /* pairs_squares */
    float (*squares)(uint8_t dtype, const char *x, size_t n);
    /* s = x + b, also into y unless that is NULL; to the WAYS sums come the squares of s. */
    void (*add)(uint8_t dtype, const char *x, const char *b, size_t n, float *s, char *y, float *sums, bool far);
    /* y = x w, each `width` of them times its own scale. */
    void (*scale)(uint8_t from, uint8_t to, const char *x, const float *scales, const float *w, size_t width, size_t n,
                  char *y, bool far);
    /* y = v silu(z) */
    void (*gate)(uint8_t dtype, uint8_t to, const char *z, size_t n, const float *v, char *y, bool far);
    /* y = act(g) u; act: a number of the enum in act_quant.pat. */
    void (*product)(uint8_t dtype, uint8_t to, int64_t act, const char *g, const char *u, size_t n, char *y,
                    bool far);
    /* The largest magnitude of each `group`, at least `floor`; not a number when one of them is none. */
    void (*largest)(uint8_t from, const char *v, float floor, size_t group, size_t n, float *most);
    /* Codes of v, each `group` of at most 16 multiplied by its own factor, clamped to `top`, in the order of memory; dtype: that
     * whose pairs floats are. */
    void (*codes)(uint8_t f8, uint8_t from, uint8_t dtype, float top, const char *v, const float *by, size_t group, size_t n,
                  char *q, bool far);
    /* Heads of d elements of bf16, one behind the other: of the first 2 half of each, element i and i + half turn as one pair.
     * cos and sin in the order of pairs, half and d whole chunks. */
    void (*turn)(const float *cos, const float *sin, size_t half, size_t d, size_t heads, const char *x, char *y);
} pair_loops;

/* For any machine, and for vectors of 512 bits with what AVX-512 knows of bf16 and of bytes; both give the same bits. */
extern const pair_loops sld__portable_loops;
#if defined(__x86_64__) && defined(__GNUC__)
#define WIDE_LOOPS
extern const pair_loops sld__wide_loops;
#endif
/* Those of this machine. */
const pair_loops *sld__loops(void);

/* n elements of any float dtype in the order that pairs of `dtype` have. What is not a number becomes the usual one, which
 * rounding leaves as it is. */
void sld__pairs_load(uint8_t dtype, const sld_tensor *t, size_t n, float *out);

/* And back to the order of memory. */
static inline void pairs_undo(uint8_t dtype, float *v, size_t n)
{
    float old[CHUNK];
    for (size_t c = 0; c < n && dtype != SLD_F32; c += CHUNK) {
        memcpy(old, v + c, sizeof old);
        for (size_t k = 0; k < CHUNK; k++)
            v[c + k] = old[k / 2 + k % 2 * WORDS];
    }
}

#endif
