/* Tests of the front end.  Golden files: bad/NAME.pat and what is printed for it in bad/NAME.err;
 * good/NAME.pat gives no diagnostics at all.  Paths are relative to the root of the tree; UPDATE=1 rewrites
 * the .err files. */
#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "dsl.h"

#define BAD "tests/dsl/bad"
#define GOOD "tests/dsl/good"

/* ---------------------------------------------------------------- helpers -- */

static char *print_diags(pat_session *s)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    ck_assert_ptr_nonnull(f);
    pat_print_diags(s, f);
    fclose(f);
    return text;
}

static char *check_file(const char *path, unsigned *errors)
{
    pat_session *s = pat_open();
    bool ok = pat_check(s, pat_parse_files(s, 1, &path));
    *errors = pat_error_count(s);
    ck_assert_int_eq(ok, *errors == 0);
    char *text = print_diags(s);
    pat_close(s);
    return text;
}

static char *check_text(const char *source, size_t n, unsigned *errors)
{
    pat_session *s = pat_open();
    pat_check(s, pat_parse_text(s, "t.pat", source, n));
    *errors = pat_error_count(s);
    char *text = print_diags(s);
    pat_close(s);
    return text;
}

static char *read_all(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    ck_assert_ptr_nonnull(text);
    *n = f ? fread(text, 1, (1 << 20) - 1, f) : 0;
    if (f)
        fclose(f);
    return text;
}

static void write_all(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    ck_assert_msg(f != NULL, "cannot write %s", path);
    fputs(text, f);
    fclose(f);
}

static int is_pat(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && !strcmp(e->d_name + n - 4, ".pat");
}

typedef void on_file(const char *path);

static int for_each(const char *dir, on_file *f)
{
    struct dirent **names;
    int n = scandir(dir, &names, is_pat, alphasort);
    ck_assert_msg(n > 0, "%s holds no .pat file; run from the root of the tree", dir);
    for (int i = 0; i < n; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        f(path);
        free(names[i]);
    }
    free(names);
    return n;
}

/* ----------------------------------------------------------------- golden -- */

static void compare_golden(const char *path)
{
    char golden[600];
    snprintf(golden, sizeof golden, "%.*s.err", (int)strlen(path) - 4, path);
    unsigned errors;
    size_t n;
    char *is = check_file(path, &errors);
    if (getenv("UPDATE"))
        write_all(golden, is);
    char *wanted = read_all(golden, &n);
    ck_assert_msg(*is != 0, "%s gives no diagnostic", path);
    ck_assert_msg(!strcmp(is, wanted), "%s:\n--- wanted\n%s--- is\n%s", path, wanted, is);
    free(is);
    free(wanted);
}

START_TEST(bad_files)
{
    ck_assert_int_ge(for_each(BAD, compare_golden), 40);
}
END_TEST

static void expect_clean(const char *path)
{
    unsigned errors;
    char *is = check_file(path, &errors);
    ck_assert_msg(*is == 0, "%s:\n%s", path, is);
    free(is);
}

START_TEST(good_files)
{
    for_each(GOOD, expect_clean);
}
END_TEST

