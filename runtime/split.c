/* Partitions: a graph that is compiled piece by piece is cut at some ops, and no match crosses a cut.  Each node
 * has the number of its piece, known by its results; a node reads only from its own and earlier pieces. */
#include "fuse.h"

uint32_t sld__partition(const sld_graph *g, sld_node n)
{
    sld_value v = sld_n_results(g, n) ? sld_result(g, n, 0) : 0;
    return v < g->partitions.n ? g->partitions.at[v] : 0;
}

bool sld__reserve_partitions(sld_graph *g)
{
    if (!SLD_RESERVE(g->ctx, g->partitions, g->values.n))
        return false;
    while (g->partitions.n < g->values.n)
        g->partitions.at[g->partitions.n++] = 0;
    return true;
}

void sld__set_partition(sld_graph *g, sld_node n, uint32_t partition)
{
    uint32_t n_out = sld_n_results(g, n);
    for (uint32_t i = 0; i < n_out; i++)
        g->partitions.at[sld_result(g, n, i)] = partition;
}

sld_status sld_graph_split(sld_graph *g, uint32_t n_ops, const uint16_t *ops)
{
    uint32_t partition = 0;
    sld__clear(g->ctx);
    if (!sld__reserve_partitions(g))
        return SLD_ERR_MEMORY;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        bool cut = false;
        for (uint32_t i = 0; i < n_ops; i++)
            cut |= g->nodes.at[n].op == ops[i];
        partition += cut;
        sld__set_partition(g, n, partition);
        partition += cut;
    }
    return SLD_OK;
}

/* The match's first node, and one in another piece. */
bool sld__crosses(const sld_graph *g, const sld_node *nodes, uint32_t n, char *why, size_t size)
{
    for (uint32_t i = 1; i < n; i++)
        if (sld__partition(g, nodes[i]) != sld__partition(g, nodes[0])) {
            snprintf(why, size, "it crosses partitions, between %s and %s", sld_node_op(g, nodes[0])->name,
                     sld_node_op(g, nodes[i])->name);
            return true;
        }
    return false;
}
