/* Solder's op graph: flat arrays addressed by dense ids, 0 meaning none.  Internal to
 * the runtime and to the primitives that generated code is compiled over.
 *
 *   node  -> op, operands (consecutive use slots), results (consecutive values), attributes
 *   value -> producer, dtype, shape, list of its uses
 *   use   -> one operand slot of a node; node 0: a graph output
 *
 * Nodes form a doubly linked list in topological order; `order` are gapped labels along
 * it, so that "does a come before b" is one comparison. */
#ifndef SLD_GRAPH_H
#define SLD_GRAPH_H

#include <stdarg.h>
#include "solder.h"

typedef uint32_t sld_use; /* 0: none */

typedef struct sld_node_rec {
    uint16_t op;          /* 0: erased */
    uint16_t n_in, n_out;
    uint16_t mark;        /* scratch of passes, 0 between them */
    uint32_t in;          /* first use slot */
    uint32_t out;         /* first result */
    uint32_t attrs;       /* first attribute; op's n_attrs of them */
    sld_node prev, next;  /* topological order */
    uint64_t order;
} sld_node_rec;

typedef enum sld_value_kind { SLD_VALUE_FREE, SLD_VALUE_INPUT, SLD_VALUE_CONST, SLD_VALUE_RESULT } sld_value_kind;

typedef struct sld_value_rec {
    uint8_t kind, dtype, rank;
    uint8_t pad;
    uint16_t index;       /* which result of its node */
    sld_node node;        /* producer of a result */
    uint32_t shape;       /* first of rank dims in sld_graph.dims */
    sld_use uses;         /* first use */
    uint32_t n_uses;      /* graph outputs counted */
    uint32_t name;        /* id in sld_graph.names */
    uint32_t data;        /* SLD_VALUE_CONST: index in sld_graph.consts */
    uint32_t contents;    /* first known element in sld_graph.dims + 1; 0: unknown. Count = product of shape */
} sld_value_rec;

typedef struct sld_use_rec {
    sld_value value;      /* 0: absent optional operand */
    sld_node node;        /* 0: a graph output */
    sld_use prev, next;   /* among the uses of the value */
} sld_use_rec;

typedef struct sld_const { void *data; size_t nbytes; } sld_const; /* data NULL: without contents */

typedef struct sld_output { sld_use use; uint32_t name; } sld_output;

typedef struct sld_symbols sld_symbols; /* dims.c */
typedef struct sld_names sld_names;     /* names.c */

#define SLD_ARRAY(T) struct { T *at; uint32_t n, cap; }

