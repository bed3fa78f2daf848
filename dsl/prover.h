/* Types of the values of a rule, and the proof that its two sides agree. Internal to the front end.
 * left.c: what the left side makes known. prove.c: the right side against it. entail.c: conditions that follow.
 * cover.c: kernels for what the right side makes. kinds.c and effects.c: checks of expressions, and of buffers and order. */
#ifndef PAT_PROVER_H
#define PAT_PROVER_H

#include "checker.h"
#include "expand.h"
#include "sym.h"

/* The type of a value of the graph. */
typedef struct t_value {
    bool known;
    bool literal;            /* a constant of one element that changes no shape */
    bool host;               /* known on the host when an op that reads it is launched */
    bool maybe;              /* may be absent */
    bool rest;               /* any number of values */
    uint32_t dtype;          /* of t_env.dtypes */
    s_shape shape;
} t_value;

typedef struct t_dtype { uint32_t parent, set; pat_name name; } t_dtype;
/* bound: something gives it its value, it is not only computed with. */
typedef struct t_name { const x_scope *scope; pat_name name; s_val val; const pat_attr *attr; bool bound; } t_name;
typedef struct t_right { pat_name name; t_value val; } t_right;

typedef struct t_env {
    pat_session *s;
    const pat_program *p;
    const pat_rule *rule;
    x_variant *v;
    s_ctx *c;
    t_value *vals;           /* by x_val.id */
    struct t_call **calls;   /* by x_node.id - 1 */
    PAT_LIST(t_dtype) dtypes;
    PAT_LIST(t_name) names;  /* variables of the scopes */
    PAT_LIST(t_right) right; /* what the right side has defined so far */
    bool *used;              /* conditions of the variant that are taken in */
    PAT_LIST(struct t_call) made; /* applications on the right side, once it is worked out */
    uint32_t number, count;  /* of the variant */
} t_env;

#define NEW(t, T, ...) ((T *)memcpy(pat_alloc((t)->c->arena, sizeof(T)), &(T){__VA_ARGS__}, sizeof(T)))

/* ---- types.c ---- */
uint32_t t_new_dtype(t_env *t, uint32_t set, pat_name name);
uint32_t t_root(const t_env *t, uint32_t dtype);
uint32_t t_dtype_set(const t_env *t, uint32_t dtype);
uint32_t t_declared_set(const pat_program *p, pat_name name); /* of a dtype or dtype variable */
uint32_t t_named_dtype(t_env *t, const x_scope *scope, pat_name name);
bool t_same_dtype(const t_env *t, uint32_t a, uint32_t b);
void t_restrict_dtype(t_env *t, uint32_t dtype, uint32_t set); /* assumes */
void t_assume_dtype(t_env *t, uint32_t a, uint32_t b);         /* assumes that they are the same */
/* A parameter of a pattern that the caller captures under another name is the caller's variable. */
void t_canonical(x_scope **scope, pat_name *name);
const t_name *t_find_name(const t_env *t, x_scope *scope, pat_name name);
t_name *t_add_name(t_env *t, x_scope *scope, pat_name name, s_kind kind, const pat_attr *attr); /* or finds it */
/* What stands there alone gives the name in it its value. */
void t_bind_name(t_env *t, x_scope *scope, const pat_expr *e);
/* Value of a name: of the right side, then of the left. */
const t_value *t_find_value(const t_env *t, x_scope *scope, pat_name name);
s_val t_unknown(t_env *t, s_kind kind);
s_val t_arithmetic(t_env *t, const pat_expr *e, s_val a, s_val b);
/* An expression of a rule. attr: the attribute that it is the value of, or NULL. */
s_val t_expr(t_env *t, const pat_expr *e, x_scope *scope, const pat_attr *attr);
s_val t_default(t_env *t, const pat_attr *attr);
bool t_same_words(const pat_attr *a, const pat_attr *b);
bool t_same_attr_kind(const pat_attr *a, const pat_attr *b); /* and the same words */
const char *t_dtype_text(const t_env *t, uint32_t dtype);
const char *t_type_text(t_env *t, const t_value *v); /* "F[*B, H]" */

