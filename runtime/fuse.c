/* Runs the rules over a graph: phases in order, each node in topological order, until a
 * whole round changes nothing.  Generated code finds and builds; here a rewrite is checked
 * and takes place, or is undone with the reason kept. */
#include "fuse.h"

#include <string.h>

/* ------------------------------------------------------------ one rewrite -- */

static void refuse(sld_graph *g, uint32_t *counter, const char *reason)
{
    sld_fuse_state *s = g->fuse;
    (*counter)++;
    snprintf(s->stats[s->rule].reason, sizeof s->stats[s->rule].reason, "%s", reason);
}

bool sld_rewrite_begin(sld_graph *g, int rule, const sld_node *nodes, uint32_t n)
{
    sld_fuse_state *s = g->fuse;
    s->rule = rule;
    s->n_built = s->n_yields = 0;
    s->n_matched = n;
    s->broken = false;
    memcpy(s->matched, nodes, n * sizeof *nodes);
    if (sld_make_room(g, nodes, n, &s->before))
        return true;
    if (*sld_error(g->ctx))
        s->status = SLD_ERR_MEMORY;
    else
        refuse(g, &s->stats[rule].refused_cycle, "a path leaves the match and comes back");
    return false;
}

sld_node sld_rewrite_build(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs,
                           uint32_t n_out)
{
    sld_fuse_state *s = g->fuse;
    if (s->broken || s->n_built == SLD_MATCH_MAX) {
        s->broken = true;
        return 0;
    }
    sld_node n = sld__add_before(g, s->before, op, n_in, in, attrs, n_out, NULL);
    if (!n) {
        s->broken = true;
        return 0;
    }
    s->built[s->n_built++] = n;
    return n;
}

void sld_rewrite_yield(sld_graph *g, sld_value old, sld_value with)
{
    sld_fuse_state *s = g->fuse;
    if (s->n_yields == SLD_MATCH_MAX) {
        s->broken = true;
        return;
    }
    s->old[s->n_yields] = old;
    s->with[s->n_yields++] = with;
}

static bool same_type(sld_graph *g, sld_value a, sld_value b)
{
    const sld_value_rec *x = &g->values.at[a], *y = &g->values.at[b];
    if (x->dtype != y->dtype || x->rank != y->rank)
        return false;
    for (uint32_t i = 0; i < x->rank; i++)
        if (g->dims.at[x->shape + i] != g->dims.at[y->shape + i])
            return false;
    return true;
}

static bool acceptable(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    sld_rule_stats *st = &s->stats[s->rule];
    char why[160];
    if (s->broken) {
        refuse(g, &st->refused_type, sld_error(g->ctx));
        sld__clear(g->ctx);
        return false;
    }
    for (uint32_t i = 0; i < s->n_yields; i++)
        if (!same_type(g, s->old[i], s->with[i])) {
            snprintf(why, sizeof why, "%s would change its type", sld_value_name(g, s->old[i]));
            refuse(g, &st->refused_type, why);
            return false;
        }
    for (uint32_t i = 0; i < s->n_built; i++)
        if (!sld_bind(g, s->built[i], s->options.target, NULL, why, sizeof why)) {
            refuse(g, &st->refused_kernel, why);
            return false;
        }
    return true;
}

static bool unused(const sld_graph *g, sld_node n)
{
    const sld_node_rec *r = &g->nodes.at[n];
    for (uint32_t i = 0; i < r->n_out; i++)
        if (g->values.at[r->out + i].n_uses)
            return false;
    return r->op != 0;
}

/* Erases a node that nobody reads and what it alone read, so that use counts are true for
 * the next match. What does not fit the stack is left to the sweep. */
