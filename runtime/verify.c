/* Checks everything that a graph promises, from the arrays up: what an importer, a rewrite or
 * a hand-made text got wrong is named here rather than crashing later. */
#include "graph.h"

/* A broken graph is a fault of the runtime or of a rule; the message says where. */
#define BAD(g, ...) sld__fail((g)->ctx, SLD_ERR_GRAPH, __VA_ARGS__)

static const char *node_name(const sld_graph *g, sld_node n)
{
    return sld_n_results(g, n) ? sld_value_name(g, sld_result(g, n, 0)) : sld_node_op(g, n)->name;
}

static bool alive(const sld_graph *g, sld_value v) { return v < g->values.n && g->values.at[v].type; }

static sld_status verify_results(sld_graph *g, sld_node n)
{
    for (uint32_t i = 0; i < sld_n_results(g, n); i++) {
        sld_value v = sld_result(g, n, i);
        if (!v || !alive(g, v) || sld_kind(g, v) != SLD_VALUE_RESULT)
            return BAD(g, "node %u (%s): result %u is no value", n, sld_node_op(g, n)->name, i);
        if (sld_producer(g, v) != n)
            return BAD(g, "%s: result %u belongs to another node", sld_node_op(g, n)->name, i);
    }
    return SLD_OK;
}

static sld_status verify_operands(sld_graph *g, sld_node n)
{
    for (uint32_t i = 0; i < g->nodes.at[n].n_in; i++) {
        sld_value v = sld_operand(g, n, i);
        if (!v)
            continue;
        if (!alive(g, v))
            return BAD(g, "%s: operand %u is no value", node_name(g, n), i);
        if (sld_producer(g, v) >= n)
            return BAD(g, "%s: operand '%s' is defined later", node_name(g, n), sld_value_name(g, v));
        if (g->partitions.n && sld_producer(g, v) && sld__partition(g, sld_producer(g, v)) > sld__partition(g, n))
            return BAD(g, "%s: operand '%s' comes from a later partition", node_name(g, n), sld_value_name(g, v));
    }
    return SLD_OK;
}

static sld_status verify_nodes(sld_graph *g)
{
    uint32_t count = 0;
    sld_status status = SLD_OK;
    for (sld_node n = sld_first_node(g); n && !status; n = sld_next_node(g, n), count++)
        status = g->nodes.at[n].op >= g->rules->n_ops ? BAD(g, "node %u has no op", n) : verify_results(g, n);
    for (sld_node n = sld_first_node(g); n && !status; n = sld_next_node(g, n))
        status = verify_operands(g, n);
    return status || count == g->n_nodes ? status : BAD(g, "%u nodes found, %u counted", count, g->n_nodes);
}

/* Uses are counted anew; found: by value. */
static sld_status count_uses(sld_graph *g, uint32_t *found)
{
    uint32_t unread = 0;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        for (uint32_t i = 0; i < g->nodes.at[n].n_in; i++)
            found[sld_operand(g, n, i)]++;
    for (uint32_t i = 0; i < g->outputs.n; i++)
        if (!alive(g, g->outputs.at[i].value))
            return BAD(g, "output %u is no value", i);
        else
            found[g->outputs.at[i].value]++;
    for (sld_value v = 1; v < g->values.n; v++) {
        if (!alive(g, v))
            continue;
        if (found[v] != g->values.at[v].n_uses)
            return BAD(g, "%s: %u uses found, %u counted", sld_value_name(g, v), found[v], g->values.at[v].n_uses);
        unread += !found[v] && sld_kind(g, v) != SLD_VALUE_INPUT;
    }
    return unread == g->n_unread ? SLD_OK : BAD(g, "%u values unread, %u counted", unread, g->n_unread);
}

static sld_status verify_uses(sld_graph *g)
{
    uint32_t *found = sld__alloc(g->ctx, g->values.n * sizeof *found);
    sld_status status = found ? count_uses(g, found) : SLD_ERR_MEMORY;
    sld__free(g->ctx, found);
    return status;
}

static sld_status verify_types(sld_graph *g, sld_node n)
{
    sld_call c = sld__call_of(g, n);
    sld_outcome o;
    /* A value that nobody named is not to be named for a message that is not needed. */
    bool named = c.n_out && sld_result(g, n, 0) < g->value_names.n && g->value_names.at[sld_result(g, n, 0)];
    g->where = named ? node_name(g, n) : sld_node_op(g, n)->name;
    uint32_t dims = g->dims.n, types = g->types.n;
    sld_status status = sld__outcome(g, &c, &o);
    for (uint32_t i = 0; !status && i < c.n_out; i++)
        if (!sld__types_agree(g, sld__outcome_types(g, &o)[i], g->values.at[sld_result(g, n, i)].type))
            status = sld__fail(g->ctx, SLD_ERR_TYPE, "%s: result %u does not have the type that %s gives",
                               g->where, i, sld_node_op(g, n)->name);
    g->dims.n = types == g->types.n ? dims : g->dims.n; /* contents that were known before */
    return status;
}

static sld_status verify_all_types(sld_graph *g)
{
    sld_status status = SLD_OK;
    const char *where = g->where;
    uint32_t n_contents;
    /* Contents of constants are cached in g->dims; now, before the ends of it are thrown away. */
    for (sld_value v = 1; v < g->values.n; v++)
        if (sld_kind(g, v) == SLD_VALUE_CONST)
            sld_value_contents(g, v, &n_contents);
    for (sld_node n = sld_first_node(g); n && !status; n = sld_next_node(g, n))
        status = verify_types(g, n);
    g->where = where;
    return status;
}

sld_status sld_graph_verify(sld_graph *g)
{
    sld__clear(g->ctx);
    sld_status status = verify_nodes(g);
    if (!status)
        status = verify_uses(g);
    return status ? status : verify_all_types(g);
}
