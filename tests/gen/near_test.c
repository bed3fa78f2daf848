/* No rule fires on a near miss: a graph for each condition of its left side, that breaks it and holds all others. */
#include "../dsl/solderc.h"

Suite *near_suite(void);

static void setup(void)
{
    make_folder();
}

/* What has no near miss, and why, is an expected text: it grows with new rules, and nothing is left out of it. So is what
 * each rule makes of its left side. */
START_TEST(shipped_rules)
{
    free(sh_ok("NEAR_MADE=$D/made.txt $NEAR_CHECK patterns/*.pat >$D/near.txt 2>&1 || { cat $D/near.txt; exit 1; }", 0));
    if (getenv("UPDATE"))
        free(sh_ok("cp $D/near.txt $D/made.txt tests/gen/golden", 0));
    free(sh_ok("diff -u tests/gen/golden/near.txt $D/near.txt", 0));
    free(sh_ok("diff -u tests/gen/golden/made.txt $D/made.txt", 0));
}
END_TEST

/* Which kernel is bound where a condition of one just holds, and where it is just broken. */
START_TEST(shipped_kernels)
{
    free(sh_ok("NEAR_BOUND=$D/bound.txt $NEAR_CHECK patterns/*.pat", 0));
    if (getenv("UPDATE"))
        free(sh_ok("cp $D/bound.txt tests/gen/golden", 0));
    free(sh_ok("diff -u tests/gen/golden/bound.txt $D/bound.txt >$D/diff || { head -60 $D/diff; exit 1; }", 0));
}
END_TEST

static const char rules[] =
    "dtype F = {f16, bf16, f32}\n"
    "phase p\n"
    "option swift : bool = on\n"
    "op neg(x: F[*A]) -> F[*A]\n"
    "op abs(x: F[*A]) -> F[*A]\n"
    "op transpose(x: F[*A]; perm: ints = []) -> F[permute(A, perm)]\n"
    "kernel neg { ref }\n"
    "kernel abs { ref }\n"
    "kernel transpose { ref }\n"
    "rule twice in p enabled swift {\n"
    "  match   { y = neg(transpose(neg(x: F[R, H]); perm = [1, 0])) }\n"
    "  where   H % 8 == 0\n"
    "  gate    tokens <= 64\n"
    "  replace { y = transpose(x; [1, 0]) }\n"
    "}\n";

/* The matcher, with one test left out by sed. */
static char *check_with(const char *sed, int status)
{
    char command[600];
    char *path = sh_ok("printf $D/r.pat", 0);
    write_path(path, rules);
    free(path);
    snprintf(command, sizeof command, "$SOLDERC_BIN $D/r.pat | sed '%s' >$D/r.c && "
             "$NEAR_CC -o $D/check $D/r.c $NEAR_LINK 2>&1 && $D/check $D/r.pat", sed);
    return sh_ok(command, status);
}

START_TEST(matcher_as_it_is)
{
    char *report = check_with("", 0);
    ck_assert_msg(strstr(report, "1 rules, 11 conditions, 9 with a near miss") != NULL, "%s", report);
    free(report);
}
END_TEST

static const struct { const char *sed, *told; } gaps[] = {
    {"s/(SLD_USES(g, v0) == 1,/(SLD_USES(g, v0) > 0,/", "readers of transpose"},
    {"s/SLD_TEST(.*\"H % 8 == 0\")/true/", "where of H % 8 == 0"},
    {"s/OP_neg, \"neg(x/OP_neg || true, \"neg(x/", "op of neg"},
    {"s/== INT64_C([01]), \"[01]\"/>= 0, \"\"/", "attribute perm of [1, 0] (two exchanged)"},
};

START_TEST(matcher_that_asks_too_little)
{
    char *report = check_with(gaps[_i].sed, 1);
    ck_assert_msg(strstr(report, "WRONG: rule twice") != NULL && strstr(report, gaps[_i].told) != NULL, "%s", report);
    free(report);
}
END_TEST

Suite *near_suite(void)
{
    Suite *s = suite_create("near");
    TCase *t = tcase_create("near misses");
    tcase_add_checked_fixture(t, setup, remove_folder);
    tcase_set_timeout(t, 400);
    tcase_add_test(t, shipped_rules);
    tcase_add_test(t, shipped_kernels);
    tcase_add_test(t, matcher_as_it_is);
    tcase_add_loop_test(t, matcher_that_asks_too_little, 0, (int)(sizeof gaps / sizeof *gaps));
    suite_add_tcase(s, t);
    return s;
}
