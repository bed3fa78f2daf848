/* libsolder: op graphs of LLM inference, fused by generated rules and run.
 *
 *     sld_ctx *ctx = sld_ctx_new(NULL);
 *     sld_graph *g = sld_import(ctx, sld_ruleset_solder(), "model.onnx");
 *     if (!g || sld_fuse(g, NULL, NULL)) { puts(sld_error(ctx)); ... }
 *     sld_export_onnx(g, "fused.onnx");
 *     sld_graph_free(g); sld_ctx_free(ctx);
 *
 * Threads: one context per thread; rulesets are constant and shared.
 * Ownership: what a function returns is borrowed unless its name says new.
 * Errors: a function that can fail returns a status (0 is success) or 0/NULL, and
 * leaves one line in sld_error(): file, node and cause. */
#ifndef SOLDER_H
#define SOLDER_H

#include <stdio.h>
#include "sld_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sld_status {
    SLD_OK = 0,
    SLD_ERR_MEMORY = -1,   /* the allocator answered NULL */
    SLD_ERR_IO = -2,       /* a file cannot be read or written */
    SLD_ERR_FORMAT = -3,   /* a file breaks its format */
    SLD_ERR_OP = -4,       /* an op that the vocabulary does not know */
    SLD_ERR_TYPE = -5,     /* dtype, rank, shape or attribute disagree */
    SLD_ERR_GRAPH = -6,    /* cycle, undefined value, duplicate definition */
    SLD_ERR_KERNEL = -7,   /* no kernel covers a node, or it failed */
    SLD_ERR_INPUT = -8,    /* an input is missing or has the wrong size */
    SLD_ERR_LIMIT = -9,    /* a documented limit is exceeded */
    SLD_ERR_ABI = -10      /* the ruleset was written for another version */
} sld_status;

/* ---------------------------------------------------------------- context -- */

/* Allocates, resizes (ptr, size > 0) or frees (size == 0). Answers NULL on failure. */
typedef void *(*sld_realloc_fn)(void *user, void *ptr, size_t size);
typedef struct sld_allocator { sld_realloc_fn realloc; void *user; } sld_allocator;

typedef struct sld_ctx sld_ctx;
typedef struct sld_graph sld_graph;
typedef uint32_t sld_node;  /* 0: none */
typedef uint32_t sld_value; /* 0: none, an absent optional operand */

/* NULL allocator: malloc.  Answers NULL when memory is short. */
sld_ctx *sld_ctx_new(const sld_allocator *allocator);
void sld_ctx_free(sld_ctx *ctx);
/* The last error, one line without newline; "" when there was none. Borrowed. */
const char *sld_error(const sld_ctx *ctx);

const char *sld_dtype_name(sld_dtype t);        /* "f32" */
sld_dtype sld_dtype_parse(const char *name);    /* SLD_DTYPE_NONE when unknown */
size_t sld_dtype_size(sld_dtype t);             /* bytes of one element */

/* ------------------------------------------------------------------ graph -- */

/* An empty graph over a ruleset's ops. The ruleset must outlive it. */
sld_graph *sld_graph_new(sld_ctx *ctx, const sld_ruleset *rules);
void sld_graph_free(sld_graph *g);

/* Add an input, a constant (data copied; nbytes must equal the size of the type; NULL
 * data: declared without contents) or an output. Names are copied and made unique;
 * NULL picks one. 0 / a status on error. */
sld_value sld_graph_input(sld_graph *g, const char *name, sld_dtype t, uint32_t rank, const sld_dim *dims);
sld_value sld_graph_const(sld_graph *g, const char *name, sld_dtype t, uint32_t rank, const sld_dim *dims,
                          const void *data, size_t nbytes);
sld_status sld_graph_output(sld_graph *g, const char *name, sld_value v);

/* Append a node: checks operands and attributes against the op's signature, infers the
 * result types and brings attributes to canonical form (axes from the end, reshape
 * shapes complete, slice bounds within the dim where that can be decided).
 * attrs: one for each attribute of the op, SLD_ATTR_NONE for its default; copied.
 * n_out: number of results (must match unless the op's results are variadic).
 * names: n_out result names, or NULL; single names may be NULL.
 * Answers the node, or 0 with an error that names it. */
