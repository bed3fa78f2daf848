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

ROW_WIDE static void get_any(uint8_t dtype, const char *x, size_t n, float *v)
{
    WITH(dtype, get, x, n, v);
}

ROW_PART void put(uint8_t dtype, const float *restrict v, size_t n, char *restrict y)
{
    EACH_PAIR(c, k, n)
        pair_put(dtype, y + c * kern_size(dtype), k, pair_of(v + c, k));
}

ROW_WIDE static void put_any(uint8_t dtype, const float *v, size_t n, char *y)
{
    WITH(dtype, put, v, n, y);
}

ROW_WIDE static float squares_any(uint8_t dtype, const char *x, size_t n)
{
    return WITH(dtype, pairs_squares, x, n);
}

ROW_PART void add(uint8_t dtype, const char *restrict x, const char *restrict b, size_t n, float *restrict s,
                  float *restrict sums)
{
    EACH_PAIR(c, k, n) {
        pair p = at(dtype, x, c, k), q = at(dtype, b, c, k), t = {p.a + q.a, p.b + q.b};
        pair_set(s + c, k, t);
        sums[k] += t.a * t.a, sums[k + WORDS] += t.b * t.b;
    }
}

ROW_WIDE static void add_any(uint8_t dtype, const char *x, const char *b, size_t n, float *s, char *y, float *sums, bool far)
{
    (void)far;
    WITH(dtype, add, x, b, n, s, sums);
    if (y)
        put_any(dtype, s, n, y);
}

/* f with both dtypes as constants: floats stand for any dtype. */
#define WITH_BOTH(from, to, f, ...) \
    ((from) == SLD_BF16 && (to) == SLD_BF16 ? f(SLD_BF16, SLD_BF16, __VA_ARGS__) \
     : (from) == SLD_F16 && (to) == SLD_F16 ? f(SLD_F16, SLD_F16, __VA_ARGS__) \
     : (to) == SLD_F32 ? WITH(from, f, SLD_F32, __VA_ARGS__) : (to) == SLD_BF16 ? f(SLD_F32, SLD_BF16, __VA_ARGS__) \
                                                                                : f(SLD_F32, SLD_F16, __VA_ARGS__))

ROW_PART void scale(uint8_t from, uint8_t to, const char *restrict x, const float *restrict scales, const float *restrict w,
                    size_t width, size_t n, char *restrict y)
{
    for (size_t r = 0; r < n; r += width, scales++) {
        float by = *scales;
        EACH_PAIR(c, k, width) {
            pair p = at(from, x, r + c, k);
            pair_put(to, y + (r + c) * kern_size(to), k, (pair){p.a * by * w[c + k], p.b * by * w[c + k + WORDS]});
        }
    }
}

ROW_WIDE static void scale_any(uint8_t from, uint8_t to, const char *x, const float *scales, const float *w, size_t width,
                               size_t n, char *y, bool far)
{
    (void)far;
    WITH_BOTH(from, to, scale, x, scales, w, width, n, y);
}

ROW_PART float silu(uint8_t dtype, float x)
{
    return dtype == SLD_F32 ? row_silu(x) : row_silu_16(x);
}

ROW_PART void gate(uint8_t dtype, uint8_t to, const char *restrict z, size_t n, const float *restrict v, char *restrict y)
{
    EACH_PAIR(c, k, n) {
        pair p = at(dtype, z, c, k), q = pair_of(v + c, k);
        pair_put(to, y + c * kern_size(to), k, (pair){q.a * silu(dtype, p.a), q.b * silu(dtype, p.b)});
    }
}

ROW_WIDE static void gate_any(uint8_t dtype, uint8_t to, const char *z, size_t n, const float *v, char *y, bool far)
{
    (void)far;
    WITH_BOTH(dtype, to, gate, z, n, v, y);
}

ROW_PART float activated(uint8_t dtype, int64_t act, float x)
{
    return act == 0 ? silu(dtype, x) : act == 1 ? row_gelu(x) : row_gelu_tanh(x);
}

ROW_PART void product(uint8_t dtype, uint8_t to, int64_t act, const char *restrict g, const char *restrict u, size_t n,
                      char *restrict y)
{
    EACH_PAIR(c, k, n) {
        pair p = at(dtype, g, c, k), q = at(dtype, u, c, k);
        pair_put(to, y + c * kern_size(to), k, (pair){activated(dtype, act, p.a) * q.a, activated(dtype, act, p.b) * q.b});
    }
}

ROW_WIDE static void product_any(uint8_t dtype, uint8_t to, int64_t act, const char *g, const char *u, size_t n, char *y,
                                 bool far)
{
    (void)far;
    if (act == 0)
        WITH_BOTH(dtype, to, product, 0, g, u, n, y);
    else if (act == 1)
        WITH_BOTH(dtype, to, product, 1, g, u, n, y);
    else
        WITH_BOTH(dtype, to, product, 2, g, u, n, y);
}

