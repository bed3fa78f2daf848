/* See out.h.  Memory failure ends the program: solderc is a batch tool and has written
 * nothing yet when it happens. */
#include "out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(out *o, size_t more)
{
    if (o->n + more + 1 <= o->cap)
        return;
    size_t cap = o->cap ? o->cap : 4096;
    while (cap < o->n + more + 1)
        cap *= 2;
    char *text = realloc(o->text, cap);
    if (!text) {
        fprintf(stderr, "solderc: out of memory\n");
        exit(1);
    }
    o->text = text;
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
