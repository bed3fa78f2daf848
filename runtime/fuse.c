/* Runs the rules over a graph: phases in order, until a whole round changes nothing.  A phase tries
 * each node once in topological order; after that, and in later rounds, only nodes near a change
 * are tried again, so that the work is linear in nodes plus what the rewrites themselves take. */
#include "fuse.h"
#include "gate.h"

#include <stdlib.h>

typedef struct driver {
    sld_graph *g;
    uint64_t rewrites, limit, most;  /* beyond the limit is an error; the caller wants no more than `most` */
    uint32_t phase, radius;
    const sld_root *roots;           /* of the phase, by op */
    sld_node end;                    /* nodes from the cursor to here will be tried anyway, and so will what reads them */
    sld_node back;                   /* a pass goes back here for what has changed behind its cursor */
    SLD_ARRAY(sld_node) later;       /* what is too far for that, to be touched when readers are known */
    SLD_ARRAY(sld_node) queue;       /* to be tried again, in order */
    uint32_t head;
    SLD_ARRAY(uint8_t) queued;       /* by node: 1 + the steps over which its readers wait too; 0: it does not wait */
    uint32_t *seen;                  /* by phase: how much of the log it knows */
} driver;

static bool stopped(const driver *d)
{
    const sld_fuse_state *s = d->g->fuse;
    return s->status || d->rewrites >= d->most;
}

#define PUSH(g, list, x) \
    (SLD_RESERVE((g)->ctx, list, (list).n + 1) ? (void)((list).at[(list).n++] = (x)) \
                                               : (void)((g)->fuse->status = SLD_ERR_MEMORY))

/* False when n and all that reads it over `depth` steps wait already. */
static bool enqueue(driver *d, sld_node n, uint32_t depth)
{
    while (d->queued.n <= n && !d->g->fuse->status)
        PUSH(d->g, d->queued, 0);
    if (d->g->fuse->status || d->queued.at[n] > depth)
        return false;
    if (!d->queued.at[n])
        PUSH(d->g, d->queue, n);
    d->queued.at[n] = (uint8_t)(depth + 1);
    return true;
}

/* Queues the nodes that a change at n can let match: n and those that read it over at most `depth` steps. */
static void touch(driver *d, sld_node n, uint32_t depth)
{
    sld_graph *g = d->g;
    if (!g->nodes.at[n].op || (n > g->fuse->cursor && n < d->end) || !enqueue(d, n, depth))
        return;
    uint32_t n_out = depth ? sld_n_results(g, n) : 0;
    for (uint32_t i = 0; i < n_out; i++) {
        uint32_t n_users;
        sld_value v = sld_result(g, n, i);
        const uint32_t *users = sld__users(g, v, &n_users);
        for (uint32_t k = 0; k < n_users; k++)
            if (!(users[k] & SLD_USER_OUTPUT) && sld__reads(g, users[k], v))
                touch(d, users[k], depth - 1);
    }
}

static void changed(driver *d, sld_node n)
{
    if (d->g->rules->n_phases > 1)
        PUSH(d->g, d->g->fuse->log, n);
    sld_node cursor = d->g->fuse->cursor;
    if (d->g->listed)
        touch(d, n, d->radius);
    else if (cursor - n > SLD_NEAR)
        PUSH(d->g, d->later, n);
    else if (n < d->back)
        d->back = n;
}

/* What still reads a value of which the match read more than what was built does may match now, and so may what reads
 * the other results of a node when nobody reads this one any more. */
static void loosened(driver *d, sld_value v)
{
    sld_graph *g = d->g;
    const sld_fuse_state *s = g->fuse;
    const sld_value_rec *r = &g->values.at[v];
    sld_node p = sld_producer(g, v);
    uint32_t before = 0, after = 0;
    if (!p || r->n_uses > s->reads)
        return;
    for (uint32_t i = 0; i < s->in.n; i++)
        after += s->in.at[i] == v;
    for (uint32_t i = 0; after < r->n_uses && i < s->loose.n; i++)
        before += s->loose.at[i] == v;
    if (before > after || !r->n_uses)
        changed(d, p);
}

/* Queues what the rewrite that was just made at n can have changed. */
static void after_rewrite(driver *d, sld_node n)
{
    sld_graph *g = d->g;
    const sld_fuse_state *s = g->fuse;
    if (!s->steps) {
        sld__pass_log(g, n);
        return;
    }
    for (uint32_t i = 0; i < s->n_built; i++)
        if (g->rules->n_phases > 1 || s->built[i].node != n || n != s->cursor)
            changed(d, s->built[i].node);
    for (uint32_t i = 0; i < s->moved.n; i++)
        changed(d, s->moved.at[i]);
    for (uint32_t i = 0; i < s->loose.n; i++)
        if (!g->listed)
            changed(d, sld_producer(g, s->loose.at[i]));
        else
            loosened(d, s->loose.at[i]);
}