/* Faults that fused kernels had elsewhere, each for the reason that it was one. */
START_TEST(failures_of_the_past)
{
    static const struct { const char *name, *code; } all[] = {
        {"rows_not_declared", "[E0501]"},        {"rows_of_no_operand", "[E0206]"},
        {"cache_write_dropped", "[E0507]"},      {"cycle_through_slice_write", "[E0510]"},
        {"host_scale_from_device", "[E0504]"},   {"kernel_width_unsupported", "[E0563]"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char path[200];
        unsigned errors;
        snprintf(path, sizeof path, BAD "/failure_%s.pat", all[i].name);
        char *is = check_file(path, &errors);
        ck_assert_msg(errors && strstr(is, all[i].code), "%s is accepted, or not for %s:\n%s", path, all[i].code, is);
        free(is);
    }
}
END_TEST

static bool covered[1000];

static void note_codes(const char *path)
{
    char golden[600];
    snprintf(golden, sizeof golden, "%.*s.err", (int)strlen(path) - 4, path);
    size_t n;
    char *text = read_all(golden, &n);
    for (const char *c = text; (c = strstr(c, "[E")); c += 2) {
        long code = strtol(c + 2, NULL, 10);
        if (code > 0 && code < 1000)
            covered[code] = true;
    }
    free(text);
}

/* use_needs_a_file has a text that is no file, whole_test.c two files that overlap; the generator speaks when the
 * checker has missed something, which check_tells_what_compiling_does and the fuzzer look for. */
START_TEST(every_code_has_a_file)
{
    static const int without[] = {E_USE_IN_TEXT, E_OVERLAP, E_GENERATOR};
    for_each(BAD, note_codes);
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        ck_assert_msg(!covered[without[i]], "E%04d has a file", without[i]);
        covered[without[i]] = true;
    }
    for (int code = 0; code < 1000; code++) {
        const char *title = pat_code_title(code);
        ck_assert_msg(!title || covered[code], "no file in " BAD " gives E%04d (%s)", code, title);
        ck_assert_msg(title || !covered[code], "E%04d is not in diag.def", code);
    }
}
END_TEST

/* ------------------------------------------------------------------ spans -- */

#define NEG "dtype T = any\nop neg(x: T[*A]) -> T[*A]\nphase p\n"

START_TEST(spans_and_lines)
{
    const char text[] = "phase a\n\nphase bcd quiet\n";
    pat_session *s = pat_open();
    pat_program *p = pat_parse_text(s, "t.pat", text, sizeof text - 1);
    ck_assert_uint_eq(p->phases.n, 2);
    const char *file;
    unsigned line, col;
    size_t n;
    pat_location(s, p->phases.at[1]->span, &file, &line, &col);
    ck_assert_str_eq(file, "t.pat");
    ck_assert_uint_eq(line, 3);
    ck_assert_uint_eq(col, 1);
    const char *of = pat_span_text(s, p->phases.at[1]->span, &n);
    ck_assert_msg(n == 15 && !memcmp(of, "phase bcd quiet", n), "span text is '%.*s'", (int)n, of);
    ck_assert(p->phases.at[1]->quiet && !p->phases.at[0]->quiet);
    pat_location(s, (pat_span){99, 0, 0}, &file, &line, &col);
    ck_assert_str_eq(file, "");
    pat_close(s);
}
END_TEST

START_TEST(names_are_interned)
{
    pat_session *s = pat_open();
    const char text[] = NEG;
    pat_program *p = pat_parse_text(s, "t.pat", text, sizeof text - 1);
    ck_assert_ptr_eq(pat_intern(s, "neg", 3), p->ops.at[0]->name);
    ck_assert_ptr_eq(pat_find_op(p, pat_intern(s, "negx", 3)), p->ops.at[0]);
    ck_assert_ptr_null(pat_find_op(p, pat_intern(s, "nag", 3)));
    ck_assert_ptr_null(pat_find_phase(p, pat_intern(s, "neg", 3)));
    ck_assert_ptr_eq(pat_find_phase(p, pat_intern(s, "p", 1)), p->phases.at[0]);
    for (int i = 0; i < 5000; i++) {
        char name[16];
        size_t n = (size_t)snprintf(name, sizeof name, "n%d", i);
        ck_assert_ptr_eq(pat_intern(s, name, n), pat_intern(s, name, n));
    }
    pat_close(s);
}
END_TEST

/* --------------------------------------------------------------- literals -- */

