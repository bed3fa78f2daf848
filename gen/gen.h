/* What the parts of the generator share. */
#ifndef GEN_GEN_H
#define GEN_GEN_H

#include "expand.h"
#include "out.h"
#include "sld_abi.h"

typedef struct gen {
    pat_session *session;
    const pat_program *program;
    pat_arena *arena;
    out *o;
    /* while one rule is emitted */
    const pat_rule *rule;
    x_variant *variant;
    PAT_LIST(const char) fields;  /* declarations of the rule's match structure */
    PAT_LIST(const char) locals;  /* declarations of one matcher's variables */
} gen;

const char *gen_format(gen *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- compile.c ---- */
/* Prints a checked program as C into a file (NULL: standard output). Answers an exit status. */
int gen_compile(pat_session *session, const pat_program *program, const char *name, const char *path, int n,
                char *const *files);

/* ---- tables.c: ops, vocabularies, kernels ---- */
void emit_ops(gen *g);
void emit_vocabs(gen *g);
void emit_kernels(gen *g);
/* Attribute constant as a C initialiser. expr NULL: SLD_ATTR_NONE. attr gives the kind, NULL: by the literal. */
void emit_attr_const(gen *g, const pat_attr *attr, const pat_expr *e);
int dtype_by_name(pat_name name);            /* sld_dtype or -1 */
const char *dtype_enum(int t);               /* "SLD_F32" */
sld_attr_kind attr_kind(const pat_attr *a);
int enum_word(const pat_attr *a, pat_name word); /* index or -1 */
const pat_dtype_decl *find_dtype_var(const gen *g, pat_name name);

/* ---- names.c: C variables of what a match binds ---- */
/* The variant that the choice selects, with a C name for every value and variable. NULL after an error. */
x_variant *expand_rule(gen *g, x_choice *choice);
x_var *scope_var(gen *g, x_scope *s, x_var_kind kind, pat_name name); /* finds or declares */

/* ---- cexpr.c: expressions as C ---- */
typedef enum cx_kind { CX_ERROR, CX_DIM, CX_FLOAT, CX_BOOL, CX_DTYPE, CX_SHAPE, CX_ATTR } cx_kind;
typedef struct cx { cx_kind kind; const char *c; const pat_attr *attr; } cx;
cx emit_expr(gen *g, const pat_expr *e, x_scope *s);
/* A condition as a C truth value. */
const char *emit_condition(gen *g, const pat_expr *e, x_scope *s);

/* ---- match.c, rewrite.c ---- */
void emit_matcher(gen *g, x_variant *v, uint32_t number, uint32_t count);
void emit_rewriter(gen *g, x_variant *v);
void emit_rules(gen *g);

/* ---- tests.c ---- */
/* Prints the tests of its rules likewise. */
int gen_tests(pat_session *session, const pat_program *program, const char *name, const char *path);

#endif
