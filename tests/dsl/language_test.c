/* LANGUAGE.md against the compiler: every example compiles or gives the code above it, every code is listed, and the
 * grammar has every word. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dsl.h"
#include "source.h"

#define MANUAL "dsl/LANGUAGE.md"
#define FENCE "```pat"

Suite *language_suite(void);

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    ck_assert_msg(f && text, "cannot read %s", path);
    ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, f), (1 << 20) - 1);
    fclose(f);
    return text;
}

/* --------------------------------------------------------------- examples -- */

/* "" when there is nothing to tell, otherwise the codes of errors and warnings, each once in a row. */
static void codes_of(const char *text, char *out, size_t size)
{
    pat_session *s = pat_open();
    pat_check(s, pat_parse_text(s, "example.pat", text, strlen(text)));
    *out = 0;
    for (uint32_t i = 0; i < s->diags.n; i++) {
        const pat_diag *d = s->diags.at[i];
        size_t n = strlen(out);
        if (d->severity <= PAT_WARNING)
            snprintf(out + n, size - n, "%sE%04d", n ? " " : "", d->code);
    }
    pat_close(s);
}

static void check_example(const char *prelude, size_t n_prelude, const char *want, const char *body, size_t n)
{
    char *text = calloc(1, n_prelude + n + 1), is[200];
    ck_assert_ptr_nonnull(text);
    memcpy(text, prelude, n_prelude);
    memcpy(text + n_prelude, body, n);
    codes_of(text, is, sizeof is);
    ck_assert_msg(!strcmp(is, want), "an example of " MANUAL " gives '%s' and not '%s':\n%.*s", is, want, (int)n, body);
    free(text);
}

START_TEST(examples)
{
    char *manual = read_text(MANUAL), want[40];
    const char *prelude = NULL, *end;
    size_t n_prelude = 0;
    unsigned right = 0, wrong = 0;
    for (const char *at = strstr(manual, FENCE); at; at = strstr(end + 3, FENCE)) {
        const char *body = strchr(at, '\n') + 1, *note = at + strlen(FENCE) + (at[strlen(FENCE)] == ' ');
        snprintf(want, sizeof want, "%.*s", (int)(body - 1 - note), note);
        end = strstr(body, "```");
        ck_assert_ptr_nonnull(end);
        if (!strcmp(want, "prelude")) {
            prelude = body;
            n_prelude = (size_t)(end - body);
        } else if (prelude) {
            check_example(prelude, n_prelude, want, body, (size_t)(end - body));
            *(*want == 'E' ? &wrong : &right) += 1;
        }
    }
    ck_assert_msg(right >= 8 && wrong >= 8, "%u right and %u wrong examples were found", right, wrong);
    free(manual);
}
END_TEST

/* ------------------------------------------------------------------ codes -- */

START_TEST(every_code_is_listed)
{
    char *manual = read_text(MANUAL), row[200];
    unsigned rows = 0, codes = 0;
    for (int code = 0; code < 1000; code++) {
        const char *title = pat_code_title(code);
        if (!title)
            continue;
        snprintf(row, sizeof row, "\n| E%04d | %s |\n", code, title);
        ck_assert_msg(strstr(manual, row) != NULL, MANUAL " lacks the row%s", row);
        codes++;
    }
    for (const char *at = manual; (at = strstr(at, "\n| E")); at++)
        rows++;
    ck_assert_uint_eq(rows, codes);
    free(manual);
}
END_TEST

/* ---------------------------------------------------------------- grammar -- */

/* The words of parse.y's %token lines: "rule", "integer" and the like for classes of tokens are no words. */
START_TEST(the_grammar_has_every_word)
{
    char *manual = read_text(MANUAL), *grammar = read_text("dsl/parse.y"), quoted[60];
    char *from = strstr(manual, "## Grammar"), *to = strstr(manual, "## Types");
    ck_assert(from && to && from < to);
    *to = 0;
    unsigned words = 0;
    for (char *line = strstr(grammar, "\n%token T_"); line; line = strstr(line + 1, "\n%token T_")) {
        char *stop = strchr(line + 1, '\n');
        for (char *at = strchr(line, '"'); at && at < stop; at = strchr(strchr(at + 1, '"') + 1, '"')) {
            size_t n = strcspn(at + 1, "\"");
            snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)n, at + 1);
            if (!strcmp(quoted, "\"bad character\""))
                continue;
            ck_assert_msg(strstr(from, quoted) != NULL, "the grammar in " MANUAL " lacks %s", quoted);
            words++;
        }
    }
    ck_assert_uint_gt(words, 40);
    free(grammar);
    free(manual);
}
END_TEST

Suite *language_suite(void)
{
    Suite *s = suite_create("language");
    TCase *t = tcase_create("the manual");
    tcase_add_test(t, examples);
    tcase_add_test(t, every_code_is_listed);
    tcase_add_test(t, the_grammar_has_every_word);
    suite_add_tcase(s, t);
    return s;
}
