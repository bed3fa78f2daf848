/* What the quick rewrite of replace.h takes that is the same for all rules. */
#include "replace.h"

bool sld_rewrite_by_steps(sld_graph *g, int rule, const sld_node *nodes, uint32_t n, uint16_t op, uint32_t n_in,
                          const sld_value *in, const sld_attr *attrs, uint32_t n_out, const sld_value *old)
{
    if (!sld_rewrite_begin(g, rule, nodes, n, n))
        return false;
    uint32_t built = sld_rewrite_build(g, op, n_in, in, attrs, n_out);
    for (uint32_t i = 0; i < n_out; i++)
        if (old[i])
            sld_rewrite_yield(g, old[i], sld_rewrite_result(g, built, i));
    return sld_rewrite_commit(g);
}

/* How often node n reads v; one that was erased reads nothing. */
static inline uint32_t reads_of(const sld_graph *g, sld_node n, sld_value v)
{
    const sld_value *in = sld_operands(g, n), *end = in + g->nodes.at[n].n_in;
    uint32_t found = 0;
    while (in < end)
        found += *in++ == v;
    return found;
}

static bool is_one_of(const sld_node *nodes, uint32_t n, sld_node m)
{
    for (uint32_t i = 0; i < n; i++)
        if (nodes[i] == m)
            return true;
    return false;
}

uint32_t sld__inner_reads(const sld_graph *g, const sld_node *nodes, uint32_t n, sld_value v)
{
    const sld_node at = nodes[n - 1], from = g->values.at[v].origin;
    if (at - from >= SLD_NEAR)
        return SLD_NEAR;
    uint32_t found = reads_of(g, at, v);
    for (sld_node m = from + 1; m < at; m++) {
        uint32_t reads = reads_of(g, m, v);
        if (SLD_CHECKED && reads && !is_one_of(nodes, n, m))
            return SLD_NEAR;
        found += reads;
    }
    return found;
}

/* Of values nothing is kept but their records: they go into the list of free ones. */
static void drop_plain(sld_graph *g, const sld_node *nodes, uint32_t n)
{
    sld_value_rec *const values = g->values.at;
    uint32_t unread = 0, free = g->free_values[1];
    for (uint32_t i = 0; i < n; i++) {
        sld_node_rec *r = &g->nodes.at[nodes[i]];
        uint32_t n_out = sld_n_results(g, nodes[i]);
        for (uint32_t k = 0; k < n_out; k++) {
            const sld_value v = r->out != SLD_LISTED ? r->out + k : sld_result(g, nodes[i], k);
            if (!values[v].origin)
                continue;
            unread += !values[v].n_uses;
            values[v] = (sld_value_rec){.n_uses = free};
            free = v;
        }
        r->op = r->n_in = 0;
    }
    g->n_unread -= unread;
    g->free_values[1] = free;
}

static void drop_noted(sld_graph *g, const sld_node *nodes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0, n_out = sld_n_results(g, nodes[i]); k < n_out; k++) {
            const sld_value v = sld_result(g, nodes[i], k);
            if (!g->values.at[v].origin)
                continue;
            g->n_unread -= !g->values.at[v].n_uses;
            sld__give_value(g, v);
        }
        g->nodes.at[nodes[i]].op = g->nodes.at[nodes[i]].n_in = 0;
    }
}

void sld__drop_matched(sld_graph *g, const sld_node *nodes, uint32_t n)
{
    g->n_nodes -= n - 1;
    if (g->contents.n | g->value_names.n)
        drop_noted(g, nodes, n);
    else
        drop_plain(g, nodes, n);
}
