/* Tests of how diagnostics are told: explanations with their examples, limits, -Werror, JSON, long spans. */
#include "diag.h"
#include "solderc.h"
#include "why.h"

Suite *diag_suite(void);

/* ----------------------------------------------------------- explanations -- */

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static char *compile_example(const char *text)
{
    char *whole = malloc(strlen(pat_why_prelude) + strlen(text) + 1);
    ck_assert_ptr_nonnull(whole);
    strcat(strcpy(whole, pat_why_prelude), text);
    write_path(in_folder("example.pat"), whole);
    free(whole);
    int status;
    return sh("\"$SOLDERC_BIN\" \"$D/example.pat\" 2>&1 >/dev/null", &status);
}

static void check_example(int code, const char *title, const pat_why *w)
{
    char tag[24];
    snprintf(tag, sizeof tag, "error[E%04d]", code);
    char *wrong = compile_example(w->wrong), *right = compile_example(w->right);
    ck_assert_msg(strstr(wrong, strchr(tag, '[')) && count(wrong, "error[") == count(wrong, tag),
                  "the wrong example of E%04d (%s) gives not this alone:\n%s", code, title, wrong);
    ck_assert_msg(!*right, "the right example of E%04d (%s) gives:\n%s", code, title, right);
    free(wrong);
    free(right);
}

/* Every code has an explanation, and its examples do what it says. */
START_TEST(every_code_is_explained)
{
    for (int code = 0; code < 10000; code++) {
        const char *title = pat_code_title(code);
        const pat_why *w = pat_find_why(code);
        ck_assert_msg(!title == !w, "E%04d (%s) has no explanation in dsl/why.def", code, title);
        if (!w)
            continue;
        ck_assert_msg(strlen(w->text) > 40, "E%04d is hardly explained", code);
        if (w->wrong)
            check_example(code, title, w);
    }
}
END_TEST

START_TEST(why_prints)
{
    char *text = sh_ok("\"$SOLDERC_BIN\" --why E0322", 0), *again = sh_ok("\"$SOLDERC_BIN\" --why 322", 0);
    ASSERT_HAS(text, "E0322: unknown phase\n");
    ASSERT_HAS(text, "\n    rule r in fues {\n");
    ASSERT_HAS(text, "\n    phase fuse\n");
    ck_assert_str_eq(text, again);
    free(again);
    free(text);
    free(sh_ok("\"$SOLDERC_BIN\" --why E9999 2>&1", 1));
    free(sh_ok("\"$SOLDERC_BIN\" --why E0322x 2>&1", 1));
    free(sh_ok("\"$SOLDERC_BIN\" --why '' 2>&1", 1));
}
END_TEST

/* ---------------------------------------------------------------- options -- */

START_TEST(error_limit)
{
    char *text = sh_ok("\"$SOLDERC_BIN\" --check --max-errors 2 tests/dsl/bad/cap.pat 2>&1", 1);
    ck_assert_uint_eq(count(text, "error[E"), 2);
    ASSERT_HAS(text, "more errors are not shown");
    free(text);
    text = sh_ok("\"$SOLDERC_BIN\" --check --max-errors=0 tests/dsl/bad/cap.pat 2>&1", 1);
    ck_assert_uint_gt(count(text, "error[E"), 20);
    ck_assert_ptr_null(strstr(text, "not shown"));
    free(text);
    free(sh_ok("\"$SOLDERC_BIN\" --check --max-errors=-1 tests/dsl/bad/cap.pat 2>&1", 2));
    free(sh_ok("\"$SOLDERC_BIN\" --check --max-errors=many tests/dsl/bad/cap.pat 2>&1", 2));
}
END_TEST

START_TEST(warnings_as_errors)
{
    char *text = sh_ok("\"$SOLDERC_BIN\" --check tests/dsl/bad/unused_pattern.pat 2>&1", 0);
    ASSERT_HAS(text, "warning[E0243]");
    free(text);
    text = sh_ok("\"$SOLDERC_BIN\" -Werror -o \"$D/out.c\" tests/dsl/bad/unused_pattern.pat 2>&1", 1);
    ASSERT_HAS(text, "error[E0243]: pattern 'p' is not used [-Werror]");
    free(text);
    free(sh_ok("test ! -e \"$D/out.c\"", 0));
    free(sh_ok("\"$SOLDERC_BIN\" -Wall --check tests/dsl/bad/unused_pattern.pat 2>&1", 2));
}
END_TEST