START_TEST(literals)
{
    const char text[] = NEG
        "op f(x: T[1]; a: float = -2.5e-3, b: int = 9223372036854775807, c: string = \"q\\\"\\\\\") -> T[1]\n"
        "op add(a: T[*A], b: T[*B]) -> T[*A]\n"
        "rule r {\n match { y = add(2.0 ~ 1e-3, -3) }\n replace { y = y2 y2 = y } }\n";
    pat_session *s = pat_open();
    pat_program *p = pat_parse_text(s, "t.pat", text, sizeof text - 1);
    ck_assert_uint_eq(pat_error_count(s), 0);
    const pat_op *f = p->ops.at[1];
    ck_assert_int_eq(f->attrs.at[0]->dflt->kind, PE_NEG);
    ck_assert_double_eq(f->attrs.at[0]->dflt->args.at[0]->fval, 2.5e-3);
    ck_assert_int_eq(f->attrs.at[1]->dflt->ival, INT64_MAX);
    ck_assert_str_eq(f->attrs.at[2]->dflt->name, "q\"\\");
    const pat_term *add = p->rules.at[0]->match.at[0]->value;
    ck_assert_int_eq(add->operands.at[0]->kind, PT_NUMBER);
    ck_assert_double_eq(add->operands.at[0]->fval, 2.0);
    ck_assert_double_eq(add->operands.at[0]->tol, 1e-3);
    ck_assert_double_eq(add->operands.at[1]->fval, -3.0);
    ck_assert_double_eq(add->operands.at[1]->tol, 1e-6);
    pat_close(s);
}
END_TEST

START_TEST(precedence)
{
    const char text[] =
        "dtype T = any\nop f(x: T[N]) -> T[N] where 1 + 2 * N == 7 and not N < 3 or N in {1, 2}\n";
    pat_session *s = pat_open();
    pat_program *p = pat_parse_text(s, "t.pat", text, sizeof text - 1);
    ck_assert_uint_eq(pat_error_count(s), 0);
    const pat_expr *e = p->ops.at[0]->where.at[0];
    ck_assert_int_eq(e->kind, PE_OR);
    ck_assert_int_eq(e->args.at[1]->kind, PE_IN);
    ck_assert_int_eq(e->args.at[0]->kind, PE_AND);
    ck_assert_int_eq(e->args.at[0]->args.at[1]->kind, PE_NOT);
    const pat_expr *eq = e->args.at[0]->args.at[0];
    ck_assert_int_eq(eq->kind, PE_EQ);
    ck_assert_int_eq(eq->args.at[0]->kind, PE_ADD);
    ck_assert_int_eq(eq->args.at[0]->args.at[1]->kind, PE_MUL);
    pat_close(s);
}
END_TEST

START_TEST(vocabulary_parameters)
{
    const char text[] = NEG "vocab v { \"A\"@18(a, b?, c...; d = 1, e) -> drop }\n";
    pat_session *s = pat_open();
    pat_program *p = pat_parse_text(s, "t.pat", text, sizeof text - 1);
    ck_assert_uint_eq(pat_error_count(s), 0);
    const pat_vocab_entry *e = p->vocabs.at[0]->entries.at[0];
    ck_assert_uint_eq(e->since, 18);
    ck_assert_uint_eq(e->params.n, 5);
    static const bool keyword[] = {false, false, false, true, true};
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(e->params.at[i]->keyword, keyword[i]);
    ck_assert(e->params.at[1]->optional && e->params.at[2]->variadic && e->params.at[3]->dflt->ival == 1);
    ck_assert_ptr_null(e->target);
    pat_close(s);
}
END_TEST

/* --------------------------------------------------------------- checking -- */

