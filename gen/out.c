/* See out.h.  Memory failure ends the program: solderc is a batch tool and has written
 * nothing yet when it happens. */
#include "out.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

static void reserve(out *o, size_t more)
{
    if (o->n + more + 1 <= o->cap)
        return;
    size_t cap = o->cap ? o->cap : 4096;
    while (cap < o->n + more + 1)
        cap *= 2;
    o->text = pat_must(realloc(o->text, cap));
    o->cap = cap;
}

static void append(out *o, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    reserve(o, (size_t)n);
    vsnprintf(o->text + o->n, (size_t)n + 1, fmt, again);
    va_end(again);
    o->n += (size_t)n;
}

static void indent(out *o)
{
    for (int i = 0; i < o->indent; i++)
        out_f(o, "    ");
}

void out_f(out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    append(o, fmt, ap);
    va_end(ap);
}

void out_line(out *o, const char *fmt, ...)
{
    va_list ap;
    if (*fmt)
        indent(o);
    va_start(ap, fmt);
    append(o, fmt, ap);
    va_end(ap);
    out_f(o, "\n");
}

void out_open(out *o, const char *fmt, ...)
{
    va_list ap;
    indent(o);
    va_start(ap, fmt);
    append(o, fmt, ap);
    va_end(ap);
    out_f(o, " {\n");
    o->indent++;
}

void out_close(out *o, const char *tail)
{
    o->indent--;
    out_line(o, "}%s", tail);
}

void out_string(out *o, const char *s, size_t n)
{
    out_f(o, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            out_f(o, "\\%c", c);
        else if (c < 32 || c > 126 || (c == '?' && i && s[i - 1] == '?'))
            out_f(o, "\\%03o", c);
        else
            out_f(o, "%c", c);
    }
    out_f(o, "\"");
}

void out_free(out *o)
{
    free(o->text);
    *o = (out){0};
}

static bool write_to(FILE *f, const char *text, size_t n)
{
    bool ok = f && fwrite(text, 1, n, f) == n;
    return f && !fclose(f) && ok;
}

/* Beside the file and then in its place, with its mode. */
static bool replace_file(const char *path, const struct stat *old, const char *text, size_t n)
{
    char tmp[4096];
    if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (write_to(fopen(tmp, "wb"), text, n) && (!old || !chmod(tmp, old->st_mode & 07777)) && !rename(tmp, path))
        return true;
    int error = errno;
    unlink(tmp);
    errno = error;
    return false;
}

/* A link stays one; a device or pipe is written as it is. */
static bool write_whole(const char *path, const char *text, size_t n)
{
    struct stat old;
    if (stat(path, &old))
        return replace_file(path, NULL, text, n);
    if (!S_ISREG(old.st_mode))
        return write_to(fopen(path, "wb"), text, n);
    char *real = pat_real_path(path);
    bool ok = replace_file(real, &old, text, n);
    free(real);
    return ok;
}

int out_write(const char *path, const char *text, size_t n)
{
    if (path ? write_whole(path, text, n) : fwrite(text, 1, n, stdout) == n && !fflush(stdout))
        return 0;
    fprintf(stderr, "solderc: cannot write %s: %s\n", path ? path : "standard output", strerror(errno));
    return 1;
}
