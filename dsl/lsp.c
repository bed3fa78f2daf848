/* Talks: framing, dispatch of messages, open documents.  Each message is read into its own arena; nothing that a
 * client sends ends the server but `exit` and broken framing. */
#include "lsp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "comment.h"
#include "fmt.h"
#include "lsp_parts.h"

enum { PARSE_ERROR = -32700, INVALID_REQUEST = -32600, UNKNOWN_METHOD = -32601, NOT_INITIALIZED = -32002 };

/* --------------------------------------------------------------- messages -- */

FILE *lsp_begin(pat_printed *m)
{
    FILE *body = pat_print(m);
    fputs("{\"jsonrpc\":\"2.0\",", body);
    return body;
}

void lsp_send(lsp *l, pat_printed *m)
{
    fputc('}', m->f);
    pat_print_end(m);
    fprintf(l->out, "Content-Length: %zu\r\n\r\n", m->n);
    fwrite(m->text, 1, m->n, l->out);
    fflush(l->out);
    free(m->text);
}

/* The id of a request as it was written, null for what is none. */
static void print_id(const pat_json *request, FILE *out)
{
    const pat_json *id = pat_json_get(request, "id");
    bool usable = id && (id->kind == PJ_NUMBER || id->kind == PJ_STRING);
    fprintf(out, "\"id\":%.*s,", usable ? (int)id->source_len : 4, usable ? id->source : "null");
}

static void send_error(lsp *l, const pat_json *request, int code, const char *text)
{
    pat_printed m;
    print_id(request, lsp_begin(&m));
    fprintf(m.f, "\"error\":{\"code\":%d,\"message\":\"%s\"}", code, text);
    lsp_send(l, &m);
}

/* Length of the next message, 0 when a header names none; false at the end of the input. */
static bool read_header(FILE *in, size_t *length)
{
    char line[256];
    *length = 0;
    for (;;) {
        if (!fgets(line, sizeof line, in))
            return false;
        if (!strncasecmp(line, "Content-Length:", 15))
            *length = strtoul(line + 15, NULL, 10);
        if (line[strspn(line, "\r")] == '\n')
            return true;
    }
}

/* The body of the next message; NULL at the end of the input, or when it is too long to be one. */
static char *read_body(FILE *in, size_t *n)
{
    enum { LONGEST = 1 << 28 };
    do
        if (!read_header(in, n) || *n > LONGEST)
            return NULL;
    while (!*n);
    char *text = pat_must(malloc(*n + 1));
    if (fread(text, 1, *n, in) == *n)
        return text;
    free(text);
    return NULL;
}

/* -------------------------------------------------------------- documents -- */

lsp_doc *lsp_find_doc(const lsp *l, const char *path)
{
    lsp_doc *d = l->docs;
    while (d && strcmp(d->path, path))
        d = d->next;
    return d;
}

static lsp_doc *doc_of_uri(const lsp *l, const char *uri)
{
    lsp_doc *d = l->docs;
    while (d && uri && strcmp(d->uri, uri))
        d = d->next;
    return uri ? d : NULL;
}

static void free_doc(lsp_doc *d)
{
    pat_close(d->session);
    free(d->uri);
    free(d->path);
    free(d->text);
    free(d);
}

static void close_doc(lsp *l, lsp_doc *doc)
{
    lsp_doc **at = &l->docs;
    while (*at != doc)
        at = &(*at)->next;
    *at = doc->next;
    free_doc(doc);
}

static lsp_doc *open_doc(lsp *l, const char *uri)
{
    lsp_doc *d = pat_must(calloc(1, sizeof *d));
    char *path = lsp_path_of(uri);
    d->uri = pat_must(strdup(uri));
    d->path = pat_real_path(path);
    free(path);
    d->next = l->docs;
    return l->docs = d;
}

static void set_text(lsp_doc *d, const pat_json *text)
{
    if (!text || text->kind != PJ_STRING)
        return;
    char *copy = pat_must(malloc(text->len + 1));
    memcpy(copy, text->text, text->len);
    copy[text->len] = 0;
    free(d->text);
    d->text = copy;
    d->size = text->len;
}

/* A document may be used by any other. */
static void check_all(lsp *l)
{
    for (lsp_doc *d = l->docs; d; d = d->next)
        lsp_check(l, d);
}

