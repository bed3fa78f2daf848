/* The text form: exact print and parse, and a placed message for every mistake. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test_ops.h"

static sld_ctx *ctx;

static void setup(void) { ctx = sld_ctx_new(NULL); }
static void teardown(void) { sld_ctx_free(ctx); }

static sld_graph *parse(const char *text)
{
    sld_graph *g = sld_text_parse(ctx, &test_rules, "t.sld", text, strlen(text));
    ck_assert_msg(g, "%s", sld_error(ctx));
    ck_assert_msg(!sld_graph_verify(g), "%s", sld_error(ctx));
    return g;
}

static char *print(sld_graph *g, unsigned flags)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    ck_assert_msg(!sld_text_print(g, f, flags), "%s", sld_error(ctx));
    fclose(f);
    return text;
}

/* Parses text, which prints as expected; and that text is a fixed point. */
static void check_prints(const char *text, const char *expected, unsigned flags)
{
    sld_graph *g = parse(text), *again;
    char *printed = print(g, flags);
    ck_assert_str_eq(printed, expected);
    again = parse(printed);
    char *reprinted = print(again, flags);
    ck_assert_str_eq(reprinted, printed);
    sld_graph_free(g);
    sld_graph_free(again);
    free(printed);
    free(reprinted);
}

static const char *const everything =
    "solder 1\n"
    "symbol s77 in [1, 8192]\n"
    "symbol T in [0, inf]\n"
    "symbol \"batch size\" in [-inf, 12]\n"
    "input %x : f32[2*s77, 6]\n"
    "input %\"odd name:0\" : f32[s77 + (T + 1)//2, 1]\n"
    "input %/model/layers.0/mask : bool[]\n"
    "const %eps : f32[] = 1e-06\n"
    "const %shape : i64[2] = [-9223372036854775808, 9223372036854775807]\n"
    "const %mask : bool[3] = [true, false, 0x02]\n"
    "const %wide : f32[17] = ...\n"
    "const %none : f16[0] = []\n"
    "const %special : f32[6] = [0x7fc00001, 0x7f800000, 0xff800000, -0.0, 0.1, 3.4028235e+38]\n"
    "const %half : f16[1, 2] = [0.333252, 0x7c00]\n"
    "const %eighth : f8e4m3fnuz[2] = [0x80, -240.0]\n"
    "const %double : f64[] = 0.1\n"
    "const %bytes : u8[2] = [0, 255]\n"
    "%add = add(%x, %eps) : f32[2*s77, 6]\n"
    "%left, %right = split(%add; sizes = [2, 4], axis = -1) : f32[2*s77, 2], f32[2*s77, 4]\n"
    "%cat = concat(%left, %right, %x; axis = -1) : f32[2*s77, 12]\n"
    "%same, %flag = two(%cat) : f32[2*s77, 12], bool[]\n"
    "%every = every(%same, _; i = 2*s77 + 1, f = -2.5, b = false, s = \"a\\n\\\"b\\\"\\\\\\x01\", d = bf16, "
    "e = \"dark blue\", axis = -2, ints = [1, T, -1], axes = [-2, -1]) : f32[2*s77, 12]\n"
    "%plain = every(%every, %same) : f32[2*s77, 12]\n"
    "%inf = every(%plain; f = 0x7ff0000000000000, e = green) : f32[2*s77, 12]\n"
    "store(%inf; name = \"layer.0\")\n"
    "output logits = %inf\n"
    "output \"second output\" = %x\n";

START_TEST(all_forms_read_back)
{
    check_prints(everything, everything, 0);
    check_prints(everything, everything, SLD_TEXT_DATA);
}
END_TEST

START_TEST(hand_written_text)
{
    check_prints("# a comment\n"
                 "input %x:f32[ 4 , 6 ] const %c : f32 [] = 2 # another\n"
                 "%y = add( %x , %c )\n"
                 "  %a, %b = split(%y; axis = 1, parts = 2,\n sizes = [])\n output y=%a",
                 "solder 1\n"
                 "input %x : f32[4, 6]\n"
                 "const %c : f32[] = 2.0\n"
                 "%y = add(%x, %c) : f32[4, 6]\n"
                 "%a, %b = split(%y; sizes = [3, 3], axis = -1) : f32[4, 3], f32[4, 3]\n"
                 "output y = %a\n",
                 0);
    check_prints("", "solder 1\n", 0);
}
END_TEST

