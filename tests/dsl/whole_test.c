/* Tests of the checks of a whole program that need more than one file, or a number of rules. */
#include "solderc.h"

#define GOLDEN "tests/dsl/whole/overlap.err"
#define CHECK "cd tests/dsl/whole && \"$OLDPWD/$SOLDERC_BIN\" --check "

Suite *whole_suite(void);

START_TEST(overlaps_have_a_smallest_graph)
{
    char *text = sh_ok(CHECK "one.pat other.pat 2>&1", 0);
    if (getenv("UPDATE"))
        write_path(GOLDEN, text);
    char *wanted = read_path(GOLDEN);
    ck_assert_str_eq(text, wanted);
    free(wanted);
    free(text);
    free(sh_ok(CHECK "-Werror other.pat one.pat 2>&1", 1));
}
END_TEST

START_TEST(use_gives_an_order)
{
    write_path(in_folder("both.pat"), "use \"one.pat\"\nuse \"other.pat\"\n");
    write_path(in_folder("user.pat"), "use \"one.pat\"\nrule again in fuse {\n  match { y = neg(neg(gelu(x))) }\n"
                                      "  replace { y = gelu(x) }\n}\n");
    free(sh_ok("cp -r tests/dsl/good tests/dsl/whole/*.pat \"$D\" && sed -i 's|\\.\\./||' \"$D\"/o*.pat", 0));
    char *text = sh_ok("cd \"$D\" && \"$OLDPWD/$SOLDERC_BIN\" --check both.pat 2>&1", 1);
    ck_assert_ptr_null(strstr(text, "E0572"));
    ASSERT_HAS(text, "rule 'three_signs' never fires: wherever it matches, 'two_signs' is taken first");
    free(text);
    text = sh_ok("cd \"$D\" && \"$OLDPWD/$SOLDERC_BIN\" --check user.pat 2>&1", 1);
    ck_assert_ptr_null(strstr(text, "E0572"));
    ASSERT_HAS(text, "rule 'again' never fires");
    free(text);
}
END_TEST

/* What compiling would report, checking reports. */
START_TEST(check_tells_what_compiling_does)
{
    char *text = sh_ok("for f in tests/dsl/bad/*.pat tests/dsl/good/*.pat patterns/*.pat; do\n"
                       "  \"$SOLDERC_BIN\" --check $f >\"$D/check\" 2>&1; c=$?\n"
                       "  \"$SOLDERC_BIN\" -o \"$D/out.c\" $f >\"$D/compile\" 2>&1\n"
                       "  test $? = $c && cmp \"$D/check\" \"$D/compile\" || echo $f\ndone 2>&1", 0);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

Suite *whole_suite(void)
{
    Suite *s = suite_create("whole");
    TCase *t = tcase_create("whole programs");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, overlaps_have_a_smallest_graph);
    tcase_add_test(t, use_gives_an_order);
    tcase_add_test(t, check_tells_what_compiling_does);
    tcase_set_timeout(t, 120);
    suite_add_tcase(s, t);
    return s;
}
