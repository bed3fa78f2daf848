/* Checks everything that a graph promises, from the arrays up: what an importer, a rewrite or
 * a hand-made text got wrong is named here rather than crashing later. */
#include "graph.h"

/* A broken graph is a fault of the runtime or of a rule; the message says where. */
#define BAD(g, ...) sld__fail((g)->ctx, SLD_ERR_GRAPH, __VA_ARGS__)

static const char *node_name(const sld_graph *g, sld_node n)
{
    return g->nodes.at[n].n_out ? sld_value_name(g, g->nodes.at[n].out) : sld_node_op(g, n)->name;
}

static bool alive(const sld_graph *g, sld_value v)
{
    return v < g->values.n && g->values.at[v].kind != SLD_VALUE_FREE;
}

static sld_status verify_results(sld_graph *g, sld_node n)
{
    const sld_node_rec *r = &g->nodes.at[n];
    for (uint32_t i = 0; i < r->n_out; i++) {
        sld_value v = r->out + i;
        if (!v || !alive(g, v) || g->values.at[v].kind != SLD_VALUE_RESULT)
            return BAD(g, "node %u (%s): result %u is no value", n, sld_node_op(g, n)->name, i);
        if (g->values.at[v].node != n || g->values.at[v].index != i)
            return BAD(g, "%s: result %u belongs to another node", node_name(g, n), i);
    }
    return SLD_OK;
}

static sld_status verify_operands(sld_graph *g, sld_node n)
{
    const sld_node_rec *r = &g->nodes.at[n];
    for (uint32_t i = 0; i < r->n_in; i++) {
        sld_value v = sld_operand(g, n, i);
        if (g->uses.at[r->in + i].node != n)
            return BAD(g, "%s: operand %u's use belongs to another node", node_name(g, n), i);
        if (!v)
            continue;
        if (!alive(g, v))
            return BAD(g, "%s: operand %u is no value", node_name(g, n), i);
        sld_node p = g->values.at[v].node;
        if (p && g->nodes.at[p].order >= r->order)
            return BAD(g, "%s: operand '%s' is defined later", node_name(g, n), sld_value_name(g, v));
    }
    return SLD_OK;
}

/* The list of nodes: links both ways, labels ascending, all alive. */
static sld_status verify_order(sld_graph *g)
{
    uint32_t count = 0;
    sld_node prev = 0;
    for (sld_node n = g->first; n; prev = n, n = g->nodes.at[n].next) {
        if (n >= g->nodes.n || !g->nodes.at[n].op || g->nodes.at[n].op >= g->rules->n_ops ||
            g->nodes.at[n].prev != prev || ++count > g->n_nodes)
            return BAD(g, "node list broken at node %u", n);
        if (prev && g->nodes.at[prev].order >= g->nodes.at[n].order)
            return BAD(g, "%s: order label does not ascend", node_name(g, n));
        sld_status s = verify_results(g, n);
        if (s)
            return s;
    }
    return count == g->n_nodes && g->last == prev
               ? SLD_OK
               : BAD(g, "node list ends after %u of %u nodes", count, g->n_nodes);
}

/* Every entry of a value's list is a use of it, and the list is as long as it says. */
static sld_status verify_use_list(sld_graph *g, sld_value v, uint64_t *total)
{
    const sld_value_rec *r = &g->values.at[v];
    uint32_t count = 0;
    sld_use prev = 0;
    for (sld_use u = r->uses; u; prev = u, u = g->uses.at[u].next)
        if (u >= g->uses.n || g->uses.at[u].value != v || g->uses.at[u].prev != prev || ++count > r->n_uses)
            return BAD(g, "%s: use list broken", sld_value_name(g, v));
    *total += count;
    return count == r->n_uses
               ? SLD_OK
               : BAD(g, "%s: %u uses listed, %u counted", sld_value_name(g, v), count, r->n_uses);
}

