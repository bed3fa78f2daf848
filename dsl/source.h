/* File table, spans to places, and the list of diagnostics. Internal to the front end. */
#ifndef PAT_SOURCE_H
#define PAT_SOURCE_H

#include "diag.h"
#include "dsl.h"

typedef struct pat_file {
    const char *path, *text;
    uint32_t size, n_lines;
    uint32_t *lines;    /* offset of the first byte of each */
    PAT_LIST(struct pat_file) uses; /* files that it uses */
    pat_span used_at;   /* the `use` that named it first; no place: the command line */
} pat_file;

typedef enum pat_severity { PAT_ERROR, PAT_WARNING, PAT_NOTE, PAT_HINT } pat_severity;

typedef struct pat_diag {
    pat_severity severity;
    pat_span span;
    int code;
    const char *text;
    uint32_t owner;     /* index of the error or warning it belongs to; its own for these */
    bool promoted;      /* a warning that is an error by the options */
    const pat_rule *family; /* an instance of this was checked; NULL */
} pat_diag;

/* A text that stands for a file that is read, such as the buffer of an editor; NULL: the file itself. The path is
 * canonical. */
typedef const char *pat_open_text(void *data, const char *path, size_t *size);

struct pat_session {
    pat_arena *arena;
    PAT_LIST(pat_file) files;
    PAT_LIST(pat_diag) diags;
    unsigned n_errors;  /* with those that only repeat one of another instance */
    unsigned n_repeated;
    const pat_rule *rule; /* see pat_within */
    bool muted;         /* hints and notes belong to a repeated one */
    pat_map told;       /* unknown names that are not told of (again): see pat_unknown */
    pat_diag_options options;
    pat_open_text *open_text;
    void *open_data;
};

/* Adds a file to the table and splits its lines; text is copied. */
uint32_t pat_add_file(pat_session *s, const char *path, const char *text, size_t size);
/* Makes the declarations of a program known by name; answers it. */
pat_program *pat_index_names(pat_session *s, pat_program *p);
/* An error for a name that no declaration has: told of once, and not at all when its declaration has a syntax error. */
void pat_unknown(pat_session *s, pat_span span, int code, pat_name name, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Where a span begins and ends (the place behind its last byte); line 1, column 1 without a file. */
typedef struct pat_place { uint32_t line, col; } pat_place;
void pat_places(const pat_session *s, pat_span span, pat_place *from, pat_place *to);
/* Whether a name is one of some, between which stand commas. */
bool pat_named_in(const char *names, const char *name);
/* Nearest of several names by edit distance, NULL when none is near. */
const char *pat_nearest(const char *name, const char *const *names, uint32_t n);

/* A declaration that is being read. */
typedef struct pat_reading {
    int keyword;                         /* token; 0: none */
    const char *at;                      /* behind the keyword */
    pat_span open[8];                    /* brackets that are not closed */
    uint32_t n_open;
} pat_reading;

/* What scanner and parser share. */
typedef struct pat_parser {
    pat_session *session;
    pat_program *program;
    uint32_t file;
    const char *begin, *cursor, *end;
    PAT_LIST(const char) uses;          /* paths of `use` */
    PAT_LIST(pat_span) use_spans;
    bool scanner_spoke;                  /* the next syntax error would only repeat it */
    bool recovering;                     /* after a syntax error: skip to the next declaration */
    bool at_declaration;                 /* the last token began one */
    pat_reading now, before;             /* of the last token, and the declaration before that */
    bool too_deep;                       /* said once for a file */
} pat_parser;

/* A path of a `use`, relative to the file that it stands in. */
const char *pat_beside(pat_session *s, const char *user, const char *path);
/* Parses a file of the table; what it uses is left in p. */
void pat_parse_source(pat_session *s, pat_program *program, uint32_t file, pat_parser *p);

#endif
