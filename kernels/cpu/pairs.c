/* Loops over parts of rows in the order of pairs, for the vectors of the machine. */
#include "pairs.h"

/* Runs f with the dtype as a constant, so that its loop vectorises. */
#define WITH(dtype, f, ...) \
    ((dtype) == SLD_BF16 ? f(SLD_BF16, __VA_ARGS__) : (dtype) == SLD_F16 ? f(SLD_F16, __VA_ARGS__) : f(SLD_F32, __VA_ARGS__))
/* For pair k of each chunk, which starts at element c. */
#define EACH_PAIR(c, k, n) \
    for (size_t c = 0; c < (n); c += CHUNK) \
        for (size_t k = 0; k < WORDS; k++)

ROW_PART pair at(uint8_t dtype, const char *x, size_t c, size_t k)
{
    return pair_get(dtype, x + c * kern_size(dtype), k);
}

ROW_PART void get(uint8_t dtype, const char *restrict x, size_t n, float *restrict v)
{
    EACH_PAIR(c, k, n)
        pair_set(v + c, k, at(dtype, x, c, k));
}

ROW_WIDE void sld__pairs_get(uint8_t dtype, const char *x, size_t n, float *v)
{
    WITH(dtype, get, x, n, v);
}

ROW_PART void put(uint8_t dtype, const float *restrict v, size_t n, char *restrict y)
{
    EACH_PAIR(c, k, n)
        pair_put(dtype, y + c * kern_size(dtype), k, pair_of(v + c, k));
}

ROW_WIDE void sld__pairs_put(uint8_t dtype, const float *v, size_t n, char *y)
{
    WITH(dtype, put, v, n, y);
}

ROW_WIDE void sld__pairs_round(uint8_t dtype, float *v, size_t n)
{
    row_round(dtype, part_whole(n), v);
}

ROW_WIDE float sld__pairs_squares(uint8_t dtype, const char *x, size_t n)
{
    return WITH(dtype, pairs_squares, x, n);
}

ROW_PART void add(uint8_t dtype, const char *restrict x, const char *restrict b, size_t n, float *restrict s)
{
    EACH_PAIR(c, k, n) {
        pair p = at(dtype, x, c, k), q = at(dtype, b, c, k);
        pair_set(s + c, k, (pair){p.a + q.a, p.b + q.b});
    }
}

ROW_WIDE void sld__pairs_add(uint8_t dtype, const char *x, const char *b, size_t n, float *s)
{
    WITH(dtype, add, x, b, n, s);
}

/* To bf16, or not at all. */
typedef struct rounding { uint32_t half, odd, mask; } rounding;

ROW_PART rounding rounding_of(bool bf16)
{
    return bf16 ? (rounding){0x7fff, 1, 0xffff0000} : (rounding){0, 0, 0xffffffff};
}

ROW_PART float stored(rounding r, float f)
{
    uint32_t u = sld__f32_bits(f);
    return sld__f32_from_bits((u + r.half + (u >> 16 & r.odd)) & r.mask);
}

ROW_PART void scale(uint8_t dtype, bool bf16, const char *restrict x, const float *restrict scales, const float *restrict w,
                    size_t width, size_t n, float *restrict y)
{
    rounding to = rounding_of(bf16);
    for (size_t r = 0; r < n; r += width, scales++) {
        float by = *scales;
        EACH_PAIR(c, k, width) {
            pair p = at(dtype, x, r + c, k);
            pair_set(y + r + c, k, (pair){stored(to, p.a * by * w[c + k]), stored(to, p.b * by * w[c + k + WORDS])});
        }
    }
}

ROW_WIDE void sld__pairs_scale(uint8_t dtype, bool bf16, const char *x, const float *scales, const float *w, size_t width,
                               size_t n, float *y)
{
    WITH(dtype, scale, bf16, x, scales, w, width, n, y);
}

ROW_PART void gate(uint8_t dtype, bool bf16, const char *restrict z, size_t n, float *restrict y)
{
    rounding to = rounding_of(bf16);
    EACH_PAIR(c, k, n) {
        pair p = at(dtype, z, c, k), q = pair_of(y + c, k);
        pair_set(y + c, k, (pair){stored(to, q.a * row_silu(p.a)), stored(to, q.b * row_silu(p.b))});
    }
}

