/* Differential tests of rules that nobody wrote: graphs that the rules match (dsl/draw.c), computed by the reference
 * kernels node by node, against what the rule makes of them, computed by each target's kernels.
 *
 * main.c goes over rules; report.c prints what was compared; check.c is one graph; run.c the run that it is fused for; data.c what the inputs hold; lent.c
 * the cache that an engine lends; side.c a graph made ready and
 * run; noise.c what rounding elsewhere may change;
 * exact.c the same over f64; compare.c two results; edges.c counts what was drawn; forked.c runs ranks on
 * emulated devices. */
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

/* The run that a rule's gate and options ask for, and what it works on. */
typedef struct vf_run {
    const sld_ruleset *rules;
    uint32_t rule;
    int64_t world, units;
    sld_bucket tokens;
    char options[400];          /* "a = on, b = 3", for a test */
    sld_settings *settings;
    sld_ctx *ctx;               /* of the settings */
} vf_run;
bool vf_run_find(vf_run *r, const sld_ruleset *rules, uint32_t rule, const char *graph, uint32_t seed);
/* That of a test. */
bool vf_run_of(vf_run *r, const sld_ruleset *rules, uint32_t rule, const char *graph, const pat_instance *test);
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
const sld_cache *vf_lent_cache(const vf_lent *t);
/* The largest value that a head of `heads` can give of what the cache holds now. dtype: of the batch. */
double vf_lent_weighed(const vf_lent *t, size_t head, size_t heads, uint8_t dtype);
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
bool vf_side_emulated(const vf_side *s);
void vf_side_free(vf_side *s);

/* ---- data.c ---- */
/* s: planned, on the reference kernels, which tell what integers index. False when they refuse everything. */
bool vf_data_make(vf_data *d, vf_side *s, uint32_t seed, vf_rng *rng);
void vf_data_free(vf_data *d);
bool vf_collective(const sld_op_info *op); /* the ranks of a group work on it */
/* What input v may hold: nothing infinite nor NaN, nothing that makes scores large. */
bool vf_only_finite(const sld_graph *g, sld_value v);
bool vf_has_scores(const sld_graph *g);
double vf_least(uint8_t dtype);   /* the smallest normal number */
double vf_largest(uint8_t dtype); /* that is drawn */
sld_tensor vf_input(const vf_side *s, const vf_data *d, uint32_t rank, uint32_t i);

/* ---- noise.c ---- */
typedef struct vf_noise {
    vf_rng rng;
    bool learn;                 /* which nodes only move elements: these have no noise */
    uint32_t n;
    bool *moves;                /* by step */
    bool rounds;                /* some node does more */
    bool overflow;              /* an f16 value left its range */
    bool device;                /* as kernels of a GPU round, which attention does within */
} vf_noise;
void vf_noise_of(vf_rng *rng, const sld_tensor *t); /* moves each element by a step, or not */
/* A launch by fn with noise in its results, and in what it reads where it rounds within. lent: NULL, or what it reads. */
const char *vf_noise_launch(vf_noise *z, uint32_t step, sld_kernel_fn fn, const sld_launch *l, const vf_lent *lent);
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
/* What was run. length: of the longest sum; scales: what is not a number may have no say in them. */
typedef struct vf_case { const vf_side *side; const vf_data *data; double length; bool scales; } vf_case;
/* spread: NULL, what is not equal is wrong. exact: NULL, or what nobody is wrong to be nearer to. */
vf_error vf_compare(const vf_results *got, const vf_results *want, const vf_spread *spread, const vf_results *exact,
                    const vf_case *c);

/* ---- exact.c ---- */
/* The left side over f64; false where it cannot be. */
bool vf_exact(const vf_run *run, const char *text, const vf_side *left, const vf_data *data, vf_results *out);

/* ---- edges.c ---- */
typedef enum vf_edge {
    VF_EMPTY, VF_ONE_ROW, VF_LARGE, VF_ODD,                                       /* sizes */
    VF_ZEROS, VF_DENORMAL, VF_TINY, VF_HUGE, VF_INFINITE, VF_NOT_A_NUMBER,        /* numbers */
    VF_BELOW_0, VF_NO_SLOT, VF_SAME_SLOT,                                         /* indices and slots */
    VF_NHD, VF_HND, VF_PACKED, VF_SHUFFLE,                                        /* layouts of caches */
    VF_EDGES
} vf_edge;
extern const char *const vf_edge_names[VF_EDGES];
/* How many graphs had each; which of them any graph of the rule might have had. */
typedef struct vf_edges { uint32_t n[VF_EDGES]; bool apply[VF_EDGES]; } vf_edges;
void vf_edges_add(vf_edges *e, const vf_side *left, const vf_data *d, int64_t most);

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
/* Added to: what was compared, by target, which edges that was, and how often each kernel was launched. */
typedef struct vf_tally { vf_cell cells[SLD_TARGET_COUNT]; vf_edges edges; uint32_t *launched; } vf_tally;
/* targets: a bit for each. most: elements of the largest value. test: NULL, or the one whose graph and run it is. */
vf_outcome vf_check(const sld_ruleset *rules, const pat_drawn *d, const pat_instance *test, int64_t most, unsigned targets,
                    vf_tally *tally);

/* ---- report.c ---- */
typedef struct vf_row { const char *name; uint32_t wrong; vf_tally tally; char why[300]; } vf_row;
typedef struct vf_report {
    const sld_ruleset *rules;
    unsigned targets;
    uint32_t n;
    vf_row *rows;
    uint32_t *launched; /* by kernel */
} vf_report;
uint32_t vf_comparisons(const vf_row *r);
void vf_print_table(const vf_report *r);
void vf_print_edges(const vf_report *r);
/* Whether a kernel is one of those that are asked for: of an op that rules make, which is no view. */
bool vf_wanted(const vf_report *r, uint32_t kernel);
void vf_print_kernels(const vf_report *r);

#endif
