/* Tests of the formatter: one golden file, and what must hold for every .pat file of the tree, as it is and with its
 * white space replaced: words, signs and comments stay, and a formatted file stays as it is. */
#include <ctype.h>
#include <stdint.h>

#include "fmt.h"
#include "solderc.h"

Suite *fmt_suite(void);

/* -------------------------------------------------------------- one text -- */

/* The text in the standard layout, NULL when it has errors. */
static char *formatted(const char *text)
{
    char *out = NULL;
    size_t n = 0;
    write_path(in_folder("text.pat"), text);
    pat_session *s = pat_open();
    FILE *f = open_memstream(&out, &n);
    bool same, ok = pat_format(s, pat_read_source(s, in_folder("text.pat"), (pat_span){0}), f, &same);
    fclose(f);
    ck_assert_msg(ok || pat_error_count(s), "cannot be formatted without changing it:\n%s", text);
    ck_assert_msg(!ok || same == !strcmp(text, out), "`same` is wrong for:\n%s", text);
    pat_close(s);
    if (ok)
        return out;
    free(out);
    return NULL;
}

/* The text without white space, but within strings and comments; trailing blanks of these are dropped too. */
static char *essence(const char *text)
{
    char *to = malloc(strlen(text) + 1), *at = to;
    ck_assert_ptr_nonnull(to);
    for (char in = 0; *text; text++) {
        if (in == '#' && *text == '\n') {
            while (at[-1] == ' ' || at[-1] == '\t' || at[-1] == '\r')
                at--;
            in = 0;
        } else if (in == '"' && (*text == '\\' || *text == '"')) {
            if (*text == '\\')
                *at++ = *text++;
            else
                in = 0;
        } else if (!in && (*text == '#' || *text == '"')) {
            in = *text;
        }
        if (in || !isspace((unsigned char)*text))
            *at++ = *text;
    }
    while (at > to && isspace((unsigned char)at[-1]))
        at--;
    *at = 0;
    return to;
}

static void check_lines(const char *path, const char *text)
{
    ck_assert_msg(text[0] != '\n' && !strstr(text, "\n\n\n") && !strstr(text, " \n") && !strchr(text, '\t'),
                  "%s: blank lines or blanks at line ends:\n%s", path, text);
    size_t n = strlen(text);
    ck_assert_msg(!n || (text[n - 1] == '\n' && (n < 2 || text[n - 2] != '\n')), "%s: end of the text", path);
}

/* Answers whether the text can be formatted at all. */
static bool check_text(const char *path, const char *text)
{
    char *once = formatted(text);
    if (!once)
        return false;
    char *twice = formatted(once), *before = essence(text), *after = essence(once);
    ck_assert_msg(twice && !strcmp(once, twice), "%s: formatted twice\n--- once\n%s--- twice\n%s", path, once,
                  twice ? twice : "not");
    ck_assert_msg(!strcmp(before, after), "%s: changed\n--- before\n%s\n--- after\n%s\n", path, before, after);
    check_lines(path, once);
    free(once);
    free(twice);
    free(before);
    free(after);
    return true;
}

/* ------------------------------------------------------------- all files -- */

typedef void on_text(const char *path, const char *text);

static unsigned for_each_file(on_text *f)
{
    char *paths = sh_ok("find patterns tests -name '*.pat' | sort", 0);
    unsigned n = 0;
    for (char *path = strtok(paths, "\n"); path; path = strtok(NULL, "\n"), n++) {
        char *text = read_path(path);
        f(path, text);
        free(text);
    }
    free(paths);
    return n;
}

static unsigned n_formatted;

static void check_file(const char *path, const char *text)
{
    bool ok = check_text(path, text);
    ck_assert_msg(ok || strstr(path, "/bad/"), "%s cannot be formatted", path);
    n_formatted += ok;
}

START_TEST(every_file)
{
    ck_assert_uint_gt(for_each_file(check_file), 80);
    ck_assert_uint_gt(n_formatted, 60);
}
END_TEST

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* White space outside strings and comments replaced by other white space. */
static char *scrambled(const char *text, uint64_t *seed)
{
    static const char *const blanks[] = {" ", "  ", "\n", "\n   ", "\t", "\n\n\n", " \r\n", " "};
    char *to = malloc(8 * strlen(text) + 8), *at = to, in = 0;
    ck_assert_ptr_nonnull(to);
    while (*text) {
        if (!in && isspace((unsigned char)*text)) {
            at = stpcpy(at, blanks[next(seed) % 8]);
            while (isspace((unsigned char)*text))
                text++;
            continue;
        }
        in = in == '#' ? (*text == '\n' ? 0 : '#') : *text == '#' && !in ? '#' : *text == '"' ? (in ? 0 : '"') : in;
        *at++ = *text++;
    }
    *at = 0;
    return to;
}

