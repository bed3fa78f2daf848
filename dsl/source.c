/* Files, places, sessions. */
#include "source.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

pat_session *pat_open(void)
{
    pat_session *s = pat_must(calloc(1, sizeof *s));
    s->arena = pat_arena_new();
    s->options.max_errors = 20;
    return s;
}

void pat_set_diag_options(pat_session *s, pat_diag_options options)
{
    s->options = options;
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
        .path = pat_intern(s, path, strlen(path)), .text = copy, .size = (uint32_t)size, .n_lines = 1,
        .used_at = {UINT32_MAX, 0, 0}};
    for (size_t i = 0; i < size; i++)
        f->n_lines += copy[i] == '\n';
    f->lines = pat_alloc(s->arena, f->n_lines * sizeof *f->lines);
    for (uint32_t i = 0, line = 1; i < f->size; i++)
        if (copy[i] == '\n')
            f->lines[line++] = i + 1;
    PAT_PUSH(s->arena, s->files, f);
    return s->files.n - 1;
}

/* Line and column of a byte, by halving. */
static pat_place place_of(const pat_file *f, uint32_t at)
{
    uint32_t lo = 0, hi = f->n_lines;
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (f->lines[mid] <= at)
            lo = mid;
        else
            hi = mid;
    }
    return (pat_place){lo + 1, at - f->lines[lo] + 1};
}

void pat_places(const pat_session *s, pat_span span, pat_place *from, pat_place *to)
{
    *from = *to = (pat_place){1, 1};
    if (span.file >= s->files.n)
        return;
    *from = place_of(s->files.at[span.file], span.begin);
    *to = place_of(s->files.at[span.file], span.end > span.begin ? span.end : span.begin);
}

void pat_location(pat_session *s, pat_span span, const char **file, unsigned *line, unsigned *col)
{
    pat_place from, to;
    pat_places(s, span, &from, &to);
    *file = span.file < s->files.n ? s->files.at[span.file]->path : "";
    *line = from.line;
    *col = from.col;
}

const char *pat_span_text(pat_session *s, pat_span span, size_t *len)
{
    *len = 0;
    if (span.file >= s->files.n || span.end > s->files.at[span.file]->size || span.begin > span.end)
        return "";
    *len = span.end - span.begin;
    return s->files.at[span.file]->text + span.begin;
}
