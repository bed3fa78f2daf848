/* Conditions over the run: how many tokens a batch has, how many ranks work together, what the options are. */
#ifndef SLD_GATE_H
#define SLD_GATE_H

#include "graph.h"

/* What of the run is known. options: values by option, bools as 0 and 1. */
typedef struct sld_run {
    sld_bucket tokens;
    int64_t world;
    const int64_t *options;
} sld_run;

/* Whether conditions that follow one another hold for the whole bucket. */
sld_truth sld__gate(const sld_term *t, uint32_t n, const sld_run *run);
/* The value of an expression over options; false when it overflows or divides by 0. */
bool sld__option_value(const sld_term *t, uint32_t n, const int64_t *options, int64_t *out);

/* Cuts a bucket where the answer to a question changes: ends holds the last tokens of each part, n of them, at most `most`;
 * the answer for the first in *first. ask answers -1 when it is not the same for all of a range. 0 when there would be more
 * parts, or one number of tokens has no answer. */
uint32_t sld__parts(sld_bucket whole, int (*ask)(void *user, sld_bucket tokens), void *user, uint32_t most, int64_t *ends,
                    int *first);
/* Where the conditions begin or cease to hold: answers are truths, which alternate. */
uint32_t sld__gate_parts(const sld_term *t, uint32_t n_terms, const sld_run *run, uint32_t most, int64_t *ends, int *first);

/* ---- options.c ---- */
const int64_t *sld__settings_values(const sld_settings *s);

/* ---- buckets.c ---- */
/* Makes the run of the options known to the graph and to fusing: which rules are off, what tokens are. */
sld_status sld__begin_run(sld_graph *g, struct sld_fuse_state *s);
/* Tells the engine where in the bucket another kernel covers what a rule builds. */
void sld__tell_cuts(sld_graph *g, const sld_call *c, sld_target target);
/* "kernels cover only tokens 1..8 of 1..16; ", or nothing; answers the length. */
size_t sld__say_covered(sld_graph *g, const sld_call *c, sld_target target, char *why, size_t size);
/* A graph that no rule has changed gets back the ranges that it had. */
void sld__end_run(sld_graph *g, const struct sld_fuse_state *s);

#endif
