/* What inference, shape functions, contents and conditions share: the variables that one
 * node gives to its op's signature, and the values of signature expressions. */
#ifndef SLD_INFER_H
#define SLD_INFER_H

#include "graph.h"

enum { SLD_RANK_MAX = 16, SLD_LIST_MAX = 256, SLD_VARS_MAX = 64 };

typedef enum sld_val_kind { SLD_VAL_NUM, SLD_VAL_FLOAT, SLD_VAL_LIST, SLD_VAL_DTYPE, SLD_VAL_TRUTH, SLD_VAL_NONE } sld_val_kind;

typedef struct sld_val {
    sld_val_kind kind;
    uint32_t n;                  /* LIST */
    sld_dim d[SLD_LIST_MAX];     /* NUM: d[0]; DTYPE: d[0]; TRUTH: d[0] */
    double f;                    /* FLOAT */
    int slot, operand;           /* where it came from, -1: computed */
} sld_val;

typedef struct sld_env {
    sld_graph *g;
    const sld_op_info *op;
    uint32_t n_in, n_out;
    const sld_value *in;
    sld_attr *attrs;
    const int64_t *symbols;      /* values of the symbols, or NULL: for all of them */
    uint32_t result;             /* which result is inferred: split gives one shape each */
    uint8_t dtypes[SLD_VARS_MAX];
    sld_dim dims[SLD_VARS_MAX];
    bool bound[SLD_VARS_MAX];
    struct { bool bound; uint32_t n; sld_dim d[SLD_RANK_MAX]; } ranks[SLD_VARS_MAX];
    bool failed;
} sld_env;

/* Sets the error "where: op: text" and answers false. */
bool sld__infer_fail(sld_env *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Evaluates one expression and moves *t behind it. */
bool sld__eval(sld_env *e, const sld_term **t, sld_val *out);
/* Binds the signature's variables to the operands' types. */
bool sld__bind_operands(sld_env *e);
/* Fills in defaults and converts kinds; normalises axes. */
bool sld__normalise_attrs(sld_env *e);
/* shape_fns.c */
bool sld__shape_fn(sld_env *e, unsigned fn, uint32_t n_args, sld_val *args, sld_val *out);
/* contents.c: index + 1 into g->dims of the known elements of result 0, or 0. */
bool sld__contents(sld_env *e, const sld_inferred *result, uint32_t *contents);

#endif