START_TEST(positional_attributes_get_names)
{
    const char text[] = NEG "op f(x: T[*A]; first: int, second: int) -> T[*A]\n"
                            "rule r {\n match { y = neg(f(x; second, 3)) }\n replace { y = f(x; 1, 2) } }\n";
    pat_session *s = pat_open();
    pat_program *p = pat_parse_text(s, "t.pat", text, sizeof text - 1);
    ck_assert(pat_check(s, p));
    const pat_term *left = p->rules.at[0]->match.at[0]->value->operands.at[0], *right = p->rules.at[0]->replace.at[0]->value;
    ck_assert_str_eq(left->attrs.at[0]->name, "second");
    ck_assert_str_eq(left->attrs.at[1]->name, "first");
    ck_assert_str_eq(right->attrs.at[0]->name, "first");
    ck_assert_str_eq(right->attrs.at[1]->name, "second");
    ck_assert_uint_eq(p->ops.at[0]->id, 1);
    ck_assert_uint_eq(p->ops.at[1]->id, 2);
    ck_assert_ptr_eq(p->rules.at[0]->phase, p->phases.at[0]);
    ck_assert_uint_eq(p->dtypes.at[0]->set & 1, 0);
    pat_close(s);
}
END_TEST

START_TEST(several_errors_in_one_run)
{
    const char text[] =
        NEG "op a(x: T[M]) -> T[N]\nop b(x T) -> T[1]\nrule r { match { y = nge(x) } replace { y = x } }\n";
    unsigned errors;
    char *is = check_text(text, sizeof text - 1, &errors);
    ck_assert_uint_eq(errors, 3);
    const char *first = strstr(is, "t.pat:4:"), *second = strstr(is, "t.pat:5:"),
               *third = strstr(is, "t.pat:6:");
    ck_assert_msg(first && second && third && first < second && second < third, "%s", is);
    ck_assert_msg(strstr(is, "did you mean 'neg'?") != NULL, "%s", is);
    free(is);
}
END_TEST

#define MISTAKES "tests/dsl/mistakes/"

/* The text with the first `was` made into `is`. */
static char *changed(const char *text, const char *was, const char *is)
{
    const char *at = strstr(text, was);
    ck_assert_msg(at != NULL, "'%s' is not in " MISTAKES "base.pat", was);
    char *out = calloc(1, strlen(text) + strlen(is) + 1);
    ck_assert_ptr_nonnull(out);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, is, at + strlen(was));
    return out;
}

static void expect_one_error(const char *text, const char *was, const char *is)
{
    char *wrong = changed(text, was, is);
    unsigned errors;
    char *told = check_text(wrong, strlen(wrong), &errors);
    const char *first = strstr(told, "[E"), *second = first ? strstr(first + 1, "[E") : NULL;
    ck_assert_msg(first && !second, "'%s' instead of '%s':\n%s", is, was, told);
    free(told);
    free(wrong);
}

/* Lines `what stands in base.pat => what stands there by mistake`. */
START_TEST(one_mistake_gives_one_error)
{
    size_t n;
    unsigned errors, mistakes = 0;
    char *text = read_all(MISTAKES "base.pat", &n), *list = read_all(MISTAKES "mistakes.txt", &n);
    char *told = check_text(text, strlen(text), &errors);
    ck_assert_msg(!*told, "%s", told);
    for (char *line = strtok(list, "\n"); line; line = strtok(NULL, "\n"), mistakes++) {
        char *arrow = strstr(line, " => ");
        ck_assert_msg(arrow != NULL, "%s", line);
        *arrow = 0;
        expect_one_error(text, line, arrow + 4);
    }
    ck_assert_uint_gt(mistakes, 100);
    free(told);
    free(text);
    free(list);
}
END_TEST

START_TEST(use_needs_a_file)
{
    const char text[] = "use \"a.pat\"\n";
    unsigned errors;
    char *is = check_text(text, sizeof text - 1, &errors);
    ck_assert_uint_eq(errors, 1);
    ck_assert_msg(strstr(is, "[E0112]") != NULL, "%s", is);
    free(is);
}
END_TEST

START_TEST(missing_file_has_no_place)
{
    const char *path = "tests/dsl/no_such.pat";
    unsigned errors;
    char *is = check_file(path, &errors);
    ck_assert_uint_eq(errors, 1);
    ck_assert_msg(!strncmp(is, "error[E0111]: cannot read tests/dsl/no_such.pat", 47), "%s", is);
    free(is);
}
END_TEST

