/* A rule's left side as a graph of pattern nodes and values, one for each choice of alternatives: named
 * patterns are inlined, their parameters replaced, chains of an associative op made trees. The prover and the
 * generator both read it; each expands for itself, because both leave marks. */
#ifndef PAT_EXPAND_H
#define PAT_EXPAND_H

#include "dsl.h"

enum { X_MAX_CHOICES = 64, X_MAX_VARIANTS = 64, X_MAX_CHAIN = 4 };

typedef struct x_scope x_scope;
typedef struct x_node x_node;

/* Something other than a value that a match binds. */
typedef enum x_var_kind { XV_DIM, XV_RANK, XV_ATTR, XV_DTYPE } x_var_kind;
typedef struct x_var {
    x_var_kind kind;
    pat_name name;
    x_scope *scope;          /* where it was declared */
    uint32_t id;             /* index in x_variant.vars */
    const pat_attr *attr;    /* XV_ATTR: declaration that it was first captured from; NULL: a constant */
    const char *c;           /* generator: C expression that holds it */
    bool bound;              /* generator: emission has passed its first occurrence */
} x_var;

typedef enum x_val_kind {
    XVAL_RESULT, /* of node, number index */
    XVAL_INPUT,  /* any value; maybe: or its absence */
    XVAL_REST,   /* all remaining operands of a variadic op */
    XVAL_NUMBER, /* a constant of one element, close to fval */
    XVAL_CONST,  /* a constant of one element, captured */
    XVAL_ANY,    /* _ */
    XVAL_NONE    /* an absent operand */
} x_val_kind;

/* An annotation, with the scope of its names. */
typedef struct x_type { const pat_type *type; x_scope *scope; } x_type;

typedef struct x_val {
    x_val_kind kind;
    pat_span span;
    uint32_t id;             /* index in x_variant.vals */
    pat_name name;           /* NULL: not named in the text */
    x_scope *scope;          /* of the name */
    x_node *node;            /* XVAL_RESULT */
    uint32_t index;
    double fval, tol;        /* XVAL_NUMBER */
    x_var *capture;          /* XVAL_CONST */
    bool maybe;              /* XVAL_INPUT */
    PAT_LIST(x_type) types;
    uint32_t n_uses;         /* operand slots of the pattern that read it */
    bool yielded, kept;      /* replaced on the right; by itself (`r = r`) */
    const char *c;           /* generator: C expression that holds it */
    bool bound;              /* generator */
} x_val;

typedef struct x_name { pat_name name; x_val *val; x_var *var; const pat_expr *given; } x_name;
struct x_scope {
    PAT_LIST(x_name) names;  /* of one name a value, a variable, or the literal given for a parameter */
    const char *prefix;      /* "" in the rule, "pattern3_" in an instance of a pattern */
    bool rule_level;
};

/* value NULL: not mentioned, the default. */
typedef struct x_attr { const pat_attr *attr; uint32_t slot; const pat_expr *value; x_scope *scope; } x_attr;

struct x_node {
    const pat_op *op;
    pat_span span;
    uint32_t id;             /* from 1 */
    PAT_LIST(x_val) operands;/* omitted optional ones are XVAL_NONE */
    PAT_LIST(x_val) results;
    PAT_LIST(x_attr) attrs;  /* one for each attribute of the op */
    bool visited;            /* generator */
};

typedef struct x_cond { const pat_expr *expr; x_scope *scope; } x_cond;

typedef struct x_variant {
    pat_session *session;
    const pat_program *program;
    const pat_rule *rule;
    PAT_LIST(x_node) nodes;  /* producers before readers */
    PAT_LIST(x_val) vals;
    PAT_LIST(x_var) vars;
    PAT_LIST(x_cond) where;  /* of the alternatives taken, then the rule's */
    x_node *root;            /* the last node that no other reads */
    x_scope *scope;          /* the rule's names */
} x_variant;

/* Which alternative is taken wherever there is a choice. Starts zeroed. */
typedef struct x_choice { uint32_t at[X_MAX_CHOICES], radix[X_MAX_CHOICES], n; } x_choice;

/* NULL after an error, which is a diagnostic. */
x_variant *pat_expand(pat_session *s, const pat_program *p, const pat_rule *rule, x_choice *choice);
/* Next choice; false after the last. */
bool pat_next_choice(x_choice *choice);

x_name *pat_scope_find(x_scope *s, pat_name name);
/* The expression with the names that `of` knows replaced by what it answers; itself when it holds none. */
const pat_expr *pat_replace_names(pat_session *s, const pat_expr *x, const pat_expr *(*of)(void *, pat_name),
                                  void *context);
/* The variable of this kind and name, declared when there is none. */
x_var *pat_scope_var(x_variant *v, x_scope *s, x_var_kind kind, pat_name name);

#endif