struct sld_graph {
    sld_ctx *ctx;
    const sld_ruleset *rules;
    SLD_ARRAY(sld_node_rec) nodes;   /* [0] unused */
    SLD_ARRAY(sld_value_rec) values; /* [0] unused */
    SLD_ARRAY(sld_use_rec) uses;     /* [0] unused */
    SLD_ARRAY(sld_attr) attrs;
    SLD_ARRAY(sld_dim) dims;         /* shapes and known contents */
    SLD_ARRAY(sld_const) consts;
    SLD_ARRAY(sld_value) inputs;     /* in order */
    SLD_ARRAY(sld_output) outputs;   /* in order */
    sld_names *names;
    sld_symbols *symbols;
    sld_node first, last;            /* topological order */
    uint32_t n_nodes;                /* alive */
    const char *where;               /* file, node or rule at work: prefix of messages, may be NULL */
    struct sld_fuse_state *fuse;     /* set while sld_fuse runs */
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
/* Grows a SLD_ARRAY to hold n elements. */
bool sld__grow(sld_ctx *ctx, void **at, uint32_t *cap, uint32_t n, size_t size);
#define SLD_RESERVE(ctx, a, count) sld__grow((ctx), (void **)&(a).at, &(a).cap, (count), sizeof *(a).at)
/* Reads a whole file, NUL-terminated (size excludes it); caller sld__free()s. */
char *sld__read_file(sld_ctx *ctx, const char *path, size_t *size);

/* ---- dtype.c ---- */
/* Element i of a dense array as a number. */
double sld__element_float(const void *data, sld_dtype t, size_t i);
/* Stores x, rounded, as element i of an array of a float dtype. */
void sld__set_element_float(void *data, sld_dtype t, size_t i, double x);

/* ---- graph.c ---- */
#define SLD_NODE_REC(g, n) (&(g)->nodes.at[n])
#define SLD_VALUE_REC(g, v) (&(g)->values.at[v])
static inline const sld_op_info *sld_node_op(const sld_graph *g, sld_node n)
{
    return &g->rules->ops[g->nodes.at[n].op];
}
static inline sld_value sld_operand(const sld_graph *g, sld_node n, uint32_t i)
{
    return g->uses.at[g->nodes.at[n].in + i].value;
}
static inline sld_value sld_result(const sld_graph *g, sld_node n, uint32_t i) { return g->nodes.at[n].out + i; }
static inline const sld_attr *sld_node_attr(const sld_graph *g, sld_node n, uint32_t i)
{
    return &g->attrs.at[g->nodes.at[n].attrs + i];
}
static inline const sld_dim *sld_shape(const sld_graph *g, sld_value v) { return g->dims.at + g->values.at[v].shape; }
const char *sld_value_name(const sld_graph *g, sld_value v);
sld_value sld_value_find(const sld_graph *g, const char *name); /* 0 when unknown */
/* Memory that lives as long as the graph; NULL with an error set. */
void *sld__graph_alloc(sld_graph *g, size_t size);
const char *sld__graph_str(sld_graph *g, const char *s);
/* Known elements of a small integer value, or NULL; n gets their count. Constants of an integer or
 * bool dtype with at most SLD_CONTENTS_MAX elements count as known. */
#define SLD_CONTENTS_MAX 64
const sld_dim *sld_value_contents(sld_graph *g, sld_value v, uint32_t *n);
/* One number of a constant with a single element, of any dtype. */
bool sld_value_scalar(const sld_graph *g, sld_value v, double *out);
/* All uses of old become uses of new (graph outputs too). When both are results of nodes they exchange
 * names, so that the text of a graph keeps speaking of the same things; inputs and constants keep theirs. */
void sld_replace_value(sld_graph *g, sld_value old, sld_value with);
/* Removes a node whose results have no uses. */
void sld_erase_node(sld_graph *g, sld_node n);
/* Moves node n to stand directly before (or at the end when before is 0). */
void sld_move_before(sld_graph *g, sld_node n, sld_node before);
/* As sld_graph_add, placed before a node (0: at the end). */
sld_node sld__add_before(sld_graph *g, sld_node before, uint16_t op, uint32_t n_in, const sld_value *in,
                         const sld_attr *attrs, uint32_t n_out, const char *const *names);

/* ---- infer.c ---- */
/* The types that results would have. */
typedef struct sld_inferred { uint8_t dtype, rank; uint32_t shape; /* in g->dims */ } sld_inferred;
/* Checks a prospective node against its signature, canonicalises attrs in place (one for each attribute; lists
 * and strings are moved to graph memory) and infers the result types and, where known, contents.
 * contents: n_out entries, index + 1 into g->dims or 0. */
sld_status sld_infer(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, sld_attr *attrs,
                     uint32_t n_out, sld_inferred *out, uint32_t *contents);
/* Evaluates a list of conditions over an existing node's signature variables, for the given values of the symbols
 * (NULL: for all of their range). */
sld_truth sld_conditions(sld_graph *g, sld_node n, const sld_term *terms, uint32_t n_terms, const int64_t *symbols);
/* True when attribute values are equal in kind and contents. */
bool sld_attr_equal(const sld_attr *a, const sld_attr *b);

/* ---- vocab.c: shared by the importers ---- */
/* First entry for a foreign name with since <= version whose guards may still hold (guards are checked by the
 * importer), starting after `after` (NULL: from the first). */
const sld_vocab *sld_vocab_find(const sld_ruleset *r, const char *name);
const sld_vocab_entry *sld_vocab_next(const sld_vocab *v, const char *foreign, uint32_t version,
                                      const sld_vocab_entry *after);

#endif