static void did_open(lsp *l, const pat_json *params)
{
    const char *uri = pat_json_get_text(params, "textDocument.uri");
    const pat_json *text = pat_json_get(params, "textDocument.text");
    if (!uri || !text || text->kind != PJ_STRING)
        return;
    lsp_doc *d = doc_of_uri(l, uri);
    d = d ? d : open_doc(l, uri);
    set_text(d, text);
    check_all(l);
}

/* Changes are whole texts; the last one counts. */
static void did_change(lsp *l, const pat_json *params)
{
    lsp_doc *d = doc_of_uri(l, pat_json_get_text(params, "textDocument.uri"));
    const pat_json *changes = pat_json_get(params, "contentChanges");
    if (!d || !changes || changes->kind != PJ_ARRAY || !changes->items.n)
        return;
    set_text(d, pat_json_get(changes->items.at[changes->items.n - 1], "text"));
    check_all(l);
}

static void did_close(lsp *l, const pat_json *params)
{
    lsp_doc *d = doc_of_uri(l, pat_json_get_text(params, "textDocument.uri"));
    if (!d)
        return;
    lsp_publish_nothing(l, d->uri);
    close_doc(l, d);
    check_all(l);
}

/* --------------------------------------------------------------- requests -- */

static lsp_doc *doc_of(const lsp *l, const pat_json *params)
{
    lsp_doc *d = doc_of_uri(l, pat_json_get_text(params, "textDocument.uri"));
    return d && d->program && d->session->files.n ? d : NULL;
}

static lsp_found find(const lsp *l, const pat_json *params, lsp_doc **doc)
{
    *doc = doc_of(l, params);
    if (!*doc)
        return (lsp_found){0};
    uint32_t line = pat_json_get_size(params, "position.line");
    uint32_t column = pat_json_get_size(params, "position.character");
    return lsp_find(*doc, lsp_offset((*doc)->session->files.at[0], line, column));
}

static void answer_initialize(lsp *l, const pat_json *params, FILE *out)
{
    (void)params;
    l->initialized = true;
    fputs("{\"capabilities\":{\"positionEncoding\":\"utf-16\",\"textDocumentSync\":{\"openClose\":true,\"change\":1},"
          "\"hoverProvider\":true,\"definitionProvider\":true,\"documentSymbolProvider\":true,"
          "\"documentFormattingProvider\":true},\"serverInfo\":{\"name\":\"solderc\"}}",
          out);
}

static void answer_shutdown(lsp *l, const pat_json *params, FILE *out)
{
    (void)params;
    l->shut = true;
    fputs("null", out);
}

/* What it is, its declaration as written, and the comment beside that. */
static void print_hover(const lsp_doc *doc, const lsp_found *f, FILE *out)
{
    pat_printed text;
    size_t len;
    FILE *m = pat_print(&text);
    const char *source = pat_span_text(doc->session, f->decl, &len);
    fprintf(m, "```solder\n%.*s\n```\n%s", (int)len, source, f->what);
    if (f->rule)
        lsp_print_types(m, doc, f->rule, f->value);
    if (f->owner.end) {
        source = pat_span_text(doc->session, f->owner, &len);
        fprintf(m, " `%.*s`", (int)len, source);
    } else {
        pat_lines lines = pat_comment_of(doc->session, f->decl);
        for (uint32_t i = 0; i < lines.n; i++)
            fprintf(m, "%s%s", i ? "\n" : "\n\n", lines.at[i]);
    }
    pat_print_end(&text);
    fputs("{\"contents\":{\"kind\":\"markdown\",\"value\":", out);
    pat_json_text(out, text.text, text.n);
    fputs("},\"range\":", out);
    lsp_print_range(out, doc->session, f->token);
    fputc('}', out);
    free(text.text);
}

static void answer_hover(lsp *l, const pat_json *params, FILE *out)
{
    lsp_doc *doc;
    lsp_found f = find(l, params, &doc);
    if (f.found && f.decl.end)
        print_hover(doc, &f, out);
    else
        fputs("null", out);
}

static void answer_definition(lsp *l, const pat_json *params, FILE *out)
{
    lsp_doc *doc;
    lsp_found f = find(l, params, &doc);
    if (!f.found) {
        fputs("null", out);
        return;
    }
    fputs("{\"uri\":", out);
    lsp_print_uri(out, l, f.file ? f.file : doc->session->files.at[f.name.file]->path);
    fputs(",\"range\":", out);
    if (f.file)
        fputs("{\"start\":{\"line\":0,\"character\":0},\"end\":{\"line\":0,\"character\":0}}", out);
    else
        lsp_print_range(out, doc->session, f.name);
    fputc('}', out);
}

