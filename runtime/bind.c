/* Which kernel runs a node: the first row of its target whose condition holds for all values
 * of the symbols.  The reference kernels back those of the CPU. */
#include "graph.h"

const char *sld__target_name(sld_target t)
{
    static const char *const names[SLD_TARGET_COUNT] = {
        [SLD_TARGET_REF] = "ref", [SLD_TARGET_CPU] = "cpu", [SLD_TARGET_HIP] = "hip"};
    return t < SLD_TARGET_COUNT ? names[t] : "unknown";
}

/* The first row that holds; *near keeps the first one that does not, for the message. */
static const sld_kernel_row *find_row(sld_graph *g, const sld_call *c, sld_target target, const int64_t *symbols,
                                      const sld_kernel_row **near, sld_truth *holds)
{
    const sld_ruleset *r = g->rules;
    for (uint32_t i = r->kernel_index[c->op]; i < r->kernel_index[c->op + 1]; i++) {
        const sld_kernel_row *row = &r->kernels[i];
        if (row->target != target)
            continue;
        sld_truth t = row->n_when ? sld_conditions(g, c, row->when, row->n_when, symbols) : SLD_ALWAYS;
        if (t == SLD_ALWAYS)
            return row;
        if (!*near) {
            *near = row;
            *holds = t;
        }
    }
    return NULL;
}

const sld_kernel_row *sld__bind_call(sld_graph *g, const sld_call *c, sld_target target, const int64_t *symbols,
                                     char *why, size_t why_len)
{
    const sld_kernel_row *near = NULL;
    sld_truth holds = SLD_NEVER;
    const sld_kernel_row *row = find_row(g, c, target, symbols, &near, &holds);
    if (!row && target == SLD_TARGET_CPU)
        row = find_row(g, c, SLD_TARGET_REF, symbols, &near, &holds);
    if (row || !why_len)
        return row;
    const char *op = g->rules->ops[c->op].name;
    if (near)
        snprintf(why, why_len, "%s: kernel %s wants %s, which %s here", op, near->name, near->when_text,
                 holds == SLD_DEPENDS ? "depends on symbolic dims" : "does not hold");
    else
        snprintf(why, why_len, "%s: no kernel for target %s", op, sld__target_name(target));
    return NULL;
}

const sld_kernel_row *sld_bind(sld_graph *g, sld_node n, sld_target target, const int64_t *symbols, char *why,
                              size_t why_len)
{
    const sld_call c = sld__call_of(g, n);
    return sld__bind_call(g, &c, target, symbols, why, why_len);
}
