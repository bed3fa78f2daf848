/* Symbolic dims: normal forms, division, bounds, comparison and text, against evaluation. */
#include <check.h>
#include <string.h>

#include "test_ops.h"

static sld_ctx *ctx;
static sld_graph *g;

static void setup(void)
{
    ctx = sld_ctx_new(NULL);
    g = sld_graph_new(ctx, &test_rules);
    sld_dim_symbol(g, "s", 1, 100);
    sld_dim_symbol(g, "t", 0, 7);
    sld_dim_symbol(g, "u", 2, INT64_MAX);
}

static void teardown(void)
{
    sld_graph_free(g);
    sld_ctx_free(ctx);
}

static sld_dim P(const char *text)
{
    sld_dim d = sld_dim_parse(g, text, 0, INT64_MAX);
    ck_assert_msg(d != SLD_SYM_NONE, "%s: %s", text, sld_error(ctx));
    return d;
}

static void check_print(const char *text, const char *printed)
{
    char buf[256];
    sld_dim d = P(text);
    ck_assert_int_eq(sld_dim_print(g, d, buf, sizeof buf), (int)strlen(printed));
    ck_assert_str_eq(buf, printed);
    ck_assert_msg(P(buf) == d, "'%s' does not read back", buf);
}

START_TEST(equal_polynomials_are_one_handle)
{
    ck_assert(P("(s + 1)*(s - 1)") == P("s*s - 1"));
    ck_assert(P("(s + t)*u - u*t") == P("u*s"));
    ck_assert(P("s - s + 4") == 4);
    ck_assert(P("s*0") == 0);
    ck_assert(P("s + t") != P("s + u"));
    ck_assert(sld_dim_symbol(g, "s", 5, 6) == P("s"));
    ck_assert(P("min(s, t + 1)") == P("Min(1 + t, s)"));
    ck_assert(P("s**3") == P("s*s*s"));
}
END_TEST

START_TEST(division_is_exact_where_it_can_be)
{
    ck_assert(P("(6*s*u) // (3*u)") == P("2*s"));
    ck_assert(P("(s*t + s) // (t + 1)") == P("s"));
    ck_assert(P("(2*s + 5) // 2") == P("s + 2"));
    ck_assert(P("(3*s + 5) // 2") == P("s + 2 + (s + 1)//2"));
    ck_assert(P("(4*s) // 6") == P("(2*s) // 3"));
    ck_assert(P("(s // 2) // 3") == P("s // 6"));
    ck_assert(P("t // 8") == 0);
    ck_assert(P("(u*s + 1) // u") == P("s"));
    ck_assert(P("-7 // 2") == -4 && P("-7 % 2") == 1 && P("7 // -2") == -4 && P("7 % -2") == -1);
    ck_assert(P("(8*s) % 4") == 0);
    ck_assert(P("(8*s + 7) % 4") == 3);
    ck_assert(P("(s*u) % u") == 0);
    ck_assert(P("t % 8") == P("t"));
    ck_assert(P("(2*u) % 6") == P("2*(u % 3)"));
    ck_assert(P("s // -3") == P("(-s) // 3"));
}
END_TEST

START_TEST(division_by_zero_and_overflow_fail)
{
    static const char *const bad[] = {"s // 0", "s % 0", "9223372036854775807 + 1", "9223372036854775807*s*2",
                                      "s*4611686018427387904*4611686018427387904", "s**12*s"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sld__clear(ctx);
        ck_assert_msg(sld_dim_parse(g, bad[i], 0, 9) == SLD_SYM_NONE, "%s", bad[i]);
        ck_assert_msg(*sld_error(ctx), "%s", bad[i]);
    }
    sld__clear(ctx);
    ck_assert(sld_dim_add(g, SLD_SYM_NONE, 1) == SLD_SYM_NONE && *sld_error(ctx));
    ck_assert(sld_dim_symbol(g, "empty", 3, 2) == SLD_SYM_NONE);
    sld__clear(ctx);
    ck_assert_int_eq(sld_dim_le(g, P("9223372036854775807*s"), P("0 - 4611686018427387904*s")), SLD_DEPENDS);
    ck_assert_str_eq(sld_error(ctx), "");
}
END_TEST

static void check_bounds(const char *text, int64_t lo, int64_t hi)
{
    int64_t l, h;
    sld_dim_bounds(g, P(text), &l, &h);
    ck_assert_msg(l == lo && h == hi, "%s in [%lld, %lld]", text, (long long)l, (long long)h);
}

START_TEST(bounds_follow_ranges)
{
    check_bounds("12", 12, 12);
    check_bounds("2*s - t", -5, 200);
    check_bounds("s*t", 0, 700);
    check_bounds("u + 1", 3, INT64_MAX);
    check_bounds("1 - u", INT64_MIN + 1, -1);
    check_bounds("s // 3", 0, 33);
    check_bounds("u % 5", 0, 4);
    check_bounds("min(s, u)", 1, 100);
    check_bounds("max(s, u)", 2, INT64_MAX);
    check_bounds("u*u*u", 8, INT64_MAX);
}
END_TEST