static void answer_symbols(lsp *l, const pat_json *params, FILE *out)
{
    lsp_doc *doc = doc_of(l, params);
    if (doc)
        lsp_print_symbols(out, doc);
    else
        fputs("null", out);
}

/* One edit of the whole text; none when it is formatted, or has errors. */
static void answer_formatting(lsp *l, const pat_json *params, FILE *out)
{
    const lsp_doc *doc = doc_of(l, params);
    pat_session *s = doc ? pat_open() : NULL;
    pat_printed text;
    bool same = true;
    fputc('[', out);
    if (doc) {
        uint32_t file = pat_add_file(s, doc->path, doc->text, doc->size);
        bool ok = pat_format(s, file, pat_print(&text), &same) && !same;
        pat_print_end(&text);
        if (ok) {
            fputs("{\"range\":", out);
            lsp_print_range(out, s, (pat_span){file, 0, (uint32_t)doc->size});
            fputs(",\"newText\":", out);
            pat_json_text(out, text.text, text.n);
            fputc('}', out);
        }
        free(text.text);
    }
    fputc(']', out);
    pat_close(s);
}

/* --------------------------------------------------------------- dispatch -- */

typedef void answer(lsp *l, const pat_json *params, FILE *out);
typedef void notice(lsp *l, const pat_json *params);

static const struct {
    const char *method;
    answer *f;
} answers[] = {
    {"initialize", answer_initialize},
    {"shutdown", answer_shutdown},
    {"textDocument/hover", answer_hover},
    {"textDocument/definition", answer_definition},
    {"textDocument/documentSymbol", answer_symbols},
    {"textDocument/formatting", answer_formatting},
};

static const struct {
    const char *method;
    notice *f;
} notices[] = {
    {"textDocument/didOpen", did_open},
    {"textDocument/didChange", did_change},
    {"textDocument/didClose", did_close},
};

static void do_request(lsp *l, const pat_json *request, const char *method, const pat_json *params)
{
    answer *f = NULL;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (!strcmp(answers[i].method, method))
            f = answers[i].f;
    pat_printed m;
    if (!f) {
        send_error(l, request, UNKNOWN_METHOD, "unknown method");
    } else if (!l->initialized && f != answer_initialize) {
        send_error(l, request, NOT_INITIALIZED, "not initialized");
    } else if (l->shut) {
        send_error(l, request, INVALID_REQUEST, "shut down");
    } else {
        print_id(request, lsp_begin(&m));
        fputs("\"result\":", m.f);
        f(l, params, m.f);
        lsp_send(l, &m);
    }
}

/* False: the client wants the server to end. */
static bool do_message(lsp *l, const pat_json *message)
{
    const char *method = pat_json_get_text(message, "method");
    const pat_json *params = pat_json_get(message, "params");
    if (!message) {
        send_error(l, NULL, PARSE_ERROR, "not JSON");
    } else if (pat_json_get(message, "id")) {
        if (method)
            do_request(l, message, method, params);
        else if (!pat_json_get(message, "result") && !pat_json_get(message, "error"))
            send_error(l, message, INVALID_REQUEST, "no method");
    } else if (!method) {
        send_error(l, NULL, INVALID_REQUEST, "no method");
    } else if (!strcmp(method, "exit")) {
        return false;
    } else if (l->initialized && !l->shut) {
        for (size_t i = 0; i < sizeof notices / sizeof *notices; i++)
            if (!strcmp(notices[i].method, method))
                notices[i].f(l, params);
    }
    return true;
}

int pat_lsp(FILE *in, FILE *out)
{
    lsp l = {.in = in, .out = out};
    bool go_on = true;
    for (size_t n; go_on;) {
        char *text = read_body(in, &n);
        pat_arena *arena = text ? pat_arena_new() : NULL;
        go_on = arena && do_message(&l, pat_json_read(arena, text, n));
        pat_arena_free(arena);
        free(text);
    }
    while (l.docs)
        close_doc(&l, l.docs);
    return l.shut ? 0 : 1;
}
