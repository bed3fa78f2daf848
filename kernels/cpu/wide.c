/* The loops over parts of rows in bf16, 32 elements at a time: AVX-512 rounds to bf16 in one instruction, and picks bytes of
 * two vectors. Other dtypes take the loops for any machine. */
#include "pairs.h"

#ifdef WIDE_LOOPS
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("fma,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vbmi"))), apply_to = function)
#else
#pragma GCC target("fma,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vbmi")
#endif

/* The first and the second elements of sixteen words. */
typedef struct two { __m512 a, b; } two;

ROW_PART __m512i whole(const void *p)
{
    return _mm512_loadu_si512(p);
}

ROW_PART two split(__m512i words)
{
    return (two){_mm512_castsi512_ps(_mm512_slli_epi32(words, 16)),
                 _mm512_castsi512_ps(_mm512_and_si512(words, _mm512_set1_epi32((int)0xffff0000)))};
}

/* Pairs k to k + 15 of the chunk that starts at element c. */
ROW_PART two get_two(uint8_t from, const char *x, size_t c, size_t k)
{
    const float *v = (const float *)x + c + k;
    if (from == SLD_F32)
        return (two){_mm512_loadu_ps(v), _mm512_loadu_ps(v + WORDS)};
    return split(whole(x + 2 * (c + 2 * k)));
}

/* As pair_put rounds: the instruction makes zeros of denormals, so zeros are looked at once more. */
ROW_PART __m512i slowly(two v, __m512i quick)
{
    const __m512i half = _mm512_set1_epi32(0x7fff), one = _mm512_set1_epi32(1);
    __m512i a = _mm512_castps_si512(v.a), b = _mm512_castps_si512(v.b);
    if (!(_mm512_fpclass_ps_mask(v.a, 0x20) | _mm512_fpclass_ps_mask(v.b, 0x20)))
        return quick;
    a = _mm512_add_epi32(_mm512_add_epi32(a, half), _mm512_and_si512(_mm512_srli_epi32(a, 16), one));
    b = _mm512_add_epi32(_mm512_add_epi32(b, half), _mm512_and_si512(_mm512_srli_epi32(b, 16), one));
    return _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(a, 16), b);
}

ROW_PART __m512i words_of(two v)
{
    static const _Alignas(64) uint16_t turns[32] = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
                                                    8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    __m512i both = (__m512i)_mm512_cvtne2ps_pbh(v.b, v.a);
    __mmask32 zero = _mm512_testn_epi16_mask(both, _mm512_set1_epi16(0x7fff));
    both = _mm512_permutexvar_epi16(whole(turns), both);
    return __builtin_expect(zero != 0, 0) ? slowly(v, both) : both;
}

ROW_PART bool aligned(const char *p)
{
    return (uintptr_t)p % CHUNK == 0;
}

/* What is far passes by the caches: its lines need not be read first. */
ROW_PART void keep(bool far, char *to, __m512i v)
{
    if (far)
        _mm512_stream_si512((void *)to, v);
    else
        _mm512_storeu_si512(to, v);
}

ROW_PART void put_two(uint8_t to, char *y, size_t c, size_t k, two v, bool far)
{
    float *f = (float *)y + c + k;
    if (to == SLD_F32)
        _mm512_storeu_ps(f, v.a), _mm512_storeu_ps(f + WORDS, v.b);
    else
        keep(far, y + 2 * (c + 2 * k), words_of(v));
}

/* For pairs k to k + 15 of each chunk, which starts at element c. */
#define EACH_TWO(c, k, n) \
    for (size_t c = 0; c < (n); c += CHUNK) \
        for (size_t k = 0; k < WORDS; k += 16)

static void put(uint8_t dtype, const float *v, size_t n, char *y)
{
    if (dtype != SLD_BF16)
        sld__portable_loops.put(dtype, v, n, y);
    else
        EACH_TWO(c, k, n)
            put_two(SLD_BF16, y, c, k, get_two(SLD_F32, (const char *)v, c, k), false);
}

ROW_PART __m512 plus_square(__m512 sum, __m512 v)
{
    return _mm512_add_ps(sum, _mm512_mul_ps(v, v));
}

