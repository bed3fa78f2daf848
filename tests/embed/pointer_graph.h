/* A graph as a small engine has it: a list of nodes with pointers to the tensors that they read, an op enum, and no
 * lists of readers. What a rewrite replaces only points to what stands for it now; readers find out when they are
 * looked at. */
#ifndef EMBED_GRAPH_H
#define EMBED_GRAPH_H

#include <stdlib.h>
#include <string.h>

#include "sld_types.h"

typedef struct node node;
typedef struct tensor_type { uint8_t dtype, rank; int64_t dims[4]; } tensor_type;

typedef struct tensor {
    node *producer;          /* NULL: an input or a constant */
    struct tensor *moved;    /* what stands for it */
    const tensor_type *type;
    const double *number;    /* of a constant of one element */
    uint32_t index, uses;
    uint64_t note;           /* of whoever walks the graph; of a node's result also while a match is rewritten */
} tensor;

struct node {
    node *prev, *next;
    uint64_t order;          /* ascends along the list */
    uint16_t op;
    uint8_t n_src, n_out;
    uint8_t mark;            /* while a rewrite is under way */
    const sld_attr *attrs;
    tensor *out, **src;
};

enum { NO_MARK, MATCHED, LATE };
enum { MATCH_MAX = 64, BUILT_MAX = 16, CHUNK = 1 << 20 };

typedef struct chunk { struct chunk *next; char bytes[CHUNK]; } chunk;

typedef struct graph {
    node ends;               /* ends.next is the first node, ends.prev the last */
    uint32_t n_nodes;
    chunk *chunks;
    size_t used;             /* of the first chunk */
    int rule;                /* of the rewrite under way, */
    uint32_t n_matched, n_built, n_yields;
    node *matched[MATCH_MAX], *built[BUILT_MAX];
    tensor *old[BUILT_MAX], *with[BUILT_MAX];
    bool broken;
    bool loosened;           /* a value has fewer readers than before: what reads it may match now, or nobody does */
    uint32_t *fired;         /* by rule, may be NULL */
} graph;

/* ---------------------------------------------------------------- building -- */

static inline void *graph_alloc(graph *g, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (!g->chunks || size > CHUNK - g->used) {
        chunk *c = malloc(sizeof *c);
        if (!c || size > CHUNK)
            abort();
        c->next = g->chunks;
        g->chunks = c;
        g->used = 0;
    }
    g->used += size;
    return memset(g->chunks->bytes + g->used - size, 0, size);
}

static inline void graph_init(graph *g)
{
    *g = (graph){.ends = {.prev = &g->ends, .next = &g->ends}};
}

static inline void graph_free(graph *g)
{
    for (chunk *c; (c = g->chunks); free(c))
        g->chunks = c->next;
}

static inline tensor *graph_tensor(graph *g, const tensor_type *type, const double *number)
{
    tensor *t = graph_alloc(g, sizeof *t);
    *t = (tensor){.type = type, .number = number};
    return t;
}

static inline node *node_new(graph *g, int op, uint32_t n_src, tensor *const *src, const sld_attr *attrs, uint32_t n_out)
{
    node *n = graph_alloc(g, sizeof *n);
    n->src = graph_alloc(g, n_src * sizeof *src);
    n->op = (uint16_t)op;
    n->n_src = (uint8_t)n_src;
    n->n_out = (uint8_t)n_out;
    n->attrs = attrs;
    n->out = graph_alloc(g, n_out * sizeof *n->out);
    const tensor_type *type = NULL; /* this engine's ops have the type of the largest that they read */
    for (uint32_t i = 0; i < n_src; i++) {
        n->src[i] = src[i];
        if (src[i] && (!type || src[i]->type->rank > type->rank))
            type = src[i]->type;
    }
    for (uint32_t i = 0; i < n_out; i++)
        n->out[i] = (tensor){.producer = n, .index = i, .type = type};
    return n;
}

static inline tensor *tensor_now(tensor *t)
{
    while (t->moved)
        t = t->moved;
    return t;
}

/* What a node reads as operand i. */
static inline tensor *node_src(node *n, uint32_t i)
{
    if (n->src[i] && n->src[i]->moved)
        n->src[i] = tensor_now(n->src[i]);
    return n->src[i];
}

static inline void graph_renumber(graph *g)
{
    uint64_t order = 0;
    for (node *n = g->ends.next; n != &g->ends; n = n->next)
        n->order = order += 1 << 16;
}

