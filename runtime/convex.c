/* May a match be replaced by nodes at one place?  Only when no path leaves it and comes
 * back.  The usual case is answered by order labels alone: the first reader of the match
 * stands after everything that the match reads.  Otherwise the late operands and what they
 * depend on, back to that reader, are moved in front of it, unless that meets the match. */
#include <stdlib.h>

#include "fuse.h"

enum { MATCHED = 1, LATE = 2 };

typedef struct late { sld_graph *g; uint64_t from; SLD_ARRAY(sld_node) found; bool cycle, failed; } late;

static sld_node first_reader(const sld_graph *g, const sld_node *nodes, uint32_t n)
{
    sld_node first = 0;
    for (uint32_t i = 0; i < n; i++) {
        const sld_node_rec *r = &g->nodes.at[nodes[i]];
        for (uint32_t k = 0; k < r->n_out; k++)
            for (sld_use u = g->values.at[r->out + k].uses; u; u = g->uses.at[u].next) {
                sld_node reader = g->uses.at[u].node;
                if (reader && !g->nodes.at[reader].mark &&
                    (!first || g->nodes.at[reader].order < g->nodes.at[first].order))
                    first = reader;
            }
    }
    return first;
}

static sld_node last_of(const sld_graph *g, const sld_node *nodes, uint32_t n)
{
    sld_node last = nodes[0];
    for (uint32_t i = 1; i < n; i++)
        if (g->nodes.at[nodes[i]].order > g->nodes.at[last].order)
            last = nodes[i];
    return last;
}

/* Notes the producers of a node's operands that stand at or behind `from`. */
static void visit_operands(late *l, sld_node n, bool of_match)
{
    sld_graph *g = l->g;
    for (uint32_t i = 0; i < g->nodes.at[n].n_in; i++) {
        sld_value v = sld_operand(g, n, i);
        sld_node p = v ? g->values.at[v].node : 0;
        if (!p)
            continue;
        if (g->nodes.at[p].mark == MATCHED) {
            l->cycle |= !of_match;
            continue;
        }
        if (g->nodes.at[p].mark || g->nodes.at[p].order < l->from)
            continue;
        if (!SLD_RESERVE(g->ctx, l->found, l->found.n + 1)) {
            l->failed = true;
            return;
        }
        g->nodes.at[p].mark = LATE;
        l->found.at[l->found.n++] = p;
    }
}

/* Label and node side by side, so that qsort needs no context. */
typedef struct placed { uint64_t order; sld_node node; } placed;

static int by_order(const void *a, const void *b)
{
    uint64_t x = ((const placed *)a)->order, y = ((const placed *)b)->order;
    return (x > y) - (x < y);
}

static bool move_late(late *l, sld_node before)
{
    sld_graph *g = l->g;
    placed *p = sld__alloc(g->ctx, (l->found.n + 1) * sizeof *p);
    if (!p)
        return false;
    for (uint32_t i = 0; i < l->found.n; i++)
        p[i] = (placed){g->nodes.at[l->found.at[i]].order, l->found.at[i]};
    qsort(p, l->found.n, sizeof *p, by_order);
    for (uint32_t i = 0; i < l->found.n; i++)
        sld_move_before(g, p[i].node, before);
    sld__free(g->ctx, p);
    return true;
}

static bool make_room_before(sld_graph *g, const sld_node *nodes, uint32_t n, sld_node first)
{
    late l = {.g = g, .from = g->nodes.at[first].order};
    for (uint32_t i = 0; i < n; i++)
        visit_operands(&l, nodes[i], true);
    for (uint32_t i = 0; i < l.found.n && !l.cycle && !l.failed; i++)
        visit_operands(&l, l.found.at[i], false);
    bool ok = !l.cycle && !l.failed && (!l.found.n || move_late(&l, first));
    for (uint32_t i = 0; i < l.found.n; i++)
        g->nodes.at[l.found.at[i]].mark = 0;
    sld__free(g->ctx, l.found.at);
    return ok;
}

bool sld_make_room(sld_graph *g, const sld_node *nodes, uint32_t n, sld_node *before)
{
    for (uint32_t i = 0; i < n; i++)
        g->nodes.at[nodes[i]].mark = MATCHED;
    sld_node first = first_reader(g, nodes, n), last = last_of(g, nodes, n);
    bool ok = true;
    if (!first || g->nodes.at[first].order > g->nodes.at[last].order) {
        *before = g->nodes.at[last].next;
    } else {
        ok = make_room_before(g, nodes, n, first);
        *before = first;
    }
    for (uint32_t i = 0; i < n; i++)
        g->nodes.at[nodes[i]].mark = 0;
    return ok;
}