static void count_rewrite(driver *d)
{
    const sld_graph *g = d->g;
    if (++d->rewrites > d->limit)
        g->fuse->status = sld__fail(g->ctx, SLD_ERR_LIMIT, "rule '%s' does not come to an end",
                                    g->rules->rules[g->fuse->rule].name);
}

static inline int try_rules(const driver *d, sld_node n)
{
    const sld_root *r = &d->roots[d->g->nodes.at[n].op];
    return sld__may_match(d->g, n, r) ? r->rewrite(d->g, n, r->rule) : -1;
}

/* A rule has rewritten n, or none, -1: tries them again until none does. */
static void go_on_at(driver *d, sld_node n, int rule)
{
    sld_fuse_state *s = d->g->fuse;
    while (rule >= 0) {
        count_rewrite(d);
        after_rewrite(d, n);
        s->cycle = false;
        rule = stopped(d) ? -1 : try_rules(d, n);
    }
    if (s->cycle)
        PUSH(d->g, s->refused, n);
    s->cycle = false;
}

static void drain(driver *d)
{
    while (d->head < d->queue.n && !stopped(d)) {
        sld_node n = d->queue.at[d->head++];
        d->queued.at[n] = 0;
        go_on_at(d, n, try_rules(d, n));
    }
    if (d->head == d->queue.n)
        d->head = d->queue.n = 0;
}

/* What one phase does the others hear of. */
static uint32_t most_reads(const sld_ruleset *r)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < r->n_phases; i++)
        most = r->phases[i].reads > most ? r->phases[i].reads : most;
    return most;
}

static int ascending(const void *a, const void *b)
{
    sld_node x = *(const sld_node *)a, y = *(const sld_node *)b;
    return (x > y) - (x < y);
}

/* False ends fusing for lack of memory. */
static bool know_readers(driver *d)
{
    if (!sld__users_make(d->g))
        d->g->fuse->status = SLD_ERR_MEMORY;
    return d->g->listed;
}

/* Tries the rules at the first root from n on, when it and the nodes before have learnt what to read. The cursor stands
 * there then, or at d->end. Answers the rule that rewrote it, or -1. */
static int try_moved(driver *d, sld_node n)
{
    sld_graph *const g = d->g;
    for (; n < d->end; n++) {
        sld__pass_resolve(g, n);
        if (d->roots[g->nodes.at[n].op].rewrite)
            break;
    }
    g->fuse->cursor = n;
    g->fuse->steps = false;
    return n < d->end ? try_rules(d, n) : -1;
}

/* The same where no value has moved, on to the first root where there is more to do than a quick rewrite. On its own it
 * keeps all in registers. */
static __attribute__((noinline)) int try_all(driver *d, sld_node n)
{
    sld_graph *const g = d->g;
    sld_fuse_state *const s = g->fuse;
    const sld_node_rec *const nodes = g->nodes.at;
    const sld_root *const roots = d->roots;
    const sld_node end = d->end;
    const uint64_t most = d->most < d->limit ? d->most : d->limit;
    s->steps = false;
    for (;;) {
        const sld_root *r = NULL;
        while (n < end && !sld__may_match(g, n, r = &roots[nodes[n].op]))
            n++;
        s->cursor = n;
        if (n >= end)
            return -1;
        int rule = r->rewrite(g, n, r->rule);
        if (s->steps || (rule >= 0 && d->rewrites + 1 >= most))
            return rule;
        if (rule < 0)
            n++;
        else
            d->rewrites++, sld__pass_log(g, n);
    }
}

/* All nodes in order; readers are not known unless a matcher or a rewrite asks for them. */
static void pass(driver *d)
{
    sld_graph *g = d->g;
    sld_fuse_state *s = g->fuse;
    if (!g->rules->phases[d->phase].readers && !s->options.told) /* who is told may look at the whole graph */
        sld__users_drop(g);
    else if (!know_readers(d))
        return;
    d->end = g->nodes.n;
    s->takes_over = false;
    s->quick = !g->listed && !g->partitions.n && g->interned;
    for (sld_node n = 1; n < d->end && !stopped(d); n = d->back) {
        int rule = s->n_moved ? try_moved(d, n) : try_all(d, n);
        d->back = s->cursor + 1;
        go_on_at(d, s->cursor, rule);
        if (d->queue.n)
            drain(d);
    }
    sld__pass_settle(g);
    s->cursor = d->end = 0;
    s->quick = false;
    if (!stopped(d) && d->later.n && know_readers(d))
        for (uint32_t i = 0; i < d->later.n; i++)
            touch(d, d->later.at[i], d->radius);
    d->later.n = 0;
}

