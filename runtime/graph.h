/* Solder's op graph: flat arrays addressed by dense ids, 0 meaning none.  Internal to
 * the runtime and to the primitives that generated code is compiled over.
 *
 *   node  -> op, operands (values, one after another), results (values, nearly always one after another)
 *   value -> type, producer, number of uses
 *   type  -> dtype and shape; equal types are one entry, and so are equal lists of attributes
 *
 * Ids of nodes ascend in topological order.  Only while rules are at work may a node stand
 * where its id does not: then labels tell the order, until sld__order_mend numbers anew. */
#ifndef SLD_GRAPH_H
#define SLD_GRAPH_H

#include <stdarg.h>
#include "solder.h"

/* Next to a node's operands stands what only some nodes have: in front the first of its attributes, if its op has
 * any, and before that the number of its results, if that is not the op's; behind them its results, if they are
 * values that other nodes computed before a rewrite and so do not follow one another. */
typedef struct sld_node_rec {
    uint16_t op;          /* 0: erased; then it has no operands */
    uint16_t n_in;
    uint32_t in;          /* first operand in sld_graph.operands */
    uint32_t out;         /* first result, or SLD_LISTED: they are listed behind the operands */
} sld_node_rec;

/* What all nodes of an op have in common. */
typedef struct sld_op_size {
    uint8_t n_results;    /* UINT8_MAX: each node has its own number */
    uint8_t n_front;      /* words in front of the operands */
} sld_op_size;

typedef struct sld_value_rec {
    uint32_t type;        /* in sld_graph.types; 0: no value */
    uint32_t origin;      /* the node whose result it is, SLD_ORIGIN_INPUT, or SLD_ORIGIN_CONST | its contents */
    uint32_t n_uses;      /* operand slots and graph outputs that read it; without a type: the next free block */
} sld_value_rec;

#define SLD_LISTED UINT32_MAX

#define SLD_ORIGIN_MOVED 0x40000000u /* | another value, which stands for this one: only in a pass, see pass.c */
#define SLD_ORIGIN_INPUT 0x80000000u
#define SLD_ORIGIN_CONST 0xc0000000u
#define SLD_IDS_MAX 0x3fffffffu /* of nodes, values, constants and outputs: two bits beside an id tell what it is */

static inline bool sld__is_moved(const sld_value_rec *r) { return r->origin >> 30 == SLD_ORIGIN_MOVED >> 30; }

typedef enum sld_value_kind { SLD_VALUE_FREE, SLD_VALUE_INPUT, SLD_VALUE_CONST, SLD_VALUE_RESULT } sld_value_kind;

typedef struct sld_type_rec {
    uint8_t dtype, rank;
    uint32_t shape;       /* first of rank dims in sld_graph.dims */
} sld_type_rec;

typedef struct sld_const { void *data; size_t nbytes; } sld_const; /* data NULL: without contents */

typedef struct sld_output { sld_value value; uint32_t name; } sld_output;

typedef struct sld_symbols sld_symbols;   /* dims.c */
typedef struct sld_names sld_names;       /* names.c */
typedef struct sld_interned sld_interned; /* types.c */

#define SLD_ARRAY(T) struct { T *at; uint32_t n, cap; }
#define SLD_BLOCKS 9                      /* sizes of result blocks that are kept for reuse: 1 to 8 */

struct sld_graph {
    sld_ctx *ctx;
    const sld_ruleset *rules;
    sld_op_size *sizes;              /* by op */
    SLD_ARRAY(sld_node_rec) nodes;   /* [0] unused */
    SLD_ARRAY(sld_value_rec) values; /* [0]: none */
    SLD_ARRAY(sld_value) operands;
    SLD_ARRAY(uint32_t) readers;     /* by value, while `listed`: who reads it; see users.h */
    SLD_ARRAY(uint32_t) users;       /* lists of readers */
    SLD_ARRAY(sld_type_rec) types;   /* [0] unused */
    SLD_ARRAY(sld_attr) attrs;
    SLD_ARRAY(sld_dim) dims;         /* shapes and known contents */
    SLD_ARRAY(sld_const) consts;
    SLD_ARRAY(sld_value) inputs;     /* in order */
    SLD_ARRAY(sld_output) outputs;   /* in order */
    SLD_ARRAY(uint32_t) value_names; /* by value; 0 or beyond the end: not named yet */
    SLD_ARRAY(uint32_t) contents;    /* by value: first known element in dims + 1; 0 or beyond the end: unknown */
    SLD_ARRAY(uint32_t) partitions;  /* by value: of the node whose result it is; 0 or beyond the end: the first */
    sld_interned *interned;
    sld_names *names;
    sld_symbols *symbols;
    uint64_t *labels;                /* by node: topological order while ids do not tell it; NULL: they do */
    void *mend;                      /* memory for numbering nodes anew, while there are labels */
    uint32_t labels_cap;
    uint32_t n_nodes;                /* alive */
    uint32_t n_unread;               /* results and constants without a use */
    bool listed;                     /* readers are known */
    uint32_t free_values[SLD_BLOCKS];/* first values of free blocks, linked through n_uses */
    uint32_t free_users[32];         /* free lists of readers by size, linked through their first word */
    const char *where;               /* file, node or rule at work: prefix of messages, may be NULL */
    struct sld_fuse_state *fuse;     /* set while sld_fuse runs */
    sld_bucket bucket;               /* of tokens; both 0: any number */
    sld_dim tokens;                  /* the symbol that counts them, or 0 */
    int64_t world, units;            /* ranks that work together, compute units of the device; 0: not known */
    /* Lists in attributes and other small data live until the graph is freed. */
    struct sld_chunk *chunks;
};

