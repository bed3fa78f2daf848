/* Mutants of a text: one replacement each, with the name of what was done. */
#ifndef MUTATE_MUTANTS_H
#define MUTATE_MUTANTS_H

#include "dsl.h"

typedef struct mutant {
    const char *op;          /* "drop-where" */
    const char *owner;       /* the rule or pattern it changes; NULL with kernel */
    const pat_pattern *pattern; /* NULL: a rule's */
    const pat_op *kernel;    /* of the op whose kernels it changes */
    pat_span span;
    const char *text;        /* that takes the place of the span */
} mutant;
typedef struct mutants {
    PAT_LIST(mutant) all;
    pat_session *s;
    const pat_program *p;
    pat_map seen;            /* named conditions that are changed for what has them first */
} mutants;

/* All mutants of all rules, patterns and conditions of kernels, in the order of the text. */
void find_mutants(mutants *m);

#endif
