/* Prints diagnostics: as text with the source line and a caret range, or as JSON for programs. */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "source.h"

/* ------------------------------------------------------------------- text -- */

/* Bytes of a UTF-8 character after its first take no column. */
static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The part of a line that is shown: all of it, or of a very long one what is around the span. */
typedef struct view { const char *text; uint32_t from, to, len; } view;

static view view_of(const pat_file *f, uint32_t line, uint32_t begin)
{
    enum { LONGEST = 240, BEFORE = 60, SHOWN = 160 };
    const char *text = f->text + f->lines[line];
    view v = {text, 0, (uint32_t)strcspn(text, "\r\n"), 0};
    v.len = v.to;
    if (v.len <= LONGEST)
        return v;
    v.from = begin > BEFORE ? begin - BEFORE : 0;
    v.to = v.from + SHOWN < v.len ? v.from + SHOWN : v.len;
    while (v.from && continues(text[v.from]))
        v.from--;
    while (v.to < v.len && continues(text[v.to]))
        v.to++;
    return v;
}

/* One source line and marks under the bytes from begin to end of it, the first of them `mark`. */
static void print_line(const pat_file *f, uint32_t line, uint32_t begin, uint32_t end, char mark, FILE *out)
{
    view v = view_of(f, line, begin);
    const char *before = v.from ? "..." : "";
    fprintf(out, "%5u | %s%.*s%s\n      | %*s", line + 1, before, (int)(v.to - v.from), v.text + v.from,
            v.to < v.len ? "..." : "", (int)strlen(before), "");
    for (uint32_t i = v.from; i < begin && i < v.to; i++)
        if (!continues(v.text[i]))
            fputc(v.text[i] == '\t' ? '\t' : ' ', out);
    fputc(mark, out);
    for (uint32_t i = begin + 1; i < end && i < v.to; i++)
        if (!continues(v.text[i]))
            fputc('~', out);
    fputc('\n', out);
}

/* Of a span over several lines the first and the last are shown. */
static void print_source(const pat_file *f, pat_place from, pat_place to, FILE *out)
{
    uint32_t first = from.line - 1, last = to.line - 1, behind = to.col - 1;
    if (last > first && !behind) /* ends with the line before */
        behind = f->lines[last] - f->lines[last - 1], last--;
    print_line(f, first, from.col - 1, last > first ? UINT32_MAX : behind, '^', out);
    if (last == first)
        return;
    if (last > first + 1)
        fprintf(out, "  ... |\n");
    uint32_t blank = (uint32_t)strspn(f->text + f->lines[last], " \t");
    print_line(f, last, blank < behind ? blank : 0, behind, '~', out);
}

static const char *const severities[] = {"error", "warning", "note", "hint"};

static void print_text(pat_session *s, const pat_diag *d, FILE *out)
{
    if (d->severity == PAT_HINT) {
        fputs("      = hint: ", out);
        for (const char *at = d->text; *at; at++)
            fputs(*at == '\n' ? "\n          " : (char[]){*at, 0}, out);
        fputc('\n', out);
        return;
    }
    const pat_file *f = d->span.file < s->files.n ? s->files.at[d->span.file] : NULL;
    pat_place from, to;
    pat_places(s, d->span, &from, &to);
    if (f)
        fprintf(out, "%s:%u:%u: ", f->path, from.line, from.col);
    fputs(severities[d->severity], out);
    if (d->code)
        fprintf(out, "[E%04d]", d->code);
    fprintf(out, ": %s%s\n", d->text, d->promoted ? " [-Werror]" : "");
    if (f)
        print_source(f, from, to, out);
}

static void print_group_text(pat_session *s, uint32_t i, FILE *out)
{
    uint32_t owner = i;
    do
        print_text(s, s->diags.at[i], out);
    while (++i < s->diags.n && s->diags.at[i]->owner == owner);
}

/* ------------------------------------------------------------------- JSON -- */

static void print_place(pat_session *s, pat_span span, FILE *out)
{
    if (span.file >= s->files.n)
        return;
    pat_place from, to;
    pat_places(s, span, &from, &to);
    fputs("\"file\":", out);
    pat_json_string(out, s->files.at[span.file]->path);
    fprintf(out, ",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u,", from.line, from.col, to.line,
            to.col);
}

static void print_hints(pat_session *s, uint32_t owner, FILE *out)
{
    const char *comma = "";
    fputs(",\"hints\":[", out);
    for (uint32_t i = owner + 1; i < s->diags.n && s->diags.at[i]->owner == owner; i++)
        if (s->diags.at[i]->severity == PAT_HINT) {
            fputs(comma, out);
            pat_json_string(out, s->diags.at[i]->text);
            comma = ",";
        }
    fputc(']', out);
}

static void print_notes(pat_session *s, uint32_t owner, FILE *out)
{
    const char *comma = "";
    fputs(",\"notes\":[", out);
    for (uint32_t i = owner + 1; i < s->diags.n && s->diags.at[i]->owner == owner; i++)
        if (s->diags.at[i]->severity == PAT_NOTE) {
            fprintf(out, "%s{", comma);
            print_place(s, s->diags.at[i]->span, out);
            fputs("\"message\":", out);
            pat_json_string(out, s->diags.at[i]->text);
            fputc('}', out);
            comma = ",";
        }
    fputc(']', out);
}

static void print_group_json(pat_session *s, uint32_t i, FILE *out)
{
    const pat_diag *d = s->diags.at[i];
    fputc('{', out);
    print_place(s, d->span, out);
    fprintf(out, "\"severity\":\"%s\",\"code\":\"E%04d\",\"message\":", severities[d->severity], d->code);
    pat_json_string(out, d->text);
    print_hints(s, i, out);
    print_notes(s, i, out);
    fputs("}\n", out);
}

/* -------------------------------------------------------------- the whole -- */

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
    uint32_t n = 0, errors = 0, most = s->options.max_errors ? s->options.max_errors : UINT32_MAX;
    key *keys = pat_alloc(s->arena, (s->diags.n + 1) * sizeof *keys);
    for (uint32_t i = 0; i < s->diags.n; i++)
        if (s->diags.at[i]->owner == i)
            keys[n++] = (key){s->diags.at[i]->span.file, s->diags.at[i]->span.begin, i};
    qsort(keys, n, sizeof *keys, by_place);
    for (uint32_t k = 0; k < n && errors < most; k++) {
        errors += s->diags.at[keys[k].index]->severity == PAT_ERROR;
        (s->options.json ? print_group_json : print_group_text)(s, keys[k].index, out);
    }
    unsigned all = pat_error_count(s);
    if (all > errors && !s->options.json)
        fprintf(out, "%u more errors are not shown\n", all - errors);
}
