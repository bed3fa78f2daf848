/* Changes to a graph that is there: uses change their value, nodes come, go and move.  Order
 * labels leave gaps; when one is used up, only the crowded neighbourhood is spread out again,
 * as in the list-labelling scheme of Bender et al.: amortised O(log n) an insertion. */
#include "edit.h"

#include "names.h"

/* -------------------------------------------------------------------- uses -- */

void sld__link_use(sld_graph *g, sld_use u, sld_value v)
{
    sld_use_rec *r = &g->uses.at[u];
    r->value = v;
    r->prev = r->next = 0;
    if (!v)
        return;
    sld_value_rec *val = &g->values.at[v];
    r->next = val->uses;
    if (r->next)
        g->uses.at[r->next].prev = u;
    val->uses = u;
    val->n_uses++;
}

static void unlink_use(sld_graph *g, sld_use u)
{
    sld_use_rec *r = &g->uses.at[u];
    if (!r->value)
        return;
    sld_value_rec *val = &g->values.at[r->value];
    if (r->prev)
        g->uses.at[r->prev].next = r->next;
    else
        val->uses = r->next;
    if (r->next)
        g->uses.at[r->next].prev = r->prev;
    val->n_uses--;
    *r = (sld_use_rec){0};
}

static void exchange_names(sld_graph *g, sld_value a, sld_value b)
{
    sld_value_rec *x = &g->values.at[a], *y = &g->values.at[b];
    if (x->kind != SLD_VALUE_RESULT || y->kind != SLD_VALUE_RESULT)
        return;
    uint32_t name = x->name;
    x->name = y->name;
    y->name = name;
    sld__name_set_owner(g, SLD_NAME_VALUE, x->name, a);
    sld__name_set_owner(g, SLD_NAME_VALUE, y->name, b);
}

void sld_replace_value(sld_graph *g, sld_value old, sld_value with)
{
    if (old == with)
        return;
    sld_value_rec *from = &g->values.at[old], *to = &g->values.at[with];
    sld_use last = 0;
    for (sld_use u = from->uses; u; u = g->uses.at[u].next) {
        g->uses.at[u].value = with;
        last = u;
    }
    if (last) {
        g->uses.at[last].next = to->uses;
        if (to->uses)
            g->uses.at[to->uses].prev = last;
        to->uses = from->uses;
        to->n_uses += from->n_uses;
        from->uses = from->n_uses = 0;
    }
    exchange_names(g, old, with);
}

/* ------------------------------------------------------------------- order -- */

#define ORDER_START ((uint64_t)1 << 62) /* label of the first node: room on both sides */
#define ORDER_GAP ((uint64_t)1 << 24)

static void relabel_all(sld_graph *g)
{
    uint64_t label = ORDER_START;
    for (sld_node n = g->first; n; n = g->nodes.at[n].next, label += ORDER_GAP)
        g->nodes.at[n].order = label;
}

/* Spreads the labels around node n: over the smallest aligned range of 2^k labels that holds fewer than
 * 2^(k/2) nodes. A sparser threshold would touch more nodes now, a denser one would be full again soon. */
static void relabel_near(sld_graph *g, sld_node n)
{
    sld_node_rec *at = g->nodes.at;
    sld_node from = n, to = n;
    uint64_t count = 1;
    for (unsigned k = 4; k < 64; k++) {
        uint64_t mask = ((uint64_t)1 << k) - 1, lo = at[n].order & ~mask, hi = lo | mask;
        for (; at[from].prev && at[at[from].prev].order >= lo; count++)
            from = at[from].prev;
        for (; at[to].next && at[at[to].next].order <= hi; count++)
            to = at[to].next;
        if (count * count >= mask)
            continue;
        uint64_t gap = (mask + 1) / count, label = lo + gap / 2;
        for (sld_node i = from;; i = at[i].next, label += gap) {
            at[i].order = label;
            if (i == to)
                return;
        }
    }
    relabel_all(g);
}

/* Labels between which node n stands, the ends included as sentinels. */
static void set_label(sld_graph *g, sld_node n)
{
    sld_node_rec *at = g->nodes.at;
    sld_node prev = at[n].prev, next = at[n].next;
    if (!prev && !next) {
        at[n].order = ORDER_START;
    } else if (!next) {
        if (at[prev].order > UINT64_MAX - ORDER_GAP)
            relabel_all(g);
        at[n].order = at[prev].order + ORDER_GAP;
    } else {
        if (at[next].order - (prev ? at[prev].order : 0) < 2)
            relabel_near(g, next);
        uint64_t lo = prev ? at[prev].order : 0;
        at[n].order = lo + (at[next].order - lo) / 2;
    }
}

void sld__link_node(sld_graph *g, sld_node n, sld_node before)
{
    sld_node_rec *at = g->nodes.at;
    sld_node prev = before ? at[before].prev : g->last;
    /* The new node joins the list only when it is labelled, so that relabelling does not meet it. */
    at[n].prev = prev;
    at[n].next = before;
    set_label(g, n);
    *(prev ? &at[prev].next : &g->first) = n;
    *(before ? &at[before].prev : &g->last) = n;
}

static void unlink_node(sld_graph *g, sld_node n)
{
    sld_node_rec *at = g->nodes.at;
    *(at[n].prev ? &at[at[n].prev].next : &g->first) = at[n].next;
    *(at[n].next ? &at[at[n].next].prev : &g->last) = at[n].prev;
}

void sld_move_before(sld_graph *g, sld_node n, sld_node before)
{
    if (n == before || g->nodes.at[n].next == before)
        return;
    unlink_node(g, n);
    sld__link_node(g, n, before);
}

/* ----------------------------------------------------------------- removal -- */

static void free_value(sld_graph *g, sld_value v)
{
    sld__name_set_owner(g, SLD_NAME_VALUE, g->values.at[v].name, 0);
    g->values.at[v] = (sld_value_rec){.kind = SLD_VALUE_FREE};
}

void sld_erase_node(sld_graph *g, sld_node n)
{
    sld_node_rec *r = &g->nodes.at[n];
    for (uint32_t i = 0; i < r->n_in; i++)
        unlink_use(g, r->in + i);
    for (uint32_t i = 0; i < r->n_out; i++)
        free_value(g, r->out + i);
    unlink_node(g, n);
    *r = (sld_node_rec){0};
    g->n_nodes--;
}

static bool removable(const sld_graph *g, sld_node n)
{
    const sld_node_rec *r = &g->nodes.at[n];
    for (uint32_t i = 0; i < r->n_out; i++)
        if (g->values.at[r->out + i].n_uses)
            return false;
    return !(sld_node_op(g, n)->flags & SLD_OP_EFFECT);
}

sld_status sld_graph_sweep(sld_graph *g)
{
    sld__clear(g->ctx);
    /* Backwards, so that a reader has gone before its producer is looked at. */
    for (sld_node n = g->last, prev; n; n = prev) {
        prev = g->nodes.at[n].prev;
        if (removable(g, n))
            sld_erase_node(g, n);
    }
    for (sld_value v = 1; v < g->values.n; v++) {
        if (g->values.at[v].kind != SLD_VALUE_CONST || g->values.at[v].n_uses)
            continue;
        sld_const *c = &g->consts.at[g->values.at[v].data];
        sld__free(g->ctx, c->data);
        *c = (sld_const){0};
        free_value(g, v);
    }
    return SLD_OK;
}