START_TEST(large_constants_with_and_without_data)
{
    sld_graph *g = parse("");
    for (size_t n = 17; n < 21; n++) { /* every padding of base64 */
        unsigned char data[21];
        for (size_t i = 0; i < n; i++)
            data[i] = (unsigned char)(i * 37 + n);
        int64_t dim = (int64_t)n;
        sld_graph_const(g, "c", SLD_U8, 1, &dim, data, n);
    }
    char *with = print(g, SLD_TEXT_DATA), *without = print(g, 0);
    ck_assert_ptr_nonnull(strstr(with, "const %c : u8[17] = base64 \"ETZbgKXK"));
    ck_assert_ptr_nonnull(strstr(without, "const %c_3 : u8[20] = ...\n"));
    sld_graph *back = parse(with);
    for (uint32_t i = 0; i < g->consts.n; i++) {
        ck_assert_uint_eq(back->consts.at[i].nbytes, g->consts.at[i].nbytes);
        ck_assert(!memcmp(back->consts.at[i].data, g->consts.at[i].data, g->consts.at[i].nbytes));
    }
    char *again = print(back, SLD_TEXT_DATA);
    ck_assert_str_eq(again, with);
    sld_graph *elided = parse(without);
    ck_assert_ptr_null(elided->consts.at[0].data);
    char *still = print(elided, SLD_TEXT_DATA);
    ck_assert_str_eq(still, without);
    sld_graph_free(g);
    sld_graph_free(back);
    sld_graph_free(elided);
    free(with);
    free(without);
    free(again);
    free(still);
}
END_TEST

static void check_floats(sld_dtype t, size_t n, const void *data)
{
    sld_graph *g = sld_graph_new(ctx, &test_rules);
    for (size_t i = 0; i < n; i += 16)
        sld_graph_const(g, "c", t, 1, &(int64_t){16}, (const char *)data + i * sld_dtype_size(t),
                        16 * sld_dtype_size(t));
    char *text = print(g, 0);
    sld_graph *back = parse(text);
    for (uint32_t i = 0; i < g->consts.n; i++)
        ck_assert(!memcmp(back->consts.at[i].data, g->consts.at[i].data, 16 * sld_dtype_size(t)));
    free(text);
    sld_graph_free(g);
    sld_graph_free(back);
}

START_TEST(every_float_reads_back_exactly)
{
    static uint16_t all16[65536];
    static uint8_t all8[256];
    static uint32_t some32[65536];
    static uint64_t some64[16384];
    uint64_t s = 1;
    for (uint32_t i = 0; i < 65536; i++) {
        s = s * 6364136223846793005ull + 1442695040888963407ull;
        all16[i] = (uint16_t)i;
        all8[i & 255] = (uint8_t)i;
        some32[i] = (uint32_t)(s >> 32);
        some64[i & 16383] = s ^ s >> 29;
    }
    check_floats(SLD_F16, 65536, all16);
    check_floats(SLD_BF16, 65536, all16);
    check_floats(SLD_F8E4M3FN, 256, all8);
    check_floats(SLD_F8E4M3FNUZ, 256, all8);
    check_floats(SLD_F32, 65536, some32);
    check_floats(SLD_F64, 16384, some64);
}
END_TEST

START_TEST(dims_keep_their_order)
{
    /* The quotient by 3 is made first in the original, and read second. */
    sld_graph *g = sld_graph_new(ctx, &test_rules);
    sld_dim a = sld_dim_parse(g, "b // 3", 0, INT64_MAX),
            both = sld_dim_parse(g, "a // 2 + b // 3", 0, INT64_MAX);
    sld_dim dims[3] = {both, a, sld_dim_parse(g, "a // 2", 0, INT64_MAX)};
    sld_graph_input(g, "x", SLD_F32, 3, dims);
    char *text = print(g, 0);
    sld_graph *back = parse(text);
    char *again = print(back, 0);
    ck_assert_str_eq(text, again);
    free(text);
    free(again);
    sld_graph_free(g);
    sld_graph_free(back);
}
END_TEST

