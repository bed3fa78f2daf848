/* solderc as a program: golden output, the same bytes twice, exit status, nothing left
 * behind when it fails. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *gen_suite(void);

static char dir[64];

static void setup(void)
{
    strcpy(dir, "/tmp/solder-gen-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    ck_assert_int_eq(system(cmd), 0);
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = calloc(1, 1 << 20);
    ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, f), (1 << 20) - 1);
    fclose(f);
    return text;
}

static void write_text(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

/* Runs solderc in the test's folder; %D in args stands for it. Answers the exit status, the messages in err. */
static int solderc(const char *args, char *err, size_t n)
{
    const char *bin = getenv("SOLDERC_BIN");
    char cmd[1024], filled[512] = "";
    for (size_t i = 0, k = 0; args[i]; i++) {
        if (args[i] == '%' && args[i + 1] == 'D') {
            k += (size_t)sprintf(filled + k, "%s", dir);
            i++;
        } else {
            filled[k++] = args[i];
            filled[k] = 0;
        }
    }
    ck_assert_ptr_nonnull(bin);
    snprintf(cmd, sizeof cmd, "%s %s 2>&1 >/dev/null", bin, filled);
    FILE *p = popen(cmd, "r");
    ck_assert_ptr_nonnull(p);
    size_t k = fread(err, 1, n - 1, p);
    err[k] = 0;
    return WEXITSTATUS(pclose(p));
}

START_TEST(golden)
{
    char err[4096], path[128];
    ck_assert_int_eq(solderc("-n small -o %D/small.c tests/gen/golden/small.pat", err, sizeof err), 0);
    ck_assert_str_eq(err, "");
    snprintf(path, sizeof path, "%s/small.c", dir);
    char *got = slurp(path);
    if (getenv("UPDATE")) {
        FILE *f = fopen("tests/gen/golden/small.c.expected", "wb");
        ck_assert_ptr_nonnull(f);
        fputs(got, f);
        fclose(f);
    }
    char *want = slurp("tests/gen/golden/small.c.expected");
    ck_assert_ptr_nonnull(want);
    ck_assert_str_eq(got, want);
    free(got);
    free(want);
}
END_TEST

START_TEST(same_bytes_twice)
{
    char err[4096], a[256], b[256];
    ck_assert_int_eq(solderc("-o %D/a.c patterns/*.pat", err, sizeof err), 0);
    ck_assert_int_eq(solderc("-o %D/b.c patterns/*.pat", err, sizeof err), 0);
    snprintf(a, sizeof a, "cmp -s %s/a.c %s/b.c", dir, dir);
    ck_assert_int_eq(system(a), 0);
    snprintf(b, sizeof b, "grep -q /solder-gen- %s/a.c", dir);
    ck_assert_int_ne(system(b), 0);
}
END_TEST

START_TEST(generated_c_has_no_warnings)
{
    char cmd[1024];
    snprintf(cmd, sizeof cmd,
             "for f in tests/gen/golden/small.pat tests/dsl/good/*.pat; do $SOLDERC_BIN -o %s/all.c $f && "
             "${CC:-gcc} -std=c11 -Wall -Wextra -Wpedantic -Werror -Iruntime -c -o %s/all.o %s/all.c || exit 1; done",
             dir, dir, dir);
    ck_assert_int_eq(system(cmd), 0);
}
END_TEST

START_TEST(usage)
{
    char err[4096];
    ck_assert_int_eq(solderc("", err, sizeof err), 2);
    ck_assert_ptr_nonnull(strstr(err, "usage: solderc"));
    ck_assert_int_eq(solderc("--no-such-option x.pat", err, sizeof err), 2);
    ck_assert_int_eq(solderc("%D/absent.pat", err, sizeof err), 1);
    ck_assert_ptr_nonnull(strstr(err, "absent.pat"));
}
END_TEST

START_TEST(failure_leaves_no_file)
{
    char err[4096], path[128];
    write_text(
        "bad.pat",
        "phase p\nop f(x: f32[*A]) -> f32[*A]\nrule r in p {\n  match { y = g(x) }\n  replace { y = f(x) }\n}\n");
    ck_assert_int_eq(solderc("-o %D/out.c %D/bad.pat", err, sizeof err), 1);
    ck_assert_ptr_nonnull(strstr(err, "bad.pat:4:15: error"));
    snprintf(path, sizeof path, "%s/out.c", dir);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(solderc("-o %D/no/such/folder.c tests/gen/golden/small.pat", err, sizeof err), 1);
    ck_assert_ptr_nonnull(strstr(err, "cannot write"));
}
END_TEST

