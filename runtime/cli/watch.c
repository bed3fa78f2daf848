/* See watch.h. A match that is refused while rules are at work may be refused again, or fire later, or another rule may
 * take a node of it. So it is noted by the results of its nodes, taken when one goes with another match, and forgotten when
 * it is met again: what is left at rest is told by fusing once more. */
#include "watch.h"

#include <stdio.h>
#include <string.h>

bool watch_begin(watch *w, sld_graph *g, const int64_t *symbols)
{
    w->g = g;
    w->rules = sld__alloc(g->ctx, (g->rules->n_rules + 1u) * sizeof *w->rules);
    w->meter = symbols ? sld__meter_new(g, symbols) : NULL;
    if (w->meter)
        w->last = sld__meter_read(w->meter);
    return w->rules && (w->meter || !symbols);
}

void watch_end(watch *w)
{
    if (!w->g)
        return;
    sld__meter_free(w->meter);
    void *all[] = {w->rules, w->groups.at, w->refusals.at, w->links.at, w->links_of.at};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sld__free(w->g->ctx, all[i]);
    *w = (watch){0};
}

/* The group of this rule, reason and fate; NULL when memory is short. */
static watch_group *group_of(watch *w, uint32_t rule, const char *why, bool taken)
{
    for (uint32_t i = 0; i < w->groups.n; i++) {
        watch_group *g = &w->groups.at[i];
        if (g->rule == rule && !g->near && g->taken == taken && !strncmp(g->why, why, sizeof g->why - 1))
            return g;
    }
    if (!SLD_RESERVE(w->g->ctx, w->groups, w->groups.n + 1)) {
        w->failed = true;
        return NULL;
    }
    watch_group *g = &w->groups.at[w->groups.n++];
    *g = (watch_group){.rule = rule, .taken = taken};
    snprintf(g->why, sizeof g->why, "%s", why);
    return g;
}

static void name_example(const watch *w, watch_group *g, sld_value v)
{
    if (v && !*g->node)
        snprintf(g->node, sizeof g->node, "%s", sld_value_name(w->g, v));
}

static sld_value root_of(const sld_fuse_event *e)
{
    return e->n ? e->results[e->n - 1] : 0;
}

/* ----------------------------------------------------------- while rules work -- */

static bool reach(watch *w, const sld_fuse_event *e)
{
    if (!SLD_RESERVE(w->g->ctx, w->links_of, w->g->values.n) || !SLD_RESERVE(w->g->ctx, w->links, w->links.n + e->n) ||
        !SLD_RESERVE(w->g->ctx, w->refusals, w->refusals.n + 1)) {
        w->failed = true;
        return false;
    }
    while (w->links_of.n < w->g->values.n)
        w->links_of.at[w->links_of.n++] = 0;
    return true;
}

static bool is_asked(const watch *w, const sld_fuse_event *e)
{
    bool found = !w->node;
    for (uint32_t i = 0; i < e->n && !found; i++)
        found = e->results[i] && !strcmp(sld_value_name(w->g, e->results[i]), w->node);
    return found;
}

/* What was noted of this rule at this root; NULL: nothing. */
static watch_refusal *find(watch *w, uint32_t rule, sld_value root)
{
    for (uint32_t i = root < w->links_of.n ? w->links_of.at[root] : 0; i; i = w->links.at[i - 1].next) {
        watch_refusal *r = &w->refusals.at[w->links.at[i - 1].refusal];
        if (r->rule == rule && r->root == root)
            return r;
    }
    return NULL;
}

static void note_refusal(watch *w, const sld_fuse_event *e)
{
    watch_refusal *known = find(w, e->rule, root_of(e));
    if (known)
        known->taken = false;
    if (known || !is_asked(w, e))
        return;
    watch_group *g = group_of(w, e->rule, e->refused, true);
    if (!g || !reach(w, e))
        return;
    name_example(w, g, root_of(e));
    for (uint32_t i = 0; i < e->n; i++) {
        uint32_t *first = &w->links_of.at[e->results[i]]; /* of no result: 0, which nobody asks for */
        w->links.at[w->links.n++] = (watch_link){w->refusals.n, *first};
        *first = w->links.n;
    }
    w->refusals.at[w->refusals.n++] = (watch_refusal){.rule = e->rule, .group = (uint32_t)(g - w->groups.at), .root = root_of(e)};
}

/* Nodes that went with a match are lost to other rules; what a quiet phase makes of them may match again. */
static void take(watch *w, const sld_fuse_event *e)
{
    bool listed = w->g->rules->phases[w->g->rules->rules[e->rule].phase].report;
    watch_refusal *own = find(w, e->rule, root_of(e));
    for (uint32_t i = 0; i < e->n + e->n_built; i++) {
        sld_value v = e->results[i];
        if (v >= w->links_of.n || (i < e->n && sld_producer(w->g, v)))
            continue;
        for (uint32_t k = i < e->n && listed ? w->links_of.at[v] : 0; k; k = w->links.at[k - 1].next)
            w->refusals.at[w->links.at[k - 1].refusal].taken = true;
        w->links_of.at[v] = 0;
    }
    if (own)
        own->taken = false;
}

void watch_taken(watch *w)
{
    for (uint32_t i = 0; i < w->refusals.n; i++)
        w->groups.at[w->refusals.at[i].group].count += w->refusals.at[i].taken;
}

void watch_fusing(void *user, const sld_fuse_event *e)
{
    watch *w = user;
    if (e->refused) {
        note_refusal(w, e);
        return;
    }
    take(w, e);
    w->rules[e->rule].fired++;
    if (!w->meter)
        return;
    w->failed |= !sld__meter_follow(w->meter, e);
    const sld_traffic now = sld__meter_read(w->meter);
    w->rules[e->rule].launches += (int64_t)w->last.launches - now.launches;
    w->rules[e->rule].bytes += (int64_t)(w->last.bytes - now.bytes);
    w->last = now;
}

/* -------------------------------------------------------------------- at rest -- */

void watch_at_rest(void *user, const sld_fuse_event *e)
{
    watch *w = user;
    watch_group *g = e->refused ? group_of(w, e->rule, e->refused, false) : NULL;
    watch_refusal *before = find(w, e->rule, root_of(e));
    if (before)
        before->taken = false;
    if (!g || (before && before->told)) /* a match is found from each of its roots */
        return;
    if (before)
        before->told = true;
    g->count++;
    name_example(w, g, root_of(e));
}

void watch_near(void *user, const sld_miss *miss)
{
    watch *w = user;
    if (!SLD_RESERVE(w->g->ctx, w->groups, w->groups.n + 1)) {
        w->failed = true;
        return;
    }
    watch_group *g = &w->groups.at[w->groups.n++];
    *g = (watch_group){.rule = miss->rule, .count = miss->count, .near = true};
    snprintf(g->place, sizeof g->place, "%s:%u", miss->file, miss->line);
    snprintf(g->why, sizeof g->why, "%s", miss->why);
    name_example(w, g, sld_result(w->g, miss->example, 0));
}