static inline void node_unlink(node *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
}

static inline void node_link(graph *g, node *n, node *after, uint64_t gap)
{
    n->prev = after;
    n->next = after->next;
    n->prev->next = n->next->prev = n;
    n->order = after->order + gap;
    if (n->next != &g->ends && n->order >= n->next->order)
        graph_renumber(g);
}

/* A node that is read by the graph from now on. */
static inline void node_add(graph *g, node *n, node *after, uint64_t gap)
{
    for (uint32_t i = 0; i < n->n_src; i++)
        if (n->src[i])
            n->src[i]->uses++;
    node_link(g, n, after, gap);
    g->n_nodes++;
}

static inline node *graph_add(graph *g, int op, uint32_t n_src, tensor *const *src, const sld_attr *attrs, uint32_t n_out)
{
    node *n = node_new(g, op, n_src, src, attrs, n_out);
    node_add(g, n, g->ends.prev, 1 << 16);
    return n;
}

static inline bool node_unread(const node *n)
{
    for (uint32_t i = 0; i < n->n_out; i++)
        if (n->out[i].uses)
            return false;
    return true;
}

static inline void node_erase(graph *g, node *n)
{
    for (uint32_t i = 0; i < n->n_src; i++)
        if (n->src[i])
            node_src(n, i)->uses--;
    node_unlink(n);
    n->op = 0;
    g->n_nodes--;
}

/* Readers stand behind what they read. */
static inline void graph_sweep(graph *g)
{
    for (node *n = g->ends.prev, *prev; n != &g->ends; n = prev) {
        prev = n->prev;
        if (node_unread(n))
            node_erase(g, n);
    }
}

/* --------------------------------------------------------------- rewriting -- */

static inline bool rewrite_begin(graph *g, int rule, node *const *nodes, uint32_t n)
{
    if (n > MATCH_MAX)
        return false;
    g->rule = rule;
    g->n_matched = n;
    g->n_built = g->n_yields = 0;
    g->broken = false;
    memcpy(g->matched, nodes, n * sizeof *nodes);
    return true;
}

/* Lists live only during the call that builds. */
static inline const sld_attr *keep_attrs(graph *g, const sld_attr *attrs, uint32_t n)
{
    sld_attr *own = n ? graph_alloc(g, n * sizeof *own) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        own[i] = attrs[i];
        if (attrs[i].kind == SLD_ATTR_INTS)
            own[i].p = memcpy(graph_alloc(g, attrs[i].n * sizeof(sld_dim)), attrs[i].p, attrs[i].n * sizeof(sld_dim));
    }
    return own;
}

static inline node *rewrite_build(graph *g, int op, uint32_t n_in, tensor *const *in, const sld_attr *attrs,
                                  uint32_t n_attrs, uint32_t n_out)
{
    if (g->n_built == BUILT_MAX || n_in > UINT8_MAX || n_out > UINT8_MAX) {
        g->broken = true;
        return NULL;
    }
    return g->built[g->n_built++] = node_new(g, op, n_in, in, keep_attrs(g, attrs, n_attrs), n_out);
}

static inline void rewrite_yield(graph *g, tensor *old, tensor *with)
{
    if (g->n_yields == BUILT_MAX || !with) {
        g->broken = true;
        return;
    }
    g->old[g->n_yields] = old;
    g->with[g->n_yields++] = with;
}

static inline bool is_built(const graph *g, const node *n)
{
    for (uint32_t i = 0; i < g->n_built; i++)
        if (g->built[i] == n)
            return true;
    return false;
}

static inline bool same_type(const tensor_type *a, const tensor_type *b)
{
    return a == b || (a && b && a->dtype == b->dtype && a->rank == b->rank &&
                      !memcmp(a->dims, b->dims, a->rank * sizeof *a->dims));
}

static inline bool types_stay(graph *g)
{
    for (uint32_t i = 0; i < g->n_yields; i++)
        if (is_built(g, g->with[i]->producer))
            g->with[i]->type = g->old[i]->type;
        else if (!same_type(g->with[i]->type, g->old[i]->type))
            return false;
    return true;
}

static inline bool reads_marked(node *n, uint8_t mark)
{
    for (uint32_t i = 0; i < n->n_src; i++) {
        tensor *t = node_src(n, i);
        if (t && t->producer && t->producer->mark == mark)
            return true;
    }
    return false;
}