START_TEST(comparison_holds_for_all_values)
{
    ck_assert_int_eq(sld_dim_le(g, P("t"), P("s + 7")), SLD_ALWAYS);
    ck_assert_int_eq(sld_dim_le(g, P("s"), P("s + t")), SLD_ALWAYS);
    ck_assert_int_eq(sld_dim_le(g, P("s + 8"), P("s + t")), SLD_NEVER);
    ck_assert_int_eq(sld_dim_le(g, P("s"), P("u")), SLD_DEPENDS);
    ck_assert_int_eq(sld_dim_le(g, P("min(s, u)"), P("s")), SLD_ALWAYS);
    ck_assert_int_eq(sld_dim_le(g, P("s"), P("max(s, u)")), SLD_ALWAYS);
    ck_assert_int_eq(sld_dim_le(g, P("u // 2"), P("u")), SLD_ALWAYS);
    ck_assert_int_eq(sld_dim_le(g, P("u % s"), P("u + 1")), SLD_ALWAYS);
    ck_assert_int_eq(sld_dim_eq(g, P("s"), P("s")), SLD_ALWAYS);
    ck_assert_int_eq(sld_dim_eq(g, P("s"), P("t")), SLD_DEPENDS);
    ck_assert_int_eq(sld_dim_eq(g, P("s"), P("s + t + 1")), SLD_NEVER);
    ck_assert_int_eq(sld_dim_eq(g, P("2*s"), P("2*u + 1")), SLD_NEVER);
    ck_assert_int_eq(sld_dim_eq(g, P("s"), 101), SLD_NEVER);
    ck_assert_int_eq(sld_dim_eq(g, 3, 3), SLD_ALWAYS);
    ck_assert(P("min(s, s + t)") == P("s"));
    ck_assert(P("max(0, s)") == P("s"));
}
END_TEST

START_TEST(text_reads_back)
{
    check_print("2*s77", "2*s77");
    check_print(" T+1 ", "T + 1");
    check_print("s0*s1", "s0*s1");
    check_print("(T + 1)//2", "(T + 1)//2");
    check_print("Max(1, t)", "max(t, 1)");
    check_print("min( a ,b )", "min(a, b)");
    check_print("-s + t", "-s + t");
    check_print("1 - 2*s", "-2*s + 1");
    check_print("3*(s//7) - s%9", "3*(s//7) - (s % 9)");
    check_print("(s//7)%5", "(s//7) % 5");
    check_print("Mod(u, s)", "u % s");
    check_print("s // -(u+1)", "(-s)//(u + 1)");
    check_print("\"odd name\" + 1", "\"odd name\" + 1");
    check_print("\"2x\"*\"a\\\"b\"", "\"2x\"*\"a\\\"b\"");
    check_print("42", "42");
    char buf[4];
    ck_assert_int_eq(sld_dim_print(g, P("s + 11"), buf, sizeof buf), 6);
    ck_assert_str_eq(buf, "s +");
}
END_TEST

START_TEST(malformed_text_fails)
{
    static const char *const bad[] = {
        "",       "s +",    "(s",  "s)", "2 s", "min(s", "foo(s)", "99999999999999999999",
        "s ** 0", "s ** t", "\"s", "*s", "s,t", "1.5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sld__clear(ctx);
        ck_assert_msg(sld_dim_parse(g, bad[i], 0, 9) == SLD_SYM_NONE, "'%s'", bad[i]);
        ck_assert_msg(strstr(sld_error(ctx), "bad dim"), "'%s': %s", bad[i], sld_error(ctx));
    }
    char deep[5001];
    memset(deep, '(', 5000);
    deep[5000] = 0;
    ck_assert(sld_dim_parse(g, deep, 0, 9) == SLD_SYM_NONE);
    memset(deep, '-', 4999);
    deep[4999] = 's';
    ck_assert(sld_dim_parse(g, deep, 0, 9) == P("-s"));
}
END_TEST

START_TEST(growth_is_bounded)
{
    sld_dim d = P("u"), e = P("s*u");
    uint32_t i;
    for (i = 0; i < 10000 && d != SLD_SYM_NONE; i++) {
        sld_dim m = sld_dim_min(g, sld_dim_mul(g, d, 3), sld_dim_add(g, e, d));
        e = d;
        d = m;
    }
    ck_assert_msg(i < 10000 && *sld_error(ctx), "dims of any size are built");
}
END_TEST

/* ------------------------------------------------- random, against evaluation -- */

static uint64_t seed = 88172645463325252ull;

static uint32_t below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 20) % n;
}

static int64_t floordiv(int64_t a, int64_t b) { return a / b - (a % b && (a < 0) != (b < 0)); }

enum { POINTS = 6 };
typedef struct sample { sld_dim d; bool ok; int64_t v[POINTS]; } sample;

static int64_t points[POINTS][3];

