/* One rewrite in progress, as generated code drives it: begin, build and yield, commit.
 * Nothing in the graph changes before the commit; what is built stands here until then. */
#ifndef SLD_FUSE_H
#define SLD_FUSE_H

#include "edit.h"

/* 0 takes every match: what checking costs is measured beside that (make bench-match BENCH=sound). */
#ifndef SLD_CHECKED
#define SLD_CHECKED 1
#endif

#define SLD_BUILT_MAX 256 /* nodes built, values yielded */
enum { SLD_NEAR = 64 };   /* so many nodes are near in a pass */

typedef struct sld_built {
    uint16_t op;
    uint16_t n_in, n_out;
    uint16_t bound;       /* this and attrs, id: as in sld_outcome */
    uint32_t in;          /* first operand in sld_fuse_state.in */
    uint32_t attrs, id;
    sld_value out;
    sld_node node;        /* from the commit on */
} sld_built;

typedef struct sld_fuse_state {
    sld_fuse_options options;
    sld_rule_stats *stats;      /* one for each rule */
    bool changed;               /* a rule has fired */
    sld_bucket range;           /* of the symbol that counts tokens, before; both 0: none was narrowed */
    const char **off;           /* by rule: why it does not run, NULL: it does; NULL itself: all do */
    sld_status status;          /* a fault that ends fusing, such as lack of memory */
    int rule;                   /* rule at work */
    bool broken;                /* a build failed */
    bool cycle;                 /* the last commit was refused for a path that comes back */
    const sld_node *matched;
    uint32_t n_matched, n_built, n_yields;
    uint32_t partition;         /* of the match */
    sld_node last;              /* of the match in topological order */
    uint64_t label, step;       /* labels of what is built; step 0: it takes the place of the last one */
    sld_built built[SLD_BUILT_MAX];
    sld_value old[SLD_BUILT_MAX], with[SLD_BUILT_MAX];
    SLD_ARRAY(sld_value) in;    /* operands of what is built */
    SLD_ARRAY(sld_value) results; /* to tell: first results of what matched, before a commit, and of what is built */
    SLD_ARRAY(sld_node) moved;  /* readers that a commit gave a value that was there before */
    sld_loose loose;            /* values that the match read, after a commit; in a pass, those with few readers */
    uint32_t reads;             /* so many readers of a value are few */
    sld_node cursor;            /* where a pass over all nodes is; 0: there is none */
    bool quick;                 /* in this pass nobody asks for readers, partitions or each match */
    bool steps;                 /* the last match took the steps of all rewrites, if only to be refused; otherwise nothing
                                   changed but what is at the cursor and what that replaced */
    uint32_t n_moved;           /* values of which it has to tell readers */
    bool takes_over;            /* in this pass a value that was there before stands for another */
    SLD_ARRAY(uint8_t) mark;    /* by node; 0 but while a place is sought */
    SLD_ARRAY(sld_node) log;    /* where the graph changed, for the other phases */
    SLD_ARRAY(sld_node) refused;/* roots of matches that closed a cycle: may fit after a change anywhere */
} sld_fuse_state;

/* ---- split.c ---- */
/* Whether nodes of a match stand in several partitions, and which. */
bool sld__crosses(const sld_graph *g, const sld_node *nodes, uint32_t n, char *why, size_t size);

/* ---- rewrite.c ---- */
/* The same, and refuses the match. */
bool sld__refuse_split(sld_graph *g, const sld_node *nodes, uint32_t n);
/* Refuses a match of a rule that is off; answers false. */
bool sld__refuse_run(sld_graph *g);

/* nodes: n that would go, then those that stay, `all` together. */
static inline bool sld_rewrite_begin(sld_graph *g, int rule, const sld_node *nodes, uint32_t n, uint32_t all)
{
    sld_fuse_state *s = g->fuse;
    s->rule = rule;
    s->matched = nodes;
    s->n_matched = n;
    s->n_built = s->n_yields = s->in.n = s->moved.n = 0;
    s->broken = s->cycle = false;
    s->steps = true;
    if (SLD_CHECKED && s->off && s->off[rule])
        return sld__refuse_run(g);
    return !SLD_CHECKED || !g->partitions.n || !sld__refuse_split(g, nodes, all);
}

static inline sld_call sld__built_call(const sld_graph *g, const sld_built *b)
{
    return (sld_call){b->op, b->n_in, b->n_out, g->fuse->in.at + b->in, g->attrs.at + b->attrs};
}

/* A handle of the node to come; 0 when it cannot be built. */
uint32_t sld_rewrite_build(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs,
                           uint32_t n_out);

static inline sld_value sld_rewrite_result(const sld_graph *g, uint32_t built, uint32_t i)
{
    return built ? g->fuse->built[built - 1].out + i : 0;
}

static inline void sld_rewrite_yield(sld_graph *g, sld_value old, sld_value with)
{
    sld_fuse_state *s = g->fuse;
    s->broken |= s->n_yields == SLD_BUILT_MAX;
    s->old[s->n_yields & (SLD_BUILT_MAX - 1)] = old;
    s->with[s->n_yields++ & (SLD_BUILT_MAX - 1)] = with;
}

/* Checks that yielded types are unchanged, that a kernel covers every built node and that no path leaves the
 * match and comes back; then replaces and erases. Otherwise the graph stays as it was. */
bool sld_rewrite_commit(sld_graph *g);

/* ---- pass.c ---- */
/* Makes the rewrite at hand, when its checks are done and readers are not known. False when it does not fit. */
bool sld__pass_rewrite(sld_graph *g);
/* One reader learns what stands for v now. */
sld_value sld__pass_follow(sld_graph *g, sld_value v);
/* Node n does so for all it reads. What it reads now may be what it did not read before: then the other phases hear
 * of it. */
void sld__pass_note(sld_graph *g, sld_node n);
static inline void sld__pass_log(sld_graph *g, sld_node n)
{
    if (g->rules->n_phases > 1)
        sld__pass_note(g, n);
}
static inline bool sld__pass_resolve(sld_graph *g, sld_node n)
{
    const sld_node_rec *r = &g->nodes.at[n];
    const sld_value_rec *const values = g->values.at;
    bool anew = false;
    for (sld_value *in = g->operands.at + r->in, *end = in + r->n_in; in < end; in++)
        if (sld__is_moved(&values[*in])) {
            *in = sld__pass_follow(g, *in);
            anew = true;
        }
    if (anew && g->fuse->takes_over)
        sld__pass_log(g, n);
    return anew;
}
/* And so do all nodes from the cursor on, and the outputs. */
void sld__pass_settle(sld_graph *g);
/* From here on readers are known. False when memory is short. */
bool sld__pass_leave(sld_graph *g);

/* ---- order.c ---- */
static inline bool sld_before(const sld_graph *g, sld_node a, sld_node b)
{
    return g->labels ? g->labels[a] < g->labels[b] : a < b;
}
/* Finds the place for what is built: after all that it reads, before all who will read it. False when there is
 * none, or with an error set. May give other nodes earlier labels. */
bool sld__make_room(sld_graph *g);
/* Room for one more node in what mending takes. */
bool sld__order_reserve(sld_graph *g);
/* Numbers nodes anew, so that ids tell their order again; in the log too, 0 for those that are gone. */
void sld__order_mend(sld_graph *g);

#endif
