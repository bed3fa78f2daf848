/* The contract between generated code, the runtime and the kernels: plain
 * constant tables that solderc writes and everyone else reads.  Needs only
 * <stdint.h>-class headers.  Nothing here allocates and nothing is mutable.
 *
 * ABI rule: sld_ruleset.abi is the first field of the one exported object.  The
 * runtime refuses a ruleset whose number lies outside [SLD_ABI_MIN, SLD_ABI]. */
#ifndef SLD_ABI_H
#define SLD_ABI_H

#include "sld_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLD_ABI 6
#define SLD_ABI_MIN 5

typedef struct sld_attr_info {
    const char *name;
    uint8_t kind;             /* sld_attr_kind */
    bool has_default;
    sld_attr dflt;
    uint8_t n_names;          /* SLD_ATTR_ENUM: the allowed values */
    const char *const *names;
} sld_attr_info;

/* ------------------------------------------------------------ signatures -- */

/* An expression over a signature's variables, in preorder: a term is followed by
 * its `nargs` arguments.  Used for the elements of a shape, for `where`
 * conditions of an op and for `when` conditions of a kernel. */
typedef enum sld_term_kind {
    SLD_T_INT,      /* ival */
    SLD_T_FLOAT,    /* fval */
    SLD_T_DIM,      /* id: dim variable of the signature */
    SLD_T_RANK,     /* id: rank variable (a list of dims) */
    SLD_T_ATTR,     /* id: attribute slot */
    SLD_T_OPERAND,  /* id: operand slot (argument of a call: its shape, or of dtype()) */
    SLD_T_DTYPE,    /* ival: an sld_dtype literal */
    SLD_T_CALL,     /* id: sld_fn; nargs */
    SLD_T_LIST,     /* nargs elements */
    SLD_T_NEG,
    SLD_T_ADD, SLD_T_SUB, SLD_T_MUL, SLD_T_DIV, SLD_T_MOD, /* DIV floors */
    SLD_T_EQ, SLD_T_NE, SLD_T_LT, SLD_T_LE, SLD_T_GT, SLD_T_GE,
    SLD_T_IN,       /* first argument equals one of the rest */
    SLD_T_AND, SLD_T_OR, SLD_T_NOT,
    SLD_T_RUN,      /* id: sld_run_name */
    SLD_T_OPTION    /* id: option; in gates and defaults */
} sld_term_kind;

/* What conditions of kernels and gates read of the run. */
typedef enum sld_run_name { SLD_RUN_TOKENS, SLD_RUN_WORLD, SLD_RUN_UNITS } sld_run_name;

typedef struct sld_term {
    uint8_t kind;   /* sld_term_kind */
    uint8_t nargs;
    uint16_t id;
    union { int64_t ival; double fval; };
} sld_term;

/* Functions that a signature may call.  The name in a .pat file is the lower-case
 * suffix.  LIST functions give the dims of a shape; the others give one number.
 * dsl/LANGUAGE.md defines each.  ORDER: SLD_FN_LIST.  X(id, name, kinds of arguments, what it gives): l list, n number,
 * d dtype, a axes (a list or one number), o operand, x operand of several values that may all be absent; capitals may
 * be left out; + repeats the last. */
