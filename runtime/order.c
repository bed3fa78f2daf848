/* Where may nodes stand that replace a match?  In nearly all rewrites one new node takes the place
 * of the match's last one.  Otherwise labels tell the order, until all nodes are numbered anew; and
 * when a reader of the match stands before something that the match reads, the late ones and what
 * they depend on are moved in front of it, unless that meets the match: then a path leaves it and
 * comes back. */
#include "fuse.h"

#include <stdlib.h>
#include <string.h>

#define GAP ((uint64_t)1 << 20) /* between labels when they are given anew */

enum { MATCHED = 1, LATE = 2 };

static bool is_matched(const sld_fuse_state *s, sld_node n)
{
    for (uint32_t i = 0; i < s->n_matched; i++)
        if (s->matched[i] == n)
            return true;
    return false;
}

static sld_node last_matched(const sld_graph *g)
{
    const sld_fuse_state *s = g->fuse;
    sld_node last = s->matched[0];
    for (uint32_t i = 1; i < s->n_matched; i++)
        last = sld_before(g, last, s->matched[i]) ? s->matched[i] : last;
    return last;
}

/* The first node outside the match that reads what is replaced and does not stand behind `after`. */
static sld_node first_reader(const sld_graph *g, sld_node after)
{
    const sld_fuse_state *s = g->fuse;
    sld_node first = 0;
    for (uint32_t k = 0; k < s->n_yields; k++) {
        uint32_t n;
        const uint32_t *users = sld__users(g, s->old[k], &n);
        if (after && sld_producer(g, s->old[k]) == after)
            continue;
        for (uint32_t i = 0; i < n; i++) {
            sld_node u = users[i];
            if (u & SLD_USER_OUTPUT || (after && sld_before(g, after, u)) || (first && !sld_before(g, u, first)) ||
                is_matched(s, u) || !sld__reads(g, u, s->old[k]))
                continue;
            first = u;
        }
    }
    return first;
}

/* Whether all readers of a node are in the match or will read something else. */
static bool will_go(const sld_graph *g, sld_node n)
{
    const sld_fuse_state *s = g->fuse;
    uint32_t n_out = sld_n_results(g, n);
    for (uint32_t i = 0; i < n_out; i++) {
        uint32_t k = 0;
        while (k < s->n_yields && s->old[k] != sld_result(g, n, i))
            k++;
        if (k == s->n_yields && g->values.at[sld_result(g, n, i)].n_uses)
            return false;
    }
    for (uint32_t i = 0; i < s->in.n; i++)
        if (sld_producer(g, s->in.at[i]) == n)
            return false;
    for (uint32_t i = 0; i < s->n_yields; i++)
        if (sld_producer(g, s->with[i]) == n)
            return false;
    return true;
}