static void add(uint8_t dtype, const char *x, const char *b, size_t n, float *s, char *y, float *sums, bool far)
{
    if (dtype != SLD_BF16) {
        sld__portable_loops.add(dtype, x, b, n, s, y, sums, far);
        return;
    }
    far = far && aligned(y);
    two all[2] = {get_two(SLD_F32, (const char *)sums, 0, 0), get_two(SLD_F32, (const char *)sums, 0, 16)};
    EACH_TWO(c, k, n) {
        two p = get_two(SLD_BF16, x, c, k), q = get_two(SLD_BF16, b, c, k), *to = &all[k / 16];
        two t = {_mm512_add_ps(p.a, q.a), _mm512_add_ps(p.b, q.b)};
        put_two(SLD_F32, (char *)s, c, k, t, false);
        if (y)
            put_two(SLD_BF16, y, c, k, t, far);
        *to = (two){plus_square(to->a, t.a), plus_square(to->b, t.b)};
    }
    put_two(SLD_F32, (char *)sums, 0, 0, all[0], false);
    put_two(SLD_F32, (char *)sums, 0, 16, all[1], false);
}

ROW_PART void scale_rows(uint8_t from, uint8_t to, const char *x, const float *scales, const float *w, size_t width,
                         size_t n, char *y, bool far)
{
    for (size_t r = 0; r < n; r += width, scales++) {
        __m512 by = _mm512_set1_ps(*scales);
        EACH_TWO(c, k, width) {
            two p = get_two(from, x, r + c, k);
            __m512 a = _mm512_mul_ps(_mm512_mul_ps(p.a, by), _mm512_loadu_ps(w + c + k));
            __m512 b = _mm512_mul_ps(_mm512_mul_ps(p.b, by), _mm512_loadu_ps(w + c + k + WORDS));
            put_two(to, y, r + c, k, (two){a, b}, far);
        }
    }
}

static void scale(uint8_t from, uint8_t to, const char *x, const float *scales, const float *w, size_t width,
                  size_t n, char *y, bool far)
{
    if (from == SLD_BF16 && to == SLD_BF16)
        scale_rows(SLD_BF16, SLD_BF16, x, scales, w, width, n, y, far && aligned(y));
    else if (from == SLD_F32 && to == SLD_BF16)
        scale_rows(SLD_F32, SLD_BF16, x, scales, w, width, n, y, far && aligned(y));
    else
        sld__portable_loops.scale(from, to, x, scales, w, width, n, y, far);
}

/* For each vector of a chunk. */
#define EACH_VECTOR(i) for (int i = 0; i < 4; i++)

ROW_PART __m512 number(float f)
{
    return _mm512_set1_ps(f);
}

/* row_silu_16 of a chunk, whose vectors go step by step together: each waits long for its own step before. */
ROW_PART void silu(__m512 *v)
{
    __m512 t[4], r[4], p[4];
    EACH_VECTOR(i)
        t[i] = _mm512_mul_ps(v[i], number(-1.44269504f));
    EACH_VECTOR(i)
        r[i] = _mm512_reduce_ps(t[i], 0); /* what is left of the nearest whole number */
    EACH_VECTOR(i)
        t[i] = _mm512_roundscale_ps(t[i], 0);
    EACH_VECTOR(i)
        p[i] = _mm512_fmadd_ps(number(0.0095828576f), r[i], number(0.0559064373f));
    EACH_VECTOR(i)
        p[i] = _mm512_fmadd_ps(p[i], r[i], number(0.240240991f));
    EACH_VECTOR(i)
        p[i] = _mm512_fmadd_ps(p[i], r[i], number(0.693124175f));
    EACH_VECTOR(i)
        p[i] = _mm512_fmadd_ps(p[i], r[i], number(1));
    EACH_VECTOR(i)
        p[i] = _mm512_scalef_ps(p[i], t[i]);
    EACH_VECTOR(i)
        v[i] = _mm512_div_ps(v[i], _mm512_add_ps(number(1), p[i]));
}

/* y = silu(g) u of a chunk; u: of words or floats */
ROW_PART void gate_chunk(const char *g, uint8_t from, const char *u, size_t c, char *y, bool far)
{
    two first = get_two(SLD_BF16, g, c, 0), second = get_two(SLD_BF16, g, c, 16);
    two p = get_two(from, u, c, 0), q = get_two(from, u, c, 16);
    __m512 v[4] = {first.a, first.b, second.a, second.b};
    silu(v);
    put_two(SLD_BF16, y, c, 0, (two){_mm512_mul_ps(v[0], p.a), _mm512_mul_ps(v[1], p.b)}, far);
    put_two(SLD_BF16, y, c, 16, (two){_mm512_mul_ps(v[2], q.a), _mm512_mul_ps(v[3], q.b)}, far);
}

