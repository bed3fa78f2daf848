/* Rewriting in a pass over all nodes, which need not know who reads a value.  A match stands at the
 * cursor or before it, and nearly always all who read what it yields stand behind: such a reader
 * learns what to read instead when the pass comes to it.  Until then the value that was replaced
 * only says what stands for it, and counts the uses that the pass has not come to.  A match that
 * does not fit ends this: the readers of all values are found, and the general case takes over. */
#include "fuse.h"

/* ---------------------------------------------------------- values that moved -- */

sld_value sld__pass_follow(sld_graph *g, sld_value v)
{
    while (sld__is_moved(&g->values.at[v])) {
        sld_value_rec *r = &g->values.at[v];
        sld_value with = r->origin & ~SLD_ORIGIN_MOVED;
        if (!--r->n_uses) {
            g->fuse->n_moved--;
            sld__give_value(g, v);
        }
        v = with;
    }
    return v;
}

void sld__pass_note(sld_graph *g, sld_node n)
{
    sld_fuse_state *s = g->fuse;
    if (SLD_RESERVE(g->ctx, s->log, s->log.n + 1))
        s->log.at[s->log.n++] = n;
    else
        s->status = SLD_ERR_MEMORY;
}

void sld__pass_settle(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    for (sld_node n = s->cursor; s->n_moved && n < g->nodes.n; n++)
        if (g->nodes.at[n].op)
            sld__pass_resolve(g, n);
    for (uint32_t i = 0; s->n_moved && i < g->outputs.n; i++)
        g->outputs.at[i].value = sld__pass_follow(g, g->outputs.at[i].value);
}

bool sld__pass_leave(sld_graph *g)
{
    sld__pass_settle(g);
    g->fuse->quick = false;
    return sld__users_make(g);
}

/* ------------------------------------------------------------ does it fit? -- */

/* The match no longer reads anything; of results that it read those are noted that few or none read now. */
static void release(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    sld_value_rec *const values = g->values.at;
    const uint32_t few = s->reads;
    uint32_t noted = 0, unread = 0;
    for (uint32_t i = 0; i < s->n_matched; i++) {
        const sld_node_rec *r = &g->nodes.at[s->matched[i]];
        const sld_value *in = g->operands.at + r->in, *end = in + r->n_in;
        for (; in < end; in++) {
            sld_value_rec *v = &values[*in];
            uint32_t uses = --v->n_uses, origin = v->origin;
            if (uses > few)
                continue;
            unread += !uses && origin >> 30 != SLD_ORIGIN_INPUT >> 30;
            if (origin < SLD_ORIGIN_MOVED && noted < SLD_LOOSE_MAX)
                s->loose.at[noted++] = *in;
        }
    }
    s->loose.n = noted;
    g->n_unread += unread;
}

static void hold_again(sld_graph *g)
{
    const sld_fuse_state *s = g->fuse;
    for (uint32_t i = 0; i < s->n_matched; i++)
        sld__hold(g, g->nodes.at[s->matched[i]].n_in, sld_operands(g, s->matched[i]));
}

static bool is_matched(const sld_fuse_state *s, sld_node n)
{
    for (uint32_t i = 0; i < s->n_matched; i++)
        if (s->matched[i] == n)
            return true;
    return false;
}

static bool is_yielded(const sld_fuse_state *s, sld_value v)
{
    for (uint32_t i = 0; i < s->n_yields; i++)
        if (s->old[i] == v)
            return true;
    return false;
}

/* Whether all of a released match goes: what is read elsewhere is yielded. */
static bool all_go(const sld_graph *g)
{
    const sld_fuse_state *s = g->fuse;
    for (uint32_t i = 0; i < s->n_matched; i++) {
        sld_node m = s->matched[i];
        if (m > s->cursor)
            return false;
        for (uint32_t k = 0, n = sld_n_results(g, m); k < n; k++)
            if (g->values.at[sld_result(g, m, k)].n_uses && !is_yielded(s, sld_result(g, m, k)))
                return false;
    }
    return true;
}

static uint32_t count(uint32_t n, const sld_value *in, sld_value v)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < n; i++)
        found += in[i] == v;
    return found;
}

