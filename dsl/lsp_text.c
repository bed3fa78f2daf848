/* Places and paths between files and the protocol. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lsp_parts.h"

/* ----------------------------------------------------------------- places -- */

/* UTF-16 units of the character at s, which takes *bytes. */
static uint32_t units_at(const char *s, const char *end, unsigned *bytes)
{
    *bytes = pat_utf8_length(s, end);
    uint32_t units = *bytes == 4 ? 2 : 1;
    *bytes += !*bytes;
    return units;
}

static void print_position(FILE *out, const pat_file *f, uint32_t line, uint32_t offset)
{
    const char *at = f->text + f->lines[line], *to = f->text + offset;
    uint32_t column = 0;
    for (unsigned bytes; at < to; at += bytes)
        column += units_at(at, f->text + f->size, &bytes);
    fprintf(out, "{\"line\":%u,\"character\":%u}", line, column);
}

void lsp_print_range(FILE *out, const pat_session *s, pat_span span)
{
    const pat_file *f = s->files.at[span.file];
    pat_place from, to;
    span.end = span.end > span.begin ? span.end : span.begin;
    pat_places(s, span, &from, &to);
    fputs("{\"start\":", out);
    print_position(out, f, from.line - 1, span.begin);
    fputs(",\"end\":", out);
    print_position(out, f, to.line - 1, span.end);
    fputc('}', out);
}

uint32_t lsp_offset(const pat_file *f, uint32_t line, uint32_t column)
{
    if (line >= f->n_lines)
        return f->size;
    const char *at = f->text + f->lines[line], *end = f->text + f->size;
    for (uint32_t c = 0; c < column && at < end && *at != '\n';) {
        unsigned bytes;
        c += units_at(at, end, &bytes);
        at += bytes;
    }
    return (uint32_t)(at - f->text);
}

/* ------------------------------------------------------------------ paths -- */

static int hex(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

char *lsp_path_of(const char *uri)
{
    if (strncmp(uri, "file://", 7))
        return pat_must(strdup(uri));
    const char *from = strchr(uri + 7, '/');
    char *path = pat_must(strdup(from ? from : uri)), *to = path;
    for (const char *c = path; *c; c++)
        if (*c == '%' && hex(c[1]) >= 0 && hex(c[2]) >= 0 && (c[1] != '0' || c[2] != '0')) {
            *to++ = (char)(hex(c[1]) << 4 | hex(c[2]));
            c += 2;
        } else {
            *to++ = *c;
        }
    *to = 0;
    return path;
}

void lsp_print_uri(FILE *out, const lsp *l, const char *path)
{
    char *real = pat_real_path(path);
    const lsp_doc *doc = lsp_find_doc(l, real);
    if (doc) {
        pat_json_string(out, doc->uri);
    } else {
        fputs("\"file://", out);
        for (const unsigned char *c = (const unsigned char *)real; *c; c++)
            fprintf(out, isalnum(*c) || strchr("/-._~", *c) ? "%c" : "%%%02X", *c);
        fputc('"', out);
    }
    free(real);
}
