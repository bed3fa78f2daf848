/* One rewrite: what generated code builds is checked as a whole and then takes the place of the
 * match.  All that can fail comes before the first change. */
#include "fuse.h"
#include "gate.h"

#include <string.h>

/* What matched is known by its results, because ids of nodes are given anew. */
static bool note_results(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    s->results.n = 0;
    if (!s->options.told)
        return true;
    if (!SLD_RESERVE(g->ctx, s->results, s->n_matched + s->n_built)) {
        s->status = SLD_ERR_MEMORY;
        return false;
    }
    for (uint32_t i = 0; i < s->n_matched; i++)
        s->results.at[s->results.n++] = sld_result(g, s->matched[i], 0);
    return true;
}

static void tell(const sld_fuse_state *s, const char *refused)
{
    const sld_fuse_event e = {(uint32_t)s->rule, s->n_matched, s->results.n - s->n_matched, s->matched, s->results.at, refused};
    if (s->options.told)
        s->options.told(s->options.user, &e);
}

static void tell_fired(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    for (uint32_t i = 0; i < s->n_built && s->options.told; i++)
        if (g->nodes.at[s->built[i].node].op)
            s->results.at[s->results.n++] = sld_result(g, s->built[i].node, 0);
    tell(s, NULL);
}

static void refuse(sld_graph *g, uint32_t *counter, const char *reason)
{
    sld_fuse_state *s = g->fuse;
    (*counter)++;
    snprintf(s->stats[s->rule].reason, sizeof s->stats[s->rule].reason, "%s", reason);
    if (note_results(g))
        tell(s, reason);
}

bool sld__refuse_split(sld_graph *g, const sld_node *nodes, uint32_t n)
{
    sld_fuse_state *s = g->fuse;
    char why[sizeof s->stats->reason];
    s->partition = sld__partition(g, nodes[0]);
    if (!sld__crosses(g, nodes, n, why, sizeof why))
        return false;
    refuse(g, &s->stats[s->rule].refused_split, why);
    return true;
}

bool sld__refuse_run(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    refuse(g, &s->stats[s->rule].refused_run, s->off[s->rule]);
    return false;
}

uint32_t sld_rewrite_build(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs,
                           uint32_t n_out)
{
    sld_fuse_state *s = g->fuse;
    const sld_call c = {op, n_in, n_out, in, attrs};
    sld_outcome o;
    s->broken = s->broken || s->n_built == SLD_BUILT_MAX || sld__outcome(g, &c, &o) ||
                !SLD_RESERVE(g->ctx, s->in, s->in.n + n_in);
    sld_value out = s->broken ? 0 : sld__new_results(g, &c, &o);
    if (s->broken || (n_out && !out)) {
        s->broken = true;
        return 0;
    }
    s->built[s->n_built] = (sld_built){.op = op, .n_in = (uint16_t)n_in, .n_out = (uint16_t)n_out, .bound = o.bound,
                                       .in = s->in.n, .attrs = o.attrs, .id = o.id, .out = out};
    sld_value *to = s->in.at + s->in.n;
    for (uint32_t i = 0; i < n_in; i++)
        to[i] = in[i];
    s->in.n += n_in;
    return ++s->n_built;
}

/* ------------------------------------------------------------------ checks -- */

static void refuse_type(sld_graph *g, sld_value v)
{
    sld_fuse_state *s = g->fuse;
    char why[sizeof s->stats->reason];
    snprintf(why, sizeof why, "%s would change its type", sld_value_name(g, v));
    refuse(g, &s->stats[s->rule].refused_type, why);
}

/* What is built takes the type over as it was written. */
static bool types_stay(sld_graph *g)
{
    const sld_fuse_state *s = g->fuse;
    sld_value_rec *const values = g->values.at;
    for (uint32_t i = 0, n = s->n_yields; i < n; i++) {
        const sld_value_rec *old = &values[s->old[i]];
        sld_value_rec *with = &values[s->with[i]];
        if (old->type == with->type)
            continue;
        if (!sld__types_agree(g, old->type, with->type)) {
            refuse_type(g, s->old[i]);
            return false;
        }
        with->type = with->origin ? with->type : old->type;
    }
    return true;
}

static bool kernel_covers(sld_graph *g, const sld_built *b)
{
    sld_fuse_state *s = g->fuse;
    char why[sizeof s->stats->reason];
    const sld_call c = sld__built_call(g, b);
    const sld_outcome o = {.attrs = b->attrs, .id = b->id};
    if (sld__outcome_bound(g, &c, &o, s->options.target, why, sizeof why))
        return true;
    refuse(g, &s->stats[s->rule].refused_kernel, why);
    return false;
}

static bool kernels_cover(sld_graph *g)
{
    const sld_fuse_state *s = g->fuse;
    for (uint32_t i = 0; i < s->n_built && s->options.cut; i++) {
        const sld_call c = sld__built_call(g, &s->built[i]);
        sld__tell_cuts(g, &c, s->options.target);
    }
    for (uint32_t i = 0, n = s->n_built; i < n; i++)
        if (!(s->built[i].bound >> s->options.target & 1) && !kernel_covers(g, &s->built[i]))
            return false;
    return true;
}

static bool acceptable(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    if (s->broken) {
        refuse(g, &s->stats[s->rule].refused_type, sld_error(g->ctx));
        sld__forgive(g->ctx);
        return false;
    }
    if (g->partitions.n && !sld__reserve_partitions(g)) {
        s->status = SLD_ERR_MEMORY;
        return false;
    }
    return !SLD_CHECKED || (types_stay(g) && kernels_cover(g));
}

