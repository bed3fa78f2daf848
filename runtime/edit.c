/* Changes to a graph that is there: values come and go in blocks, uses change their value,
 * nodes are removed.  Blocks of results are reused, so that rewriting does not make a graph grow. */
#include "edit.h"

#include "names.h"

/* ------------------------------------------------------------------ values -- */

sld_value sld__new_values(sld_graph *g, uint32_t n)
{
    sld_value v = n < SLD_BLOCKS ? g->free_values[n] : 0;
    if (v) {
        g->free_values[n] = g->values.at[v].n_uses;
        return v;
    }
    if (!n || !sld__ids_left(g, "values", g->values.n, n) || !SLD_RESERVE(g->ctx, g->values, g->values.n + n) ||
        (g->listed && !SLD_RESERVE(g->ctx, g->readers, g->values.n + n)))
        return 0;
    v = g->values.n;
    g->values.n += n;
    for (uint32_t i = 0; g->listed && i < n; i++)
        g->readers.at[v + i] = 0;
    return v;
}

/* What is kept beside a value. */
static void forget(sld_graph *g, sld_value v)
{
    if (g->listed)
        sld__users_free(g, v);
    if (v < g->value_names.n && g->value_names.at[v]) {
        sld__name_set_owner(g, SLD_NAME_VALUE, g->value_names.at[v], 0);
        g->value_names.at[v] = 0;
    }
    if (v < g->contents.n)
        g->contents.at[v] = 0;
}

void sld__give_values(sld_graph *g, sld_value first, uint32_t n)
{
    sld_value_rec *values = g->values.at + first;
    for (uint32_t i = 0; i < n; i++) {
        forget(g, first + i);
        values[i] = (sld_value_rec){0};
    }
    if (n && n < SLD_BLOCKS) {
        values->n_uses = g->free_values[n];
        g->free_values[n] = first;
    }
}

/* -------------------------------------------------------------------- uses -- */

static uint32_t name_of(const sld_graph *g, sld_value v) { return v < g->value_names.n ? g->value_names.at[v] : 0; }

void sld__exchange_names(sld_graph *g, sld_value a, sld_value b)
{
    uint32_t x = name_of(g, a), y = name_of(g, b);
    if ((!x && !y) || sld_kind(g, a) != SLD_VALUE_RESULT ||
        sld_kind(g, b) != SLD_VALUE_RESULT)
        return;
    g->value_names.at[a] = y;
    g->value_names.at[b] = x;
    sld__name_set_owner(g, SLD_NAME_VALUE, y, a);
    sld__name_set_owner(g, SLD_NAME_VALUE, x, b);
}

/* What user reads as old it reads as with; new says whether it did not read that before. */
static void redirect(sld_graph *g, uint32_t user, sld_value old, sld_value with)
{
    if (user & SLD_USER_OUTPUT) {
        sld_value *v = &g->outputs.at[user & ~SLD_USER_OUTPUT].value;
        *v = *v == old ? with : *v;
        return;
    }
    sld_value *in = g->operands.at + g->nodes.at[user].in;
    for (uint32_t i = 0, n = g->nodes.at[user].op ? g->nodes.at[user].n_in : 0; i < n; i++)
        in[i] = in[i] == old ? with : in[i];
}

void sld__replace_value(sld_graph *g, sld_value old, sld_value with)
{
    sld_value_rec *from = &g->values.at[old], *to = &g->values.at[with];
    uint32_t n;
    const uint32_t *users = sld__users(g, old, &n);
    if (old == with)
        return;
    sld__exchange_names(g, old, with);
    if (!n)
        return;
    bool first = !to->n_uses;
    if (!first || g->readers.at[with] & SLD_USERS_LIST) {
        for (uint32_t i = 0; i < n; i++)
            if (sld__reads(g, users[i], old)) {
                if (!sld__reads(g, users[i], with)) {
                    sld__users_add(g, with, users[i], first);
                    first = false;
                    users = sld__users(g, old, &n); /* the lists may stand elsewhere now */
                }
                redirect(g, users[i], old, with);
            }
    } else {
        for (uint32_t i = 0; i < n; i++)
            redirect(g, users[i], old, with);
        g->readers.at[with] = g->readers.at[old];
        g->readers.at[old] = 0;
    }
    g->n_unread += sld__counts_unread(from) - (!to->n_uses && sld__counts_unread(to));
    to->n_uses += from->n_uses;
    from->n_uses = 0;
}

/* ----------------------------------------------------------------- removal -- */

void sld__erase_node(sld_graph *g, sld_node n, sld_loose *loose)
{
    sld_node_rec *r = &g->nodes.at[n];
    const sld_value *in = g->operands.at + r->in;
    uint32_t n_out = sld_n_results(g, n);
    for (uint32_t i = 0; i < r->n_in; i++) {
        if (!in[i])
            continue;
        sld__unlink(g, in[i]);
        if (loose && loose->n < SLD_LOOSE_MAX && sld_producer(g, in[i]))
            loose->at[loose->n++] = in[i];
    }
    g->n_unread -= n_out;
    if (r->out != SLD_LISTED)
        sld__give_values(g, r->out, n_out);
    for (uint32_t i = 0; r->out == SLD_LISTED && i < n_out; i++)
        sld__give_value(g, sld_result(g, n, i));
    r->op = r->n_in = 0;
    g->n_nodes--;
}

static void note(sld_loose *loose, sld_value v)
{
    if (loose->n < SLD_LOOSE_MAX)
        loose->at[loose->n++] = v;
}

void sld__erase_chain(sld_graph *g, sld_node n, sld_loose *left)
{
    sld_loose loose;
    loose.n = 0;
    sld__erase_node(g, n, &loose);
    while (loose.n) {
        sld_value v = loose.at[--loose.n];
        sld_node p = sld_producer(g, v); /* 0 when the value has gone */
        if (p && sld__removable(g, p))
            sld__erase_node(g, p, &loose);
        else if (p && left)
            note(left, v);
    }
}

static void free_const(sld_graph *g, sld_value v)
{
    sld_const *c = &g->consts.at[g->values.at[v].origin & ~SLD_ORIGIN_CONST];
    sld__free(g->ctx, c->data);
    *c = (sld_const){0};
    g->n_unread--;
    sld__give_value(g, v);
}

sld_status sld_graph_sweep(sld_graph *g)
{
    /* Backwards, so that a reader has gone before its producer is looked at. */
    for (sld_node n = g->n_unread ? g->nodes.n : 0; n-- > 1;)
        if (g->nodes.at[n].op && sld__removable(g, n))
            sld__erase_chain(g, n, NULL);
    for (sld_value v = 1; g->n_unread && v < g->values.n; v++)
        if (sld_kind(g, v) == SLD_VALUE_CONST && !g->values.at[v].n_uses)
            free_const(g, v);
    return SLD_OK;
}