static void check_scrambled(const char *path, const char *text)
{
    uint64_t seed = strlen(text);
    if (seed > 20000)
        return;
    for (int round = 0; round < 8; round++) {
        char *other = scrambled(text, &seed);
        n_formatted += check_text(path, other);
        free(other);
    }
}

START_TEST(every_file_scrambled)
{
    for_each_file(check_scrambled);
    ck_assert_uint_gt(n_formatted, 400);
}
END_TEST

START_TEST(patterns_are_formatted)
{
    char *text = sh_ok("\"$SOLDERC_BIN\" --fmt=check patterns/*.pat 2>&1", 0);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

/* ----------------------------------------------------------------- layout -- */

START_TEST(golden)
{
    char *is = sh_ok("\"$SOLDERC_BIN\" --fmt - <tests/dsl/fmt/all.pat", 0);
    if (getenv("UPDATE"))
        write_path("tests/dsl/fmt/all.expected", is);
    char *wanted = read_path("tests/dsl/fmt/all.expected");
    ck_assert_msg(!strcmp(is, wanted), "--- wanted\n%s--- is\n%s", wanted, is);
    free(is);
    free(wanted);
}
END_TEST

static void expect(const char *text, const char *wanted)
{
    char *is = formatted(text);
    ck_assert_msg(is && !strcmp(is, wanted), "--- wanted\n%s--- is\n%s", wanted, is ? is : "an error\n");
    free(is);
}

START_TEST(small_texts)
{
    expect("", "");
    expect("\n \n", "");
    expect("#c", "#c\n");
    expect("# c  \r\n\r\n\r\nphase  p\r\n", "# c\n\nphase p\n");
    expect("phase p#c", "phase p  #c\n");
    expect("phase for\nphase q", "phase for\nphase q\n");
    expect("dtype T=any dtype F={f16}", "dtype T = any dtype F = {f16}\n");
    expect("op f(x:T[-1+ -2*N])->T[*A] # \xc3\xa9\nop g(x:T[1])->T[1]#b",
           "op f(x: T[-1 + -2 * N]) -> T[*A]  # \xc3\xa9\nop g(x: T[1]) -> T[1]             #b\n");
}
END_TEST

/* ------------------------------------------------------------ the program -- */

START_TEST(in_place)
{
    write_path(in_folder("a.pat"), "phase   a\n");
    write_path(in_folder("b.pat"), "phase b\n");
    char *text = sh_ok("cd \"$D\" && \"$OLDPWD/$SOLDERC_BIN\" --fmt=check a.pat b.pat", 1);
    ck_assert_str_eq(text, "a.pat\n");
    free(text);
    free(sh_ok("touch -d '1 hour ago' \"$D\"/*.pat && \"$SOLDERC_BIN\" --fmt \"$D\"/*.pat", 0));
    text = sh_ok("cd \"$D\" && cat a.pat && find . -name '*.pat' -mmin -30", 0);
    ck_assert_str_eq(text, "phase a\n./a.pat\n");
    free(text);
}
END_TEST

/* A file with errors stays as it is, and the others are formatted. */
START_TEST(errors)
{
    write_path(in_folder("a.pat"), "phase   1\n");
    write_path(in_folder("b.pat"), "phase   b\n");
    char *text = sh_ok("\"$SOLDERC_BIN\" --fmt \"$D/none.pat\" \"$D\"/*.pat 2>&1", 1);
    ASSERT_HAS(text, "a.pat:1:9: error[E0110]");
    ASSERT_HAS(text, "none.pat: No such file");
    free(text);
    text = sh_ok("cat \"$D\"/*.pat", 0);
    ck_assert_str_eq(text, "phase   1\nphase b\n");
    free(text);
    free(sh_ok("echo 'phase 1' | \"$SOLDERC_BIN\" --fmt - 2>/dev/null", 1));
    free(sh_ok("\"$SOLDERC_BIN\" --fmt=twice \"$D/b.pat\" 2>&1", 2));
}
END_TEST

Suite *fmt_suite(void)
{
    Suite *s = suite_create("fmt");
    TCase *t = tcase_create("formatter");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_file);
    tcase_add_test(t, every_file_scrambled);
    tcase_add_test(t, patterns_are_formatted);
    tcase_add_test(t, golden);
    tcase_add_test(t, small_texts);
    tcase_add_test(t, in_place);
    tcase_add_test(t, errors);
    suite_add_tcase(s, t);
    return s;
}
