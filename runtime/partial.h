/* How far a rule's left side matches at a node: its pattern (sld_pattern.h) is walked like a matcher does,
 * but on past what fails.  Slow and complete, for explanations only. */
#ifndef SLD_PARTIAL_H
#define SLD_PARTIAL_H

#include "sld_pattern.h"
#include "sld_primitives.h"
#include "sld_match.h"

/* A test of the pattern that fails. */
typedef enum sld_fault_kind {
    SLD_FAULT_OP,        /* another op, or no node, stands there; value: what does */
    SLD_FAULT_OPERANDS,  /* another number of operands */
    SLD_FAULT_RESULTS,
    SLD_FAULT_TWICE,     /* the node stands in the match already */
    SLD_FAULT_READERS,   /* others read what would be gone */
    SLD_FAULT_SAME,      /* another value than where the name stood before */
    SLD_FAULT_DTYPE,
    SLD_FAULT_SHAPE,
    SLD_FAULT_ATTR,
    SLD_FAULT_NUMBER,    /* not this constant, or no constant of one element */
    SLD_FAULT_RANK,      /* a constant has more dims than what it is combined with */
    SLD_FAULT_PRESENCE,  /* an operand is absent, or is not */
    SLD_FAULT_CONDITION
} sld_fault_kind;

typedef struct sld_fault {
    sld_fault_kind kind;
    sld_place place;
    sld_node node;       /* at which it was tested */
    sld_value value;     /* that was tested */
    uint16_t val;        /* the pattern's value */
    const void *part;    /* DTYPE, SHAPE: sld_pat_type; ATTR: sld_pat_attr; CONDITION: sld_pat_expr */
} sld_fault;

/* What a variable is bound to, and what an expression comes to. */
typedef enum sld_held_kind {
    SLD_HELD_NONE, SLD_HELD_DIM, SLD_HELD_FLOAT, SLD_HELD_TRUTH, SLD_HELD_DTYPE, SLD_HELD_ATTR, SLD_HELD_DIMS
} sld_held_kind;
typedef struct sld_held {
    uint8_t kind;
    union { sld_dim dim; double f; bool truth; int dtype; sld_attr attr; sld_dims dims; };
} sld_held;

/* The most nodes are there first, and then the fewest tests fail. */
enum { SLD_COST_NODE = 16 };
/* Arrays have an entry for each part of the pattern. */
typedef struct sld_partial {
    const sld_pattern *pattern;
    sld_node root;
    uint32_t cost;       /* 1 for each test that fails, SLD_COST_NODE for each node that is not there */
    uint32_t n_met;      /* nodes of the pattern that are there */
    sld_fault first;     /* what fails first, when something does */
    sld_node *nodes;     /* 0: it is not there */
    sld_value *vals;
    sld_held *vars;
} sld_partial;

typedef struct sld_walker sld_walker;
/* Walks the patterns of a graph's rules, whose readers are known meanwhile; NULL when memory is short. */
sld_walker *sld__walker_new(sld_graph *g);
void sld__walker_free(sld_walker *w);
/* The match at `root` of least cost, at most `limit`; NULL when all cost more. Valid until the next call. */
const sld_partial *sld__walk(sld_walker *w, const sld_pattern *p, sld_node root, uint32_t limit);

/* ---- partial_eval.c ---- */
/* Evaluates an expression; NONE where a variable is not bound. Answers the term behind it. */
const sld_term *sld__pattern_eval(sld_graph *g, const sld_partial *m, const sld_term *t, sld_held *out);

#endif
