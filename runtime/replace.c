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

uint32_t sld__reads_up_to(const sld_graph *g, sld_value v, sld_node cursor)
{
    uint32_t found = 0;
    if (cursor - g->values.at[v].origin > SLD_NEAR)
        return UINT32_MAX;
    for (sld_node n = g->values.at[v].origin + 1; n <= cursor; n++) {
        const sld_value *in = sld_operands(g, n), *end = in + g->nodes.at[n].n_in; /* none when it was erased */
        while (in < end)
            found += *in++ == v;
    }
    return found;
}

void sld__give_noted(sld_graph *g, const sld_value *gone, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        g->n_unread -= !g->values.at[gone[i]].n_uses;
        sld__give_value(g, gone[i]);
    }
}
