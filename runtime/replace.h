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
bool sld_rewrite_by_steps(sld_graph *g, int rule, const sld_node *nodes, uint32_t n, uint16_t op, uint32_t n_in,
                          const sld_value *in, const sld_attr *attrs, uint32_t n_out, const sld_value *old);
/* Removes matched nodes, and their results but for those that have no producer. The last one counts on. */
void sld__drop_matched(sld_graph *g, const sld_node *nodes, uint32_t n);
/* How often the match reads v, a result of a node before the cursor; SLD_NEAR when others there do, or it is far. */
uint32_t sld__inner_reads(const sld_graph *g, const sld_node *nodes, uint32_t n, sld_value v);

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

/* Results of the match must be read, and behind the cursor only. inner: how often the match reads each. */
SLD_PART bool sld__fits(const sld_graph *g, const sld_node *nodes, uint32_t n, uint32_t n_in, const sld_value *in,
                        uint32_t n_out, const sld_value *old, uint32_t *inner)
{
    const sld_value_rec *const values = g->values.at;
    bool fits = true;
    SLD_EACH(i, n_out) {
        inner[i] = 0;
        if (values[old[i]].origin != nodes[n - 1]) {
            inner[i] = sld__inner_reads(g, nodes, n, old[i]);
            SLD_EACH(j, n_in)
                fits &= !SLD_CHECKED || in[j] != old[i];
        }
        fits &= !SLD_CHECKED || (inner[i] < SLD_NEAR && values[old[i]].n_uses != inner[i]);
    }
    return fits;
}

/* The node at the cursor computes values that are there; unless they follow one another, they are listed. */
SLD_PART void sld__put_over(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, uint32_t attrs,
                            uint32_t n_out, const sld_value *old)
{
    const sld_node at = g->fuse->cursor;
    bool in_sequence = true;
    SLD_EACH(i, n_out) {
        g->values.at[old[i]].origin = at;
        in_sequence &= old[i] == old[0] + i;
    }
    sld__write_node(g, at, op, n_in, in, attrs, n_out, in_sequence ? old[0] : SLD_LISTED);
    if (!in_sequence)
        SLD_EACH(i, n_out)
            g->operands.at[g->operands.n++] = old[i];
}

/* All of a rewrite whose match goes as a whole, for one node: its result i stands for old[i], unless that is 0. */
SLD_PART bool sld_rewrite_replace(sld_graph *g, int rule, const sld_node *nodes, uint32_t n, uint16_t op, uint32_t n_in,
                                  const sld_value *in, const sld_attr *attrs, uint32_t n_out, const sld_value *old)
{
    sld_fuse_state *const s = g->fuse;
    const sld_kept *k = NULL;
    uint32_t inner[SLD_BLOCKS];
    if (s->quick && nodes[n - 1] == s->cursor && n_out && n_out < SLD_BLOCKS &&
        !(SLD_CHECKED && s->off && s->off[rule]))
        k = sld__known(g, op, n_in, in, attrs, n_out, old);
    if (!k || !sld__fits(g, nodes, n, n_in, in, n_out, old, inner) ||
        !SLD_RESERVE(g->ctx, g->operands, g->operands.n + n_in + n_out + 2))
        return sld_rewrite_by_steps(g, rule, nodes, n, op, n_in, in, attrs, n_out, old);
    SLD_EACH(i, n_out) {
        g->values.at[old[i]].origin = 0; /* it stays when the match goes */
        g->values.at[old[i]].n_uses -= inner[i];
    }
    sld__drop_matched(g, nodes, n);
    sld__put_over(g, op, n_in, in, k->attrs, n_out, old);
    s->rule = rule;
    s->stats[rule].fired++;
    s->changed = s->alone = true;
    return true;
}

#endif