/* A directory, and a file named twice. */
START_TEST(odd_paths)
{
    unsigned errors;
    char *is = check_file("tests/dsl", &errors);
    ck_assert_uint_eq(errors, 1);
    free(is);
    const char *twice[] = {GOOD "/words.pat", GOOD "/../good/words.pat"};
    pat_session *s = pat_open();
    ck_assert(pat_check(s, pat_parse_files(s, 2, twice)));
    pat_close(s);
}
END_TEST

/* Patterns that use each other twice must not take time exponential in their number. */
START_TEST(wide_patterns_are_fast)
{
    char *text = malloc(1 << 16);
    int n = sprintf(text, "%sop mul(a: T[*A], b: T[*A]) -> T[*A]\n", NEG);
    for (int i = 0; i < 60; i++)
        n += sprintf(text + n, "pattern p%d(x) = mul(p%d(x), p%d(x))\n", i, i + 1, i + 1);
    n += sprintf(text + n, "pattern p60(x) = neg(x)\n");
    unsigned errors;
    char *is = check_text(text, (size_t)n, &errors);
    ck_assert_msg(errors == 0, "%s", is);
    free(is);
    free(text);
}
END_TEST

/* ------------------------------------------------------------- robustness -- */

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* Damaged files: cut, with bytes changed, with pieces repeated.  Nothing may crash, hang or leak. */
static void damage(const char *path)
{
    size_t n;
    char *text = read_all(path, &n);
    uint64_t seed = n + 17;
    size_t keep = n < 4000 ? n : 4000;
    for (int round = 0; round < 60; round++) {
        char *copy = malloc(2 * keep + 1);
        size_t m = keep ? next(&seed) % keep : 0, from = keep ? next(&seed) % keep : 0;
        memcpy(copy, text, keep);
        memcpy(copy + keep, text + from, keep - from);
        size_t size = round % 3 ? 2 * keep - from : m;
        for (int i = 0; size && i < round % 4; i++)
            copy[next(&seed) % size] = "(){}[];,=|\"#_x9\n\0."[next(&seed) % 18];
        unsigned errors;
        free(check_text(copy, size, &errors));
        free(copy);
    }
    free(text);
}

START_TEST(damaged_files)
{
    for_each(BAD, damage);
    for_each(GOOD, damage);
}
END_TEST

START_TEST(random_bytes)
{
    uint64_t seed = 1;
    for (int round = 0; round < 300; round++) {
        char text[300];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (char)next(&seed);
        unsigned errors;
        free(check_text(text, sizeof text, &errors));
        ck_assert_uint_gt(errors, 0);
    }
}
END_TEST

Suite *dsl_suite(void);
Suite *dsl_suite(void)
{
    Suite *suite = suite_create("dsl");
    TCase *t = tcase_create("front end");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, bad_files);
    tcase_add_test(t, good_files);
    tcase_add_test(t, failures_of_the_past);
    tcase_add_test(t, every_code_has_a_file);
    tcase_add_test(t, spans_and_lines);
    tcase_add_test(t, names_are_interned);
    tcase_add_test(t, literals);
    tcase_add_test(t, precedence);
    tcase_add_test(t, vocabulary_parameters);
    tcase_add_test(t, positional_attributes_get_names);
    tcase_add_test(t, several_errors_in_one_run);
    tcase_add_test(t, one_mistake_gives_one_error);
    tcase_add_test(t, use_needs_a_file);
    tcase_add_test(t, missing_file_has_no_place);
    tcase_add_test(t, odd_paths);
    tcase_add_test(t, wide_patterns_are_fast);
    tcase_add_test(t, damaged_files);
    tcase_add_test(t, random_bytes);
    suite_add_tcase(suite, t);
    return suite;
}