/* ---- signature.c: one application of an op ---- */
typedef struct t_call {
    t_env *t;
    const pat_op *op;
    bool left;
    uint32_t n;              /* operands */
    const t_value **operands;
    s_val *attrs;            /* of every attribute */
    PAT_LIST(t_name) names;  /* dims, ranks, dtypes of the signature */
    s_need need;             /* right: what could not be proved */
    uint32_t n_out;          /* results */
} t_call;
/* The declaration of operand i, the variadic one for all further ones. */
const pat_operand *t_operand(const pat_op *op, uint32_t i);
s_val t_signature_expr(t_call *k, const pat_expr *e, uint32_t index);
s_val *t_signature_name(t_call *k, pat_name name);
void t_set_signature_name(t_call *k, pat_name name, s_val val);
/* Types of the results, once the operands are bound. */
void t_results(t_call *k, uint32_t n, t_value *out);
/* Whether the op broadcasts this operand, so that a constant of one element and no greater rank than another
 * operand leaves the shape of the result alone. */
bool t_is_neutral(const pat_op *op, uint32_t operand);
/* A rank variable in the type of a further operand of a variadic one, which may differ from the first's. */
bool t_free_rank(const t_call *k, uint32_t operand, const pat_expr *e);

/* ---- entail.c ---- */
/* What the names of a condition stand for: those of a signature, or of a scope. */
typedef struct t_reading { t_env *t; t_call *call; x_scope *scope; } t_reading;
/* Whether the condition follows from what is known, if need be case by case. */
bool t_proves(t_reading *r, const pat_expr *e);

/* ---- left.c ---- */
/* Makes a condition on an op's signature known. */
void t_assume(t_call *k, const pat_expr *e);
/* Opens an environment and works out every value of the left side. test: the names have the numbers that it
 * gives, and the rule's own conditions are not assumed; NULL: they hold. */
t_env *t_open(pat_session *s, const pat_program *p, const pat_rule *rule, x_variant *v, const pat_test *test);
void t_close(t_env *t);
/* Whether dims of a shape come from a function that cannot be worked out, such as one that looks at a flag before the flag
 * has a value. */
bool t_left_open(t_env *t, s_shape s);
/* With numbers for everything: each op is defined and gives the types that are known. */
bool t_recheck(t_env *t);

/* ---- binds.c ---- */
/* The names that a test gives values have them, and values of their kind; false after an error. The values are not in
 * t: what a name stands for, the match alone tells. */
bool t_check_binds(t_env *t, const pat_test *test);
bool t_mentions(const pat_expr *e, pat_name name);
/* `dtype`, which stands for every dtype that the match leaves open. */
bool t_is_dtype_of_all(const t_env *t, const pat_arg *b);

/* ---- prove.c ---- */
/* Works out the right side; false after an error. */
bool pat_type_right(t_env *t);
/* 0 after an error; more than X_MAX_VARIANTS when there are too many. */
uint32_t pat_count_variants(pat_session *s, const pat_program *p, const pat_rule *rule);

/* ---- cover.c ---- */
/* Whether a kernel of an op that the right side makes may be taken; warns where one lacks. */
bool pat_check_cover(t_env *t, const t_call *call);

/* ---- kinds.c ---- */
/* What the right side reads of attributes and constants, over all variants. */
typedef struct t_capture { pat_name name; const pat_attr *attr; } t_capture;
typedef PAT_LIST(t_capture) t_captures;
/* False after an error. */
bool pat_kinds_fit(t_env *t, t_captures *seen);

/* ---- effects.c ---- */
/* False after an error. */
bool pat_effects_kept(t_env *t);

#endif
