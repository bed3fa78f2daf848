/* The context: errors, files, element types and their conversions; and that running out of
 * memory at any point of building, printing or parsing is a clean error without leaks. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dtype.h"
#include "test_ops.h"

START_TEST(first_error_counts)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    ck_assert_str_eq(sld_error(ctx), "");
    ck_assert_int_eq(sld__fail(ctx, SLD_ERR_TYPE, "a %d\nb", 1), SLD_ERR_TYPE);
    ck_assert_int_eq(sld__fail(ctx, SLD_ERR_IO, "second"), SLD_ERR_IO);
    ck_assert_str_eq(sld_error(ctx), "a 1 b");
    sld__clear(ctx);
    sld__fail(ctx, SLD_ERR_IO, "third");
    ck_assert_str_eq(sld_error(ctx), "third");
    sld_ctx_free(ctx);
}
END_TEST

START_TEST(read_file_answers_bytes_or_a_reason)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    char path[] = P_tmpdir "/solder_context_XXXXXX", big[200000];
    size_t n = 0;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    memset(big, 'x', sizeof big);
    ck_assert_int_eq(write(fd, big, sizeof big), sizeof big);
    close(fd);
    char *text = sld__read_file(ctx, path, &n);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(n, sizeof big);
    ck_assert_int_eq(text[n], 0);
    ck_assert_int_eq(memcmp(text, big, n), 0);
    sld__free(ctx, text);
    unlink(path);
    ck_assert_ptr_null(sld__read_file(ctx, path, &n));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), path));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "No such file"));
    sld__clear(ctx);
    ck_assert_ptr_null(sld__read_file(ctx, "/", &n));
    ck_assert_str_ne(sld_error(ctx), "");
    sld_ctx_free(ctx);
}
END_TEST

START_TEST(dtypes_have_names_and_sizes)
{
    static const size_t sizes[SLD_DTYPE_COUNT] = {0, 1, 1, 1, 4, 8, 1, 1, 2, 2, 4, 8};
    for (int t = 1; t < SLD_DTYPE_COUNT; t++) {
        ck_assert_int_eq(sld_dtype_parse(sld_dtype_name((sld_dtype)t)), t);
        ck_assert_uint_eq(sld_dtype_size((sld_dtype)t), sizes[t]);
    }
    ck_assert_int_eq(sld_dtype_parse("f8"), SLD_DTYPE_NONE);
    ck_assert_int_eq(sld_dtype_parse("none"), SLD_DTYPE_NONE);
    ck_assert_uint_eq(sld_dtype_size(SLD_DTYPE_COUNT), 0);
}
END_TEST

/* ------------------------------------------------------------- conversions -- */

/* Value of a code by definition: sign, bias, mantissa bits. */
static double by_definition(unsigned code, int mant, int bias)
{
    double frac = code & ((1u << mant) - 1);
    int e = (int)(code >> mant);
    return e ? ldexp(1 + ldexp(frac, -mant), e - bias) : ldexp(frac, 1 - bias - mant);
}

START_TEST(every_code_reads_by_definition_and_survives)
{
    for (unsigned c = 0; c < 0x7c00; c++) {
        ck_assert(sld_f16_to_f32((uint16_t)c) == by_definition(c, 10, 15));
        ck_assert_uint_eq(sld_f32_to_f16(sld_f16_to_f32((uint16_t)c)), c);
        ck_assert_uint_eq(sld_f32_to_f16(-sld_f16_to_f32((uint16_t)c)), c | 0x8000);
    }
    for (unsigned c = 0; c < 0x7f80; c++)
        ck_assert_uint_eq(sld_f32_to_bf16(sld_bf16_to_f32((uint16_t)c)), c);
    for (unsigned c = 0; c < 0x7f; c++) {
        ck_assert(sld_f8e4m3fn_to_f32((uint8_t)c) == by_definition(c, 3, 7));
        ck_assert_uint_eq(sld_f32_to_f8e4m3fn(-sld_f8e4m3fn_to_f32((uint8_t)c)), c | 0x80);
    }
    for (unsigned c = 0; c < 0x80; c++) {
        ck_assert(sld_f8e4m3fnuz_to_f32((uint8_t)c) == by_definition(c, 3, 8));
        ck_assert_uint_eq(sld_f32_to_f8e4m3fnuz(-sld_f8e4m3fnuz_to_f32((uint8_t)c)), c ? c | 0x80 : 0);
    }
}
END_TEST

