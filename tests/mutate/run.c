/* run: tests one by one, without Check's runner; the first check that fails ends all.
 *
 *     mutate_tests            lists them: suite, and name with the turn of a loop
 *     mutate_tests WHICH...   runs these, or those of suites, each for so many seconds at most; exit status 1 when one fails
 *
 * Linked so that what suites tell Check comes here (--wrap). */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 4096, SECONDS = 30 };
typedef struct item { const char *suite; const TTest *test; int turn; SFun before, after; } item;
static item items[MOST];
static int n_items;
static SFun before, after; /* of the suite at work */
static const char *suite;

void __wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...);
void __wrap__mark_point(const char *file, int line);
void __wrap__tcase_add_test(TCase *tc, const TTest *test, int signal, int allowed, int start, int end);
void __wrap_tcase_add_checked_fixture(TCase *tc, SFun setup, SFun teardown);

void __wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, msg ? msg : expr);
    _exit(1);
}

void __wrap__mark_point(const char *file, int line)
{
    (void)file, (void)line;
}

void __wrap_tcase_add_checked_fixture(TCase *tc, SFun setup, SFun teardown)
{
    (void)tc;
    before = setup;
    after = teardown;
}

void __wrap__tcase_add_test(TCase *tc, const TTest *test, int signal, int allowed, int start, int end)
{
    (void)tc, (void)signal, (void)allowed;
    for (int i = start; i < end; i++) {
        if (n_items == MOST) {
            fprintf(stderr, "mutate_tests: more than %d tests\n", MOST);
            _exit(2);
        }
        items[n_items++] = (item){suite, test, i, before, after};
    }
}

static const char *name_of(const item *t)
{
    static char name[100];
    snprintf(name, sizeof name, "%s.%d", t->test->name, t->turn);
    return name;
}

static void run(const item *t)
{
    alarm(SECONDS);
    if (t->before)
        t->before();
    t->test->fn(t->turn);
    if (t->after)
        t->after();
}

#define X(name) Suite *name##_suite(void);
#include "suites.h"
#undef X

int main(int argc, char **argv)
{
#define X(name) suite = #name, before = after = NULL, name##_suite();
#include "suites.h"
#undef X
    for (int i = 0; argc < 2 && i < n_items; i++)
        printf("%s %s\n", items[i].suite, name_of(&items[i]));
    for (int a = 1; a < argc; a++)
        for (int i = 0; i < n_items; i++)
            if (!strcmp(argv[a], name_of(&items[i])) || !strcmp(argv[a], items[i].suite))
                run(&items[i]);
    return 0;
}