/* What only the generator can see: names that the emitted code could not read yet. */
START_TEST(right_side_errors)
{
    static const struct { const char *rule, *message; } cases[] = {
        {"match { y = f(x) } where K == 1 replace { y = x }", "'K' is not bound by the match"},
        {"match { y = f(x: f32[H]) } where H == y replace { y = x }", "'y' is a value"},
        {"match { y = f(x) } where rank(q) == 1 replace { y = x }", "'q' is not bound by the match"},
        {"match { y = f(x) } where 1 replace { y = x }", "a condition is wanted"},
        {"match { y = f(x) } replace { y = r(x; [*A]) }", "'A' is not bound by the match"},
        {"match { y = f(x) } replace { y = r(x; [1.5]) }", "a list holds dims"},
        {"match { y = f(x) } replace { y = r(x; nothing(x)) }", "unknown function 'nothing'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024], err[4096];
        snprintf(text, sizeof text,
                 "phase p\nop f(x: f32[*A]) -> f32[*A]\nop r(x: f32[*A]; to: ints) -> f32[reshape(A, to)]\nrule r in "
                 "p { %s }\n",
                 cases[i].rule);
        write_text("case.pat", text);
        ck_assert_int_eq(solderc("%D/case.pat", err, sizeof err), 1);
        ck_assert_msg(strstr(err, cases[i].message) != NULL, "case %zu wants \"%s\", got %s", i, cases[i].message,
                      err);
    }
}
END_TEST

/* From a line of the rules, and back to the next line of the C itself. */
START_TEST(lines_lead_back)
{
    char err[4096], path[128], build[400], file[256];
    unsigned there = 0, back = 0, number = 1, line;
    ck_assert_int_eq(solderc("--line -n small -o %D/small.c tests/gen/golden/small.pat", err, sizeof err), 0);
    snprintf(path, sizeof path, "%s/small.c", dir);
    char *text = slurp(path);
    for (const char *at = text; at; number++) {
        if (sscanf(at, "#line %u \"%255[^\"]", &line, file) == 2) {
            bool own = !strcmp(file, path);
            ck_assert_msg(own ? line == number + 1 : line >= 13 && line <= 20, "line %u of %s at line %u", line, file, number);
            ck_assert(own || !strcmp(file, "tests/gen/golden/small.pat"));
            there += !own;
            back += own;
        }
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    ck_assert_uint_ge(there, 5);
    ck_assert_uint_eq(there, back);
    free(text);
    snprintf(build, sizeof build, "${CC:-gcc} -std=c11 -Wall -Wextra -Werror -Iruntime -c -o %s/o %s", dir, path);
    ck_assert_int_eq(system(build), 0);
}
END_TEST

/* Sums the numbers before a word. */
static unsigned total(const char *text, const char *word)
{
    unsigned sum = 0;
    for (const char *at = text; (at = strstr(at, word)); at++) {
        const char *digits = at - 1;
        while (digits > text && digits[-1] >= '0' && digits[-1] <= '9')
            digits--;
        sum += (unsigned)atoi(digits);
    }
    return sum;
}

/* Automata that would explode are cut, and orders that would be too many become loops: both is told. */
START_TEST(stats_tell_what_is_cut)
{
    char err[1 << 16], rules[4096] = "dtype F = {f16, f32}\nphase p\nop f(x: F[*A]) -> F[*A]\n"
                                  "op add(a: F[*A], b: F[*A]) -> F[*A]  commutative\n"
                                  "op wide(a: F[*A], b: F[*A], c: F[*A], d: F[*A], e: F[*A], f: F[*A], g: F[*A], h: F[*A],"
                                  " i: F[*A]) -> F[*A]\n";
    ck_assert_int_eq(solderc("--stats -o %D/small.c tests/gen/golden/small.pat", err, sizeof err), 0);
    ck_assert_uint_gt(total(err, " states"), 0);
    ck_assert_uint_eq(total(err, " fallbacks") + total(err, " loops"), 0);
    strcat(rules, "rule r { match { y = add(add(add(a, b), add(c, d)), add(add(e, f), add(g, add(h, i)))) }\n"
                  "  replace { y = wide(a, b, c, d, e, f, g, h, i) } }\n");
    write_text("loops.pat", rules);
    ck_assert_int_eq(solderc("--stats -o %D/loops.c %D/loops.pat", err, sizeof err), 0);
    ck_assert_msg(total(err, " loops") > 0, "%s", err);
    ck_assert_int_eq(solderc("--stats -o %D/all.c patterns/*.pat", err, sizeof err), 0);
    ck_assert_msg(total(err, " fallbacks") > 0, "%s", err);
}
END_TEST

Suite *gen_suite(void)
{
    Suite *s = suite_create("gen");
    TCase *t = tcase_create("solderc");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, golden);
    tcase_add_test(t, same_bytes_twice);
    tcase_add_test(t, generated_c_has_no_warnings);
    tcase_add_test(t, usage);
    tcase_add_test(t, failure_leaves_no_file);
    tcase_add_test(t, right_side_errors);
    tcase_add_test(t, lines_lead_back);
    tcase_add_test(t, stats_tell_what_is_cut);
    suite_add_tcase(s, t);
    return s;
}