/* Between two neighbours: the nearer one, and the even one at the middle. */
#define CHECK_ROUNDING(widen, narrow, top)                                          \
    for (unsigned c = 0; c < (top); c++) {                                          \
        double lo = widen(c), hi = widen(c + 1), mid = (lo + hi) / 2;               \
        ck_assert_uint_eq(narrow((float)mid), c + (c & 1));                         \
        ck_assert_uint_eq(narrow(nextafterf((float)mid, INFINITY)), c + 1);         \
        ck_assert_uint_eq(narrow(nextafterf((float)mid, 0)), c);                    \
    }

static float widen_f16(unsigned c) { return sld_f16_to_f32((uint16_t)c); }
static float widen_bf16(unsigned c) { return sld_bf16_to_f32((uint16_t)c); }
static float widen_fn(unsigned c) { return sld_f8e4m3fn_to_f32((uint8_t)c); }
static float widen_fnuz(unsigned c) { return sld_f8e4m3fnuz_to_f32((uint8_t)c); }

START_TEST(narrowing_rounds_to_nearest_even)
{
    CHECK_ROUNDING(widen_f16, sld_f32_to_f16, 0x7bff)
    CHECK_ROUNDING(widen_bf16, sld_f32_to_bf16, 0x7f7f)
    CHECK_ROUNDING(widen_fn, sld_f32_to_f8e4m3fn, 0x7e)
    CHECK_ROUNDING(widen_fnuz, sld_f32_to_f8e4m3fnuz, 0x7f)
}
END_TEST

START_TEST(overflow_and_specials)
{
    ck_assert_uint_eq(sld_f32_to_f16(65519.9f), 0x7bff);
    ck_assert_uint_eq(sld_f32_to_f16(65520.0f), 0x7c00);
    ck_assert_uint_eq(sld_f32_to_f16(-INFINITY), 0xfc00);
    ck_assert(isnan(sld_f16_to_f32(sld_f32_to_f16(NAN))));
    ck_assert(isinf(sld_f16_to_f32(0x7c00)));
    ck_assert(isnan(sld_bf16_to_f32(sld_f32_to_bf16(sld__f32_from_bits(0x7f800001)))));
    ck_assert_uint_eq(sld_f32_to_bf16(3.4e38f), 0x7f80);
    ck_assert_uint_eq(sld_f32_to_f8e4m3fn(1e30f), 0x7e);
    ck_assert_uint_eq(sld_f32_to_f8e4m3fn(-INFINITY), 0xfe);
    ck_assert(isnan(sld_f8e4m3fn_to_f32(sld_f32_to_f8e4m3fn(NAN))));
    ck_assert(isnan(sld_f8e4m3fn_to_f32(0xff)));
    ck_assert_uint_eq(sld_f32_to_f8e4m3fnuz(-1e30f), 0xff);
    ck_assert_uint_eq(sld_f32_to_f8e4m3fnuz(-1e-30f), 0);
    ck_assert_uint_eq(sld_f32_to_f8e4m3fnuz(NAN), 0x80);
    ck_assert(isnan(sld_f8e4m3fnuz_to_f32(0x80)));
    ck_assert(sld_f8e4m3fn_to_f32(0x7e) == 448 && sld_f8e4m3fnuz_to_f32(0x7f) == 240);
}
END_TEST

/* ---------------------------------------------------------- failing memory -- */

typedef struct meter { long until_failure, calls, live; } meter;

static void *metered(void *user, void *p, size_t size)
{
    meter *m = user;
    if (!size) {
        m->live -= p != NULL;
        free(p);
        return NULL;
    }
    if (m->until_failure == m->calls++)
        return NULL;
    void *q = realloc(p, size);
    m->live += !p && q;
    return q;
}