static uint32_t count_in_match(const sld_graph *g, sld_value v)
{
    const sld_node *m = g->fuse->matched;
    uint32_t found = 0;
    for (uint32_t i = 0, n = g->fuse->n_matched; i < n; i++)
        found += count(g->nodes.at[m[i]].n_in, sld_operands(g, m[i]), v);
    return found;
}

/* What is built stands where matched nodes stood, the last one at the cursor, behind all that it reads. */
static bool find_slots(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    for (uint32_t i = s->n_built; i-- > 0;) {
        sld_built *b = &s->built[i];
        b->node = i + 1 == s->n_built ? s->cursor : 0;
        for (uint32_t k = 0; k < s->n_matched && i + 1 < s->n_built; k++)
            if (s->matched[k] < b[1].node && s->matched[k] > b->node)
                b->node = s->matched[k];
        for (uint32_t k = 0; k < b->n_in; k++) {
            sld_node p = sld_producer(g, s->in.at[b->in + k]);
            if (SLD_CHECKED && (p >= b->node || (p && is_matched(s, p))))
                return false;
        }
    }
    return true;
}

/* Where v will be computed. */
static sld_node place_of(const sld_graph *g, sld_value v)
{
    const sld_fuse_state *s = g->fuse;
    if (g->values.at[v].origin)
        return sld_producer(g, v);
    for (uint32_t i = 0; i < s->n_built; i++)
        if (v - s->built[i].out < s->built[i].n_out)
            return s->built[i].node;
    return 0;
}

/* The first node behind `from` and before the cursor that reads v and is not of the match; the cursor without one. */
static sld_node first_reader(const sld_graph *g, sld_value v, sld_node from)
{
    const sld_fuse_state *s = g->fuse;
    for (sld_node n = from + 1; n < s->cursor; n++) {
        const sld_node_rec *r = &g->nodes.at[n];
        for (uint32_t i = 0; r->op && i < r->n_in; i++)
            if (g->operands.at[r->in + i] == v && !is_matched(s, n))
                return n;
    }
    return s->cursor;
}

/* Whether what is yielded stands before its readers; first: of those that the pass has left behind. */
static bool yields_fit(const sld_graph *g, sld_node *first)
{
    const sld_fuse_state *s = g->fuse;
    *first = s->cursor;
    for (uint32_t i = 0; i < s->n_yields; i++) {
        sld_node from = sld_producer(g, s->old[i]), p = sld_producer(g, s->with[i]);
        if (p && is_matched(s, p))
            return false;
        if (from == s->cursor)
            continue;
        if (s->cursor > from + SLD_NEAR || count(s->in.n, s->in.at, s->old[i]))
            return false;
        sld_node n = first_reader(g, s->old[i], from);
        if (n < s->cursor && n <= place_of(g, s->with[i]))
            return false;
        *first = n < *first ? n : *first;
    }
    return true;
}

/* ------------------------------------------------------------- the exchange -- */

/* What is built at the cursor gives just what the node there gave: it takes its results over. */
static bool same_results(const sld_graph *g)
{
    const sld_fuse_state *s = g->fuse;
    const sld_built *b = &s->built[s->n_built ? s->n_built - 1 : 0];
    uint32_t n = 0;
    if (!s->n_built || b->n_out != sld_n_results(g, s->cursor) || g->nodes.at[s->cursor].out == SLD_LISTED)
        return false;
    for (uint32_t i = 0; i < s->n_yields; i++) {
        uint32_t at = s->with[i] - b->out;
        if (at < b->n_out && s->old[i] != sld_result(g, s->cursor, at))
            return false;
        n += at < b->n_out;
    }
    return n == b->n_out;
}

static void take_results_over(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    sld_built *b = &s->built[s->n_built - 1];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->n_yields; i++)
        if (s->with[i] - b->out >= b->n_out) {
            s->old[kept] = s->old[i];
            s->with[kept++] = s->with[i];
        }
    s->n_yields = kept;
    sld__give_values(g, b->out, b->n_out);
    b->out = g->nodes.at[s->cursor].out;
}

/* Results that moved stay until all readers know. What the node read is looked at once more. */
static void drop(sld_graph *g, sld_node n)
{
    sld_node_rec *r = &g->nodes.at[n];
    for (uint32_t i = 0, n_out = sld_n_results(g, n); i < n_out; i++) {
        sld_value v = sld_result(g, n, i);
        if (!sld__is_moved(&g->values.at[v])) {
            g->n_unread -= !g->values.at[v].n_uses;
            sld__give_value(g, v);
        }
    }
    r->op = 0;
}