/* ---------------------------------------------------------------- mistakes -- */

static const struct { const char *text, *message; } mistakes[] = {
    {"input %x : f32[2]\n%y = add(%x, %z)", "t.sld:2:14: %z is not defined before this use"},
    {"%y = neg(%y)", "t.sld:1:10: %y is not defined"},
    {"input %x : f32[]\n input %x : f32[]", "t.sld:2:8: %x is defined twice"},
    {"input %x : f32[]\n%a, %a = two(%x)", "t.sld:2:1: %a is defined twice"},
    {"input %x : f32[]\noutput o = %x\noutput o = %x", "t.sld:3:8: output 'o' is defined twice"},
    {"symbol s in [1, 2] symbol s in [1, 2]", "t.sld:1:27: symbol 's' is declared twice"},
    {"symbol s in [2, 1]", "t.sld:1:8: the range of a symbolic dim is empty"},
    {"input %x : f32[s]", "t.sld:1:16: bad dim: a symbol is not declared"},
    {"input %x : f32[-1]", "t.sld:1:7: 'x': dim 0 is not a size"},
    {"input %x : f33[2]", "t.sld:1:12: unknown element type 'f33'"},
    {"input %x : f32[2", "t.sld:1:17: expected ']'"},
    {"input x : f32[2]", "t.sld:1:7: expected '%'"},
    {"input %\"\" : f32[2]", "a name is empty"},
    {"input %\"a", "malformed string in quotes"},
    {"input %\"\\q\" : f32[]", "t.sld:1:8: malformed string in quotes"},
    {"input %x : f32[2]\n%y = neg(%x) : f32[3]", "t.sld:2:14: %y is f32[2], not of the type written"},
    {"input %x : f32[2]\n%y = neg(%x) : f16[2]", "%y is f32[2]"},
    {"input %x : f32[2]\n%y = neg(%x) : f32[2], f32[2]", "2 types for 1 results"},
    {"input %x : f32[2]\n%y = what(%x)", "t.sld:2:6: unknown op 'what'"},
    {"input %x : f32[2]\n%y = neg(%x; k = 1)", "t.sld:2:14: neg has no attribute 'k'"},
    {"input %x : f32[2]\n%y = every(%x; i = 1, i = 2)", "attribute 'i' is given twice"},
    {"input %x : f32[2]\n%y = every(%x; e = blue)", "'blue' is no value of e"},
    {"input %x : f32[2]\n%y = every(%x; b = 1)", "expected true or false"},
    {"input %x : f32[2]\n%y = every(%x; s = a)", "expected a string in quotes"},
    {"input %x : f32[2]\n%y = every(%x; f = 1.2.3)", "malformed number"},
    {"input %x : f32[2]\n%y = every(%x; f = 0x12)", "expected 16 digits after 0x"},
    {"input %x : f32[2]\n%y = every(%x; axis = 5)", "t.sld:2:6: every: "},
    {"input %x : f32[2]\n%y, %z = neg(%x)", "t.sld:2:10: neg: "},
    {"input %x : f32[2]\n%y = add(%x)", "t.sld:2:6: add: operand b is missing"},
    {"input %x : f32[2]\ninput %z : f32[3]\n%y = add(%x, %z)", "t.sld:3:6: add: "},
    {"const %c : f32[2] = [1, 2, 3]", "t.sld:1:7: 'c': 12 bytes do not fill"},
    {"const %c : f32[1152921504606846976, 16] = [1]", "'c': 4 bytes do not fill"},
    {"const %c : u8[] = 256", "t.sld:1:19: the number is out of range"},
    {"const %c : i32[] = -2147483649", "the number is out of range"},
    {"const %c : i64[] = 9223372036854775808", "the number is out of range"},
    {"const %c : i64[] = 99999999999999999999", "the number is too large"},
    {"const %c : i64[] = x", "expected a number"},
    {"const %c : bool[] = 1", "expected true or false"},
    {"const %c : f32[] = nan", "expected a number"},
    {"const %c : u8[2] = base64 \"AA==\"", "'c': 1 bytes do not fill"},
    {"const %c : u8[2] = base64 \"A*A=\"", "malformed base64"},
    {"const %c : u8[2] = base64 \"AAAAA\"", "malformed base64"},
    {"const %c : u8[2] = base64 \"AAA", "malformed base64"},
    {"symbol s in [0, 9]\nconst %c : u8[s] = ...", "dim 0 of a constant is symbolic"},
    {"solder 2", "t.sld:1:8: the number is out of range"},
    {"{\"graph\": 1}", "t.sld:1:1: expected a statement"},
    {"outputs x = %x", "t.sld:1:1: unknown op 'outputs'"},
};

