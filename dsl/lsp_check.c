/* Parses a document with what it uses, and publishes the diagnostics. */
#include <stdlib.h>
#include <string.h>

#include "lsp_parts.h"

/* Open documents stand for their files. */
static const char *open_text(void *data, const char *path, size_t *size)
{
    const lsp_doc *doc = lsp_find_doc(data, path);
    *size = doc ? doc->size : 0;
    return doc ? doc->text : NULL;
}

static void print_notes(lsp *l, const pat_session *s, uint32_t owner, FILE *out)
{
    bool any = false;
    for (uint32_t i = owner + 1; i < s->diags.n && s->diags.at[i]->owner == owner; i++) {
        const pat_diag *d = s->diags.at[i];
        if (d->severity != PAT_NOTE || d->span.file >= s->files.n)
            continue;
        fputs(any ? "," : ",\"relatedInformation\":[", out);
        fputs("{\"location\":{\"uri\":", out);
        lsp_print_uri(out, l, s->files.at[d->span.file]->path);
        fputs(",\"range\":", out);
        lsp_print_range(out, s, d->span);
        fputs("},\"message\":", out);
        pat_json_string(out, d->text);
        fputc('}', out);
        any = true;
    }
    fputs(any ? "]" : "", out);
}

/* The message and its hints as one text; what is wrong in a used file names its place. */
static void print_text(pat_session *s, uint32_t owner, FILE *out)
{
    pat_printed text;
    FILE *f = pat_print(&text);
    const pat_diag *d = s->diags.at[owner];
    pat_place from, to;
    pat_places(s, d->span, &from, &to);
    if (d->span.file && d->span.file < s->files.n)
        fprintf(f, "%s:%u:%u: ", s->files.at[d->span.file]->path, from.line, from.col);
    fputs(d->text, f);
    for (uint32_t i = owner + 1; i < s->diags.n && s->diags.at[i]->owner == owner; i++)
        if (s->diags.at[i]->severity == PAT_HINT)
            fprintf(f, "\nhint: %s", s->diags.at[i]->text);
    pat_print_end(&text);
    pat_json_text(out, text.text, text.n);
    free(text.text);
}

/* The place in the document: what is wrong in a used file stands at the `use` that leads to it. */
static pat_span in_document(const pat_session *s, pat_span span)
{
    while (span.file && span.file < s->files.n)
        span = s->files.at[span.file]->used_at;
    return span.file ? (pat_span){0} : span;
}

static void print_diag(lsp *l, pat_session *s, uint32_t i, FILE *out)
{
    const pat_diag *d = s->diags.at[i];
    fputs("{\"range\":", out);
    lsp_print_range(out, s, in_document(s, d->span));
    fprintf(out, ",\"severity\":%d,\"code\":\"E%04d\",\"source\":\"solder\",\"message\":",
            d->severity == PAT_ERROR ? 1 : 2, d->code);
    print_text(s, i, out);
    print_notes(l, s, i, out);
    fputc('}', out);
}

static void publish(lsp *l, const char *uri, pat_session *s)
{
    pat_printed m;
    FILE *out = lsp_begin(&m);
    fputs("\"method\":\"textDocument/publishDiagnostics\",\"params\":{\"uri\":", out);
    pat_json_string(out, uri);
    fputs(",\"diagnostics\":[", out);
    bool any = false;
    for (uint32_t i = 0; s && i < s->diags.n; i++) {
        const pat_diag *d = s->diags.at[i];
        if (d->owner != i || (d->severity != PAT_ERROR && d->span.file)) /* warnings of used files are theirs */
            continue;
        fputs(any ? "," : "", out);
        print_diag(l, s, i, out);
        any = true;
    }
    fputs("]}", out);
    lsp_send(l, &m);
}

void lsp_publish_nothing(lsp *l, const char *uri)
{
    publish(l, uri, NULL);
}

void lsp_check(lsp *l, lsp_doc *doc)
{
    pat_close(doc->session);
    doc->program = NULL;
    doc->session = pat_open();
    doc->session->open_text = open_text;
    doc->session->open_data = l;
    doc->program = pat_parse_files(doc->session, 1, (const char *const[]){doc->path});
    pat_check(doc->session, doc->program);
    publish(l, doc->uri, doc->session);
}
