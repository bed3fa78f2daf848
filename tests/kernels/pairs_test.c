/* Loops over rows for vectors of 512 bits against those for any machine: bit by bit, from and to any address, over all
 * numbers that bf16 has. */
#include <check.h>
#include <stdlib.h>

#include "cpu/pairs.h"

Suite *pairs_suite(void);

#ifdef WIDE_LOOPS
enum { SIZE = 512, ROOM = 4 * SIZE + 64 };

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Words of any kind, of usual numbers, or of small ones: of what comes out none, some or much is denormal or zero. */
static void draw(uint32_t *seed, int kind, uint16_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t r = next(seed), exponent = kind == 1 ? 0x3c00 + r % 0x500 : kind == 2 ? r % 0x1000 : 0x3f80 + r % 0x80;
        x[i] = (uint16_t)(kind == 0 ? r : exponent | (r >> 8 & 0x8000));
    }
}

static void floats(uint32_t *seed, float *v, size_t n)
{
    uint16_t words[SIZE];
    draw(seed, 1, words, n);
    for (size_t i = 0; i < n; i++)
        v[i] = sld_bf16_to_f32(words[i]) * 1.1f;
}

/* What both write, in the order in which they are called; NULL where this machine has but one kind. */
typedef struct sides { const pair_loops *loops[2]; _Alignas(64) char out[2][ROOM]; } sides;

static bool open_sides(sides *s)
{
    *s = (sides){.loops = {&sld__portable_loops, sld__loops()}};
    return s->loops[0] != s->loops[1];
}

static void same(const sides *s, const char *what, int kind, size_t n)
{
    for (size_t i = 0; i < ROOM && memcmp(s->out[0], s->out[1], ROOM); i++)
        ck_assert_msg(s->out[0][i] == s->out[1][i], "%s of numbers of kind %d, %zu of them: byte %zu is %02x, not %02x",
                      what, kind, n, i, (uint8_t)s->out[1][i], (uint8_t)s->out[0][i]);
}

#define BOTH(what, call) \
    for (int k = 0; k < 2; k++) { \
        const pair_loops *loops = s.loops[k]; \
        char *y = s.out[k] + shift; \
        call; \
    } \
    same(&s, what, kind, n)

