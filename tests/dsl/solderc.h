/* Runs solderc for the tests of its tools. */
#ifndef TESTS_DSL_SOLDERC_H
#define TESTS_DSL_SOLDERC_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static inline char *read_text(FILE *f)
{
    size_t n = 0, cap = 1 << 12;
    char *text = malloc(cap);
    ck_assert_ptr_nonnull(text);
    for (size_t got; (got = fread(text + n, 1, cap - n - 1, f)) > 0;)
        if ((n += got) + 1 == cap)
            ck_assert_ptr_nonnull(text = realloc(text, cap *= 2));
    text[n] = 0;
    return text;
}

/* What a shell command prints, and its exit status; "$SOLDERC_BIN" and "$D" (a folder of the test) stand in it. */
static inline char *sh(const char *command, int *status)
{
    FILE *p = popen(command, "r");
    ck_assert_ptr_nonnull(p);
    char *text = read_text(p);
    *status = WEXITSTATUS(pclose(p));
    return text;
}

/* The same, and it must end with this status. */
static inline char *sh_ok(const char *command, int wanted)
{
    int status;
    char *text = sh(command, &status);
    ck_assert_msg(status == wanted, "%s: status %d, wanted %d\n%s", command, status, wanted, text);
    return text;
}

static inline char *read_path(const char *path)
{
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "cannot read %s", path);
    char *text = read_text(f);
    fclose(f);
    return text;
}

static inline void write_path(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    ck_assert_msg(f != NULL, "cannot write %s", path);
    fputs(text, f);
    fclose(f);
}

/* A fresh folder that the shell knows as $D. */
static inline void make_folder(void)
{
    static char path[64];
    strcpy(path, "/tmp/solder-dsl-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    setenv("D", path, 1);
}

static inline void remove_folder(void)
{
    int status;
    free(sh("rm -rf \"$D\"", &status));
    ck_assert_int_eq(status, 0);
}

/* A file of that folder. */
static inline const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", getenv("D"), name);
    return path;
}

#define ASSERT_HAS(text, part) ck_assert_msg(strstr((text), (part)) != NULL, "no \"%s\" in:\n%s", (part), (text))

#endif