static void gate(uint8_t dtype, uint8_t to, const char *z, size_t n, const float *v, char *y, bool far)
{
    if (to != SLD_BF16) {
        sld__portable_loops.gate(dtype, to, z, n, v, y, far);
        return;
    }
    far = far && aligned(y);
    for (size_t c = 0; c < n; c += CHUNK)
        gate_chunk(z, SLD_F32, (const char *)v, c, y, far);
}

static void product(uint8_t dtype, uint8_t to, int64_t act, const char *g, const char *u, size_t n, char *y, bool far)
{
    if (to != SLD_BF16 || act) {
        sld__portable_loops.product(dtype, to, act, g, u, n, y, far);
        return;
    }
    far = far && aligned(y);
    for (size_t c = 0; c < n; c += CHUNK)
        gate_chunk(g, SLD_BF16, u, c, y, far);
}

static void largest(uint8_t from, const char *v, float floor, size_t group, size_t n, float *most)
{
    if (from != SLD_BF16) {
        sld__portable_loops.largest(from, v, floor, group, n, most);
        return;
    }
    const __m512i magnitude = _mm512_set1_epi16(0x7fff);
    for (size_t g = 0; g < n; g += group, most++) {
        __m512i all[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
        EACH_TWO(c, k, group)
            all[k / 16] = _mm512_max_epu16(all[k / 16], _mm512_and_si512(whole(v + 2 * (g + c + 2 * k)), magnitude));
        __m512i both = _mm512_max_epu16(all[0], all[1]);
        two p = split(both);
        uint32_t top = _mm512_reduce_max_epu32(_mm512_max_epu32(_mm512_castps_si512(p.a), _mm512_castps_si512(p.b)));
        *most = top > 0x7f800000 ? NAN : sld__f32_from_bits(row_max(top, sld__f32_bits(floor)));
    }
}

/* quant_code of magnitudes that are not above the largest, in the second bytes: the exponent stands in the high half of the
 * sum and counts eighths of it, what is left of the number in the low half. */
ROW_PART void code_vectors(__m512 *v, uint32_t bias, __m512i *codes)
{
    const __m512i least = _mm512_set1_epi32((int)((128 - bias) << 23)), exponent = _mm512_set1_epi32(0x7f800000);
    const __m512i above = _mm512_set1_epi32((20 << 23) + (bias == 7 ? 152 : 160));
    __m512i e[4];
    EACH_VECTOR(i)
        e[i] = _mm512_max_epu32(_mm512_castps_si512(v[i]), least);
    EACH_VECTOR(i)
        e[i] = _mm512_and_si512(e[i], exponent);
    EACH_VECTOR(i)
        e[i] = _mm512_add_epi32(e[i], above);
    EACH_VECTOR(i)
        v[i] = _mm512_add_ps(v[i], _mm512_castsi512_ps(e[i]));
    EACH_VECTOR(i)
        codes[i] = _mm512_madd_epi16(_mm512_castps_si512(v[i]), _mm512_set1_epi32(16 << 16 | 256));
}

/* Where bytes of two vectors of words stand: */
#define TURN(i) 4 * (i) + 1, 4 * (i) + 65
#define TURNS TURN(0), TURN(1), TURN(2), TURN(3), TURN(4), TURN(5), TURN(6), TURN(7), TURN(8), TURN(9), TURN(10), TURN(11), \
              TURN(12), TURN(13), TURN(14), TURN(15)
#define BYTES(i, at) 2 * (i) + (at), 2 * (i) + 2 + (at), 2 * (i) + 4 + (at), 2 * (i) + 6 + (at)
#define BYTES_16(i, at) BYTES(i, at), BYTES((i) + 4, at), BYTES((i) + 8, at), BYTES((i) + 12, at)
#define BYTES_64(at) BYTES_16(0, at), BYTES_16(16, at), BYTES_16(32, at), BYTES_16(48, at)
/* the second bytes of pairs of words, in turns, twice; the first and the second ones of all words. */
static const _Alignas(64) uint8_t turn_bytes[64] = {TURNS, TURNS}, first_bytes[64] = {BYTES_64(0)}, second_bytes[64] = {BYTES_64(1)};

/* The signs of words for their codes; zero has none where the bias is 8. */
ROW_PART __m512i code_signs(__m512i first, __m512i second, __m512i codes, uint32_t bias)
{
    __m512i signs = _mm512_permutex2var_epi8(first, whole(second_bytes), second), sign = _mm512_set1_epi8((char)0x80);
    if (bias == 8)
        signs = _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(codes, codes), signs);
    return _mm512_ternarylogic_epi32(sign, signs, codes, 0xea); /* (sign & signs) | codes */
}

