/* The first check that fails ends a run of tests: a mutant is dead then. */
#include <unistd.h>

void __wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...);

void __wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...)
{
    (void)file, (void)line, (void)expr, (void)msg;
    _exit(1);
}