START_TEST(mistakes_are_placed_and_explained)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        const char *text = mistakes[i].text;
        ck_assert_msg(!sld_text_parse(ctx, &test_rules, "t.sld", text, strlen(text)), "'%s' is taken", text);
        ck_assert_msg(strstr(sld_error(ctx), mistakes[i].message) != NULL, "'%s' gives '%s'", text,
                      sld_error(ctx));
        ck_assert_msg(!strncmp(sld_error(ctx), "t.sld:", 6), "'%s' gives '%s'", text, sld_error(ctx));
    }
}
END_TEST

/* Truncated and altered texts give a graph or a message, nothing else. */
START_TEST(damaged_texts_are_harmless)
{
    size_t len = strlen(everything);
    char *text = malloc(len + 1);
    uint64_t s = 7;
    for (size_t i = 0; i < 3 * len; i++) {
        memcpy(text, everything, len + 1);
        s = s * 6364136223846793005ull + 1442695040888963407ull;
        size_t n = i < len ? i : len;
        if (i >= len)
            text[i % len] = i < 2 * len ? (char)(s >> 33) : "%[](),=:;_\"\\x0#-"[s >> 60];
        char *exact = malloc(n + !n); /* so that reading past the end is seen */
        memcpy(exact, text, n);
        sld_graph *g = sld_text_parse(ctx, &test_rules, "t.sld", exact, n);
        ck_assert(g || *sld_error(ctx));
        ck_assert(!g || !sld_graph_verify(g));
        sld_graph_free(g);
        free(exact);
    }
    free(text);
}
END_TEST

START_TEST(a_long_text_takes_linear_time)
{
    enum { N = 200000 };
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    fprintf(f, "input %%x : f32[4]\n");
    for (int i = 0; i < N; i++)
        fprintf(f, "%%n%d = neg(%%%s%.0d)\n", i, i ? "n" : "x", i ? i - 1 : 0);
    fclose(f);
    /* "%.0d" writes nothing for 0, so node 1 reads %n, which does not exist: name it. */
    sld_graph *g = sld_text_parse(ctx, &test_rules, "t.sld", text, len);
    ck_assert_ptr_null(g);
    ck_assert_str_eq(sld_error(ctx), "t.sld:3:11: %n is not defined before this use");
    char *at = strstr(text, "neg(%n)");
    memcpy(at, "neg(%x)", 7);
    g = sld_text_parse(ctx, &test_rules, "t.sld", text, len);
    ck_assert_msg(g, "%s", sld_error(ctx));
    ck_assert_uint_eq(sld_graph_n_nodes(g), N);
    sld_graph_free(g);
    free(text);
}
END_TEST

START_TEST(a_full_disk_is_reported)
{
    FILE *f = fopen("/dev/full", "w");
    if (!f)
        return;
    sld_graph *g = parse(everything);
    ck_assert_int_eq(sld_text_print(g, f, 0), SLD_ERR_IO);
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "No space left"));
    fclose(f);
    sld_graph_free(g);
}
END_TEST

Suite *text_suite(void);
Suite *text_suite(void)
{
    Suite *s = suite_create("text");
    TCase *t = tcase_create("text");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, all_forms_read_back);
    tcase_add_test(t, hand_written_text);
    tcase_add_test(t, large_constants_with_and_without_data);
    tcase_add_test(t, every_float_reads_back_exactly);
    tcase_add_test(t, dims_keep_their_order);
    tcase_add_test(t, mistakes_are_placed_and_explained);
    tcase_add_test(t, damaged_texts_are_harmless);
    tcase_add_test(t, a_long_text_takes_linear_time);
    tcase_add_test(t, a_full_disk_is_reported);
    suite_add_tcase(s, t);
    return s;
}
