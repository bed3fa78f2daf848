/* Checks everything that a graph promises, from the arrays up: what an importer, a rewrite or
 * a hand-made text got wrong is named here rather than crashing later. */
#include "users.h"

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

/* How often a reader names v. */
static uint32_t reads(const sld_graph *g, uint32_t user, sld_value v)
{
    uint32_t count = 0;
    if (user & SLD_USER_OUTPUT)
        return sld__reads(g, user, v);
    for (uint32_t i = 0; g->nodes.at[user].op && i < g->nodes.at[user].n_in; i++)
        count += sld_operand(g, user, i) == v;
    return count;
}

/* The readers of a value, each counted once: seen[r] is v when reader r has been met. */
static sld_status verify_readers(sld_graph *g, sld_value v, uint32_t *seen, uint64_t *total)
{
    uint32_t n, count = 0;
    const uint32_t *users = sld__users(g, v, &n);
    for (uint32_t i = 0; i < n; i++) {
        bool output = users[i] & SLD_USER_OUTPUT;
        uint32_t at = users[i] & ~SLD_USER_OUTPUT;
        if (at >= (output ? g->outputs.n : g->nodes.n))
            return BAD(g, "%s: list of readers broken", sld_value_name(g, v));
        uint32_t *met = &seen[output ? g->nodes.n + at : at];
        count += *met == v ? 0 : reads(g, users[i], v);
        *met = v;
    }
    *total += count;
    return count == g->values.at[v].n_uses
               ? SLD_OK
               : BAD(g, "%s: %u uses listed, %u counted", sld_value_name(g, v), count, g->values.at[v].n_uses);
}

/* Each list is sound, and together they hold as many uses as there are slots: none is missing. */
static sld_status verify_uses(sld_graph *g)
{
    uint64_t listed = 0, slots = g->outputs.n;
    uint32_t unread = 0;
    uint32_t *seen = sld__alloc(g->ctx, ((size_t)g->nodes.n + g->outputs.n) * sizeof *seen);
    sld_status status = seen ? SLD_OK : SLD_ERR_MEMORY;
    for (sld_value v = 1; v < g->values.n && !status; v++) {
        if (!alive(g, v))
            continue;
        status = verify_readers(g, v, seen, &listed);
        unread += !g->values.at[v].n_uses && sld_kind(g, v) != SLD_VALUE_INPUT;
    }
    sld__free(g->ctx, seen);
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        for (uint32_t i = 0; i < g->nodes.at[n].n_in; i++)
            slots += sld_operand(g, n, i) != 0;
    for (uint32_t i = 0; i < g->outputs.n && !status; i++)
        if (!alive(g, g->outputs.at[i].value))
            status = BAD(g, "output %u is no value", i);
    if (!status && (listed != slots || unread != g->n_unread))
        status = BAD(g, "%llu uses listed, %llu slots in use; %u values unread, %u counted", (unsigned long long)listed,
                     (unsigned long long)slots, unread, g->n_unread);
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
        if (sld__outcome_types(g, &o)[i] != g->values.at[sld_result(g, n, i)].type)
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