/* ---- context.c ---- */
void *sld__alloc(sld_ctx *ctx, size_t size);              /* zeroed; NULL with an error set */
void *sld__resize(sld_ctx *ctx, void *p, size_t size);    /* not zeroed */
void sld__free(sld_ctx *ctx, void *p);
/* Sets the error text (only the first one counts until sld__clear) and answers status. */
sld_status sld__fail(sld_ctx *ctx, sld_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void sld__clear(sld_ctx *ctx);
/* Whether memory was short since then. A question that was answered nevertheless may have been answered wrongly, so
 * that entry points end with an error. */
bool sld__starved(const sld_ctx *ctx);
/* Clears an error that is an answer: what cannot be evaluated does not hold. False: memory was short, that stays. */
bool sld__forgive(sld_ctx *ctx);
/* Grows a SLD_ARRAY to hold n elements. */
bool sld__grow(sld_ctx *ctx, void **at, uint32_t *cap, uint32_t n, size_t size);
#define SLD_RESERVE(ctx, a, count) \
    ((count) <= (a).cap || sld__grow((ctx), (void **)&(a).at, &(a).cap, (count), sizeof *(a).at))
/* Reads a whole file, NUL-terminated (size excludes it); caller sld__free()s. */
char *sld__read_file(sld_ctx *ctx, const char *path, size_t *size);

/* ---- dtype.c ---- */
/* Element i of a dense array as a number. */
double sld__element_float(const void *data, sld_dtype t, size_t i);
/* Stores x, rounded, as element i of an array of a float dtype. */
void sld__set_element_float(void *data, sld_dtype t, size_t i, double x);

/* ---- graph.c ---- */
static inline const sld_op_info *sld_node_op(const sld_graph *g, sld_node n)
{
    return &g->rules->ops[g->nodes.at[n].op];
}
static inline const sld_value *sld_operands(const sld_graph *g, sld_node n)
{
    return g->operands.at + g->nodes.at[n].in;
}
static inline sld_value sld_operand(const sld_graph *g, sld_node n, uint32_t i) { return sld_operands(g, n)[i]; }
static inline sld_value sld_result(const sld_graph *g, sld_node n, uint32_t i)
{
    const sld_node_rec *r = &g->nodes.at[n];
    return r->out != SLD_LISTED ? r->out + i : sld_operands(g, n)[r->n_in + i];
}
static inline uint32_t sld_n_results(const sld_graph *g, sld_node n)
{
    uint8_t n_results = g->sizes[g->nodes.at[n].op].n_results;
    return n_results < UINT8_MAX ? n_results : sld_operands(g, n)[sld_node_op(g, n)->n_attrs ? -2 : -1];
}
/* The how manieth result of its producer v is. */
static inline uint32_t sld_result_index(const sld_graph *g, sld_value v)
{
    const sld_node_rec *r = &g->nodes.at[g->values.at[v].origin];
    uint32_t i = 0;
    if (r->out != SLD_LISTED)
        return v - r->out;
    while ((g->operands.at + r->in)[r->n_in + i] != v)
        i++;
    return i;
}
/* Attributes of a node, one for each of its op. */
static inline const sld_attr *sld_node_attrs(const sld_graph *g, sld_node n)
{
    return g->attrs.at + (sld_node_op(g, n)->n_attrs ? sld_operands(g, n)[-1] : 0);
}
/* The first node in topological order, and the one after n; 0 at the end. */
static inline sld_node sld_next_node(const sld_graph *g, sld_node n)
{
    while (++n < g->nodes.n)
        if (g->nodes.at[n].op)
            return n;
    return 0;
}
static inline sld_node sld_first_node(const sld_graph *g) { return sld_next_node(g, 0); }
static inline sld_value_kind sld_kind(const sld_graph *g, sld_value v)
{
    const sld_value_rec *r = &g->values.at[v];
    return !r->type                           ? SLD_VALUE_FREE
           : r->origin < SLD_ORIGIN_INPUT     ? SLD_VALUE_RESULT
           : r->origin >= SLD_ORIGIN_CONST    ? SLD_VALUE_CONST : SLD_VALUE_INPUT;
}
/* The node whose result v is; 0 for inputs and constants. */
static inline sld_node sld_producer(const sld_graph *g, sld_value v)
{
    uint32_t origin = g->values.at[v].origin;
    return origin < SLD_ORIGIN_INPUT ? origin : 0;
}
/* False where no rule that r tries can match at n. */
static inline bool sld__may_match(const sld_graph *g, sld_node n, const sld_root *r)
{
    const sld_node_rec *rec = &g->nodes.at[n];
    const uint16_t operand = r->look.operand;
    if (!operand || !r->rewrite)
        return r->rewrite;
    return sld_look_holds(&r->look, g->nodes.at[operand <= rec->n_in ? sld_producer(g, g->operands.at[rec->in + operand - 1u]) : 0].op);
}
static inline const sld_type_rec *sld_type_of(const sld_graph *g, sld_value v)
{
    return &g->types.at[g->values.at[v].type];
}
static inline sld_dtype sld_dtype_of(const sld_graph *g, sld_value v) { return (sld_dtype)sld_type_of(g, v)->dtype; }
static inline uint32_t sld_rank(const sld_graph *g, sld_value v) { return sld_type_of(g, v)->rank; }
static inline const sld_dim *sld_shape(const sld_graph *g, sld_value v) { return g->dims.at + sld_type_of(g, v)->shape; }
static inline const sld_const *sld_const_of(const sld_graph *g, sld_value v)
{
    return &g->consts.at[g->values.at[v].origin & ~SLD_ORIGIN_CONST];
}
/* Whether a kernel may leave result i out. */
static inline bool sld__left_out(const sld_graph *g, sld_node n, uint32_t i)
{
    return i < 32 && sld_node_op(g, n)->optional_results >> i & 1 && !g->values.at[sld_result(g, n, i)].n_uses;
}

/* Whether a node only shows its first operand under another shape. */
static inline bool sld__is_view(const sld_graph *g, sld_node n)
{
    return sld_node_op(g, n)->flags & SLD_OP_VIEW && g->nodes.at[n].n_in && sld_n_results(g, n) == 1 &&
           sld_operand(g, n, 0);
}
/* Memory that lives as long as the graph; NULL with an error set. */
void *sld__graph_alloc(sld_graph *g, size_t size);
const char *sld__graph_str(sld_graph *g, const char *s);
/* Whether n more can follow where there are `have`, of what has ids; says so when not. */
bool sld__ids_left(sld_graph *g, const char *what, uint32_t have, uint32_t n);
/* Room for more operands at the end. */
bool sld__grow_operands(sld_graph *g, uint32_t more);
static inline bool sld__reserve_operands(sld_graph *g, uint32_t more)
{
    return more <= g->operands.cap - g->operands.n || sld__grow_operands(g, more);
}
/* As sld_graph_add, keeping an error that is set. */
sld_node sld__add(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs,
                  uint32_t n_out, const char *const *names);

/* ---- value.c ---- */
/* Values that nobody named get a name when it is asked for. */
const char *sld_value_name(const sld_graph *g, sld_value v);
sld_value sld_value_find(const sld_graph *g, const char *name); /* 0 when unknown */
/* Gives a value a name, or a numbered form of it. False when memory is short. */
bool sld__name_value(sld_graph *g, sld_value v, const char *name);
/* Room for the name of v. */
bool sld__names_reach(sld_graph *g, sld_value v);
/* Known elements of a small integer value, or NULL; n gets their count. Constants of an integer or
 * bool dtype with at most SLD_CONTENTS_MAX elements count as known. */
#define SLD_CONTENTS_MAX 64
const sld_dim *sld_value_contents(sld_graph *g, sld_value v, uint32_t *n);
/* Says where in dims the elements are known from; index + 1. */
bool sld__set_contents(sld_graph *g, sld_value v, uint32_t contents);
/* One number of a constant with a single element, of any dtype. */
bool sld_value_scalar(const sld_graph *g, sld_value v, double *out);

/* ---- types.c ---- */
/* The id of a type, 0 when memory is short. */
uint32_t sld__type(sld_graph *g, sld_dtype dtype, uint32_t rank, const sld_dim *dims);
/* Whether two types are the same for all values of the symbols. Ranges that a bucket has narrowed may let a dim be written
 * in another way than before: T, or 1 when T is. */
bool sld__types_agree(sld_graph *g, uint32_t a, uint32_t b);
/* A node as it would be: what it reads, and what follows from that. */
typedef struct sld_call {
    uint16_t op;
    uint32_t n_in, n_out;
    const sld_value *in;
    const sld_attr *attrs;  /* one for each attribute */
} sld_call;
typedef struct sld_outcome {
    uint32_t attrs;         /* in canonical form, first of them in sld_graph.attrs */
    uint32_t types;         /* of the results, in sld__outcome_types: valid until the next call */
    uint32_t contents;      /* of result 0; 0: unknown */
    uint32_t id;            /* of all calls with these types and attributes; 0: not kept */
    uint16_t bound;         /* bit t: a kernel of target t is known to cover it */
} sld_outcome;
/* Checks a call against its signature and infers what it gives; the same question is answered from memory. */
sld_status sld__outcome(sld_graph *g, const sld_call *c, sld_outcome *o);
const uint32_t *sld__outcome_types(const sld_graph *g, const sld_outcome *o);
/* Whether a kernel of the target covers the call; the reason when none does. */
bool sld__outcome_bound(sld_graph *g, const sld_call *c, const sld_outcome *o, sld_target target, char *why, size_t n);
/* What followed from calls before may not follow any more: ranges or the run have changed. */
void sld__forget_calls(sld_graph *g);
void sld__interned_free(sld_graph *g);
/* A node that is there. */
static inline sld_call sld__call_of(const sld_graph *g, sld_node n)
{
    return (sld_call){g->nodes.at[n].op, g->nodes.at[n].n_in, sld_n_results(g, n), sld_operands(g, n),
                      sld_node_attrs(g, n)};
}

/* ---- split.c ---- */
uint32_t sld__partition(const sld_graph *g, sld_node n);
/* Room for all values that are there. */
bool sld__reserve_partitions(sld_graph *g);
void sld__set_partition(sld_graph *g, sld_node n, uint32_t partition);

/* ---- bind.c ---- */
const char *sld__target_name(sld_target t);
/* "k wants H <= 4096, which does not hold with H = 7168" */
void sld__say_uncovered(sld_graph *g, const sld_call *c, const sld_kernel_row *row, const int64_t *symbols, char *why, size_t n);
/* 1 if a kernel covers a call for all tokens of the bucket, 0 if none does for any, -1 otherwise; `which`: 1 and more tell
 * which row it is, and -1 that it is not the same for all. */
int sld__row_of(sld_graph *g, const sld_call *c, sld_target target, bool which);
/* As sld_bind, of a node that need not be there. */
const sld_kernel_row *sld__bind_call(sld_graph *g, const sld_call *c, sld_target target, const int64_t *symbols,
                                     char *why, size_t why_len);

/* ---- infer.c ---- */
/* Checks a prospective node against its signature, canonicalises attrs in place (one for each attribute; lists
 * and strings are moved to graph memory) and infers the types of its results and, where known, the contents of
 * result 0: index + 1 into g->dims or 0. */
sld_status sld_infer(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, sld_attr *attrs,
                     uint32_t n_out, uint32_t *types, uint32_t *contents);
/* Evaluates a list of conditions over the signature variables of a call, for the given values of the symbols
 * (NULL: for all of their range). */
sld_truth sld_conditions(sld_graph *g, const sld_call *c, const sld_term *terms, uint32_t n_terms,
                         const int64_t *symbols);
/* Evaluates an expression over the same; false when it has no value, or one that symbols decide. */
bool sld_number(sld_graph *g, const sld_call *c, const sld_term *terms, int64_t *out);
/* Of such conditions, and of the parts that `and` joins, those that do not always hold: how many, and the first of them,
 * as text: "H <= 4096, which does not hold with H = 7168". */
typedef struct sld_failing { uint32_t n; const sld_term *first; sld_truth holds; } sld_failing;
sld_failing sld__failing(sld_graph *g, const sld_call *c, const sld_term *terms, uint32_t n_terms, const int64_t *symbols,
                         char *buf, size_t size);
/* True when attribute values are equal in kind and contents. */
bool sld_attr_equal(const sld_attr *a, const sld_attr *b);

/* ---- vocab.c: shared by the importers ---- */
/* First entry for a foreign name with since <= version whose guards may still hold (guards are checked by the
 * importer), starting after `after` (NULL: from the first). */
const sld_vocab *sld_vocab_find(const sld_ruleset *r, const char *name);
const sld_vocab_entry *sld_vocab_next(const sld_vocab *v, const char *foreign, uint32_t version,
                                      const sld_vocab_entry *after);

#endif