ROW_PART uint32_t largest(uint8_t from, const char *restrict v, size_t n)
{
    uint32_t most[CHUNK] = {0}, all = 0;
    EACH_PAIR(c, k, n) {
        pair p = at(from, v, c, k);
        most[k] = row_max(most[k], sld__f32_bits(p.a) & 0x7fffffff);
        most[k + WORDS] = row_max(most[k + WORDS], sld__f32_bits(p.b) & 0x7fffffff);
    }
    for (size_t k = 0; k < CHUNK; k++)
        all = row_max(all, most[k]);
    return all;
}

ROW_WIDE static void largest_any(uint8_t from, const char *v, float floor, size_t group, size_t n, float *most)
{
    for (size_t g = 0; g < n; g += group, most++) {
        uint32_t all = WITH(from, largest, v + g * kern_size(from), group);
        *most = all > 0x7f800000 ? NAN : sld__f32_from_bits(row_max(all, sld__f32_bits(floor)));
    }
}

/* dtype: SLD_F32 if codes stand in the order of floats. */
ROW_PART void codes(uint8_t from, uint8_t dtype, uint32_t bias, float top, const char *restrict v, const float *restrict by,
                    size_t group, size_t n, char *restrict q)
{
    for (size_t g = 0; g < n; g += group, by++) {
        float factor = *by;
        EACH_PAIR(c, k, group) {
            pair p = at(from, v, g + c, k);
            uint32_t a = quant_code(p.a * factor, sld__f32_bits(top), bias);
            uint32_t b = quant_code(p.b * factor, sld__f32_bits(top), bias);
            uint16_t both = (uint16_t)((a & 0xff) | b << 8);
            if (dtype == SLD_F32)
                q[g + c + k] = (char)a, q[g + c + k + WORDS] = (char)b;
            else
                memcpy(q + g + c + 2 * k, &both, sizeof both);
        }
    }
}

#define CODES(bias) \
    (from != SLD_F32 ? from == SLD_BF16 ? codes(SLD_BF16, SLD_BF16, bias, top, v, by, group, n, q) \
                                        : codes(SLD_F16, SLD_F16, bias, top, v, by, group, n, q) \
     : dtype == SLD_F32 ? codes(SLD_F32, SLD_F32, bias, top, v, by, group, n, q) \
                        : codes(SLD_F32, SLD_BF16, bias, top, v, by, group, n, q))

ROW_WIDE static void codes_any(uint8_t f8, uint8_t from, uint8_t dtype, float top, const char *v, const float *by, size_t group,
                               size_t n, char *q, bool far)
{
    (void)far;
    if (f8 == SLD_F8E4M3FN)
        CODES(7);
    else
        CODES(8);
}

ROW_PART void turn_head(const float *restrict cos, const float *restrict sin, size_t half, size_t d, const char *restrict x,
                        char *restrict y)
{
    EACH_PAIR(c, k, half) {
        pair a = at(SLD_BF16, x, c, k), b = at(SLD_BF16, x + 2 * half, c, k), p = pair_of(cos + c, k), q = pair_of(sin + c, k);
        pair_put(SLD_BF16, y + 2 * c, k, (pair){a.a * p.a - b.a * q.a, a.b * p.b - b.b * q.b});
        pair_put(SLD_BF16, y + 2 * (half + c), k, (pair){b.a * p.a + a.a * q.a, b.b * p.b + a.b * q.b});
    }
    memcpy(y + 4 * half, x + 4 * half, 2 * d - 4 * half);
}

ROW_PART void turn(const float *cos, const float *sin, size_t half, size_t d, size_t heads, const char *x, char *y)
{
    for (size_t h = 0; h < heads; h++, x += 2 * d, y += 2 * d)
        turn_head(cos, sin, half, d, x, y);
}

ROW_WIDE static void turn_any(const float *cos, const float *sin, size_t half, size_t d, size_t heads, const char *x, char *y)
{
    if (half == 64 && d == 128)
        turn(cos, sin, 64, 128, heads, x, y);
    else
        turn(cos, sin, half, d, heads, x, y);
}

const pair_loops sld__portable_loops = {get_any, put_any, squares_any, add_any, scale_any, gate_any, product_any,
                                        largest_any, codes_any, turn_any};

const pair_loops *sld__loops(void)
{
#ifdef WIDE_LOOPS
    if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi")) /* these have all others */
        return &sld__wide_loops;
#endif
    return &sld__portable_loops;
}

void sld__pairs_load(uint8_t dtype, const sld_tensor *t, size_t n, float *out)
{
    bool same = t->dtype == dtype && dtype != SLD_F32 && n % CHUNK == 0;
    if (same)
        sld__loops()->get(dtype, t->data, n, out);
    for (size_t i = 0; i < part_whole(n) && !same; i++) {
        size_t k = i % CHUNK, to = dtype == SLD_F32 ? k : k / 2 + k % 2 * WORDS;
        float v = i < n ? (float)kern_get(t, i) : 0;
        out[i - k + to] = isnan(v) ? NAN : v;
    }
}
