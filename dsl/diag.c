/* Collects diagnostics and renders them with the source line and a caret range. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

enum { MAX_ERRORS = 20 };

const char *pat_code_title(int code)
{
    switch (code) {
#define X(number, id, title) case number: return title;
#include "diag.def"
#undef X
    default: return NULL;
    }
}

static void add(pat_session *s, pat_severity severity, pat_span span, int code, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = pat_alloc(s->arena, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    pat_diag *d = pat_alloc(s->arena, sizeof *d);
    bool own = severity <= PAT_WARNING || !s->diags.n;
    *d = (pat_diag){severity, span, code, text, own ? s->diags.n : s->diags.at[s->diags.n - 1]->owner};
    PAT_PUSH(s->arena, s->diags, d);
    s->n_errors += severity == PAT_ERROR;
}

#define FORWARD(severity, span, code) \
    va_list ap; \
    va_start(ap, fmt); \
    add(s, severity, span, code, fmt, ap); \
    va_end(ap)

void pat_error(pat_session *s, pat_span span, int code, const char *fmt, ...)
{
    FORWARD(PAT_ERROR, span, code);
}

void pat_warn(pat_session *s, pat_span span, int code, const char *fmt, ...)
{
    FORWARD(PAT_WARNING, span, code);
}

void pat_note(pat_session *s, pat_span span, const char *fmt, ...)
{
    FORWARD(PAT_NOTE, span, 0);
}

void pat_hint(pat_session *s, const char *fmt, ...)
{
    FORWARD(PAT_HINT, ((pat_span){0}), 0);
}

unsigned pat_error_count(const pat_session *s)
{
    return s->n_errors;
}

/* Bytes of a UTF-8 character after its first take no column. */
static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The source line and a caret range under the part of the span that it holds. */
static void print_source(pat_session *s, pat_span span, unsigned line, unsigned col, FILE *out)
{
    if (span.file >= s->files.n)
        return;
    const pat_file *f = s->files.at[span.file];
    const char *text = f->text + f->lines[line - 1];
    int len = (int)strcspn(text, "\r\n"), width = (int)(span.end > span.begin ? span.end - span.begin : 1);
    if (width > len - (int)col + 1)
        width = len - (int)col + 1;
    fprintf(out, "%5u | %.*s\n      | ", line, len, text);
    for (unsigned i = 0; i + 1 < col && (int)i < len; i++)
        if (!continues(text[i]))
            fputc(text[i] == '\t' ? '\t' : ' ', out);
    fputc('^', out);
    for (int i = 1; i < width; i++)
        if (!continues(text[(int)col - 1 + i]))
            fputc('~', out);
    fputc('\n', out);
}

static void print_one(pat_session *s, const pat_diag *d, FILE *out)
{
    const char *file;
    unsigned line, col;
    if (d->severity == PAT_HINT) {
        fprintf(out, "      = hint: %s\n", d->text);
        return;
    }
    pat_location(s, d->span, &file, &line, &col);
    if (*file)
        fprintf(out, "%s:%u:%u: ", file, line, col);
    if (d->severity == PAT_NOTE)
        fprintf(out, "note: %s\n", d->text);
    else
        fprintf(out, "%s[E%04d]: %s\n", d->severity == PAT_ERROR ? "error" : "warning", d->code, d->text);
    print_source(s, d->span, line, col, out);
}

typedef struct key { uint32_t file, begin, index; } key;

static int by_place(const void *pa, const void *pb)
{
    const key *a = pa, *b = pb;
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

void pat_print_diags(pat_session *s, FILE *out)
{
    uint32_t n = 0, errors = 0;
    key *keys = pat_alloc(s->arena, (s->diags.n + 1) * sizeof *keys);
    for (uint32_t i = 0; i < s->diags.n; i++)
        if (s->diags.at[i]->owner == i)
            keys[n++] = (key){s->diags.at[i]->span.file, s->diags.at[i]->span.begin, i};
    qsort(keys, n, sizeof *keys, by_place);
    for (uint32_t k = 0; k < n && errors < MAX_ERRORS; k++) {
        uint32_t i = keys[k].index;
        errors += s->diags.at[i]->severity == PAT_ERROR;
        do
            print_one(s, s->diags.at[i], out);
        while (++i < s->diags.n && s->diags.at[i]->owner == keys[k].index);
    }
    if (s->n_errors > errors)
        fprintf(out, "%u more errors are not shown\n", s->n_errors - errors);
}

/* Levenshtein distance, for names of at most 63 bytes. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64], n = (unsigned)strlen(a), m = (unsigned)strlen(b);
    if (n > 63 || m > 63)
        return 64;
    for (unsigned j = 0; j <= m; j++)
        row[j] = j;
    for (unsigned i = 1; i <= n; i++) {
        unsigned left = row[0]++;
        for (unsigned j = 1; j <= m; j++) {
            unsigned best = left + (a[i - 1] != b[j - 1]);
            left = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[m];
}

const char *pat_nearest(const char *name, const char *const *names, uint32_t n)
{
    const char *best = NULL;
    unsigned n_bytes = (unsigned)strlen(name), limit = n_bytes / 3 + 2;
    limit = limit < n_bytes ? limit : n_bytes; /* something must remain of the name */
    for (uint32_t i = 0; i < n; i++) {
        unsigned d = distance(name, names[i]);
        if (d < limit) {
            limit = d;
            best = names[i];
        }
    }
    return best;
}