static sld_graph *build(sld_ctx *ctx)
{
    sld_graph *g = sld_graph_new(ctx, &test_rules);
    if (!g)
        return NULL;
    static float table[64];
    const int64_t two[2] = {3, 5}, shape[1] = {2}, square[2] = {8, 8};
    sld_dim s = sld_dim_symbol(g, "s0", 1, 64), dims[2] = {sld_dim_add(g, s, s), 8};
    sld_dim half = sld_dim_div(g, sld_dim_add(g, s, 1), 2);
    bool sized = dims[0] != SLD_SYM_NONE && half != SLD_SYM_NONE;
    sld_value x = sized ? sld_graph_input(g, "x", SLD_F32, 2, dims) : 0;
    sld_value w = x ? sld_graph_const(g, "w", SLD_F32, 2, square, table, sizeof table) : 0;
    sld_value c = w ? sld_graph_const(g, NULL, SLD_I64, 1, shape, two, sizeof two) : 0;
    uint32_t n;
    bool ok = c && sld_value_contents(g, c, &n);
    sld_attr every[N_EVERY] = {[EVERY_S] = {.kind = SLD_ATTR_STRING, .s = "long \"text\""},
                               [EVERY_INTS] = {.kind = SLD_ATTR_INTS, .n = 1, .p = &half}};
    sld_value in[2] = {x, x};
    for (int i = 0; ok && i < 12; i++) {
        sld_node a = sld_graph_add(g, OP_ADD, 2, in, NULL, 1, NULL);
        sld_value sum = a ? sld_result(g, a, 0) : 0;
        sld_node e = a ? sld_graph_add(g, OP_EVERY, 1, &sum, every, 1, NULL) : 0;
        ok = e != 0;
        in[0] = ok ? sld_result(g, e, 0) : 0;
    }
    if (ok && !sld_graph_output(g, "y", in[0]) && !sld_graph_verify(g))
        return g;
    sld_graph_free(g);
    return NULL;
}

static bool build_print_parse(sld_ctx *ctx)
{
    sld_graph *g = build(ctx), *copy = NULL;
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    sld_status s = g ? sld_text_print(g, f, SLD_TEXT_DATA) : SLD_ERR_MEMORY;
    fclose(f);
    if (!s)
        copy = sld_text_parse(ctx, &test_rules, "t", text, len);
    bool ok = copy && !sld_graph_sweep(copy);
    free(text);
    sld_graph_free(g);
    sld_graph_free(copy);
    return ok;
}

START_TEST(running_out_of_memory_is_clean)
{
    bool ok = false;
    for (long n = 0; !ok; n++) {
        meter m = {.until_failure = n};
        sld_ctx *ctx = sld_ctx_new(&(sld_allocator){metered, &m});
        ck_assert_int_eq(ctx != NULL, n > 0);
        if (ctx) {
            ok = build_print_parse(ctx);
            ck_assert_msg(ok || strstr(sld_error(ctx), "out of memory"), "%ld: '%s'", n, sld_error(ctx));
            ck_assert_msg(ok == (m.calls <= n), "allocation %ld failed unnoticed", n);
        }
        sld_ctx_free(ctx);
        ck_assert_msg(m.live == 0, "%ld blocks leaked when allocation %ld failed", m.live, n);
        ck_assert_int_lt(n, 100000);
    }
}
END_TEST

Suite *context_suite(void);
Suite *context_suite(void)
{
    Suite *s = suite_create("context");
    TCase *t = tcase_create("context");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, first_error_counts);
    tcase_add_test(t, read_file_answers_bytes_or_a_reason);
    tcase_add_test(t, dtypes_have_names_and_sizes);
    tcase_add_test(t, every_code_reads_by_definition_and_survives);
    tcase_add_test(t, narrowing_rounds_to_nearest_even);
    tcase_add_test(t, overflow_and_specials);
    tcase_add_test(t, running_out_of_memory_is_clean);
    suite_add_tcase(s, t);
    return s;
}