sld_node sld_graph_add(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs,
                       uint32_t n_out, const char *const *names);

/* Op id by name, 0 when unknown. */
uint16_t sld_op_find(const sld_ruleset *rules, const char *name);

/* Number of nodes. */
uint32_t sld_graph_n_nodes(const sld_graph *g);

/* Checks everything a graph promises: operands defined before use, no cycle, arities,
 * types as inferred, use lists consistent. */
sld_status sld_graph_verify(sld_graph *g);

/* Cuts a graph for compilation in pieces: each node of these ops is a partition of its own, and so are the nodes
 * between two of them, in their order. Rules fire within one partition only. For a graph that is complete. */
sld_status sld_graph_split(sld_graph *g, uint32_t n_ops, const uint16_t *ops);

/* Removes nodes without effect whose results nobody uses, and constants likewise. */
sld_status sld_graph_sweep(sld_graph *g);

/* ------------------------------------------------------------------- dims -- */

/* A named dim with its range (inclusive); the same name gives the same dim. */
sld_dim sld_dim_symbol(sld_graph *g, const char *name, int64_t lo, int64_t hi);
/* Arithmetic on dims: normal forms are interned, so that equal polynomials are equal
 * handles. SLD_SYM_NONE on memory failure. div floors, and is exact where it can be. */
#define SLD_SYM_NONE INT64_MIN
sld_dim sld_dim_add(sld_graph *g, sld_dim a, sld_dim b);
sld_dim sld_dim_sub(sld_graph *g, sld_dim a, sld_dim b);
sld_dim sld_dim_mul(sld_graph *g, sld_dim a, sld_dim b);
sld_dim sld_dim_div(sld_graph *g, sld_dim a, sld_dim b);
sld_dim sld_dim_mod(sld_graph *g, sld_dim a, sld_dim b);
sld_dim sld_dim_min(sld_graph *g, sld_dim a, sld_dim b);
sld_dim sld_dim_max(sld_graph *g, sld_dim a, sld_dim b);
/* Bounds over the ranges of the symbols; INT64_MIN+1 / INT64_MAX when unbounded. */
void sld_dim_bounds(const sld_graph *g, sld_dim d, int64_t *lo, int64_t *hi);
/* Comparison for all values of the symbols. */
typedef enum sld_truth { SLD_NEVER, SLD_DEPENDS, SLD_ALWAYS } sld_truth;
sld_truth sld_dim_le(sld_graph *g, sld_dim a, sld_dim b);
sld_truth sld_dim_eq(sld_graph *g, sld_dim a, sld_dim b);
/* Text such as "2*s77", "T + 1", "8"; parse answers SLD_SYM_NONE on bad text (fresh names
 * become symbols with range [lo, hi]); print writes at most n bytes like snprintf. */
sld_dim sld_dim_parse(sld_graph *g, const char *text, int64_t lo, int64_t hi);
int sld_dim_print(const sld_graph *g, sld_dim d, char *buf, size_t n);
/* Value for given symbol values (indexed as sld_dim_n_symbols counts); false when a
 * symbol's value is negative (unset) or the result overflows. */
bool sld_dim_eval(const sld_graph *g, sld_dim d, const int64_t *symbols, int64_t *out);
uint32_t sld_dim_n_symbols(const sld_graph *g);
const char *sld_dim_symbol_name(const sld_graph *g, uint32_t i);

/* ---------------------------------------------------------- import, export -- */

/* Reads a model by its file name: .onnx, .json or .json.gz (torch FX; the graph key
 * after '#', as in "m.fx.json.gz#core_aten"; default the file's only or first one),
 * anything else text. A reader that was not linked gives a clear error.
 * NULL on error; nothing is leaked. */