/* A chunk of words times a factor. top: the smallest number of bf16 whose code is the largest. */
ROW_PART __m512i code_chunk(__m512i first, __m512i second, __m512 factor, __m512i top, uint32_t bias)
{
    const __m512i magnitude = _mm512_set1_epi16(0x7fff), nan = _mm512_set1_epi16(0x7f80);
    __m512i ma = _mm512_and_si512(first, magnitude), mb = _mm512_and_si512(second, magnitude);
    two p = split(_mm512_min_epu16(ma, top)), q = split(_mm512_min_epu16(mb, top));
    __m512 v[4] = {p.a, p.b, q.a, q.b};
    __m512i c[4];
    EACH_VECTOR(i)
        v[i] = _mm512_mul_ps(v[i], factor);
    code_vectors(v, bias, c);
    const __m512i turns = whole(turn_bytes);
    __m512i codes = _mm512_mask_blend_epi64(0xf0, _mm512_permutex2var_epi8(c[0], turns, c[1]), _mm512_permutex2var_epi8(c[2], turns, c[3]));
    codes = code_signs(first, second, codes, bias);
    if (__builtin_expect(_mm512_cmpgt_epu16_mask(_mm512_max_epu16(ma, mb), nan), 0)) {
        __mmask64 none = (__mmask64)_mm512_cmpgt_epu16_mask(mb, nan) << 32 | _mm512_cmpgt_epu16_mask(ma, nan);
        codes = _mm512_mask_mov_epi8(codes, none, _mm512_set1_epi8(bias == 7 ? 0x7f : (char)0x80));
    }
    return codes;
}

/* Codes of one factor by the mantissa, less what an exponent adds, which is 8 for each step: of numbers from `least` on,
 * whose codes are no denormals, up to infinity, `span` above. */
typedef struct mantissas { __m512i low, high, least, span; } mantissas;

ROW_PART mantissas mantissas_of(float by, uint32_t bias)
{
    uint32_t exponent = 254 - (sld__f32_bits(by) >> 23); /* times the factor: from 1 to 4 */
    uint32_t least = (sld__f32_bits((bias == 7 ? 0x1p-6f : 0x1p-7f) / by) + 0xffff) >> 16;
    _Alignas(64) uint16_t words[128];
    for (uint32_t i = 0; i < 128; i++)
        words[i] = (uint16_t)(exponent << 7 | i);
    const __m512i top = _mm512_set1_epi16(0x7f7f), adds = _mm512_set1_epi8((char)(exponent << 3));
    __m512i low = code_chunk(whole(words), whole(words + 32), _mm512_set1_ps(by), top, bias);
    __m512i high = code_chunk(whole(words + 64), whole(words + 96), _mm512_set1_ps(by), top, bias);
    return (mantissas){_mm512_sub_epi8(low, adds), _mm512_sub_epi8(high, adds), _mm512_set1_epi16((short)least),
                       _mm512_set1_epi16((short)(0x7f80 - least))};
}

/* As code_chunk, by the table. */
ROW_PART __m512i code_looked_up(__m512i first, __m512i second, const mantissas *t, float by, __m512i top, uint32_t bias)
{
    const __m512i magnitude = _mm512_set1_epi16(0x7fff), lows = whole(first_bytes);
    __m512i ma = _mm512_and_si512(first, magnitude), mb = _mm512_and_si512(second, magnitude);
    __m512i above = _mm512_max_epu16(_mm512_sub_epi16(ma, t->least), _mm512_sub_epi16(mb, t->least));
    if (__builtin_expect(_mm512_cmpgt_epu16_mask(above, t->span), 0))
        return code_chunk(first, second, _mm512_set1_ps(by), top, bias);
    ma = _mm512_min_epu16(ma, top), mb = _mm512_min_epu16(mb, top);
    __m512i mantissa = _mm512_permutex2var_epi8(t->low, _mm512_permutex2var_epi8(ma, lows, mb), t->high);
    __m512i exponent = _mm512_permutex2var_epi8(_mm512_srli_epi16(ma, 4), lows, _mm512_srli_epi16(mb, 4));
    __m512i codes = _mm512_add_epi8(mantissa, _mm512_and_si512(exponent, _mm512_set1_epi8((char)0xf8)));
    return code_signs(first, second, codes, bias);
}

