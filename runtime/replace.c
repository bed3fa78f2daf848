/* The rewrite that nearly all are: one node takes the place of a match and reads what the match read.
 * In a pass, with its outcome known, it needs no more than the match itself; whatever is unusual
 * takes the steps of all rewrites. */
#include "fuse.h"
#include "interned.h"

enum { NEAR = 64 };

/* By the steps of all rewrites. */
static bool step_by_step(sld_graph *g, int rule, const sld_node *nodes, uint32_t n, const sld_call *c,
                         const sld_value *old)
{
    if (!sld_rewrite_begin(g, rule, nodes, n, n))
        return false;
    uint32_t built = sld_rewrite_build(g, c->op, c->n_in, c->in, c->attrs, c->n_out);
    for (uint32_t i = 0; i < c->n_out; i++)
        if (old[i])
            sld_rewrite_yield(g, old[i], sld_rewrite_result(g, built, i));
    return sld_rewrite_commit(g);
}

/* The outcome of a call that was asked for before, if types stay and a kernel is known to cover it. */
static const sld_kept *known(const sld_graph *g, const sld_call *c, const sld_value *old)
{
    const sld_interned *t = g->interned;
    const sld_kept *k = t && t->kept.n ? &t->kept.at[t->last[c->op]] : NULL;
    if (!k || !sld__asks(g, k, c) || !(k->bound >> g->fuse->options.target & 1))
        return NULL;
    const uint32_t *types = t->words.at + k->types + c->n_in;
    for (uint32_t i = 0; i < c->n_out; i++)
        if (old[i] && g->values.at[old[i]].type != types[i])
            return NULL;
    return k;
}

typedef struct match { const sld_node *nodes; uint32_t n; } match;

/* How often the match reads v; outside: whether another node between does. */
static uint32_t reads_between(const sld_graph *g, match m, sld_value v, sld_node from, sld_node to, bool *outside)
{
    const sld_node_rec *nodes = g->nodes.at;
    const sld_value *operands = g->operands.at;
    uint32_t reads = 0, inside = 0, all = 0;
    for (uint32_t i = 0; i < m.n; i++)
        for (const sld_value *in = operands + nodes[m.nodes[i]].in, *end = in + nodes[m.nodes[i]].n_in; in < end; in++) {
            reads += *in == v;
            inside += *in == v && m.nodes[i] < to;
        }
    for (sld_node n = from + 1; n < to; n++)
        for (const sld_value *in = operands + nodes[n].in, *end = in + nodes[n].n_in; nodes[n].op && in < end; in++)
            all += *in == v;
    *outside = all != inside;
    return reads;
}

/* What of a match is yielded before its last node must be read behind it only. reads: by result, of the match. */
static bool fits(const sld_graph *g, match m, const sld_call *c, const sld_value *old, uint32_t *reads)
{
    const sld_node at = g->fuse->cursor;
    for (uint32_t i = 0; i < c->n_out; i++) {
        sld_node from = old[i] ? g->values.at[old[i]].origin : at;
        bool outside = false;
        reads[i] = 0;
        if (at - from > NEAR)
            return false;
        for (uint32_t k = 0; from < at && k < c->n_in; k++)
            if (c->in[k] == old[i])
                return false;
        if (from < at)
            reads[i] = reads_between(g, m, old[i], from, at, &outside);
        if (outside || (old[i] && g->values.at[old[i]].n_uses == reads[i]))
            return false;
    }
    return true;
}

/* Removes a matched node; results that moved stay until all readers know. */
static void drop(sld_graph *g, sld_node n)
{
    sld_node_rec *r = &g->nodes.at[n];
    for (uint32_t v = r->out, end = v + sld_n_results(g, n); v < end; v++)
        if (!sld__is_moved(&g->values.at[v])) {
            g->n_unread -= !g->values.at[v].n_uses;
            sld__give_value(g, v);
        }
    r->op = 0;
}

/* Readers of old[i] are to read result i instead; of the match, reads[i] of them go. */
static void move(sld_graph *g, const sld_call *c, const sld_value *old, const uint32_t *reads, sld_value out)
{
    sld_value_rec *const values = g->values.at;
    for (uint32_t i = 0; i < c->n_out; i++) {
        if (!old[i]) {
            g->n_unread++;
            continue;
        }
        sld__exchange_names(g, old[i], out + i);
        values[old[i]].origin = SLD_ORIGIN_MOVED | (out + i);
        values[out + i].n_uses = values[old[i]].n_uses -= reads[i];
        g->fuse->n_moved++;
    }
}

static bool is_quick(const sld_graph *g, match m, const sld_call *c)
{
    return !g->listed && c->n_out && c->n_out < SLD_BLOCKS && m.nodes[m.n - 1] == g->fuse->cursor &&
           !g->fuse->options.told && !g->partitions.n;
}

bool sld_rewrite_replace(sld_graph *g, int rule, const sld_node *nodes, uint32_t n, const sld_call *c,
                         const sld_value *old)
{
    sld_fuse_state *s = g->fuse;
    const sld_node at = s->cursor;
    const match m = {nodes, n};
    uint32_t reads[SLD_BLOCKS];
    const sld_kept *k = is_quick(g, m, c) ? known(g, c, old) : NULL;
    if (!k || !SLD_RESERVE(g->ctx, g->operands, g->operands.n + c->n_in + 2))
        return step_by_step(g, rule, nodes, n, c, old);
    bool same = c->n_out == 1 && old[0] == g->nodes.at[at].out && sld_n_results(g, at) == 1;
    sld_value out = same ? old[0] : 0;
    const sld_outcome o = {.types = k->types + c->n_in, .attrs = k->attrs};
    if (!same && (!fits(g, m, c, old, reads) || !(out = sld__new_results(g, c, &o))))
        return step_by_step(g, rule, nodes, n, c, old);
    if (!same)
        move(g, c, old, reads, out);
    for (uint32_t i = 0; i < n - same; i++)
        drop(g, nodes[i]);
    const sld_call kept = {c->op, c->n_in, c->n_out, c->in, NULL};
    sld__write_node(g, at, &kept, k->attrs, out);
    g->n_nodes -= n - 1;
    s->rule = rule;
    s->built[0].node = at;
    s->n_built = 1;
    s->moved.n = s->loose.n = 0;
    s->stats[rule].fired++;
    return true;
}