/* Between the first and the last node of the match: what depends on it must come after it, and nothing of it, nor of
 * what was built, may depend on that: no path leaves the match and comes back. */
static inline bool mark_late(graph *g, node *first, node *last)
{
    bool ok = true;
    for (node *n = first; ok && n != last->next; n = n->next)
        if (n->mark == MATCHED)
            ok = !reads_marked(n, LATE);
        else if (reads_marked(n, MATCHED) || reads_marked(n, LATE))
            n->mark = LATE;
    for (uint32_t i = 0; ok && i < g->n_built; i++)
        ok = !reads_marked(g->built[i], LATE);
    return ok;
}

/* Puts what was built behind the match, and behind that what depends on it. */
static inline void put_built(graph *g, node *first, node *last)
{
    node *at = last, *stop = last->next;
    for (uint32_t i = 0; i < g->n_built; at = g->built[i++])
        node_add(g, g->built[i], at, 1);
    for (node *n = first, *next; n != stop && n != last; n = next) {
        next = n->next;
        if (n->mark == LATE) {
            node_unlink(n);
            node_link(g, n, at, 1);
            at = n;
        }
    }
}

static inline bool place_built(graph *g)
{
    node *first = g->matched[0], *last = first;
    for (uint32_t i = 0; i < g->n_matched; i++) {
        g->matched[i]->mark = MATCHED;
        first = g->matched[i]->order < first->order ? g->matched[i] : first;
        last = g->matched[i]->order > last->order ? g->matched[i] : last;
    }
    node *stop = last->next, *start = first->prev;
    bool ok = mark_late(g, first, last);
    if (ok)
        put_built(g, first, last);
    for (node *n = start->next; n != stop; n = n->next)
        n->mark = NO_MARK;
    return ok;
}

/* Notes how often results of nodes that the match reads are read. */
static inline void note_reads(graph *g)
{
    for (uint32_t i = 0; i < g->n_matched; i++)
        for (uint32_t k = 0; k < g->matched[i]->n_src; k++) {
            tensor *t = node_src(g->matched[i], k);
            if (t && t->producer)
                t->note = t->uses;
        }
}

/* Whether one of those is read less often now; what stands for it has all its readers. */
static inline bool has_loosened(const graph *g)
{
    for (uint32_t i = 0; i < g->n_matched; i++)
        for (uint32_t k = 0; k < g->matched[i]->n_src; k++) {
            const tensor *t = g->matched[i]->src[k];
            if (t && t->producer && t->producer->op && !t->moved && t->uses < t->note)
                return true;
        }
    return false;
}

static inline bool rewrite_commit(graph *g)
{
    note_reads(g);
    if (g->broken || !types_stay(g) || !place_built(g))
        return false;
    for (uint32_t i = 0; i < g->n_yields; i++) {
        g->with[i]->uses += g->old[i]->uses;
        g->old[i]->uses = 0;
        g->old[i]->moved = g->with[i];
    }
    for (uint32_t i = g->n_matched; i-- > 0;)
        if (node_unread(g->matched[i]))
            node_erase(g, g->matched[i]);
    g->loosened |= has_loosened(g);
    if (g->fired)
        g->fired[g->rule]++;
    return true;
}

/* Tries every node once, and what was built and all that depends on it, which stands behind that; whether anything
 * changed. */
static inline bool graph_pass(graph *g, uint32_t phase, int rewrite(graph *g, node *n, uint32_t phase))
{
    bool changed = false;
    for (node *n = g->ends.next, *next; n != &g->ends; n = next) {
        bool done = rewrite(g, n, phase) >= 0;
        next = done && g->n_built ? g->built[0] : n->next;
        changed |= done;
    }
    return changed;
}

/* Each phase until nothing matches any more, which takes another pass only when nodes that were left behind may match
 * now; and again from the first while another phase changes anything. */
static inline void graph_fuse(graph *g, uint32_t n_phases, int rewrite(graph *g, node *n, uint32_t phase))
{
    g->loosened = true;
    for (bool changed = true, again = true; again; again = changed && n_phases > 1) {
        changed = false;
        for (uint32_t phase = 0; phase < n_phases; phase++)
            do {
                if (g->loosened)
                    graph_sweep(g);
                g->loosened = false;
                changed |= graph_pass(g, phase, rewrite);
            } while (g->loosened);
    }
}

#endif
