/* One rewrite in progress, as generated code drives it: begin, build and yield, commit. */
#ifndef SLD_FUSE_H
#define SLD_FUSE_H

#include "graph.h"

#define SLD_MATCH_MAX 256 /* nodes of a match, nodes built, values yielded */

typedef struct sld_fuse_state {
    sld_fuse_options options;
    sld_rule_stats *stats;      /* one for each rule */
    sld_status status;          /* a fault that ends fusing, such as lack of memory */
    int rule;                   /* rule at work */
    sld_node before;            /* where new nodes go; 0: at the end */
    sld_node matched[SLD_MATCH_MAX], built[SLD_MATCH_MAX];
    sld_value old[SLD_MATCH_MAX], with[SLD_MATCH_MAX];
    uint32_t n_matched, n_built, n_yields;
    bool broken;                /* a build failed */
    sld_node resume;            /* where the driver continues after a rewrite */
} sld_fuse_state;

/* False when the match closes a cycle: a path leaves it and comes back. Finds the place
 * for new nodes: after all operands of the match, before all other readers of its results. */
bool sld_rewrite_begin(sld_graph *g, int rule, const sld_node *nodes, uint32_t n);
sld_node sld_rewrite_build(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs,
                           uint32_t n_out);
void sld_rewrite_yield(sld_graph *g, sld_value old, sld_value with);
/* Checks that yielded types are unchanged and that a kernel covers every built node; then
 * replaces and erases, or removes what was built. */
bool sld_rewrite_commit(sld_graph *g);

/* ---- convex.c ---- */
/* False when a path leaves the marked nodes (mark != 0) and comes back; otherwise *before is the place
 * for new nodes. May move unmarked nodes, keeping the order topological. */
bool sld_make_room(sld_graph *g, const sld_node *nodes, uint32_t n, sld_node *before);

#endif