/* Nodes are tried in topological order, so that what a rule makes is there for the rules of its readers. */
static void run_phase(driver *d, uint32_t phase, bool all)
{
    sld_graph *g = d->g;
    sld_fuse_state *s = g->fuse;
    sld__order_mend(g);
    d->phase = phase;
    d->radius = g->rules->phases[phase].radius < UINT8_MAX ? g->rules->phases[phase].radius : UINT8_MAX - 1;
    s->reads = g->rules->n_phases > 1 ? most_reads(g->rules) : g->rules->phases[phase].reads;
    d->roots = g->rules->roots[phase];
    if (all)
        pass(d);
    else if (!stopped(d) && d->seen[phase] < s->log.n && know_readers(d))
        for (uint32_t i = d->seen[phase]; i < s->log.n; i++)
            touch(d, s->log.at[i], d->radius);
    if (d->queue.n)
        qsort(d->queue.at, d->queue.n, sizeof *d->queue.at, ascending);
    drain(d);
    d->seen[phase] = s->log.n;
}

/* Matches that closed a cycle are tried again when something else has changed. */
static void recall_refused(driver *d)
{
    sld_fuse_state *s = d->g->fuse;
    for (uint32_t i = 0; i < s->refused.n; i++)
        PUSH(d->g, s->log, s->refused.at[i]);
    s->refused.n = 0;
}

static void run_rounds(driver *d)
{
    sld_graph *g = d->g;
    uint64_t before = 0;
    for (bool all = true; !stopped(d) && (all || d->rewrites > before);) {
        before = d->rewrites;
        for (uint32_t p = 0; p < g->rules->n_phases && !stopped(d); p++)
            run_phase(d, p, all);
        uint32_t n_nodes = g->n_nodes;
        if (!g->fuse->status && g->n_unread)
            g->fuse->status = sld_graph_sweep(g);
        all = d->rewrites > before && g->n_nodes < n_nodes; /* any node may have had a reader that is gone */
        if (d->rewrites > before)
            recall_refused(d);
    }
}

static sld_status run(sld_graph *g)
{
    sld_ctx *ctx = g->ctx;
    driver d = {.g = g, .limit = 1000 + 16 * (uint64_t)g->n_nodes};
    d.most = g->fuse->options.max_rewrites ? g->fuse->options.max_rewrites : UINT64_MAX;
    d.seen = sld__alloc(ctx, (g->rules->n_phases + 1u) * sizeof *d.seen);
    if (!d.seen)
        return SLD_ERR_MEMORY;
    if (g->n_unread)
        g->fuse->status = sld_graph_sweep(g);
    run_rounds(&d);
    sld__order_mend(g);
    if (!g->fuse->status && sld__starved(ctx))
        g->fuse->status = SLD_ERR_MEMORY;
    void *all[] = {d.queue.at, d.queued.at, d.later.at, d.seen};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sld__free(ctx, all[i]);
    return g->fuse->status;
}

sld_status sld_fuse(sld_graph *g, const sld_fuse_options *options, sld_rule_stats *stats)
{
    sld_ctx *ctx = g->ctx;
    sld__clear(ctx);
    if (!g->rules->roots)
        return sld__fail(ctx, SLD_ERR_ABI, "ruleset '%s' was compiled over another engine's graph", g->rules->name);
    sld_fuse_state *s = sld__alloc(ctx, sizeof *s);
    sld_rule_stats *own = stats ? stats : sld__alloc(ctx, (g->rules->n_rules + 1u) * sizeof *own);
    sld_status status = SLD_ERR_MEMORY;
    if (s && own) {
        s->options = options ? *options : (sld_fuse_options){.target = SLD_TARGET_CPU};
        s->stats = own;
        status = sld__begin_run(g, s);
        g->fuse = s;
        status = status ? status : run(g);
        sld__end_run(g, s);
        g->fuse = NULL;
    }
    if (own != stats)
        sld__free(ctx, own);
    if (s) {
        sld__free(ctx, s->off);
        sld__free(ctx, s->in.at);
        sld__free(ctx, s->results.at);
        sld__free(ctx, s->moved.at);
        sld__free(ctx, s->mark.at);
        sld__free(ctx, s->log.at);
        sld__free(ctx, s->refused.at);
    }
    sld__free(ctx, s);
    return status;
}
