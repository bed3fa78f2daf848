/* JSON: strings written, texts read into an arena. */
#ifndef PAT_JSON_H
#define PAT_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "ast.h"

/* Writes s as a JSON string; bytes that are no UTF-8 become U+FFFD. */
void pat_json_string(FILE *out, const char *s);
void pat_json_text(FILE *out, const char *s, size_t n); /* the same for n bytes, which may hold zeros */
/* Bytes of the UTF-8 character at s, which ends before `end`; 0 when it is none. */
unsigned pat_utf8_length(const char *s, const char *end);

typedef enum pat_json_kind { PJ_NULL, PJ_FALSE, PJ_TRUE, PJ_NUMBER, PJ_STRING, PJ_ARRAY, PJ_OBJECT } pat_json_kind;
typedef struct pat_json pat_json;
struct pat_json {
    pat_json_kind kind;
    const char *source;      /* its text, as it was read */
    size_t source_len;
    double number;
    const char *text;        /* PJ_STRING: NUL-terminated, and may hold more NULs */
    size_t len;
    PAT_LIST(pat_json) items;
    PAT_LIST(const char) keys; /* PJ_OBJECT: of the items */
};

/* NULL when the text is no JSON, or nested more than 100 deep. */
pat_json *pat_json_read(pat_arena *a, const char *text, size_t n);
/* A member by its path, "a.b.c"; NULL when there is none. */
const pat_json *pat_json_get(const pat_json *v, const char *path);
/* The same when it is a string, else NULL. */
const char *pat_json_get_text(const pat_json *v, const char *path);
/* The same when it is a whole number from 0 to 2^32 - 1, else 0. */
uint32_t pat_json_get_size(const pat_json *v, const char *path);

#endif
