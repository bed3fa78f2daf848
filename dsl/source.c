/* Files, places, sessions. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

pat_session *pat_open(void)
{
    pat_session *s = calloc(1, sizeof *s);
    if (s && !(s->arena = pat_arena_new())) {
        free(s);
        return NULL;
    }
    return s;
}

void pat_close(pat_session *s)
{
    if (s)
        pat_arena_free(s->arena);
    free(s);
}

pat_arena *pat_arena_of(pat_session *s)
{
    return s->arena;
}

pat_name pat_intern(pat_session *s, const char *text, size_t n)
{
    return pat_intern_in(s->arena, text, n);
}

uint32_t pat_add_file(pat_session *s, const char *path, const char *text, size_t size)
{
    pat_file *f = pat_alloc(s->arena, sizeof *f);
    char *copy = pat_alloc(s->arena, size + 1);
    memcpy(copy, text, size);
    *f = (pat_file){
        .path = pat_intern(s, path, strlen(path)), .text = copy, .size = (uint32_t)size, .n_lines = 1};
    for (size_t i = 0; i < size; i++)
        f->n_lines += copy[i] == '\n';
    f->lines = pat_alloc(s->arena, f->n_lines * sizeof *f->lines);
    for (uint32_t i = 0, line = 1; i < f->size; i++)
        if (copy[i] == '\n')
            f->lines[line++] = i + 1;
    PAT_PUSH(s->arena, s->files, f);
    return s->files.n - 1;
}

void pat_location(pat_session *s, pat_span span, const char **file, unsigned *line, unsigned *col)
{
    *file = "";
    *line = *col = 1;
    if (span.file >= s->files.n)
        return;
    const pat_file *f = s->files.at[span.file];
    uint32_t lo = 0, hi = f->n_lines;
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (f->lines[mid] <= span.begin)
            lo = mid;
        else
            hi = mid;
    }
    *file = f->path;
    *line = lo + 1;
    *col = span.begin - f->lines[lo] + 1;
}

const char *pat_span_text(pat_session *s, pat_span span, size_t *len)
{
    *len = 0;
    if (span.file >= s->files.n || span.end > s->files.at[span.file]->size || span.begin > span.end)
        return "";
    *len = span.end - span.begin;
    return s->files.at[span.file]->text + span.begin;
}
