/* Every production of the grammar is used by some file of tests/dsl/good: the parser again, with a trace of what it
 * reduces. */
#include <check.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int trace(FILE *f, const char *fmt, ...);

#define PAT_DEBUG 1
#define YYFPRINTF trace
#define pat_parse traced_parse
#include "parse.c"
#undef pat_error

#define GOOD "tests/dsl/good"

Suite *grammar_suite(void);

enum { RECOVERY = 3 }; /* program: program error, for wrong files */
static bool used[YYNRULES + 1];

/* Only a reduction has numbers: of the rule, and its line. */
static int trace(FILE *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (f && !strncmp(fmt, "Reducing", 8))
        used[va_arg(ap, int)] = true;
    va_end(ap);
    return 0;
}

static int is_pat(const struct dirent *e)
{
    return e->d_name[0] != '.' && strstr(e->d_name, ".pat");
}

static int parse(pat_session *s, uint32_t file)
{
    const pat_file *f = s->files.at[file];
    pat_parser p = {.session = s, .program = pat_alloc(s->arena, sizeof(pat_program)), .begin = f->text,
                    .cursor = f->text, .end = f->text + f->size};
    traced_parse(&p);
    return (int)pat_error_count(s);
}

static void parse_good(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, GOOD "/%s", name);
    pat_session *s = pat_open();
    uint32_t file = pat_read_source(s, path, (pat_span){0});
    ck_assert_uint_ne(file, UINT32_MAX);
    ck_assert_int_eq(parse(s, file), 0);
    pat_close(s);
}

static void parse_wrong(void)
{
    pat_session *s = pat_open();
    ck_assert_int_eq(parse(s, pat_add_file(s, "t.pat", "phase 1\n", 8)), 1);
    pat_close(s);
}

START_TEST(every_production)
{
    struct dirent **names;
    char missing[4096] = "";
    int n = scandir(GOOD, &names, is_pat, alphasort), k = 0;
    ck_assert_int_gt(n, 0);
    pat_debug = 1;
    for (int i = 0; i < n; i++) {
        parse_good(names[i]->d_name);
        free(names[i]);
    }
    free(names);
    ck_assert(!used[RECOVERY]);
    parse_wrong();
    for (int rule = 1; rule < YYNRULES && k < (int)sizeof missing - 100; rule++) {
        if (!used[rule])
            k += snprintf(missing + k, sizeof missing - (size_t)k, "  dsl/parse.y:%d: a production of %s\n",
                          yyrline[rule + 1], yysymbol_name(yyr1[rule + 1]));
    }
    ck_assert_msg(!k, "no file of " GOOD " uses\n%s", missing);
}
END_TEST

Suite *grammar_suite(void)
{
    Suite *s = suite_create("grammar");
    TCase *t = tcase_create("productions");
    tcase_add_test(t, every_production);
    suite_add_tcase(s, t);
    return s;
}