/* Whether there is a place for what is built. */
static bool place(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    if (sld__make_room(g))
        return true;
    if (*sld_error(g->ctx)) {
        s->status = SLD_ERR_MEMORY;
    } else {
        s->cycle = true;
        refuse(g, &s->stats[s->rule].refused_cycle, "a path leaves the match and comes back");
    }
    return false;
}

/* A value that is there already, or stands for several, takes the readers over one by one. */
static bool reserve_yield(sld_graph *g, uint32_t at)
{
    sld_fuse_state *s = g->fuse;
    sld_value with = s->with[at];
    uint32_t n, shared = 0;
    uint64_t readers = s->n_built; /* which may read it too */
    for (uint32_t i = 0; i < s->n_yields; i++)
        if (s->with[i] == with) {
            sld__users(g, s->old[i], &n);
            readers += n;
            shared++;
        }
    return (shared == 1 && !g->values.at[with].origin && !(g->readers.at[with] & SLD_USERS_LIST)) ||
           (readers <= UINT32_MAX && sld__users_reserve_many(g, with, (uint32_t)readers));
}

/* Notes who will read something that was there before. */
static bool note_moved(sld_graph *g, uint32_t at)
{
    sld_fuse_state *s = g->fuse;
    uint32_t n;
    const uint32_t *users = sld__users(g, s->old[at], &n);
    if (!g->values.at[s->with[at]].origin)
        return true;
    if (!SLD_RESERVE(g->ctx, s->moved, s->moved.n + n))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!(users[i] & SLD_USER_OUTPUT) && sld__reads(g, users[i], s->old[at]))
            s->moved.at[s->moved.n++] = users[i];
    return true;
}

static bool reserve(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    if (!sld__reserve_operands(g, s->in.n + 2 * s->n_built) || !sld__ids_left(g, "nodes", g->nodes.n, s->n_built) ||
        !SLD_RESERVE(g->ctx, g->nodes, g->nodes.n + s->n_built) ||
        !sld__users_reserve(g, s->in.n, s->in.at, s->n_built))
        return false;
    for (uint32_t i = 0; i < s->n_yields; i++)
        if (!reserve_yield(g, i) || !note_moved(g, i))
            return false;
    return !g->labels || sld__order_reserve(g);
}

/* ------------------------------------------------------------- the exchange -- */

/* Readers stand behind what they read in most matches; a kept node is asked again until nothing changes. */
static void erase_matched(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    bool again;
    do {
        bool kept = false, erased = false;
        for (uint32_t i = s->n_matched; i-- > 0;) {
            sld_node n = s->matched[i];
            if (!g->nodes.at[n].op)
                continue;
            if (sld__unread(g, n)) {
                sld__erase_node(g, n, &s->loose);
                erased = true;
            } else {
                kept = true;
            }
        }
        again = kept && erased;
    } while (again);
}

/* A slot of the match that is free now, from the last on, or a new one. */
static sld_node take_slot(sld_graph *g, uint32_t *from)
{
    sld_fuse_state *s = g->fuse;
    if (!s->step)
        return s->last;
    while (*from > 0) {
        sld_node n = s->matched[--*from];
        if (!g->nodes.at[n].op)
            return n;
    }
    return g->nodes.n++;
}

static void put_built(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    uint32_t from = s->n_matched;
    for (uint32_t i = 0; i < s->n_built; i++) {
        sld_built *b = &s->built[i];
        const sld_call c = sld__built_call(g, b);
        b->node = take_slot(g, &from);
        if (s->step)
            g->labels[b->node] = s->label + i * s->step;
        for (uint32_t k = 0; k < c.n_in; k++)
            if (c.in[k])
                sld__unlink(g, c.in[k]); /* it was only held */
        sld__put_node(g, b->node, &c, b->attrs, b->out);
    }
}

/* What is built and not read, an alternative of the right side that nobody asked for, goes again. */
static void drop_unread(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    for (uint32_t i = s->n_built; i-- > 0;)
        if (g->nodes.at[s->built[i].node].op && sld__removable(g, s->built[i].node))
            sld__erase_chain(g, s->built[i].node, &s->loose);
}

static void exchange(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    s->loose.n = 0;
    for (uint32_t i = 0; i < s->n_yields; i++)
        sld__replace_value(g, s->old[i], s->with[i]);
    sld__hold(g, s->in.n, s->in.at);
    erase_matched(g);
    put_built(g);
    for (uint32_t i = 0; i < s->loose.n; i++) {
        sld_node p = sld_producer(g, s->loose.at[i]);
        if (p && !g->values.at[s->loose.at[i]].n_uses && sld__removable(g, p))
            sld__erase_chain(g, p, &s->loose);
    }
}

/* The general case, which asks who reads what. */
static bool rewrite_listed(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    if (!sld__pass_leave(g)) {
        s->status = SLD_ERR_MEMORY;
        return false;
    }
    if (!place(g))
        return false;
    if (!reserve(g)) {
        s->status = SLD_ERR_MEMORY;
        return false;
    }
    exchange(g);
    return true;
}

bool sld_rewrite_commit(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    bool ok = acceptable(g) && note_results(g) && (sld__pass_rewrite(g) || rewrite_listed(g));
    if (ok) {
        for (uint32_t i = 0; g->partitions.n && i < s->n_built; i++)
            sld__set_partition(g, s->built[i].node, s->partition);
        drop_unread(g);
        s->stats[s->rule].fired++;
        s->changed = true;
        tell_fired(g);
        return true;
    }
    for (uint32_t i = s->n_built; i-- > 0;)
        sld__give_values(g, s->built[i].out, s->built[i].n_out);
    return false;
}
