/* What the parts of the language server share: lsp.c talks and keeps documents, lsp_check.c publishes diagnostics,
 * lsp_find.c finds what a place of a text speaks of, lsp_types.c tells the types of values, lsp_text.c turns places
 * and paths into those of the protocol. */
#ifndef PAT_LSP_PARTS_H
#define PAT_LSP_PARTS_H

#include "json.h"
#include "memory.h"
#include "source.h"

/* An open document and what was found in it since its last change; file 0 of the session is the document. */
typedef struct lsp_doc {
    struct lsp_doc *next;
    char *uri, *path;       /* path: canonical where the file exists */
    char *text;
    size_t size;
    pat_session *session;
    pat_program *program;
} lsp_doc;

typedef struct lsp {
    FILE *in, *out;
    lsp_doc *docs;
    bool initialized, shut;
} lsp;

/* ---- lsp.c ---- */
lsp_doc *lsp_find_doc(const lsp *l, const char *path);
/* A message whose body is built in memory: begin, print into the stream, send. */
FILE *lsp_begin(pat_printed *m);
void lsp_send(lsp *l, pat_printed *m);

/* ---- lsp_text.c ---- */
/* Places of the protocol count lines from 0 and columns in UTF-16 units. */
void lsp_print_range(FILE *out, const pat_session *s, pat_span span);
/* Byte of a place, at most the end of its line or text. */
uint32_t lsp_offset(const pat_file *f, uint32_t line, uint32_t column);
/* Freshly allocated. What is no file URI stays as it is. */
char *lsp_path_of(const char *uri);
/* The URI of a file of a session, as its client spells it when it is open. */
void lsp_print_uri(FILE *out, const lsp *l, const char *path);

/* ---- lsp_check.c ---- */
/* Parses and checks a document again, and publishes what is wrong. */
void lsp_check(lsp *l, lsp_doc *doc);
void lsp_publish_nothing(lsp *l, const char *uri);

/* ---- lsp_find.c ---- */
typedef struct lsp_found {
    bool found;
    pat_span token;         /* what was asked about */
    pat_span name, decl;    /* where it is declared; decl.end 0: only a file */
    const char *file;       /* path of a used file, NULL */
    const char *what;       /* "op", "value of the match", ... */
    pat_span owner;         /* of an attribute or operand: its declaration; end 0: none */
    const pat_rule *rule;   /* of a value of a rule; NULL */
    pat_name value;
} lsp_found;
lsp_found lsp_find(lsp_doc *doc, uint32_t offset);
/* Prints the proved types of a value of a rule, one for each that its variants give it. */
void lsp_print_types(FILE *out, const lsp_doc *doc, const pat_rule *rule, pat_name value);
void lsp_print_symbols(FILE *out, const lsp_doc *doc);

#endif
