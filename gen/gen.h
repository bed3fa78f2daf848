/* The generator's own view of a rule: alternatives expanded into variants, terms flattened
 * into a graph of pattern nodes and values, names resolved to C variables. */
#ifndef GEN_GEN_H
#define GEN_GEN_H

#include "dsl.h"
#include "out.h"
#include "sld_abi.h"

/* ------------------------------------------------------------- variables -- */

typedef enum gvar_kind { GVAR_DIM, GVAR_RANK, GVAR_ATTR, GVAR_DTYPE } gvar_kind;

/* Something other than a value that a match binds. */
typedef struct gvar {
    gvar_kind kind;
    pat_name name;
    const char *c;           /* C expression that holds it */
    bool bound;              /* emission has passed its first occurrence */
    const pat_attr *attr;    /* GVAR_ATTR: declaration that it was captured from; NULL: a constant */
} gvar;

typedef struct gval gval;

/* One name of a scope: a value or a variable. */
typedef struct gname { pat_name name; gval *val; gvar *var; } gname;
typedef struct gscope {
    PAT_LIST(gname) names;
    const char *prefix;      /* of C names: "m->" in the rule's scope, "" plus instance name in patterns */
    bool rule_level;
} gscope;

typedef struct gtype { const pat_type *type; gscope *scope; } gtype;

/* ---------------------------------------------------------- pattern graph -- */

typedef enum gval_kind { GVAL_RESULT, GVAL_FREE, GVAL_NUMBER, GVAL_CONST, GVAL_WILD, GVAL_NONE } gval_kind;

typedef struct gnode gnode;
struct gval {
    gval_kind kind;
    pat_span span;
    const char *c;           /* C expression that holds it; NULL for an unnamed result */
    gnode *node;             /* GVAL_RESULT */
    uint32_t index;
    double fval, tol;        /* GVAL_NUMBER */
    gvar *capture;           /* GVAL_CONST */
    PAT_LIST(gtype) types;   /* annotations */
    uint32_t n_uses;         /* operand slots of the pattern that read it */
    bool yielded, kept, bound; /* kept: `r = r` on the right leaves its node in place */
};

typedef struct gattr { const pat_attr *attr; uint32_t slot; const pat_expr *value; gscope *scope; } gattr;

struct gnode {
    const pat_op *op;
    pat_span span;
    uint32_t id;             /* C variable n<id> */
    PAT_LIST(gval) operands;
    PAT_LIST(gval) results;
    PAT_LIST(gattr) attrs;   /* one for each attribute; value NULL: the default */
    bool visited;
};

/* One variant of a rule. */
typedef struct gvariant {
    PAT_LIST(gnode) nodes;
    gnode *root;
    gscope *scope;           /* the rule's names */
    PAT_LIST(pat_expr) where;/* conditions with their scopes */
    PAT_LIST(gscope) where_scopes;
} gvariant;

typedef struct gen {
    pat_session *session;
    const pat_program *program;
    pat_arena *arena;
    out *o;
    /* while one rule is emitted */
    const pat_rule *rule;
    PAT_LIST(const char) fields;  /* declarations of the rule's match structure */
    PAT_LIST(const char) locals;  /* declarations of one matcher's variables */
} gen;

const char *gen_format(gen *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

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

/* ---- flatten.c ---- */
/* The variant that the choice vector selects; choices grows with the radix of each
 * alternative met. Answers NULL after an error. */
typedef struct gchoice { uint32_t at[64], radix[64], n; } gchoice;
gvariant *flatten_rule(gen *g, const pat_rule *rule, gchoice *choice);
gname *scope_find(gscope *s, pat_name name);
gvar *scope_var(gen *g, gscope *s, gvar_kind kind, pat_name name); /* finds or declares */

/* ---- cexpr.c: expressions as C ---- */
typedef enum cx_kind { CX_ERROR, CX_DIM, CX_FLOAT, CX_BOOL, CX_DTYPE, CX_SHAPE, CX_ATTR } cx_kind;
typedef struct cx { cx_kind kind; const char *c; const pat_attr *attr; } cx;
cx emit_expr(gen *g, const pat_expr *e, gscope *s);
/* A condition as a C truth value. */
const char *emit_condition(gen *g, const pat_expr *e, gscope *s);

/* ---- match.c, rewrite.c ---- */
void emit_matcher(gen *g, gvariant *v, uint32_t number, uint32_t count);
void emit_rewriter(gen *g, gvariant *v);
void emit_rules(gen *g);

#endif