ROW_WIDE void sld__pairs_gate(uint8_t dtype, bool bf16, const char *z, size_t n, float *y)
{
    WITH(dtype, gate, bf16, z, n, y);
}

ROW_PART float activated(int64_t act, float x)
{
    return act == 0 ? row_silu(x) : act == 1 ? row_gelu(x) : row_gelu_tanh(x);
}

ROW_PART void product(uint8_t dtype, int64_t act, bool bf16, const char *restrict g, const char *restrict u, size_t n,
                      float *restrict y)
{
    rounding to = rounding_of(bf16);
    EACH_PAIR(c, k, n) {
        pair p = at(dtype, g, c, k), q = at(dtype, u, c, k);
        pair_set(y + c, k, (pair){stored(to, activated(act, p.a) * q.a), stored(to, activated(act, p.b) * q.b)});
    }
}

ROW_WIDE void sld__pairs_product(uint8_t dtype, int64_t act, bool bf16, const char *g, const char *u, size_t n, float *y)
{
    if (act == 0)
        WITH(dtype, product, 0, bf16, g, u, n, y);
    else if (act == 1)
        WITH(dtype, product, 1, bf16, g, u, n, y);
    else
        WITH(dtype, product, 2, bf16, g, u, n, y);
}

ROW_PART uint32_t largest(const float *restrict v, size_t n)
{
    uint32_t most[CHUNK] = {0}, all = 0;
    EACH_PAIR(c, k, n) {
        most[k] = row_max(most[k], sld__f32_bits(v[c + k]) & 0x7fffffff);
        most[k + WORDS] = row_max(most[k + WORDS], sld__f32_bits(v[c + k + WORDS]) & 0x7fffffff);
    }
    for (size_t k = 0; k < CHUNK; k++)
        all = row_max(all, most[k]);
    return all;
}

ROW_WIDE void sld__pairs_largest(const float *v, float floor, size_t group, size_t n, float *most)
{
    for (size_t g = 0; g < n; g += group, most++) {
        uint32_t all = largest(v + g, group);
        *most = all > 0x7f800000 ? NAN : sld__f32_from_bits(row_max(all, sld__f32_bits(floor)));
    }
}

ROW_PART void codes(uint8_t order, uint32_t bias, float top, const float *restrict v, const float *restrict by, size_t group,
                    size_t n, char *restrict q)
{
    for (size_t g = 0; g < n; g += group, by++) {
        float factor = *by;
        EACH_PAIR(c, k, group) {
            uint32_t a = quant_code(v[g + c + k] * factor, sld__f32_bits(top), bias);
            uint32_t b = quant_code(v[g + c + k + WORDS] * factor, sld__f32_bits(top), bias);
            uint16_t both = (uint16_t)((a & 0xff) | b << 8);
            if (order == SLD_F32)
                q[g + c + k] = (char)a, q[g + c + k + WORDS] = (char)b;
            else
                memcpy(q + g + c + 2 * k, &both, sizeof both);
        }
    }
}

ROW_WIDE void sld__pairs_codes(uint8_t to, uint8_t dtype, float top, const float *v, const float *by, size_t group, size_t n,
                               char *q)
{
    if (to == SLD_F8E4M3FN && dtype == SLD_F32)
        codes(SLD_F32, 7, top, v, by, group, n, q);
    else if (to == SLD_F8E4M3FN)
        codes(SLD_BF16, 7, top, v, by, group, n, q);
    else if (dtype == SLD_F32)
        codes(SLD_F32, 8, top, v, by, group, n, q);
    else
        codes(SLD_BF16, 8, top, v, by, group, n, q);
}

void sld__pairs_load(uint8_t dtype, const sld_tensor *t, size_t n, float *out)
{
    bool same = t->dtype == dtype && dtype != SLD_F32 && n % CHUNK == 0;
    if (same)
        sld__pairs_get(dtype, t->data, n, out);
    for (size_t i = 0; i < part_whole(n) && !same; i++) {
        size_t k = i % CHUNK, to = dtype == SLD_F32 ? k : k / 2 + k % 2 * WORDS;
        float v = i < n ? (float)kern_get(t, i) : 0;
        out[i - k + to] = isnan(v) ? NAN : v;
    }
}
