/* A matcher that is slow and plain: it tries every node for every node of the pattern, and afterwards asks whether
 * all that the pattern says holds. What generated matchers find is compared with what it finds. */
#ifndef TESTS_NAIVE_H
#define TESTS_NAIVE_H

#include "dsl.h"
#include "expand.h"
#include "graph.h"

/* One value that a name stands for. */
typedef enum naive_kind { NV_NONE, NV_DIM, NV_FLOAT, NV_BOOL, NV_DTYPE, NV_LIST, NV_ATTR } naive_kind;
enum { NAIVE_LIST = 64, NAIVE_BINDINGS = 128 };
typedef struct naive_value {
    naive_kind kind;
    sld_dim i;              /* NV_DIM, NV_BOOL, NV_DTYPE */
    double f;
    uint32_t n;             /* NV_LIST */
    sld_dim list[NAIVE_LIST];
    sld_attr attr;          /* captured as it is; NV_ATTR: a word or a string */
    const pat_attr *decl;   /* of what was captured; NULL: not from an attribute */
} naive_value;

typedef struct naive_binding { const x_scope *scope; pat_name name; bool rank; naive_value value; } naive_binding;

typedef struct naive_match {
    sld_graph *g;
    const pat_program *program;
    x_variant *v;
    sld_node *nodes;        /* by x_node.id */
    sld_value *vals;        /* by x_val.id */
    bool *known;            /* by x_val.id: vals is set */
    uint32_t *rest_at;      /* by x_val.id: vals is a node, and its operands from here on are meant */
    naive_binding *bindings;
    uint32_t n_bindings;
} naive_match;

/* Tells every match of a variant: each node of the graph for each of the pattern. */
void naive_find(sld_graph *g, const pat_program *p, x_variant *v, void found(void *of, naive_match *m), void *of);

/* ---- naive_right.c ---- */
/* Tells recording.h what the right side builds. */
void naive_apply(naive_match *m);

/* ---- naive_ask.c ---- */
/* Whether all that the variant says of types, attributes, literals and conditions holds; then all names are bound. */
bool naive_holds(naive_match *m);
/* An expression; false while a name in it is not bound. */
bool naive_eval(naive_match *m, const pat_expr *e, const x_scope *s, naive_value *out);
naive_value *naive_bound(naive_match *m, const x_scope *s, pat_name name, bool rank);

#endif