static sample combine(unsigned op, sample a, sample b)
{
    static sld_dim (*const fns[])(sld_graph *, sld_dim, sld_dim) = {
        sld_dim_add, sld_dim_sub, sld_dim_mul, sld_dim_div, sld_dim_mod, sld_dim_min, sld_dim_max};
    sample r = {.ok = a.ok && b.ok};
    for (int i = 0; i < POINTS; i++) {
        int64_t x = a.v[i], y = b.v[i];
        if (op == 3 || op == 4)
            r.ok &= y != 0;
        int64_t z = y ? y : 1;
        r.v[i] = op == 0 ? x + y : op == 1 ? x - y : op == 2 ? x * y : op == 3 ? floordiv(x, z)
               : op == 4 ? x - z * floordiv(x, z) : op == 5 ? (x < y ? x : y) : x > y ? x : y;
    }
    r.d = r.ok ? fns[op](g, a.d, b.d) : SLD_SYM_NONE;
    r.ok &= r.d != SLD_SYM_NONE;
    return r;
}

static sample random_dim(unsigned depth)
{
    static const char *const names[] = {"s", "t", "u"};
    if (depth && below(4))
        return combine(below(7), random_dim(depth - 1), random_dim(depth - 1));
    sample r = {.ok = true};
    unsigned k = below(4);
    r.d = k < 3 ? P(names[k]) : (int64_t)below(9) - 3;
    for (int i = 0; i < POINTS; i++)
        r.v[i] = k < 3 ? points[i][k] : r.d;
    return r;
}

static void check_sample(const sample *r)
{
    int64_t lo, hi, v;
    char text[8192];
    sld_dim_bounds(g, r->d, &lo, &hi);
    sld_dim_print(g, r->d, text, sizeof text);
    for (int i = 0; i < POINTS; i++) {
        ck_assert_msg(sld_dim_eval(g, r->d, points[i], &v), "%s cannot be evaluated", text);
        ck_assert_msg(v == r->v[i], "%s is %lld, expected %lld", text, (long long)v, (long long)r->v[i]);
        ck_assert_msg(lo <= v && v <= hi, "%s is %lld, outside [%lld, %lld]", text, (long long)v,
                      (long long)lo, (long long)hi);
    }
    ck_assert_msg(P(text) == r->d, "'%s' does not read back", text);
}

static void check_order(const sample *a, const sample *b)
{
    sld_truth le = sld_dim_le(g, a->d, b->d), eq = sld_dim_eq(g, a->d, b->d);
    for (int i = 0; i < POINTS; i++) {
        ck_assert(le != SLD_ALWAYS || a->v[i] <= b->v[i]);
        ck_assert(le != SLD_NEVER || a->v[i] > b->v[i]);
        ck_assert(eq != SLD_ALWAYS || a->v[i] == b->v[i]);
        ck_assert(eq != SLD_NEVER || a->v[i] != b->v[i]);
    }
}

START_TEST(random_dims_agree_with_evaluation)
{
    int checked = 0;
    for (int round = 0; round < 20000; round++) {
        /* Divisors that are zero somewhere are left out, so t stays above 0 here. */
        for (int i = 0; i < POINTS; i++) {
            points[i][0] = 1 + below(100);
            points[i][1] = 1 + below(7);
            points[i][2] = 2 + below(1000);
        }
        sample a = random_dim(3), b = random_dim(2);
        if (a.ok && b.ok) {
            check_sample(&a);
            check_order(&a, &b);
            checked++;
        }
        sld__clear(ctx);
    }
    ck_assert_int_gt(checked, 5000);
}
END_TEST

START_TEST(evaluation_needs_all_symbols)
{
    int64_t v, values[3] = {4, -1, 9};
    ck_assert(sld_dim_eval(g, P("s*u + 1"), values, &v) && v == 37);
    ck_assert(!sld_dim_eval(g, P("s + t"), values, &v));
    ck_assert(!sld_dim_eval(g, P("s"), NULL, &v));
    ck_assert(sld_dim_eval(g, 12, NULL, &v) && v == 12);
    values[2] = INT64_MAX;
    ck_assert(!sld_dim_eval(g, P("s*u"), values, &v));
    ck_assert_uint_eq(sld_dim_n_symbols(g), 3);
    ck_assert_str_eq(sld_dim_symbol_name(g, 1), "t");
}
END_TEST

Suite *dims_suite(void);
Suite *dims_suite(void)
{
    Suite *s = suite_create("dims");
    TCase *t = tcase_create("dims");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, equal_polynomials_are_one_handle);
    tcase_add_test(t, division_is_exact_where_it_can_be);
    tcase_add_test(t, division_by_zero_and_overflow_fail);
    tcase_add_test(t, bounds_follow_ranges);
    tcase_add_test(t, comparison_holds_for_all_values);
    tcase_add_test(t, text_reads_back);
    tcase_add_test(t, malformed_text_fails);
    tcase_add_test(t, growth_is_bounded);
    tcase_add_test(t, random_dims_agree_with_evaluation);
    tcase_add_test(t, evaluation_needs_all_symbols);
    suite_add_tcase(s, t);
    return s;
}
