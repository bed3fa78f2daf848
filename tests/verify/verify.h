/* Differential tests of rules that nobody wrote: graphs that the rules match (dsl/draw.c), computed by the reference
 * kernels node by node, against what the rule makes of them, computed by each target's kernels.
 *
 * main.c goes over rules and prints; check.c is one graph; data.c what the inputs hold; lent.c
 * the cache that an engine lends; side.c a graph made ready and
 * run; noise.c what rounding elsewhere may change;
 * exact.c the same over f64; compare.c two results. */
#ifndef VERIFY_H
#define VERIFY_H

#include "instance.h"
#include "kern.h"
#include "plan.h"

enum { VF_RANKS = 8, VF_OUTPUTS = 16 };

typedef struct vf_rng { uint64_t state; } vf_rng;
uint64_t vf_next(vf_rng *r);
static inline uint32_t vf_below(vf_rng *r, uint32_t n) { return (uint32_t)(vf_next(r) >> 33) % n; }
static inline double vf_unit(vf_rng *r) { return (double)(vf_next(r) >> 11) * 0x1p-53; }

/* The run that a rule's gate and options ask for. */
typedef struct vf_run {
    const sld_ruleset *rules;
    uint32_t rule;
    int64_t world, tokens, units;
    char options[400];          /* "a = on, b = 3", for a test */
    sld_settings *settings;
    sld_ctx *ctx;               /* of the settings */
} vf_run;
bool vf_run_find(vf_run *r, const sld_ruleset *rules, uint32_t rule, uint32_t seed);
void vf_run_free(vf_run *r);

/* Inputs of all ranks. */
typedef struct vf_data { uint32_t n, world; bool negative; /* some integers are below 0 */ void *at[VF_RANKS][64]; } vf_data;

/* Results of one run: outputs of the graph on one rank, then what the cache holds. */
typedef struct vf_results { uint32_t n; sld_tensor at[VF_OUTPUTS]; char error[300]; } vf_results;
void vf_results_free(vf_results *r);

/* The cache of a layer, lent to each run as it was. */
typedef struct vf_lent vf_lent;
/* NULL: the graphs name no layer, or *bad. right: what the rule makes, which may say more of the cache. */
vf_lent *vf_lent_make(const sld_graph *left, const sld_graph *right, vf_rng *r, const char **bad);
bool vf_lent_races(const vf_lent *t); /* two tokens have one slot */
void vf_lent_place(vf_lent *t, sld_plan *p);
void vf_lent_take(vf_lent *t, sld_plan *p, vf_results *out);
void vf_lent_free(vf_lent *t);

struct vf_noise;
/* A graph that is planned, once for each rank. */
typedef struct vf_side {
    uint32_t world, shown;      /* shown: the rank whose results count */
    sld_ctx *ctx[VF_RANKS];
    sld_graph *g[VF_RANKS];
    sld_plan *plan[VF_RANKS];
    sld_device *device;
    vf_lent *lent;              /* NULL: there is none */
    char error[300];
} vf_side;
bool vf_side_parse(vf_side *s, const vf_run *run, const char *text);
bool vf_side_plan(vf_side *s, sld_target target);
/* noise: NULL, or what results of nodes are changed by. False: the launch was refused, r->error says why. */
bool vf_side_run(vf_side *s, const vf_data *in, struct vf_noise *noise, vf_results *r);
void vf_side_free(vf_side *s);

/* ---- data.c ---- */
/* s: planned, on the reference kernels, which tell what integers index. False when they refuse everything. */
bool vf_data_make(vf_data *d, vf_side *s, vf_rng *rng);
void vf_data_free(vf_data *d);
sld_tensor vf_input(const vf_side *s, const vf_data *d, uint32_t rank, uint32_t i);

/* ---- noise.c ---- */
typedef struct vf_noise {
    vf_rng rng;
    bool learn;                 /* which nodes only move elements: these have no noise */
    uint32_t n;
    bool *moves;                /* by step */
    bool rounds;                /* some node does more */
    bool overflow;              /* an f16 value left its range */
} vf_noise;
void vf_noise_of(vf_rng *rng, const sld_tensor *t); /* moves each element by a step, or not */
void vf_noise_add(vf_noise *z, uint32_t step, const sld_launch *l);
/* One step of the dtype at x. */
double vf_step(uint8_t dtype, double x);

/* ---- compare.c ---- */
typedef struct vf_error {
    double ulp, norm;           /* largest distance in steps of the dtype; |a - b| / |b| over all elements */
    double share;               /* of codes that differ */
    double of_tolerance;        /* largest distance over what is allowed */
    uint32_t output;            /* where that is */
    size_t element;
    double got, want, allowed;
    bool wrong;
    char why[160];
} vf_error;
/* How far results were seen to move when roundings differ. */
typedef struct vf_spread { bool rounds, overflow; double *at[VF_OUTPUTS]; double share[VF_OUTPUTS]; } vf_spread;
void vf_spread_add(vf_spread *s, const vf_results *base, const vf_results *moved);
void vf_spread_free(vf_spread *s);
/* What was run. length: of the longest sum. */
typedef struct vf_case { const vf_side *side; const vf_data *data; double length; } vf_case;
/* spread: NULL, what is not equal is wrong. exact: NULL, or what nobody is wrong to be nearer to. */
vf_error vf_compare(const vf_results *got, const vf_results *want, const vf_spread *spread, const vf_results *exact,
                    const vf_case *c);

/* ---- exact.c ---- */
/* The left side over f64; false where it cannot be. */
bool vf_exact(const vf_run *run, const char *text, const vf_side *left, const vf_data *data, vf_results *out);

/* ---- check.c ---- */
typedef struct vf_cell { uint32_t cases, refused, unfired; double ulp, norm, share; } vf_cell;
typedef struct vf_outcome {
    bool wrong;
    sld_target target;
    vf_error error;
    vf_run run;                 /* of a wrong one, until vf_run_free */
    char what[400];             /* in words */
    char inputs[600];           /* where it is wrong */
} vf_outcome;
/* Added to: what was compared, by target, and how often each kernel was launched. */
typedef struct vf_tally { vf_cell cells[SLD_TARGET_COUNT]; uint32_t *launched; } vf_tally;
/* targets: a bit for each. */
vf_outcome vf_check(const sld_ruleset *rules, const pat_drawn *d, unsigned targets, vf_tally *tally);

#endif