static void erase_chain(sld_graph *g, sld_node n)
{
    sld_node stack[SLD_MATCH_MAX];
    uint32_t depth = 0;
    stack[depth++] = n;
    while (depth) {
        n = stack[--depth];
        if (!unused(g, n))
            continue;
        sld_node producers[SLD_MATCH_MAX];
        uint32_t k = 0, n_in = g->nodes.at[n].n_in;
        for (uint32_t i = 0; i < n_in && k + depth < SLD_MATCH_MAX; i++) {
            sld_value v = sld_operand(g, n, i);
            sld_node p = v ? g->values.at[v].node : 0;
            if (p && !(sld_node_op(g, p)->flags & SLD_OP_EFFECT))
                producers[k++] = p;
        }
        sld_erase_node(g, n);
        for (uint32_t i = 0; i < k; i++)
            stack[depth++] = producers[i];
    }
}

/* A list may hold producers and readers in any order; erasing a reader reaches its producers. */
static void erase_unused(sld_graph *g, const sld_node *nodes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        erase_chain(g, nodes[i]);
}

bool sld_rewrite_commit(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    bool ok = acceptable(g);
    if (ok) {
        for (uint32_t i = 0; i < s->n_yields; i++)
            sld_replace_value(g, s->old[i], s->with[i]);
        erase_unused(g, s->matched, s->n_matched);
        s->stats[s->rule].fired++;
    }
    erase_unused(g, s->built, s->n_built);
    s->resume = 0;
    for (uint32_t i = 0; ok && !s->resume && i < s->n_built; i++)
        if (g->nodes.at[s->built[i]].op)
            s->resume = s->built[i];
    return ok;
}

/* -------------------------------------------------------------- the driver -- */

typedef struct driver { sld_graph *g; uint64_t rewrites, limit; } driver;

static bool stopped(const driver *d)
{
    const sld_fuse_state *s = d->g->fuse;
    return s->status || (s->options.max_rewrites && d->rewrites >= s->options.max_rewrites);
}

/* One walk over all nodes; a rewrite is continued at the first node that it built. */
static uint64_t walk(driver *d, uint32_t phase)
{
    sld_graph *g = d->g;
    const uint8_t *roots = g->rules->roots[phase];
    uint64_t before = d->rewrites;
    for (sld_node n = g->first; n && !stopped(d);) {
        sld_node next = g->nodes.at[n].next;
        if (roots[g->nodes.at[n].op] && g->rules->rewrite(g, n, phase) >= 0) {
            d->rewrites++;
            next = g->fuse->resume ? g->fuse->resume : next;
            if (d->rewrites > d->limit)
                g->fuse->status = sld__fail(g->ctx, SLD_ERR_LIMIT, "rule '%s' does not come to an end",
                                            g->rules->rules[g->fuse->rule].name);
        }
        n = next;
    }
    return d->rewrites - before;
}

static sld_status run_phases(driver *d)
{
    uint64_t fired;
    do {
        fired = 0;
        for (uint32_t p = 0; p < d->g->rules->n_phases && !stopped(d); p++)
            for (uint64_t once; (once = walk(d, p)) && !stopped(d);)
                fired += once;
        if (!d->g->fuse->status)
            d->g->fuse->status = sld_graph_sweep(d->g);
    } while (fired && !stopped(d));
    return d->g->fuse->status;
}

sld_status sld_fuse(sld_graph *g, const sld_fuse_options *options, sld_rule_stats *stats)
{
    sld_ctx *ctx = g->ctx;
    sld__clear(ctx);
    if (!g->rules->rewrite)
        return sld__fail(ctx, SLD_ERR_ABI, "ruleset '%s' was compiled over another engine's graph", g->rules->name);
    sld_fuse_state *s = sld__alloc(ctx, sizeof *s);
    sld_rule_stats *own = stats ? stats : sld__alloc(ctx, (g->rules->n_rules + 1u) * sizeof *own);
    sld_status status = SLD_ERR_MEMORY;
    if (s && own) {
        s->options = options ? *options : (sld_fuse_options){.target = SLD_TARGET_CPU};
        s->stats = own;
        g->fuse = s;
        driver d = {.g = g, .limit = 1000 + 16 * (uint64_t)g->n_nodes};
        status = run_phases(&d);
        g->fuse = NULL;
    }
    if (own != stats)
        sld__free(ctx, own);
    sld__free(ctx, s);
    return status;
}