#define SLD_FN_LIST(X) \
    X(BROADCAST, broadcast, "x+", 'l')      /* (A, B, ...): NumPy broadcasting */ \
    X(REDUCE, reduce, "laN", 'l')           /* (A, axes, keepdims): empty axes reduce all */ \
    X(PERMUTE, permute, "ll", 'l')          /* (A, perm) */ \
    X(SWAP, swap, "lnn", 'l')               /* (A, axis, axis) */ \
    X(RESHAPE, reshape, "llN", 'l')         /* (A, shape): one -1 is inferred; 0 copies when allowzero is false: (A, shape, allowzero) */ \
    X(EXPAND, expand, "ll", 'l')            /* (A, shape): two-way broadcast; -1 keeps */ \
    X(SQUEEZE, squeeze, "la", 'l')          /* (A, axes): empty axes drop every 1 */ \
    X(UNSQUEEZE, unsqueeze, "ll", 'l')      /* (A, axes): axes of the result */ \
    X(FLATTEN, flatten, "lnn", 'l')         /* (A, first, last) */ \
    X(MATMUL, matmul, "ll", 'l')            /* (A, B): NumPy matmul */ \
    X(CONCAT, concat, "xn", 'l')            /* (xs, axis): xs a variadic operand */ \
    X(STACK, stack, "xn", 'l')              /* (xs, axis) */ \
    X(SLICE, slice, "llllL", 'l')           /* (A, axes, starts, ends, steps) */ \
    X(SPLIT, split, "llnN", 'l')            /* (A, sizes, axis, parts): one shape per result */ \
    X(GATHER, gather, "lln", 'l')           /* (A, I, axis) */ \
    X(GATHER_ND, gather_nd, "lln", 'l')     /* (A, I, batch_dims) */ \
    X(SELECT, select, "ln", 'l')            /* (A, axis): drops the axis */ \
    X(PAD, pad, "ll", 'l')                  /* (A, pads): ONNX order, all begins then all ends */ \
    X(CONV, conv, "lllll", 'l')             /* (X, W, strides, pads, dilations) */ \
    X(INDEX, index, "lx", 'l')              /* (A, indices): torch advanced indexing; absent = full slice */ \
    X(WITH, with, "lnn", 'l')               /* (A, axis, n): A with the axis replaced by n */ \
    X(RANK, rank, "l", 'n')                 /* rank of a shape */ \
    X(SIZE, size, "ln", 'n')                /* (A, axis) one dim */ \
    X(NUMEL, numel, "l", 'n')               /* product of a shape */ \
    X(BYTES, bytes, "o", 'n')               /* bytes of an operand */ \
    X(CEILDIV, ceildiv, "nn", 'n') \
    X(MIN, min, "nn", 'n') \
    X(MAX, max, "nn", 'n') \
    X(CUT, cut, "nnn", 'n')                 /* (n, start, end) elements of n that the half-open range keeps; negative counts from the end */ \
    X(DTYPE, dtype, "o", 'd')               /* dtype of an operand */ \
    X(TRANSPOSE_IF, transpose_if, "ln", 'l')/* (A, flag): last two axes exchanged when flag */ \
    X(TOPK, topk, "lnn", 'l')               /* (A, k, axis): A with the axis replaced by k */

typedef enum sld_fn {
#define X(id, name, args, gives) SLD_FN_##id,
    SLD_FN_LIST(X)
#undef X
    SLD_FN_COUNT
} sld_fn;

typedef enum sld_dtype_from { SLD_DT_FIXED, SLD_DT_VAR, SLD_DT_ATTR } sld_dtype_from;

/* The type of one operand or result. */
typedef struct sld_type {
    uint8_t from;          /* sld_dtype_from: where the dtype comes from */
    uint8_t dtype;         /* an sld_dtype, a dtype variable, or an attribute slot */
    uint8_t n_elems;       /* number of elements of the shape */
    uint16_t n_terms;      /* number of terms that encode them */
    const sld_term *shape; /* elements in order, each in preorder */
} sld_type;

enum { SLD_OPERAND_OPTIONAL = 1, SLD_OPERAND_VARIADIC = 2, SLD_OPERAND_INOUT = 4 };

typedef struct sld_operand_info {
    const char *name;
    uint8_t flags;
    sld_type type;
} sld_operand_info;

typedef struct sld_result_info {
    const char *name;      /* "" when the declaration does not name it */
    sld_type type;         /* SLD_RESULT_VARIADIC: the type of each; shape by SLD_FN_SPLIT */
} sld_result_info;

typedef struct sld_dtype_var { const char *name; uint32_t set; /* of SLD_DTYPE_BIT */ } sld_dtype_var;

/* Contents: how the elements of a small integer result follow from the operands, so
 * that shapes computed inside a graph become symbolic dims on import. */
#define SLD_CONTENTS_LIST(X) \
    X(NONE, none) X(DIMS, dims) /* shape of operand 0; attrs start, end cut it */ \
    X(SIZE, size)               /* one dim of operand 0: attr axis */ \
    X(COPY, copy)               /* same elements in the same order */ \
    X(ADD, add) X(SUB, sub) X(MUL, mul) X(DIV, div) X(MIN, min) X(MAX, max) X(NEG, neg) \
    X(CONCAT, concat) X(GATHER, gather) X(SLICE, slice) X(RANGE, range) X(FULL, full)