/* kind: of the numbers, far: whether results pass by the caches, both from the number of the test. */
START_TEST(both_give_the_same_bits)
{
    sides s;
    uint32_t seed = (uint32_t)_i + 1;
    int kind = _i % 4;
    bool far = _i / 4 % 2;
    size_t n = CHUNK * (1 + next(&seed) % 8), shift = _i % 3 ? 0 : next(&seed) % 16 * 4, from = _i % 5 ? 0 : next(&seed) % 32;
    size_t group = n % 128 ? n : 128, end = group == n ? n - next(&seed) % CHUNK : n; /* of the row; the chunk is whole */
    _Alignas(64) uint16_t xs[SIZE + 32], bs[SIZE + 32];
    float w[SIZE], v[SIZE], by[SIZE / CHUNK], sums[2][WAYS] = {{0}}, sum[2][SIZE], most[2][SIZE / CHUNK];
    const char *x = (const char *)(xs + from), *b = (const char *)(bs + from);
    if (!open_sides(&s))
        return;
    draw(&seed, kind, xs + from, n);
    draw(&seed, kind, bs + from, n);
    if (_i % 9 == 2)
        xs[from + n / 2] = 0xff80; /* -inf */
    floats(&seed, w, n);
    floats(&seed, v, n);
    for (size_t i = 0; i < SIZE / CHUNK; i++)
        by[i] = _i % 7 == 3 ? 0.25f : _i % 7 == 4 ? -1 : _i % 11 == 5 ? INFINITY : _i % 13 == 6 ? 0x1p-110f
                                                                                                 : v[i] * v[i] * 300 + 0.01f;
    for (int k = 0; k < 2; k++) {
        s.loops[k]->add(SLD_BF16, x, b, n, sum[k], s.out[k] + shift, sums[k], far);
        s.loops[k]->largest(SLD_BF16, x, 0.01f, group, n, most[k]);
    }
    same(&s, "sums", kind, n);
    s.loops[1]->add(SLD_BF16, x, b, n, sum[1], NULL, sums[0], far); /* not stored */
    s.loops[0]->add(SLD_BF16, x, b, n, sum[0], NULL, sums[1], far);
    ck_assert_mem_eq(sum[0], sum[1], n * sizeof(float));
    ck_assert_mem_eq(sums[0], sums[1], sizeof sums[0]);
    ck_assert_mem_eq(most[0], most[1], n / group * sizeof(float));
    BOTH("floats", loops->put(SLD_BF16, v, end, y));
    BOTH("products with weights", loops->scale(SLD_BF16, SLD_BF16, x, by, w, group, end, y, far));
    BOTH("products of floats with weights", loops->scale(SLD_F32, SLD_BF16, (const char *)v, by, w, group, end, y, far));
    BOTH("products that are not rounded", loops->scale(SLD_BF16, SLD_F32, x, by, w, group, end, y, false));
    BOTH("gates", loops->gate(SLD_BF16, SLD_BF16, x, end, v, y, far));
    BOTH("gates that are not rounded", loops->gate(SLD_BF16, SLD_F32, x, end, v, y, false));
    for (int64_t act = 0; act < 3; act++) {
        BOTH("activations", loops->product(SLD_BF16, SLD_BF16, act, x, b, end, y, far));
    }
    for (size_t half = CHUNK; half <= 2 * CHUNK; half += CHUNK)
        for (size_t d = half * 2; d <= n; d += CHUNK) {
            BOTH("turned heads", loops->turn(w, v, half, d, n / d, x, y));
        }
    BOTH("codes", loops->codes(SLD_F8E4M3FN, SLD_BF16, SLD_BF16, 448, x, by, group, end, y, far));
    BOTH("codes without a sign of zero", loops->codes(SLD_F8E4M3FNUZ, SLD_BF16, SLD_BF16, 224, x, by, group, end, y, far));
    BOTH("codes of a whole format", loops->codes(SLD_F8E4M3FNUZ, SLD_BF16, SLD_BF16, 240, x, by, group, end, y, far));
    BOTH("codes of floats", loops->codes(SLD_F8E4M3FN, SLD_F32, SLD_BF16, 448, (const char *)v, by, group, end, y, far));
}
END_TEST

/* Each number of bf16, times factors about a tie and others. */
START_TEST(codes_of_all_numbers)
{
    sides s;
    static const float factors[] = {1, 0.5f, 0x1p-6f, 0x1p-40f, 0x1p90f, 1.0625f, 1.1f, 0.99999994f, 47.3f, 1 / 3.f};
    uint16_t x[SIZE];
    if (!open_sides(&s))
        return;
    for (uint32_t at = 0; at < 0x10000; at += SIZE)
        for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
            int kind = (int)f;
            size_t n = SIZE, shift = 0;
            for (uint32_t i = 0; i < SIZE; i++)
                x[i] = (uint16_t)(at + i);
            BOTH("codes", loops->codes(SLD_F8E4M3FN, SLD_BF16, SLD_BF16, 448, (const char *)x, &factors[f], n, n, y, false));
            BOTH("codes", loops->codes(SLD_F8E4M3FNUZ, SLD_BF16, SLD_BF16, 240, (const char *)x, &factors[f], n, n, y, false));
        }
}
END_TEST
#endif

Suite *pairs_suite(void)
{
    Suite *s = suite_create("pairs");
    TCase *t = tcase_create("loops");
#ifdef WIDE_LOOPS
    tcase_add_loop_test(t, both_give_the_same_bits, 0, 400);
    tcase_add_test(t, codes_of_all_numbers);
#endif
    suite_add_tcase(s, t);
    return s;
}
