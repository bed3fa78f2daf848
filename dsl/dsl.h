/* The front end's interface: .pat text to a checked program, with diagnostics. */
#ifndef PAT_DSL_H
#define PAT_DSL_H

#include <stdio.h>
#include "ast.h"

/* One run of the compiler: arena, source texts, diagnostics. */
typedef struct pat_session pat_session;

pat_session *pat_open(void); /* lack of memory ends the program, here and in all that follows */
void pat_close(pat_session *s);

/* Reads a file ("-": standard input) into the session's table. UINT32_MAX, and an error at `from`, when it cannot. */
uint32_t pat_read_source(pat_session *s, const char *path, pat_span from);
/* Parses files and what they `use` (relative to the using file, each file once). Always answers a
 * program; what is wrong is a diagnostic. */
pat_program *pat_parse_files(pat_session *s, int n, const char *const *paths);
/* Rules for make: target depends on every file that was read, and each of them may vanish. */
void pat_write_deps(const pat_session *s, const char *target, FILE *out);
/* Parses one text, in which `use` is refused. */
pat_program *pat_parse_text(pat_session *s, const char *name, const char *text, size_t len);
/* Resolves and checks all names, arities and attributes. True when the session has no error. */
bool pat_check(pat_session *s, pat_program *p);

/* How diagnostics are told; set before parsing. */
typedef struct pat_diag_options {
    unsigned max_errors; /* that are printed, 0: all; 20 unless set */
    bool werror;         /* warnings are errors */
    bool json;           /* one JSON object a line instead of text */
} pat_diag_options;
void pat_set_diag_options(pat_session *s, pat_diag_options options);

/* Diagnostics: collected, and printed sorted by place. Hints and notes belong to the error before. */
void pat_error(pat_session *s, pat_span span, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void pat_warn(pat_session *s, pat_span span, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void pat_note(pat_session *s, pat_span span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void pat_hint(pat_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What follows is about this rule, NULL: about none. What is wrong in several instances of a family is told once
 * for each place, with a note that names the first of them. */
void pat_within(pat_session *s, const pat_rule *rule);
unsigned pat_error_count(const pat_session *s);
void pat_print_diags(pat_session *s, FILE *out);

/* Place of a span's first byte; line and column count from 1. */
void pat_location(pat_session *s, pat_span span, const char **file, unsigned *line, unsigned *col);
const char *pat_span_text(pat_session *s, pat_span span, size_t *len);
/* With named conditions written out. */
const char *pat_expr_text(pat_session *s, const pat_expr *e, size_t *len);

/* The name of a rule as it is written: an instance of a family has one of its own. */
static inline pat_name pat_written_name(const pat_rule *r)
{
    return r->family_of ? r->family_of->name : r->name;
}

pat_arena *pat_arena_of(pat_session *s);
pat_name pat_intern(pat_session *s, const char *text, size_t n);

/* Declarations by interned name; NULL when there is none. Valid after parsing. */
pat_op *pat_find_op(const pat_program *p, pat_name name);
pat_condition *pat_find_condition(const pat_program *p, pat_name name);
pat_pattern *pat_find_pattern(const pat_program *p, pat_name name);
pat_phase *pat_find_phase(const pat_program *p, pat_name name);
pat_enum *pat_find_enum(const pat_program *p, pat_name name);
pat_option *pat_find_option(const pat_program *p, pat_name name);
/* Whether a bool option is on by default at an optimisation level. */
bool pat_option_is_on(const pat_option *o, int level);
pat_dtype_decl *pat_find_dtype(const pat_program *p, pat_name name);

#endif