typedef enum sld_contents {
#define X(id, name) SLD_CONTENTS_##id,
    SLD_CONTENTS_LIST(X)
#undef X
    SLD_CONTENTS_COUNT
} sld_contents;

enum {
    SLD_OP_COMMUTATIVE = 1, /* operands 0 and 1 may be exchanged */
    SLD_OP_VIEW = 2,        /* result 0 is operand 0's bytes under another shape */
    SLD_OP_EFFECT = 4,      /* must not be removed when its results are unused */
    SLD_OP_VARIADIC = 8     /* any number of results of results[0].type */
};

typedef struct sld_op_info {
    const char *name;
    const char *decl;                  /* the declaration's text, for messages */
    uint16_t flags;
    uint8_t contents;                  /* sld_contents */
    uint8_t n_operands, n_attrs, n_results, n_dtype_vars, n_dim_vars, n_rank_vars;
    uint32_t optional_results;         /* bits: kernels leave these out where nothing reads them */
    const sld_operand_info *operands;
    const sld_attr_info *attrs;
    const sld_result_info *results;
    const sld_dtype_var *dtype_vars;
    const char *const *dim_vars;       /* names, for messages */
    const char *const *rank_vars;
    uint16_t n_where;                  /* number of terms; conditions follow one another */
    const sld_term *where;
} sld_op_info;

/* ------------------------------------------------------------ vocabulary -- */

enum {
    SLD_PARAM_OPTIONAL = 1, /* may be absent */
    SLD_PARAM_VARIADIC = 2, /* takes all further inputs (ONNX) or a list (FX) */
    SLD_PARAM_KEYWORD = 4   /* an attribute (ONNX) or keyword-only argument (FX) */
};

typedef struct sld_vocab_param {
    const char *name;
    uint8_t flags;
    sld_attr dflt;          /* SLD_ATTR_NONE: no default */
} sld_vocab_param;

/* Where an operand or attribute of our op comes from. */
typedef struct sld_vocab_arg {
    int16_t param;          /* >= 0: that parameter; -1: the literal; -2: our op's own default, or absent operand */
    sld_attr lit;
} sld_vocab_arg;

/* A parameter must have this value, or the entry does not apply. */
typedef struct sld_vocab_guard { uint16_t param; sld_attr lit; } sld_vocab_guard;

#define SLD_VOCAB_DROP UINT16_MAX /* op of an entry whose foreign node is left out */

typedef struct sld_vocab_entry {
    const char *foreign;
    uint16_t since;         /* smallest opset version, 0 for any */
    uint16_t op;            /* index into ops, or SLD_VOCAB_DROP */
    uint8_t n_params, n_operands, n_guards;
    const sld_vocab_param *params;
    const sld_vocab_arg *operands; /* n_operands of them */
    const sld_vocab_arg *attrs;    /* one for each attribute of the op */
    const sld_vocab_guard *guards;
} sld_vocab_entry;

/* Entries are sorted by foreign name (strcmp), then by since, descending, then by
 * order of declaration: the first that applies is taken. */
typedef struct sld_vocab { const char *name; uint32_t n_entries; const sld_vocab_entry *entries; } sld_vocab;

/* --------------------------------------------------------------- kernels -- */

/* A tensor in memory: dense, row-major. */
typedef struct sld_tensor {
    uint8_t dtype;          /* sld_dtype; SLD_DTYPE_NONE: absent optional operand, or optional result that nothing reads */
    uint8_t rank;
    const int64_t *dims;
    void *data;             /* NULL when absent or empty */
} sld_tensor;

/* How a paged cache lies in memory; token t is in block t / block_size at offset t % block_size.  x: 16 / bytes of an
 * element.  NHD, HND and PACKED differ in their strides only. */
typedef enum sld_cache_layout {
    SLD_CACHE_NHD,      /* keys, values: [block, offset, head, D] */
    SLD_CACHE_HND,      /* [block, head, offset, D] */
    SLD_CACHE_PACKED,   /* [block, head, offset, keys and then values] */
    SLD_CACHE_SHUFFLE,  /* keys [block, head, D/x, offset, x], values [block, head, offset/x, D, x] */
    SLD_CACHE_LATENT    /* one head: [block, offset, latent and then rotated dims]; no values */
} sld_cache_layout;

/* What attention over latent rows takes besides its cache: weights of the layer, of the dtype of the batch, and which
 * rows belong to which token. */
