/* Generated matchers find what a naive one finds, with the shipped rules and with random ones. */
#include "../dsl/solderc.h"

Suite *match_suite(void);

static void setup(void)
{
    make_folder();
}

/* At least this many of ten variants of rules must have matched somewhere, so that the comparison means something. */
static void covers(const char *report, unsigned of_ten)
{
    unsigned matched, variants;
    ck_assert_msg(sscanf(report, "%u of %u variants", &matched, &variants) == 2, "%s", report);
    ck_assert_msg(10 * matched >= of_ten * variants, "only %s", report);
}

START_TEST(shipped_rules)
{
    char *report = sh_ok("$MATCH_CHECK 1 600 patterns/*.pat 2>&1", 0);
    covers(report, 8);
    free(report);
}
END_TEST

START_TEST(shipped_rules_on_models)
{
    char *report = sh_ok("$MATCH_CHECK 1 80 patterns/*.pat $SOLDER_MODELS/*/model.onnx 2>&1", 0);
    covers(report, 5);
    free(report);
}
END_TEST

static const char build[] = "$MATCH_CC -o $D/check $D/r.c $MATCH_LINK 2>&1";

START_TEST(random_rules)
{
    char command[200];
    snprintf(command, sizeof command, "$RANDOM_RULES %d 30 >$D/r.pat && $SOLDERC_BIN -n recorded -o $D/r.c $D/r.pat 2>&1", _i);
    free(sh_ok(command, 0));
    free(sh_ok(build, 0));
    char *report = sh_ok("$D/check 1 200 $D/r.pat 2>&1", 0);
    covers(report, 7);
    free(report);
}
END_TEST

/* The comparison sees a matcher that asks too little. */
START_TEST(wrong_matcher)
{
    free(sh_ok("$RANDOM_RULES 1 30 >$D/r.pat && $SOLDERC_BIN -n recorded $D/r.pat |"
               "sed 's/(SLD_USES(g, v0) == 1,/(SLD_USES(g, v0) > 0,/' >$D/r.c", 0));
    free(sh_ok(build, 0));
    char *report = sh_ok("$D/check 1 200 $D/r.pat 2>&1", 1);
    ck_assert_ptr_nonnull(strstr(report, "found wrongly"));
    free(report);
}
END_TEST

Suite *match_suite(void)
{
    Suite *s = suite_create("match");
    TCase *t = tcase_create("against a naive matcher");
    tcase_add_checked_fixture(t, setup, remove_folder);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, shipped_rules);
    tcase_add_test(t, shipped_rules_on_models);
    tcase_add_loop_test(t, random_rules, 1, 7);
    tcase_add_test(t, wrong_matcher);
    suite_add_tcase(s, t);
    return s;
}
