/* Tests of what --explain prints of a rule: the golden text of every rule of one file, and errors. */
#include "solderc.h"

#define FILE_PAT "tests/dsl/explain/rules.pat"
#define GOLDEN "tests/dsl/explain/rules.expected"

Suite *explain_suite(void);

START_TEST(golden)
{
    static const char *const rules[] = {"halves", "joined", "written", "chain"};
    char command[300], *all = calloc(1, 1 << 16);
    ck_assert_ptr_nonnull(all);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        snprintf(command, sizeof command, "\"$SOLDERC_BIN\" --explain %s " FILE_PAT " 2>&1", rules[i]);
        char *text = sh_ok(command, 0);
        strcat(all, text);
        free(text);
    }
    if (getenv("UPDATE"))
        write_path(GOLDEN, all);
    char *wanted = read_path(GOLDEN);
    ck_assert_str_eq(all, wanted);
    free(wanted);
    free(all);
}
END_TEST

START_TEST(errors)
{
    char *text = sh_ok("\"$SOLDERC_BIN\" --explain nothing " FILE_PAT " 2>&1", 1);
    ASSERT_HAS(text, "there is no rule 'nothing'");
    free(text);
    text = sh_ok("\"$SOLDERC_BIN\" --explain r tests/dsl/bad/host.pat 2>&1", 1);
    ASSERT_HAS(text, "E0504");
    free(text);
}
END_TEST

Suite *explain_suite(void)
{
    Suite *s = suite_create("explain");
    TCase *t = tcase_create("rules");
    tcase_add_test(t, golden);
    tcase_add_test(t, errors);
    suite_add_tcase(s, t);
    return s;
}