/* Each list is sound, and together they hold as many uses as there are slots: none is missing. */
static sld_status verify_uses(sld_graph *g)
{
    uint64_t listed = 0, slots = 0;
    for (sld_value v = 1; v < g->values.n; v++) {
        sld_status s = alive(g, v) ? verify_use_list(g, v, &listed) : SLD_OK;
        if (s)
            return s;
    }
    for (sld_node n = g->first; n; n = g->nodes.at[n].next)
        for (uint32_t i = 0; i < g->nodes.at[n].n_in; i++)
            slots += sld_operand(g, n, i) != 0;
    for (uint32_t i = 0; i < g->outputs.n; i++) {
        const sld_use_rec *u = &g->uses.at[g->outputs.at[i].use];
        if (u->node || !u->value || !alive(g, u->value))
            return BAD(g, "output %u is no value", i);
        slots++;
    }
    return listed == slots ? SLD_OK
                           : BAD(g, "%llu uses listed, %llu slots in use", (unsigned long long)listed,
                                 (unsigned long long)slots);
}

static bool same_type(const sld_graph *g, const sld_inferred *t, sld_value v)
{
    const sld_value_rec *r = &g->values.at[v];
    if (t->dtype != r->dtype || t->rank != r->rank)
        return false;
    for (uint32_t i = 0; i < t->rank; i++)
        if (g->dims.at[t->shape + i] != g->dims.at[r->shape + i])
            return false;
    return true;
}

/* Scratch for one node's operands, attributes and fresh types. */
typedef struct scratch {
    SLD_ARRAY(sld_value) in;
    SLD_ARRAY(sld_inferred) types;
    SLD_ARRAY(uint32_t) contents;
} scratch;

static sld_status verify_types(sld_graph *g, sld_node n, scratch *s)
{
    sld_node_rec r = g->nodes.at[n];
    sld_attr attrs[UINT8_MAX];
    if (!SLD_RESERVE(g->ctx, s->in, r.n_in) || !SLD_RESERVE(g->ctx, s->types, r.n_out) ||
        !SLD_RESERVE(g->ctx, s->contents, r.n_out))
        return SLD_ERR_MEMORY;
    for (uint32_t i = 0; i < r.n_in; i++)
        s->in.at[i] = sld_operand(g, n, i);
    for (uint32_t i = 0; i < sld_node_op(g, n)->n_attrs; i++)
        attrs[i] = *sld_node_attr(g, n, i);
    g->where = node_name(g, n);
    uint32_t dims = g->dims.n;
    sld_status status = sld_infer(g, r.op, r.n_in, s->in.at, attrs, r.n_out, s->types.at, s->contents.at);
    for (uint32_t i = 0; !status && i < r.n_out; i++)
        if (!same_type(g, &s->types.at[i], r.out + i))
            status = sld__fail(g->ctx, SLD_ERR_TYPE, "%s: result %u does not have the type that %s gives",
                               g->where, i, sld_node_op(g, n)->name);
    g->dims.n = dims; /* the types were needed for comparison only */
    return status;
}

static sld_status verify_all_types(sld_graph *g)
{
    scratch s = {0};
    sld_status status = SLD_OK;
    const char *where = g->where;
    uint32_t n_contents;
    /* Contents of constants are cached in g->dims; now, before the ends of it are thrown away. */
    for (sld_value v = 1; v < g->values.n; v++)
        if (g->values.at[v].kind == SLD_VALUE_CONST)
            sld_value_contents(g, v, &n_contents);
    for (sld_node n = g->first; n && !status; n = g->nodes.at[n].next)
        status = verify_types(g, n, &s);
    g->where = where;
    sld__free(g->ctx, s.in.at);
    sld__free(g->ctx, s.types.at);
    sld__free(g->ctx, s.contents.at);
    return status;
}

sld_status sld_graph_verify(sld_graph *g)
{
    sld__clear(g->ctx);
    sld_status status = verify_order(g);
    for (sld_node n = g->first; n && !status; n = g->nodes.at[n].next)
        status = verify_operands(g, n);
    if (!status)
        status = verify_uses(g);
    return status ? status : verify_all_types(g);
}
