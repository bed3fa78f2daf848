/* Which kernel runs a node: the first row of its target whose condition always holds. */
#include <string.h>

#include "graph.h"

static bool text(char *why, size_t n, const char *what, const char *name, const char *when)
{
    if (n)
        snprintf(why, n, "%s%s%s%s", what, name, *when ? " wants " : "", when);
    return false;
}

static const sld_kernel_row *bind_target(sld_graph *g, sld_node n, sld_target target, const int64_t *symbols, char *why,
                                         size_t why_len)
{
    const sld_ruleset *r = g->rules;
    uint16_t op = g->nodes.at[n].op;
    for (uint32_t i = r->kernel_index[op]; i < r->kernel_index[op + 1]; i++) {
        const sld_kernel_row *row = &r->kernels[i];
        if (row->target != target)
            continue;
        if (!row->n_when || sld_conditions(g, n, row->when, row->n_when, symbols) == SLD_ALWAYS)
            return row;
        text(why, why_len, "kernel ", row->name, row->when_text);
    }
    return NULL;
}

const sld_kernel_row *sld_bind(sld_graph *g, sld_node n, sld_target target, const int64_t *symbols, char *why, size_t why_len)
{
    if (why_len)
        snprintf(why, why_len, "no kernel of this target computes %s", sld_node_op(g, n)->name);
    const sld_kernel_row *row = bind_target(g, n, target, symbols, why, why_len);
    if (!row && target == SLD_TARGET_CPU)
        row = bind_target(g, n, SLD_TARGET_REF, symbols, why, why_len);
    return row;
}