/* Whoever opens a file in an editor sees it alone with what it uses. */
START_TEST(shipped_files_are_right_alone)
{
    char *text = sh_ok("for f in patterns/*.pat; do \"$SOLDERC_BIN\" -Werror --check $f || exit 1; done 2>&1", 0);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

/* ------------------------------------------------------------------- JSON -- */

START_TEST(json)
{
    char *text = sh_ok("\"$SOLDERC_BIN\" --check --format=json tests/dsl/bad/phase.pat 2>&1", 1);
    ck_assert_str_eq(
        text, "{\"file\":\"tests/dsl/bad/phase.pat\",\"line\":2,\"column\":11,\"end_line\":2,\"end_column\":15,"
              "\"severity\":\"error\",\"code\":\"E0322\",\"message\":\"unknown phase 'fues'\","
              "\"hints\":[\"did you mean 'fuse'?\"],\"notes\":[]}\n"
              "{\"file\":\"tests/dsl/bad/phase.pat\",\"line\":6,\"column\":11,\"end_line\":6,\"end_column\":16,"
              "\"severity\":\"error\",\"code\":\"E0322\",\"message\":\"unknown phase 'later'\","
              "\"hints\":[],\"notes\":[]}\n");
    free(text);
    text = sh_ok("\"$SOLDERC_BIN\" --check --format json tests/dsl/bad/entry_twice.pat 2>&1", 1);
    ASSERT_HAS(text, "earlier entry for \\\"A\\\" is always");
    ASSERT_HAS(text, "\"notes\":[{\"file\":\"tests/dsl/bad/entry_twice.pat\",\"line\":3,\"column\":3,");
    free(text);
    free(sh_ok("\"$SOLDERC_BIN\" --check --format xml tests/dsl/bad/phase.pat 2>&1", 2));
}
END_TEST

/* A file that cannot be read has no place; its name may hold anything. */
START_TEST(json_of_odd_names)
{
    char *text = sh_ok(
        "\"$SOLDERC_BIN\" --check --format=json \"$(printf 'a\\tb\"\\\\\\303\\251\\377\\355\\240\\200.pat')\" 2>&1",
        1);
    ASSERT_HAS(text, "{\"severity\":\"error\",\"code\":\"E0111\",\"message\":\"cannot read "
                     "a\\u0009b\\\"\\\\\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffd.pat: ");
    free(text);
}
END_TEST

/* ------------------------------------------------------------------ spans -- */

START_TEST(span_over_lines)
{
    write_path(in_folder("long.pat"), "dtype T = any\nop neg(x: T[*A]) -> T[*A]\nphase p\npattern q(x) =\n"
                                      "  { a = neg(x)\n\tb = neg(a)\n    c = neg(b) }   # tail\n");
    char *text = sh_ok("cd \"$D\" && \"$OLDPWD/$SOLDERC_BIN\" --check long.pat 2>&1", 1);
    ck_assert_str_eq(text,
                     "long.pat:5:3: error[E0241]: an alternative ends with the term that stands for its result\n"
                     "    5 |   { a = neg(x)\n"
                     "      |   ^~~~~~~~~~~~\n"
                     "  ... |\n"
                     "    7 |     c = neg(b) }   # tail\n"
                     "      |     ~~~~~~~~~~~~\n");
    free(text);
}
END_TEST

/* Of a line of many thousand bytes only what is around the place is printed. */
START_TEST(long_lines)
{
    char *text = sh_ok("\"$SOLDERC_BIN\" --check tests/dsl/bad/depth_chain.pat 2>&1", 1);
    ck_assert_uint_lt(strlen(text), 1000);
    ASSERT_HAS(text, "...\n");
    free(text);
}
END_TEST

Suite *diag_suite(void)
{
    Suite *s = suite_create("diag");
    TCase *t = tcase_create("diagnostics");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_code_is_explained);
    tcase_add_test(t, why_prints);
    tcase_add_test(t, error_limit);
    tcase_add_test(t, warnings_as_errors);
    tcase_add_test(t, shipped_files_are_right_alone);
    tcase_add_test(t, json);
    tcase_add_test(t, json_of_odd_names);
    tcase_add_test(t, span_over_lines);
    tcase_add_test(t, long_lines);
    suite_add_tcase(s, t);
    return s;
}
