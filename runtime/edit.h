/* Changes to a graph that is there, and what making a node takes. */
#ifndef SLD_EDIT_H
#define SLD_EDIT_H

#include "users.h"

/* Room for n consecutive values, to be written; 0 when memory is short, or n is 0. */
sld_value sld__new_values(sld_graph *g, uint32_t n);
/* The results of a node to come, typed and without a producer. */
sld_value sld__new_results(sld_graph *g, const sld_call *c, const sld_outcome *o);
/* Takes consecutive values without uses back. */
void sld__give_values(sld_graph *g, sld_value first, uint32_t n);
/* The same of one value. */
static inline void sld__give_value(sld_graph *g, sld_value v)
{
    if (g->listed || v < g->contents.n || (v < g->value_names.n && g->value_names.at[v])) {
        sld__give_values(g, v, 1);
        return;
    }
    g->values.at[v] = (sld_value_rec){.n_uses = g->free_values[1]};
    g->free_values[1] = v;
}
/* Writes the node of a call into slot n and its operands to `at`, where there is room; answers where they end. */
static inline uint32_t sld__write_node(sld_graph *g, uint32_t at, sld_node n, uint16_t op, uint32_t n_in,
                                       const sld_value *in, uint32_t attrs, uint32_t n_out, sld_value out)
{
    if (g->sizes[op].n_front) {
        if (g->sizes[op].n_results == UINT8_MAX)
            g->operands.at[at++] = n_out;
        if (g->rules->ops[op].n_attrs)
            g->operands.at[at++] = attrs;
    }
    g->nodes.at[n] = (sld_node_rec){.op = op, .n_in = (uint16_t)n_in, .in = at, .out = out};
    sld_value *to = g->operands.at + at;
#pragma GCC unroll 8
    for (uint32_t i = 0; i < n_in; i++)
        to[i] = in[i];
    return at + n_in;
}
/* The same and counts it, and its uses. */
void sld__put_node(sld_graph *g, sld_node n, const sld_call *c, uint32_t attrs, sld_value out);
/* Values that lost a reader: what may be dead now, or matched now. What finds no room is left to a sweep. */
enum { SLD_LOOSE_MAX = 1024 };
typedef struct sld_loose { uint32_t n; sld_value at[SLD_LOOSE_MAX]; } sld_loose;
/* Removes a node whose results have no uses; notes results of nodes that it read. loose may be NULL. */
void sld__erase_node(sld_graph *g, sld_node n, sld_loose *loose);
/* Removes a node and what it alone led to; notes what it read of nodes that stay. left may be NULL. */
void sld__erase_chain(sld_graph *g, sld_node n, sld_loose *left);
/* True when nobody reads any result of node n, which is there. */
static inline bool sld__unread(const sld_graph *g, sld_node n)
{
    for (uint32_t i = 0, n_out = sld_n_results(g, n); i < n_out; i++)
        if (g->values.at[sld_result(g, n, i)].n_uses)
            return false;
    return true;
}
/* What is replaced and what takes its place, if both are results of nodes, exchange names, so that the text of a
 * graph keeps speaking of the same things; inputs and constants keep theirs. */
void sld__exchange_names(sld_graph *g, sld_value old, sld_value with);
/* All uses of old become uses of with (graph outputs too); readers are known. Room is reserved unless `with` has
 * no readers. */
void sld__replace_value(sld_graph *g, sld_value old, sld_value with);
/* The same of a node that may be removed for it: one without effect. */
static inline bool sld__removable(const sld_graph *g, sld_node n)
{
    return !(sld_node_op(g, n)->flags & SLD_OP_EFFECT) && sld__unread(g, n);
}

#endif