typedef struct sld_latent {
    uint8_t query_dtype;      /* of queries as attention takes them: that of the batch, or f8 */
    int64_t heads, plain, latent, value; /* plain: dims of a head that do not turn */
    const void *keys;         /* [heads, plain, latent]: plain dims of queries times these are as latent rows are */
    const void *values;       /* [heads, latent, value]: what latent rows hold of values */
    const float *query_scale; /* what f8 queries are divided by; NULL: 1; it stands where the scales of the cache do */
    double softmax_scale;
    const int32_t *blocks;    /* [sequences, width]: blocks of the cache in their order */
    int64_t sequences, width;
    const int32_t *sequence, *length; /* of each token: its sequence, and how many of its rows it attends to */
    int64_t n_tokens;         /* tokens behind these attend to nothing, as do those of length 0: their rows are 0 */
} sld_latent;

/* The cache of a layer, which a graph reaches by the layer's name, and where the tokens of the batch go in it.  Numbers
 * of elements, not bytes. */
typedef struct sld_cache {
    uint8_t layout;           /* sld_cache_layout */
    uint8_t dtype;            /* of the batch, or f8: then scale tells what an element is divided by */
    void *data[2];            /* keys, values */
    int64_t blocks, block_size, heads, head_size;
    int64_t strides[2][3];    /* from block to block, offset to offset, head to head; SHUFFLE: only the first counts */
    const float *scale[2];    /* one element each, of keys and values; NULL: 1 */
    bool scales_on_device;    /* whether these stand where kernels run, or where they are launched */
    const int64_t *slots;     /* block * block_size + offset of each token; below 0: it is not written */
    int64_t n_slots;          /* tokens behind these are not written either */
    const sld_latent *latent; /* LATENT: for ops that prepare queries or attend; NULL: there is none */
    /* What attention reads besides; like the slots, it stands where kernels run. */
    int64_t sequences, table_width;
    const int32_t *tables;    /* [sequences, table_width]: the blocks of each, in order */
    const int32_t *lens;      /* [sequences]: tokens of each in the cache, those of the batch among them */
    const int32_t *starts;    /* [sequences + 1]: the first row of each in the batch; NULL: one row each */
    const float *token_scales[2]; /* [blocks, heads, block_size] of keys and values; NULL: scale holds for all */
    const float *sinks;       /* one for each head of the queries; NULL: none */
    /* What the layer's attention is: a graph that was compiled for another is refused. 0: 1 / sqrt(D), none, none. */
    float softmax_scale, soft_cap;
    int64_t window;
} sld_cache;

/* Finds the cache of a layer, NULL when there is none. */
typedef struct sld_caches {
    const sld_cache *(*find)(void *user, const char *layer);
    void *user;
} sld_caches;

/* Ranks that work on the same graph at the same time, as kernels see them. */
typedef struct sld_comm {
    uint32_t rank, world;
    size_t bytes;           /* of each window */
    void *const *windows;   /* by rank: memory that all ranks read and write */
    /* Waits until every rank is here: what was written before is seen then. Answers NULL, or a constant text that says
     * which are missing. */
    const char *(*meet)(const struct sld_comm *c);
    /* Puts `bytes` from every rank behind one another, in their order; NULL: windows are all there is. */
    const char *(*gather)(const struct sld_comm *c, const void *from, void *to, size_t bytes);
    uint32_t patience;      /* seconds after which a rank that does not come is missed; 0: the kernels' own */
} sld_comm;

/* Threads that share the rows of launches; an engine may bring its own. */
typedef void sld_rows(const void *work, size_t from, size_t to);
typedef struct sld_team {
    uint32_t n;             /* threads, the caller among them */
    /* Calls rows(work, from, to) for parts that make up [0, n), in any order, and returns when all are done. cost: bytes
     * that a row moves, or that would be moved in the time that it takes. */
    void (*share)(const struct sld_team *t, size_t n, size_t cost, sld_rows *rows, const void *work);
} sld_team;

/* One launch.  Attribute integers are concrete. */
typedef struct sld_launch {
    const sld_op_info *op;
    uint32_t n_in, n_out;
    const sld_tensor *in;
    const sld_tensor *out;
    const sld_attr *attrs;  /* one for each attribute of the op, defaults filled in */
    const sld_caches *caches; /* NULL: there are none */
    const sld_comm *comm;   /* NULL: this rank is the only one */
    void *work;             /* what the row of the kernel wants to work in; holds anything */
    size_t work_bytes;      /* 0: nothing */
    void *stream;           /* of a device: kernels that run there are put on it and do not wait (hipStream_t) */
    const sld_team *team;   /* of the host; NULL: the caller alone */
} sld_launch;