/* Whether others read v, fewer than before. */
static bool loosened(const sld_graph *g, sld_value v)
{
    const sld_fuse_state *s = g->fuse;
    uint32_t after = count(s->in.n, s->in.at, v), uses = g->values.at[v].n_uses;
    return uses > after && uses <= s->reads && count_in_match(g, v) > after;
}

/* What the match read: producers that nobody needs go, and what may match now stays noted. */
static void look_up(sld_graph *g)
{
    sld_fuse_state *s = g->fuse;
    uint32_t kept = 0, n_read = s->loose.n; /* behind them, what lost a reader that went with the match */
    for (uint32_t i = 0; i < s->loose.n; i++) {
        sld_value v = s->loose.at[i];
        sld_node p = g->values.at[v].origin;
        if (!p || p >= SLD_ORIGIN_MOVED)
            continue;
        if (sld__removable(g, p)) {
            sld__erase_chain(g, p, &s->loose);
            continue;
        }
        s->loose.at[kept] = v;
        kept += i < n_read && g->values.at[v].n_uses ? loosened(g, v) : g->values.at[v].n_uses <= s->reads;
    }
    s->loose.n = kept;
}

static void put_built(sld_graph *g, bool same)
{
    sld_fuse_state *s = g->fuse;
    for (uint32_t i = 0; i < s->n_built; i++) {
        const sld_built *b = &s->built[i];
        g->operands.n = sld__write_node(g, g->operands.n, b->node, b->op, b->n_in, s->in.at + b->in, b->attrs, b->n_out,
                                        b->out);
        for (uint32_t k = 0; k < b->n_out; k++)
            g->values.at[b->out + k].origin = b->node;
        if (!same || b->node != s->cursor)
            g->n_unread += b->n_out;
    }
}

static void move(sld_graph *g, sld_value old, sld_value with)
{
    sld_value_rec *from = &g->values.at[old], *to = &g->values.at[with];
    if (!from->n_uses) {
        g->n_unread--;
        sld__give_value(g, old);
        return;
    }
    if (!to->n_uses)
        g->n_unread -= sld__counts_unread(to);
    to->n_uses += from->n_uses;
    g->fuse->n_moved++;
}

/* The pass has left behind a node that reads something else now. */
static void note_moved(sld_graph *g, sld_node n)
{
    sld_fuse_state *s = g->fuse;
    if (SLD_RESERVE(g->ctx, s->moved, s->moved.n + 1))
        s->moved.at[s->moved.n++] = n;
    else
        s->status = SLD_ERR_MEMORY;
}

static void exchange(sld_graph *g, sld_node first)
{
    sld_fuse_state *s = g->fuse;
    bool same = same_results(g);
    if (same)
        take_results_over(g);
    sld__hold(g, s->in.n, s->in.at);
    for (uint32_t i = 0; i < s->n_yields; i++) {
        s->takes_over |= g->values.at[s->with[i]].origin != 0;
        sld__exchange_names(g, s->old[i], s->with[i]);
        g->values.at[s->old[i]].origin = SLD_ORIGIN_MOVED | s->with[i];
    }
    for (uint32_t i = 0; i < s->n_matched; i++)
        if (!same || s->matched[i] != s->cursor)
            drop(g, s->matched[i]);
    g->n_nodes += s->n_built - s->n_matched;
    for (uint32_t i = 0; i < s->n_yields; i++)
        move(g, s->old[i], s->with[i]);
    for (sld_node n = first; n < s->cursor; n++)
        if (g->nodes.at[n].op && sld__pass_resolve(g, n) && s->takes_over)
            note_moved(g, n);
    look_up(g);
    for (uint32_t i = 0; i < s->n_matched; i++)
        g->nodes.at[s->matched[i]].n_in = 0;
    put_built(g, same);
}

bool sld__pass_rewrite(sld_graph *g)
{
    const sld_fuse_state *s = g->fuse;
    sld_node first;
    if (g->listed || !sld__reserve_operands(g, s->in.n + 2 * s->n_built))
        return false;
    release(g);
    if (all_go(g) && find_slots(g) && yields_fit(g, &first)) {
        exchange(g, first);
        return true;
    }
    hold_again(g);
    return false;
}
