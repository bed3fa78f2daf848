/* The left sides of rules as data, for who asks why a rule did not fire: solderc writes them beside
 * the matchers, partial.c walks them over a graph, and their places lead back to the text. */
#ifndef SLD_PATTERN_H
#define SLD_PATTERN_H

#include "sld_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A line of a .pat file. */
typedef struct sld_line { const char *file; uint32_t number; const char *text; } sld_line;
/* Bytes [at, at + n) of a line; what goes on in the next one is left out. */
typedef struct sld_place { const sld_line *line; uint16_t at, n; } sld_place;

/* Expressions are terms in preorder as in a signature, but SLD_T_DIM names any variable of the pattern,
 * SLD_T_OPERAND one of its values, and a call is one of these. */
enum { SLD_T_ANY = 64 }; /* an element of a shape or list that may be anything; alone in a shape: any shape */
typedef enum sld_pat_fn {
    SLD_PAT_SHAPE, SLD_PAT_DTYPE, SLD_PAT_RANK, SLD_PAT_CONST, /* of a value */
    SLD_PAT_IDENTITY, SLD_PAT_ONES                             /* of a list */
} sld_pat_fn;

typedef struct sld_pat_expr { sld_place place; uint16_t n_terms; const sld_term *terms; } sld_pat_expr;

typedef struct sld_pat_type {
    sld_place place;
    uint8_t dtype;      /* a fixed one, or SLD_DTYPE_NONE: */
    uint16_t var;       /* the variable that stands for it, */
    uint32_t set;       /* and what it may be */
    uint8_t n_elems;
    const sld_term *elems;
} sld_pat_type;

typedef enum sld_pat_val_kind {
    SLD_PAT_RESULT,     /* number `index` of node `node` */
    SLD_PAT_INPUT,      /* any value; maybe: or its absence */
    SLD_PAT_REST,       /* all further operands */
    SLD_PAT_NUMBER,     /* a constant of one element close to `number` */
    SLD_PAT_CONSTANT,   /* a constant of one element, captured by variable `var` */
    SLD_PAT_ANY,
    SLD_PAT_ABSENT
} sld_pat_val_kind;

typedef struct sld_pat_val {
    uint8_t kind;       /* sld_pat_val_kind */
    bool maybe;
    bool outlives;      /* others may read it */
    uint8_t n_types;
    uint16_t node, index, var;
    uint16_t n_uses;    /* by the pattern itself */
    double number, tolerance;
    const char *name;   /* "": it has none */
    const sld_pat_type *types;
} sld_pat_val;

/* No terms: `text` is wanted, or if that is NULL the op's default. One SLD_T_DIM: the variable is bound, or has
 * this value. */
typedef struct sld_pat_attr { uint8_t slot; sld_pat_expr value; const char *text; } sld_pat_attr;

/* Attributes before `n_early` are tested before the operands. */
typedef struct sld_pat_node {
    sld_place place;    /* of its op's name */
    uint16_t op;
    bool commutes : 1;  /* both orders of operands 0 and 1 are tried */
    bool apart : 1;     /* the root does not depend on it: it is found among the readers of a value */
    uint8_t n_results, n_attrs, n_early;
    uint16_t n_operands;
    const uint16_t *operands; /* values, and behind them the results */
    const sld_pat_attr *attrs;
} sld_pat_node;

/* One choice of a rule's alternatives. */
typedef struct sld_pattern {
    uint32_t rule;
    uint8_t variant, n_variants;        /* variant counts from 1 */
    uint16_t n_nodes, n_vals, n_vars, n_where;
    uint16_t root;
    const sld_pat_node *nodes;
    const sld_pat_val *vals;
    const char *const *vars;            /* their names */
    const sld_pat_expr *where;
} sld_pattern;

#ifdef __cplusplus
}
#endif
#endif