sld_graph *sld_import(sld_ctx *ctx, const sld_ruleset *rules, const char *path);
sld_graph *sld_import_onnx(sld_ctx *ctx, const sld_ruleset *rules, const char *path);
sld_graph *sld_import_fx(sld_ctx *ctx, const sld_ruleset *rules, const char *path, const char *key);
/* Writes ONNX: ops that the onnx vocabulary spells as standard nodes, others in the
 * domain "solder" with their attributes; shapes and initialisers kept. The file appears
 * whole or not at all. */
sld_status sld_export_onnx(sld_graph *g, const char *path);

/* The text form. parse(print(g)) is g, and print(parse(t)) is t for printed t. */
enum { SLD_TEXT_DATA = 1 /* constants with their bytes; without it large ones are elided */ };
sld_status sld_text_print(sld_graph *g, FILE *out, unsigned flags);
/* name stands for the text in messages. */
sld_graph *sld_text_parse(sld_ctx *ctx, const sld_ruleset *rules, const char *name, const char *text, size_t len);

/* ---------------------------------------------------------------- options -- */

/* The options of a ruleset: their defaults at an optimisation level, what was set, and what follows from that. */
typedef struct sld_settings sld_settings;
enum { SLD_LEVEL = 2, SLD_LEVEL_MAX = 3 }; /* O2 unless set */

sld_settings *sld_settings_new(sld_ctx *ctx, const sld_ruleset *rules);
void sld_settings_free(sld_settings *s);
/* The last setting wins. from: where it stands, for messages ("command line"); copied. */
sld_status sld_settings_level(sld_settings *s, int level, const char *from);
sld_status sld_settings_set(sld_settings *s, const char *name, const char *value, const char *from);
/* A file of lines `O2` and `name = value`; # begins a comment. Errors name file and line. */
sld_status sld_settings_read(sld_settings *s, const char *path);
/* What an environment sets: SOLDER_CONFIG (a file), SOLDER_LEVEL (O2), SOLDER_OPTIONS (name=value,...). get: getenv. */
sld_status sld_settings_environment(sld_settings *s, char *(*get)(const char *name));
/* The engine cannot do what an option asks for: it stays off. */
sld_status sld_settings_unsupported(sld_settings *s, const char *name, const char *why);
/* Works out the values: an option turns on what it requires and turns off what it excludes; one whose rules make
 * nothing that the target has kernels for is off. told (may be NULL) gets one line for each change that was not asked
 * for. An error when what was set contradicts itself. */
sld_status sld_settings_resolve(sld_settings *s, sld_target target, void (*told)(void *user, const char *line), void *user);
/* Afterwards: the value of option i of the ruleset, a bool as 0 or 1, and why it has it. */
int64_t sld_settings_value(const sld_settings *s, uint32_t i);
const char *sld_settings_why(const sld_settings *s, uint32_t i);
int sld_settings_get_level(const sld_settings *s);

/* ---------------------------------------------------------------- buckets -- */

/* Numbers of tokens that one batch may have, both ends included. A graph is compiled for a bucket. */
typedef struct sld_bucket { int64_t lo, hi; } sld_bucket;

/* Whether a rule runs: its options are on and its gate holds, for the whole bucket (ALWAYS), for none of it, or for
 * some. why (may be NULL): the reason when it does not run. */
sld_truth sld_rule_runs(const sld_ruleset *rules, uint32_t rule, const sld_settings *settings, sld_bucket tokens,
                        int64_t world, char *why, size_t why_len);
/* Cuts a bucket where a gate, or a condition of a kernel on tokens, begins or ceases to hold; answers the number of
 * parts, at most `most`. Conditions that would cut it up too finely are left alone. */
uint32_t sld_split_bucket(const sld_ruleset *rules, const sld_settings *settings, sld_bucket whole, int64_t world,
                          sld_bucket *parts, uint32_t most);
/* The bucket, of n in ascending order, that holds a number of tokens; n when there is none. */
uint32_t sld_bucket_find(const sld_bucket *buckets, uint32_t n, int64_t tokens);

/* ------------------------------------------------------------------- fuse -- */