/* Groups of chunks, up to GROUPS of them: their divisions need not wait for one another. */
enum { GROUPS = 16, LONG = 512 /* a group that is worth a table */ };

ROW_PART void code_groups(uint32_t bias, float top, const char *v, const float *by, size_t group, size_t n, char *q, bool far)
{
    uint32_t most[GROUPS];
    for (size_t g = 0; g < n / group; g++) {
        uint32_t above = (sld__f32_bits(top / by[g]) + 0xffff) >> 16;
        most[g] = above < 0x7f7f ? above : 0x7f7f;
    }
    for (size_t g = 0; g < n / group; g++) {
        __m512i tops = _mm512_set1_epi16((short)most[g]);
        __m512 factor = _mm512_set1_ps(by[g]);
        size_t c = g * group, end = c + group;
        if (group >= LONG)
            for (mantissas t = mantissas_of(by[g], bias); c < end; c += CHUNK)
                keep(far, q + c, code_looked_up(whole(v + 2 * c), whole(v + 2 * c + CHUNK), &t, by[g], tops, bias));
        for (; c < end; c += CHUNK)
            keep(far, q + c, code_chunk(whole(v + 2 * c), whole(v + 2 * c + CHUNK), factor, tops, bias));
    }
}

/* Whether no product that has a code is denormal, nor too large. */
static bool usual(const float *by, size_t n)
{
    bool all = true;
    for (size_t g = 0; g < n; g++)
        all = all && by[g] >= 0x1p-100f && by[g] <= 0x1p100f;
    return all;
}

static void codes(uint8_t f8, uint8_t from, uint8_t dtype, float top, const char *v, const float *by, size_t group, size_t n,
                  char *q, bool far)
{
    n = part_whole(n);
    if (from != SLD_BF16 || !usual(by, n / group))
        sld__portable_loops.codes(f8, from, dtype, top, v, by, group, n, q, far);
    else if (f8 == SLD_F8E4M3FN)
        code_groups(7, top, v, by, group, n, q, far && aligned(q));
    else
        code_groups(8, top, v, by, group, n, q, far && aligned(q));
}

ROW_PART void turn_head(const float *cos, const float *sin, size_t half, const char *x, char *y)
{
    EACH_TWO(c, k, half) {
        two p = get_two(SLD_F32, (const char *)cos, c, k), q = get_two(SLD_F32, (const char *)sin, c, k);
        two a = get_two(SLD_BF16, x, c, k), b = get_two(SLD_BF16, x, half + c, k);
        two first = {_mm512_sub_ps(_mm512_mul_ps(a.a, p.a), _mm512_mul_ps(b.a, q.a)),
                     _mm512_sub_ps(_mm512_mul_ps(a.b, p.b), _mm512_mul_ps(b.b, q.b))};
        two second = {_mm512_add_ps(_mm512_mul_ps(b.a, p.a), _mm512_mul_ps(a.a, q.a)),
                      _mm512_add_ps(_mm512_mul_ps(b.b, p.b), _mm512_mul_ps(a.b, q.b))};
        put_two(SLD_BF16, y, c, k, first, false);
        put_two(SLD_BF16, y, half + c, k, second, false);
    }
}

static void turn(const float *cos, const float *sin, size_t half, size_t d, size_t heads, const char *x, char *y)
{
    for (size_t h = 0; h < heads; h++, x += 2 * d, y += 2 * d) {
        turn_head(cos, sin, half, x, y);
        if (d > 2 * half)
            memcpy(y + 4 * half, x + 4 * half, 2 * d - 4 * half);
    }
}

static void get(uint8_t dtype, const char *x, size_t n, float *v)
{
    sld__portable_loops.get(dtype, x, n, v);
}

static float squares(uint8_t dtype, const char *x, size_t n)
{
    return sld__portable_loops.squares(dtype, x, n);
}

const pair_loops sld__wide_loops = {get, put, squares, add, scale, gate, product, largest, codes, turn};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
