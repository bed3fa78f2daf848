/* A left side that becomes a graph: instance.c finds numbers that a test leaves open, draw.c draws them at random, aim.c for a kernel,
 * instance_text.c prints. */
#ifndef PAT_INSTANCE_PARTS_H
#define PAT_INSTANCE_PARTS_H

#include <stdio.h>

#include "instance.h"
#include "prover.h"

enum { M_MAX_CANDIDATES = 96 };

typedef struct maker {
    t_env *t;
    const pat_test *test;
    PAT_LIST(const pat_arg) floats;  /* binds of captured numbers and strings */
    PAT_LIST(const pat_arg) outside; /* of tokens, world and options */
    uint32_t dtypes;                 /* set that `dtype` asks for; 0: none */
    int64_t candidates[M_MAX_CANDIDATES];
    uint32_t n_candidates, seed;
    pat_wish wish;
    FILE *f;
    bool open;                       /* something that must be printed has no value */
    uint64_t left_out;               /* outputs that are not printed, a bit for each */
} maker;

/* ---- instance.c ---- */
uint32_t m_next(maker *m, uint32_t n);
void m_add_candidate(maker *m, int64_t v);
/* The sizes that an expression mentions, up to `most`. */
void m_collect(maker *m, const pat_expr *e, int64_t most);
void m_find_candidates(maker *m);
/* Lists that rank variables and list attributes may be. */
s_shape m_some_list(maker *m, uint32_t k);
/* Sets what an equation with one open variable determines. */
void m_solve(s_ctx *c);
/* What was set makes a graph; where: of which no condition of the rule fails. */
bool m_fits(maker *m, bool where);
bool m_search(maker *m, bool where);
/* An axis that nothing asks for is the last, or the one that is wished. */
void m_choose_axes(maker *m);

/* ---- aim.c ---- */
/* Assumes, where it can be said, that this row of a kernel is taken by what the right side makes, and none before it. */
void m_aim(maker *m, const pat_kernel *kernel, uint32_t row);

/* ---- instance_text.c ---- */
/* One dtype of the set: what the test asks for, then what is usual. */
uint32_t m_dtype_of(maker *m, uint32_t dtype);
double m_number_of(const pat_expr *e, double otherwise);
const pat_expr *m_bound_float(const maker *m, pat_name name);
void m_put_float(FILE *f, double d);
const char *m_print_graph(maker *m);

#endif