/* What became of one match. */
typedef struct sld_fuse_event {
    uint32_t rule, n, n_built;
    const sld_node *nodes;  /* n of them, those that would go, the root last; of a rewrite that was made most are gone */
    const sld_value *results; /* the first result of each, as it was; then those of the n_built nodes that were built */
    const char *refused;    /* why it was not rewritten; NULL: it was */
} sld_fuse_event;

typedef struct sld_fuse_options {
    sld_target target;      /* kernels must exist for it (or for REF, which backs CPU) */
    uint32_t max_rewrites;  /* 0: no limit; for bisecting */
    void (*told)(void *user, const sld_fuse_event *event); /* of each match; may be NULL */
    /* Of numbers of tokens in the bucket behind which another kernel covers something that a rule makes than up to there, or
     * none does; may be NULL. */
    void (*cut)(void *user, int64_t end);
    void *user;
    const sld_settings *settings; /* resolved; NULL: the defaults */
    sld_bucket tokens;      /* both 0: any number */
    const char *tokens_dim; /* the symbol that counts them, whose range is narrowed to the bucket; NULL: none */
    int64_t world;          /* ranks that work together; 0: 1 */
    int64_t units;          /* compute units of the device; 0: not known, kernels that ask are not taken */
    uint32_t only;          /* this rule, counted from 1, fires alone; 0: all do */
} sld_fuse_options;

typedef struct sld_rule_stats {
    uint32_t fired;
    uint32_t refused_cycle;  /* matched, but the fused node would close a cycle */
    uint32_t refused_split;  /* matched, but across partitions */
    uint32_t refused_kernel; /* matched, but no kernel covers it */
    uint32_t refused_type;   /* matched, but the right side does not have the left side's type */
    uint32_t refused_run;    /* matched, but an option is off or the gate does not hold for the whole bucket */
    char reason[400];        /* the last refusal in words */
} sld_rule_stats;

/* Runs all phases to their fixpoint. options NULL: CPU, no limit. stats NULL or
 * rules->n_rules entries, added to. The graph stays valid on error. */
sld_status sld_fuse(sld_graph *g, const sld_fuse_options *options, sld_rule_stats *stats);

/* ---------------------------------------------------------------- why not -- */

/* Prints the match of a rule that lacks the least, with node n in it (0: anywhere), in the lines of the rule: what
 * matched, and the first test that fails, expected against found. Asked after sld_fuse, of the graph that it leaves.
 * matched: the root when nothing fails, or 0. */
sld_status sld_explain(sld_graph *g, uint32_t rule, sld_node n, FILE *out, sld_node *matched);

/* Nodes at which all but little of a rule matches and the same test fails first. */
typedef struct sld_miss {
    uint32_t rule, count;
    sld_node example;        /* the root of one */
    const char *file;        /* where that test stands */
    uint32_t line;
    char why[300];           /* expected and found at the example */
} sld_miss;
/* Calls `each` for those of all rules in reported phases. */
sld_status sld_near_misses(sld_graph *g, void (*each)(void *user, const sld_miss *miss), void *user);

/* Launches that running a graph takes, and the bytes that they read and write when each reads its operands and
 * writes its results once. Views cost nothing. */
typedef struct sld_traffic {
    uint32_t launches;
    uint64_t bytes;
    bool sized;     /* the symbols tell all sizes; otherwise values of unknown size count nothing */
} sld_traffic;
sld_status sld_graph_traffic(sld_graph *g, const int64_t *symbols, sld_traffic *out);

/* -------------------------------------------------------------------- run -- */

typedef struct sld_plan sld_plan;
typedef struct sld_device sld_device;

typedef struct sld_plan_info {
    size_t arena_bytes;    /* one block for all intermediate values: the planned peak */
    size_t live_bytes;     /* largest sum of live values: the lower bound of any plan */
    size_t const_bytes;    /* constants, outside the arena */
    uint32_t n_launches, n_views;
    uint32_t n_in_place;   /* versions of buffers that take the place of those before */
    uint32_t n_copies;     /* versions that start as a copy: the one before is read later, or is not the plan's own */
    size_t copied_bytes;
    uint32_t n_host;       /* of a plan for a device: launches that run on the host */
    double seconds;        /* of the last run on a device, its launches alone */
} sld_plan_info;

