/* A growing text with indentation: what the emitters print generated C into. */
#ifndef GEN_OUT_H
#define GEN_OUT_H

#include <stdarg.h>
#include <stddef.h>

typedef struct out { char *text; size_t n, cap; int indent; } out;

/* Appends formatted text as it stands. */
void out_f(out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends one indented line; an empty line gets no indentation. */
void out_line(out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Opens "text {" and indents; closes with "}" and tail. */
void out_open(out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void out_close(out *o, const char *tail);
/* Appends a C string literal. */
void out_string(out *o, const char *s, size_t n);
void out_free(out *o);
/* Writes a file whole or not at all, NULL: standard output. Says what went wrong; answers an exit status. */
int out_write(const char *path, const char *text, size_t n);

#endif
