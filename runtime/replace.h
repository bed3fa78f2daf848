/* The rewrite that nearly all are: one node takes the place of a match and reads what the match read, each value as
 * often.  In a pass, with its outcome known, that needs no more than the match itself: the new node goes to where the
 * last one stood and computes the same values.  Whatever is unusual takes the steps of all rewrites.
 *
 * Generated code calls this with numbers that the compiler knows: all is inlined, and its loops come apart. */
#ifndef SLD_REPLACE_H
#define SLD_REPLACE_H

#include "fuse.h"
#include "interned.h"

#define SLD_PART static inline __attribute__((always_inline))
#define SLD_EACH(i, n) _Pragma("GCC unroll 8") for (uint32_t i = 0; i < (n); i++)

/* ---- replace.c ---- */
/* By the steps of all rewrites. */
__attribute__((cold)) bool sld_rewrite_by_steps(sld_graph *g, int rule, const sld_node *nodes, uint32_t n, uint16_t op, uint32_t n_in,
                          const sld_value *in, const sld_attr *attrs, uint32_t n_out, const sld_value *old);
/* How often nodes behind the producer of v, up to the cursor, read it; UINT32_MAX when they are too many to look at. */
uint32_t sld__reads_up_to(const sld_graph *g, sld_value v, sld_node cursor);
/* Takes values back that may have names or known contents. */
__attribute__((cold)) void sld__give_noted(sld_graph *g, const sld_value *gone, uint32_t n);

/* The outcome of a call that was asked for before, if types stay and a kernel is known to cover it. */
SLD_PART const sld_kept *sld__known(const sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in,
                                    const sld_attr *attrs, uint32_t n_out, const sld_value *old)
{
    const sld_interned *t = g->interned;
    const sld_value_rec *const values = g->values.at;
    const uint32_t id = t->last[op];
    const sld_kept *k = &t->kept.at[id];
    if (!id || !sld__asks(g, k, n_in, in, attrs, n_out) ||
        (SLD_CHECKED && !(k->bound >> g->fuse->options.target & 1)))
        return NULL;
    const uint32_t *types = t->words.at + k->types + n_in;
    SLD_EACH(i, n_out)
        if (SLD_CHECKED && values[old[i]].type != types[i])
            return NULL;
    return k;
}

/* Results of the match must be read, and outside of it behind the cursor only. */
SLD_PART bool sld__fits(const sld_graph *g, uint32_t n_in, const sld_value *in, uint32_t n_out, const sld_value *old,
                        const uint32_t *inner)
{
    const sld_node at = g->fuse->cursor;
    bool fits = true;
    SLD_EACH(i, n_out) {
        const sld_value_rec *r = &g->values.at[old[i]];
        fits &= !SLD_CHECKED || r->n_uses != inner[i];
        if (!SLD_CHECKED || r->origin == at)
            continue;
        SLD_EACH(j, n_in)
            fits &= in[j] != old[i];
        fits &= r->origin + 1 == at || sld__reads_up_to(g, old[i], at) == inner[i];
    }
    return fits;
}

/* Where `need` words of what replaces a match can stand: in the place of the match's own, if those before its last node
 * follow one another, or behind all. False when memory is short. */
SLD_PART bool sld__find_room(sld_graph *g, const sld_node *nodes, uint32_t n, uint32_t need, uint32_t *at)
{
    const sld_node_rec *r = &g->nodes.at[nodes[n - 1]];
    const uint32_t end = r->in + r->n_in;
    uint32_t begin = r->in - g->sizes[r->op].n_front;
    for (uint32_t i = n - 1; end - begin < need && i-- > 0;) {
        r = &g->nodes.at[nodes[i]];
        if (r->in + r->n_in != begin)
            break;
        begin = r->in - g->sizes[r->op].n_front;
    }
    *at = end - begin >= need ? begin : g->operands.n;
    return end - begin >= need || sld__reserve_operands(g, need);
}

/* Of values nothing is kept but their records: they go into the list of free ones. */
SLD_PART void sld__give_plain(sld_graph *g, const sld_value *gone, uint32_t n)
{
    sld_value_rec *const values = g->values.at;
    uint32_t unread = 0, free = g->free_values[1];
    SLD_EACH(i, n) {
        unread += !values[gone[i]].n_uses;
        values[gone[i]] = (sld_value_rec){.n_uses = free};
        free = gone[i];
    }
    g->n_unread -= unread;
    g->free_values[1] = free;
}

/* The node at the cursor computes values that are there; unless they follow one another, they are listed. */
SLD_PART void sld__put_over(sld_graph *g, uint32_t place, uint16_t op, uint32_t n_in, const sld_value *in, uint32_t attrs,
                            uint32_t n_out, const sld_value *old)
{
    const sld_node at = g->fuse->cursor;
    bool in_sequence = true;
    SLD_EACH(i, n_out) {
        g->values.at[old[i]].origin = at;
        in_sequence &= old[i] == old[0] + i;
    }
    uint32_t end = sld__write_node(g, place, at, op, n_in, in, attrs, n_out, in_sequence ? old[0] : SLD_LISTED);
    if (!in_sequence)
        SLD_EACH(i, n_out)
            g->operands.at[end++] = old[i];
    g->operands.n = end > g->operands.n ? end : g->operands.n;
}

/* All of a rewrite whose match goes as a whole, for one node: its result i stands for old[i], unless that is 0. */
SLD_PART bool sld_rewrite_replace(sld_graph *g, int rule, const sld_node *nodes, uint32_t n, const sld_value *gone,
                                  uint32_t n_gone, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs,
                                  uint32_t n_out, const sld_value *old, const uint32_t *inner)
{
    sld_fuse_state *const s = g->fuse;
    const sld_kept *k = NULL;
    uint32_t place;
    if (s->quick && nodes[n - 1] == s->cursor && n_out && n_out < SLD_BLOCKS &&
        !(SLD_CHECKED && s->off && s->off[rule]))
        k = sld__known(g, op, n_in, in, attrs, n_out, old);
    if (!k || !sld__fits(g, n_in, in, n_out, old, inner) ||
        !sld__find_room(g, nodes, n, g->sizes[op].n_front + n_in + n_out, &place))
        return sld_rewrite_by_steps(g, rule, nodes, n, op, n_in, in, attrs, n_out, old);
    SLD_EACH(i, n_out)
        g->values.at[old[i]].n_uses -= inner[i];
    SLD_EACH(i, n - 1)
        g->nodes.at[nodes[i]].op = g->nodes.at[nodes[i]].n_in = 0;
    g->n_nodes -= n - 1;
    if (g->contents.n | g->value_names.n)
        sld__give_noted(g, gone, n_gone);
    else
        sld__give_plain(g, gone, n_gone);
    sld__put_over(g, place, op, n_in, in, k->attrs, n_out, old);
    s->rule = rule;
    s->stats[rule].fired++;
    s->changed = true;
    s->steps = s->cycle = false;
    return true;
}

#endif
