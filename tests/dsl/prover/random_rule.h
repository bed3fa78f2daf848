/* Random rules over the ops of ops.pat: how they are written, and what they mean for given numbers, which the
 * runtime's own inference tells. */
#ifndef TESTS_DSL_RANDOM_RULE_H
#define TESTS_DSL_RANDOM_RULE_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "graph.h"

enum {
    N_DIMS = 3,      /* A, B, C */
    VAR_N = N_DIMS,  /* the captured integer n */
    N_VARS,
    MOST_INPUTS = 3,
    MOST_STEPS = 4,
    MOST_VALUES = MOST_INPUTS + 2 * MOST_STEPS,
    MOST_FACTS = 2
};

/* x op y, or x alone: 0.. are variables, from NUMBER - 2 on numbers. */
enum { NUMBER = 100 };
typedef struct num { char op; int x, y; } num;

typedef struct arg {
    bool captured;   /* an axis, flag or permutation as ax, flag or p */
    num at[4];
    int n;           /* of a list */
    int run;         /* place of *S in a list; -1: none */
} arg;

/* What an op of ops.pat takes: the kinds of its attributes in their order. */
typedef struct op_form { const char *name; int operands; const char *attrs; } op_form;
typedef struct step { const op_form *op; int in[MOST_INPUTS], out, part; arg args[3]; } step; /* part -1: one result */
typedef struct side { step steps[MOST_STEPS]; int n, result; } side;

/* An input is F[...], f32[...], i64[...], T[...], or says nothing of its type. */
typedef enum dtype_kind { DT_F, DT_F32, DT_I64, DT_T, DT_OPEN } dtype_kind;
typedef struct input { dtype_kind dtype; int run, n; num dims[3]; } input;

/* The last four speak of input u and, shapes, of v; of a rank, number b. */
typedef enum fact_kind {
    FACT_COMPARE, FACT_DIVIDES, FACT_IN, FACT_IDENTITY, FACT_RANK, FACT_SHAPES, FACT_DTYPE, N_FACTS
} fact_kind;
typedef struct fact { fact_kind kind; num a, b; char op; int u, v; } fact;

typedef struct random_rule {
    input inputs[MOST_INPUTS];
    int n_inputs;
    side left, right;
    fact facts[MOST_FACTS];
    int n_facts;
} random_rule;

/* Numbers for everything that a rule leaves open. */
typedef struct numbers {
    int64_t vars[N_VARS];
    int run, open;           /* choices for *S and the shape of an open input */
    int f, t;                /* dtypes F and T */
    int axis, perm, flag;    /* what is captured */
} numbers;

/* ---- random_rule.c ---- */
uint32_t draw(uint64_t *seed, uint32_t n);
/* False when nothing was found that is valid and of one type on both sides for some numbers, which are `at`. */
bool make_rule(random_rule *r, uint64_t *seed, sld_graph *g, numbers *at);
void print_rule(const random_rule *r, const char *name, char *out, size_t size);
void print_numbers(const numbers *at, char *out, size_t size);

/* ---- meaning.c ---- */
typedef enum meaning { NO_MATCH, RIGHT_UNDEFINED, TYPES_DIFFER, SAME } meaning;
enum { N_RUNS = 3, N_OPEN = 6, N_PERMS = 8, N_AXES = 3 };
/* Those that speak of numbers; those that speak of inputs. */
bool facts_hold(const random_rule *r, const numbers *at);
bool inputs_agree(const random_rule *r, const sld_graph *g, const sld_value *values);
sld_value add_input(sld_graph *g, const input *in, const numbers *at);
/* left: the attributes are as a graph holds them. 0 when the op is not defined. */
sld_value add_step(sld_graph *g, const step *s, const numbers *at, sld_value *values, bool left);
bool same_type(const sld_graph *g, sld_value a, sld_value b);
meaning rule_means(const random_rule *r, sld_graph *g, const numbers *at);

#endif