/* Binds kernels and places every value for given symbol values (see sld_dim_eval; NULL
 * when there are none). NULL with an error that names the node without a kernel. The
 * graph must outlive the plan and stay unchanged. */
sld_plan *sld_plan_new(sld_graph *g, sld_target target, const int64_t *symbols);
void sld_plan_free(sld_plan *p);
sld_plan_info sld_plan_get_info(const sld_plan *p);
/* Where ops that name a layer find its cache in later runs; find is asked in every run. */
void sld_plan_set_caches(sld_plan *p, sld_caches caches);
/* The threads among which later runs share the rows of launches on the host; NULL, as a plan starts: the caller alone.
 * Results have the same bits for any number of threads. The team must outlive these runs. */
void sld_plan_set_team(sld_plan *p, const sld_team *team);
/* The ranks that the collective ops of a plan reach; NULL: only this one. comm must outlive the plan and its device. Of
 * plans for devices every rank calls it at the same time, and an error of one is an error of all. */
sld_status sld_plan_join(sld_plan *p, const sld_comm *comm);
/* Runs once. inputs: as many as graph inputs, in order, each with the planned size.
 * outputs: filled with tensors that live in the plan until its next run or free. */
sld_status sld_plan_run(sld_plan *p, const void *const *inputs, sld_tensor *outputs);

/* Threads for sld_plan_set_team, the one that runs plans among them; 0: as many as the process has processors. They wait
 * without work. Where the system refuses threads there are fewer, and a child of fork has none of them. One run at a
 * time. NULL and an error when memory is short. */
enum { SLD_TEAM_MAX = 1024 };
sld_team *sld_team_new(sld_ctx *ctx, uint32_t n);
void sld_team_free(sld_team *t);

/* A GPU, number `index` of those that the backend finds. The backend is a shared library, libsolder_hip.so, or the one
 * that the environment names in SOLDER_DEVICE. NULL and an error when there is no backend or no device. */
sld_device *sld_device_open(sld_ctx *ctx, int index);
void sld_device_close(sld_device *d);
const char *sld_device_text(const sld_device *d); /* its name and memory */

/* A plan whose kernels run on a device, for SLD_TARGET_HIP; nodes that none covers run on the host in between. Constants
 * are copied there once, an input in each run that gives it (NULL: as it was left), outputs back after each run; the
 * device must outlive the plan. */
sld_plan *sld_plan_new_on(sld_graph *g, sld_device *d, const int64_t *symbols);
/* Later runs are one command to the device (a graph of launches, with the same addresses). An error that names the node
 * whose kernel waits for the device or runs on the host: then runs stay as they are. Caches and ranks are looked up now. */
sld_status sld_plan_capture(sld_plan *p);
/* Where an input lies on the device, for those who write it there themselves. */
void *sld_plan_input(const sld_plan *p, uint32_t i);

/* Finds the kernel of a node: the first row of the target (then of REF when the target is CPU) whose condition
 * always holds, over the ranges of all symbolic dims, or for the given values of the symbols. NULL and a reason
 * when there is none. */
const sld_kernel_row *sld_bind(sld_graph *g, sld_node n, sld_target target, const int64_t *symbols, char *why,
                               size_t why_len);
/* Whether one row would do; the reason when it would not. */
bool sld_kernel_covers(sld_graph *g, sld_node n, const sld_kernel_row *row, const int64_t *symbols, char *why,
                       size_t why_len);

/* What every node of a graph launches, decided once: asking takes one look into a table. The graph must stay unchanged. */
typedef struct sld_bindings sld_bindings;
sld_bindings *sld_bindings_new(sld_graph *g, sld_target target, const int64_t *symbols);
void sld_bindings_free(sld_bindings *b);
/* NULL: the node launches nothing (a view), or no kernel covers it. */
const sld_kernel_row *sld_binding(const sld_bindings *b, sld_node n);

#ifdef __cplusplus
}
#endif
#endif
