/* What the parts of inference share: the variables that one node gives to its op's signature,
 * and the values of signature expressions.
 *
 *   infer_attrs.c   defaults, kinds and axes of attributes
 *   infer_bind.c    operand types bind the variables
 *   eval.c          expressions over variables, attributes and operands
 *   shape_fns.c     the functions that expressions call; shape_parts.c: those that cut and join
 *   contents.c      known elements of small integer results
 *   infer_text.c    messages */
#ifndef SLD_INFER_H
#define SLD_INFER_H

#include "graph.h"

/* Limits: dims of a result, elements of a list attribute, dims that one result type may compute. */
enum { SLD_RANK_MAX = 16, SLD_LIST_MAX = UINT16_MAX, SLD_SCRATCH_DIMS = 4096 };

typedef enum sld_val_kind {
    SLD_VAL_NONE, /* an absent operand, or a variable that only absent operands would bind */
    SLD_VAL_NUM,
    SLD_VAL_FLOAT,
    SLD_VAL_LIST,
    SLD_VAL_DTYPE,
    SLD_VAL_TRUTH,
    SLD_VAL_TOKENS /* any number of the graph's bucket */
} sld_val_kind;

/* Lists point at attributes, at shapes in g->dims or at scratch: they hold until the next shape is appended.
 */
typedef struct sld_val {
    uint8_t kind;                /* sld_val_kind */
    int16_t slot, operand;       /* the attribute or operand that it is, or -1 */
    uint32_t n;                  /* LIST */
    union {
        sld_dim num;             /* NUM, DTYPE, TRUTH */
        double f;                /* FLOAT */
        const sld_dim *d;        /* LIST */
    };
} sld_val;

/* Where a rank variable got its dims; operand -1: unbound. */
typedef struct sld_rank_binding { int32_t operand; uint32_t at, n; } sld_rank_binding;

typedef struct sld_env {
    sld_graph *g;
    const sld_op_info *op;
    uint32_t n_in, n_out;
    const sld_value *in;
    sld_attr *attrs;
    const int64_t *symbols;                 /* values of the symbols in comparisons, or NULL: all */
    uint32_t result;                        /* which result is inferred: split gives one shape each */
    bool reported;                          /* the error names the node */
    uint8_t dtypes[UINT8_MAX + 1];          /* SLD_DTYPE_NONE: unbound */
    sld_dim dims[UINT8_MAX + 1];            /* SLD_SYM_NONE: unbound */
    sld_rank_binding ranks[UINT8_MAX + 1];
    uint32_t n_scratch;
    sld_dim scratch[SLD_SCRATCH_DIMS];
} sld_env;

/* Sets the error "where: op: text" and answers false. */
bool sld__infer_fail(sld_env *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The operand that a position holds: further ones belong to the last, which is variadic. */
static inline const sld_operand_info *sld__operand_info(const sld_env *e, uint32_t i)
{
    return &e->op->operands[i < e->op->n_operands ? i : e->op->n_operands - 1u];
}
/* The term after t and its arguments. */
static inline const sld_term *sld__next_term(const sld_term *t)
{
    for (uint32_t left = 1; left; t++)
        left += t->nargs - 1u;
    return t;
}

/* ---- infer_attrs.c ---- */
/* Fills in defaults, converts kinds, normalises axes and moves lists and strings to the graph's memory. */
bool sld__normalise_attrs(sld_env *e);
/* Replaces the list that an expression took from an attribute by its canonical form. */
bool sld__set_list(sld_env *e, const sld_val *from, uint32_t n, const sld_dim *d);
void sld__set_int(sld_env *e, const sld_val *from, int64_t i);

/* ---- infer_bind.c ---- */
bool sld__bind_operands(sld_env *e);

/* ---- eval.c ---- */
/* Evaluates one expression and moves *t behind it. */
bool sld__eval(sld_env *e, const sld_term **t, sld_val *out);
/* The same for a condition. */
bool sld__eval_truth(sld_env *e, const sld_term **t, sld_truth *out);

/* ---- shape_fns.c, shape_parts.c ---- */
bool sld__shape_fn(sld_env *e, unsigned fn, uint32_t n, const sld_val *args, sld_val *out);
/* Makes *out a list of n dims to be filled in; NULL when scratch is used up. */
sld_dim *sld__new_list(sld_env *e, sld_val *out, uint32_t n);
sld_dim *sld__copy_list(sld_env *e, sld_val *out, const sld_val *from);
/* An axis counted from either end as an index. */
bool sld__axis(sld_env *e, sld_dim axis, uint32_t rank, uint32_t *index);
/* True when two dims are always equal; otherwise the error starts with `what`. */
bool sld__agree(sld_env *e, const char *what, sld_dim a, sld_dim b);
/* False when arithmetic failed; it has set the error. */
static inline bool sld__ok(sld_dim d) { return d != SLD_SYM_NONE; }
static inline bool sld__equal(sld_env *e, sld_dim a, sld_dim b)
{
    return sld_dim_eq(e->g, a, b) == SLD_ALWAYS;
}

bool sld__fn_reshape(sld_env *e, uint32_t n, const sld_val *a, sld_val *out);
bool sld__fn_concat(sld_env *e, uint32_t n, const sld_val *a, sld_val *out);
bool sld__fn_stack(sld_env *e, uint32_t n, const sld_val *a, sld_val *out);
bool sld__fn_slice(sld_env *e, uint32_t n, const sld_val *a, sld_val *out);
bool sld__fn_split(sld_env *e, uint32_t n, const sld_val *a, sld_val *out);
bool sld__fn_cut(sld_env *e, uint32_t n, const sld_val *a, sld_val *out);

/* ---- contents.c ---- */
/* index + 1 into g->dims of the known elements of result 0, or 0. False when memory is short. */
bool sld__contents(sld_env *e, const sld_type_rec *result, uint32_t *contents);

/* ---- infer_text.c ---- */
/* Errors about an operand's dtype or shape, with the values of the variables that its type names. */
bool sld__bad_dtype(sld_env *e, uint32_t operand);
bool sld__bad_shape(sld_env *e, uint32_t operand, const char *more);
/* "the condition W <= D does not hold with W = 8, D = 4" */
bool sld__bad_condition(sld_env *e, const sld_term *t);
/* " with H = 64, A = [2, 3]": what the variables of conditions are; "" when they have none. */
/* "H % 8 == 0, which does not hold with H = 4" */
void sld__wanted_text(sld_env *e, const sld_term *t, sld_truth holds, char *buf, size_t size);
/* ": 3 and 4 differ" or ": s1 and s2 cannot be shown equal"; of: what asks for a, whose words have names, or NULL. */
void sld__differ_text(sld_env *e, const sld_term *of, sld_dim a, sld_dim b, char *buf, size_t n);

#endif
