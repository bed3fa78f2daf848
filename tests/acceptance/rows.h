/* Rows of the acceptance matrix: a graph with parameters, and what must become of it for every choice of them.
 *
 * `over` lists parameters and their values, "T=5,257 quant=static,token"; a row holds for all combinations. In the other
 * texts {T} stands for the value of T, {2*T} and {T/2} for a number made of it; {quant} for the fragment "quant.static" if
 * there is one, and {quant:1} for that with 1 in the place of each #. */
#ifndef ACCEPTANCE_ROWS_H
#define ACCEPTANCE_ROWS_H

#include "solder.h"

/* How results of the fused graph agree with those of the graph as it was, both computed by the same kernels: to the bit;
 * to the bit by the reference kernels; within the tolerance of their dtype. Or the graph cannot be run by one process. */
typedef enum agreement { NEARLY, SAME_BY_REF, SAME, NOT_RUN } agreement;

typedef struct row {
    const char *name, *over, *text;
    const char *counts;  /* "rule=N rule=N", a rule stands for all instances of its family; "~op=N" counts nodes of an op */
    agreement results;
    const char *why;     /* what the first rule must say when it does not fire */
    const char *options; /* "name=value,name=value" */
    int64_t world;
    sld_bucket tokens;
} row;

typedef struct fragment { const char *name, *text; } fragment;

typedef struct table { const row *rows; int n; const fragment *fragments; int n_fragments; } table;

extern const table norm_table, act_table, view_table, rank_table, attention_table;

#define TABLE(rows, fragments) {rows, sizeof rows / sizeof *rows, fragments, sizeof fragments / sizeof *fragments}

#endif