/* Without a new node: what takes over is computed before what it replaces. */
static bool takes_over_early(const sld_graph *g)
{
    const sld_fuse_state *s = g->fuse;
    for (uint32_t i = 0; i < s->n_yields; i++) {
        sld_node p = sld_producer(g, s->with[i]);
        if (p && !sld_before(g, p, sld_producer(g, s->old[i])))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------- labels -- */

typedef struct placed { uint64_t label; sld_node node; } placed;

static int by_label(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    return x->label != y->label ? (x->label > y->label) - (x->label < y->label) : (x->node > y->node) - (x->node < y->node);
}

/* Labels are given to all nodes, by their ids. */
static bool begin_labels(sld_graph *g)
{
    if (g->labels)
        return true;
    if (!sld__order_reserve(g))
        return false;
    for (uint32_t n = 0; n < g->nodes.n; n++)
        g->labels[n] = n * GAP;
    return true;
}

bool sld__order_reserve(sld_graph *g)
{
    if (g->labels && g->labels_cap >= g->nodes.cap)
        return true;
    placed *sorted = sld__resize(g->ctx, g->mend, (size_t)g->nodes.cap * sizeof *sorted);
    if (!sorted)
        return false;
    g->mend = sorted;
    uint64_t *labels = sld__resize(g->ctx, g->labels, (size_t)g->nodes.cap * sizeof *labels);
    if (!labels)
        return false;
    g->labels = labels;
    g->labels_cap = g->nodes.cap;
    return true;
}

/* All nodes in topological order, in the memory that mending takes. */
static uint32_t sort_nodes(sld_graph *g)
{
    placed *at = g->mend;
    uint32_t n = 0;
    for (sld_node i = sld_first_node(g); i; i = sld_next_node(g, i))
        at[n++] = (placed){g->labels[i], i};
    qsort(at, n, sizeof *at, by_label);
    return n;
}

static void spread_labels(sld_graph *g)
{
    const placed *at = g->mend;
    for (uint32_t i = 0, n = sort_nodes(g); i < n; i++)
        g->labels[at[i].node] = (i + 1) * GAP;
}

/* Names of readers follow their nodes; those of nodes that are gone are dropped. */
static void rename_readers(sld_graph *g, sld_value v, const uint32_t *ids)
{
    uint32_t kept = 0, *r = &g->readers.at[v];
    if (!(*r & SLD_USERS_LIST)) {
        *r = g->values.at[v].n_uses && !(*r & SLD_USER_OUTPUT) ? ids[*r] : *r;
        return;
    }
    uint32_t *list = g->users.at + (*r & ~SLD_USERS_LIST), *at = list + 2, n = g->values.at[v].n_uses ? list[1] : 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t u = at[i] & SLD_USER_OUTPUT ? at[i] : ids[at[i]];
        if (u)
            at[kept++] = u;
    }
    list[1] = kept;
}

void sld__order_mend(sld_graph *g)
{
    if (!g->labels)
        return;
    uint32_t n = sort_nodes(g);
    uint32_t *ids = (uint32_t *)g->labels; /* new ids by the old ones, in memory that is done with */
    char *block = g->mend;
    memset(ids, 0, g->nodes.n * sizeof *ids);
    /* A record is smaller than its entry in the order, so that it can take the place of those before. */
    for (uint32_t i = 0; i < n; i++) {
        placed p;
        memcpy(&p, block + i * sizeof p, sizeof p);
        ids[p.node] = i + 1;
        memcpy(block + i * sizeof(sld_node_rec), &g->nodes.at[p.node], sizeof(sld_node_rec));
    }
    memcpy(g->nodes.at + 1, block, n * sizeof(sld_node_rec));
    g->nodes.n = n + 1;
    for (sld_value v = 1; v < g->values.n; v++) {
        sld_value_rec *r = &g->values.at[v];
        if (!r->type)
            continue;
        if (r->origin < SLD_ORIGIN_INPUT)
            r->origin = ids[r->origin];
        if (g->listed)
            rename_readers(g, v, ids);
    }
    for (uint32_t i = 0; i < g->fuse->log.n; i++)
        g->fuse->log.at[i] = ids[g->fuse->log.at[i]];
    for (uint32_t i = 0; i < g->fuse->refused.n; i++)
        g->fuse->refused.at[i] = ids[g->fuse->refused.at[i]];
    sld__free(g->ctx, g->labels);
    g->labels = NULL;
}

/* --------------------------------------------------------------- late nodes -- */

/* The producers that must come in front of `first`: those of what is built, if they do not stand there yet. */
typedef struct late {
    sld_graph *g;
    sld_node first, latest;     /* latest: of those that stand before first */
    SLD_ARRAY(placed) found;
    bool cycle, failed;
} late;

static void need(late *l, sld_value v, bool of_match)
{
    sld_graph *g = l->g;
    uint8_t *mark = g->fuse->mark.at;
    sld_node p = v ? sld_producer(g, v) : 0;
    if (!p)
        return;
    if (mark[p] == MATCHED && !of_match) {
        l->cycle = true;
        return;
    }
    if (!l->first || sld_before(g, p, l->first)) {
        l->latest = !l->latest || sld_before(g, l->latest, p) ? p : l->latest;
        return;
    }
    if (mark[p])
        return;
    if (!SLD_RESERVE(g->ctx, l->found, l->found.n + 1)) {
        l->failed = true;
        return;
    }
    mark[p] = LATE;
    l->found.at[l->found.n++] = (placed){0, p};
}

static bool reserve_marks(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    if (!SLD_RESERVE(g->ctx, s->mark, g->nodes.n))
        return false;
    for (; s->mark.n < g->nodes.n; s->mark.n++)
        s->mark.at[s->mark.n] = 0;
    return true;
}

/* False when a path comes back, or memory is short. */
static bool find_late(late *l)
{
    sld_graph *g = l->g;
    sld_fuse_state *s = g->fuse;
    if (!reserve_marks(g))
        return false;
    for (uint32_t i = 0; i < s->n_matched; i++)
        s->mark.at[s->matched[i]] = MATCHED;
    for (uint32_t i = 0; i < s->in.n; i++)
        need(l, s->in.at[i], true);
    for (uint32_t i = 0; i < s->n_yields; i++)
        need(l, s->with[i], true);
    for (uint32_t i = 0; i < l->found.n && !l->cycle && !l->failed; i++)
        for (uint32_t k = 0; k < g->nodes.at[l->found.at[i].node].n_in; k++)
            need(l, sld_operand(g, l->found.at[i].node, k), false);
    for (uint32_t i = 0; i < s->n_matched; i++)
        s->mark.at[s->matched[i]] = 0;
    for (uint32_t i = 0; i < l->found.n; i++)
        s->mark.at[l->found.at[i].node] = 0;
    return !l->cycle && !l->failed;
}

/* Labels for the late nodes and, behind them, what is built. early: a reader stands before the match's last. */
static void give_labels(late *l, bool early)
{
    sld_graph *g = l->g;
    sld_fuse_state *s = g->fuse;
    uint64_t count = (uint64_t)l->found.n + s->n_built, low, high, room;
    sld_node base = early ? l->latest : s->last;
    for (uint32_t tries = 0; tries < 2; tries++) {
        low = base ? g->labels[base] : 0;
        high = l->first ? g->labels[l->first] : UINT64_MAX;
        room = high - low - 1;
        if (room >= count)
            break;
        spread_labels(g);
    }
    s->step = count ? room / count : 1;
    s->step = s->step > 1024 ? 1024 : s->step;
    uint64_t start = early ? high - s->step * count : low + s->step;
    for (uint32_t i = 0; i < l->found.n; i++)
        l->found.at[i].label = g->labels[l->found.at[i].node];
    if (l->found.n)
        qsort(l->found.at, l->found.n, sizeof *l->found.at, by_label);
    for (uint32_t i = 0; i < l->found.n; i++)
        g->labels[l->found.at[i].node] = start + i * s->step;
    s->label = start + l->found.n * s->step;
}

bool sld__make_room(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    s->last = last_matched(g);
    s->step = 0;
    sld_node first = first_reader(g, s->last);
    if (!first && (s->n_built ? s->n_built == 1 && will_go(g, s->last) : takes_over_early(g)))
        return true;
    late l = {.g = g, .first = first_reader(g, 0)};
    bool ok = find_late(&l) && begin_labels(g);
    if (ok)
        give_labels(&l, first != 0);
    sld__free(g->ctx, l.found.at);
    return ok;
}
