/* Mutants of a text: one replacement each, with the name of what was done. */
#ifndef MUTATE_MUTANTS_H
#define MUTATE_MUTANTS_H

#include "dsl.h"

typedef struct mutant {
    const char *op;          /* "drop-where" */
    const char *owner;       /* the rule, pattern or named condition it changes; NULL with kernel */
    const pat_pattern *pattern; /* NULL: a rule's */
    const pat_op *kernel;    /* of the op whose kernels it changes, the first that has them */
    const pat_condition *named; /* whose body it changes */
    pat_span span;
    const char *text;        /* that takes the place of the span */
} mutant;
typedef struct mutants {
    PAT_LIST(mutant) all;
    pat_session *s;
    const pat_program *p;
} mutants;

/* All mutants of all rules, patterns, conditions of kernels and named conditions. */
void find_mutants(mutants *m);
/* The named condition that stands where an expression does, written out or not; NULL: the expression itself stands there. */
const pat_condition *mutants_named(const mutants *m, const pat_expr *e);

#endif