/* Returns NULL, or a constant text that says why the launch is impossible. An inout operand and its next version, one
 * of the last results, are the same memory, which holds the version before. */
typedef const char *(*sld_kernel_fn)(const sld_launch *l);

typedef enum sld_target { SLD_TARGET_REF, SLD_TARGET_CPU, SLD_TARGET_HIP, SLD_TARGET_COUNT } sld_target;

typedef struct sld_kernel_row {
    uint16_t op;
    uint8_t target;         /* sld_target */
    bool syncs;             /* it makes the host wait for the device: it is not captured */
    const char *name;       /* symbol */
    sld_kernel_fn fn;       /* NULL: of a device's backend, which finds it by its name */
    const char *when_text;  /* "" when unconditional */
    uint16_t n_when;
    const sld_term *when;   /* over the op's signature and the run: where it is taken, and what it supports */
    uint16_t n_workspace;   /* 0: it works in no memory of its own */
    const sld_term *workspace; /* bytes of it, over the same */
} sld_kernel_row;

/* --------------------------------------------------------------- options -- */

typedef struct sld_option_info {
    const char *name;
    bool is_int;
    bool on;                /* by default, from an optimisation level on */
    uint8_t level;
    const char *dflt_text;  /* "" without a default */
    uint16_t n_dflt;        /* terms over other options; an int option without any is 0 */
    const sld_term *dflt;
    uint8_t n_requires, n_excludes;
    const uint16_t *requires, *excludes;
} sld_option_info;

/* ----------------------------------------------------------------- rules -- */

typedef struct sld_rule_info {
    const char *name, *file;
    uint32_t line;
    uint16_t phase, root_op;
    uint8_t n_variants;     /* after alternatives are expanded */
    uint8_t n_enabled, n_made;
    uint16_t n_gate;        /* number of terms; conditions follow one another */
    const uint16_t *enabled;/* options that must all be on */
    const sld_term *gate;   /* over the run and options */
    const char *gate_text;
    const uint16_t *made;   /* ops of the right side */
} sld_rule_info;

typedef struct sld_phase_info {
    const char *name;
    bool report;                    /* rules are listed in reports */
    uint32_t radius;                /* at least the number of nodes on any path from a root, along operands, to a node
                                     * that its match speaks of: how far a change can let a rule match anew */
    uint32_t reads;                 /* at least how often a match reads a value that must have no other reader */
    bool readers;                   /* a matcher walks the readers of values: SLD_FIRST_READER */
} sld_phase_info;

/* What is tried at nodes of one op: rewrites the first match that a rule has there and answers the rule, or -1. */
struct sld_graph;
typedef struct sld_root {
    int (*rewrite)(struct sld_graph *g, uint32_t node, int rule); /* NULL: no rule is rooted at this op */
    int rule;                       /* to call it with: ops may share a function */
    sld_look look;                  /* where it does not hold, no rule matches */
} sld_root;

typedef struct sld_ruleset {
    uint32_t abi;
    const char *name;
    uint16_t n_ops, n_rules, n_phases, n_vocabs, n_options;
    uint32_t n_kernels;
    const sld_op_info *ops;         /* ops[0] is a placeholder: op ids start at 1 */
    const sld_rule_info *rules;
    const sld_phase_info *phases;   /* in the order they run */
    const sld_vocab *vocabs;
    const sld_option_info *options; /* in order of declaration */
    const sld_kernel_row *kernels;  /* grouped by op, in order of preference per target */
    const uint32_t *kernel_index;   /* n_ops + 1 entries: rows of op i are [index[i], index[i+1]) */
    uint32_t n_conditional;
    const uint16_t *conditional;    /* rules that have options or a gate */
    const sld_root *const *roots;   /* by phase and op, compiled over Solder's graph */
    uint32_t n_patterns;
    const struct sld_pattern *patterns; /* left sides as data, by rule and variant; see sld_pattern.h */
} sld_ruleset;

#ifdef __cplusplus
}
#endif
#endif
