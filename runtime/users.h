/* Who reads a value: kept only while rules are at work that need to know, from sld__users_make to
 * sld__users_drop.  One reader stands for itself, several in a list.  Removing a use only counts: a
 * list may name nodes that no longer read the value, and is cleaned when it is full.  So a use
 * comes and goes in constant time, however many others there are. */
#ifndef SLD_USERS_H
#define SLD_USERS_H

#include "graph.h"

#define SLD_USERS_LIST 0x80000000u  /* in sld_graph.readers: where in sld_graph.users the list is */
#define SLD_USER_OUTPUT 0x40000000u /* a reader that is no node: a graph output by its index */

/* Writes down the readers of all values; nothing to do when they are known. False when memory is short. */
bool sld__users_make(sld_graph *g);
static inline void sld__users_drop(sld_graph *g) { g->listed = false; }

/* The readers of v and perhaps others: sld__reads tells. Valid until the next change. */
static inline const uint32_t *sld__users(const sld_graph *g, sld_value v, uint32_t *n)
{
    const uint32_t *r = &g->readers.at[v];
    *n = g->values.at[v].n_uses != 0;
    if (!*n || !(*r & SLD_USERS_LIST))
        return r;
    const uint32_t *list = g->users.at + (*r & ~SLD_USERS_LIST);
    *n = list[1];
    return list + 2;
}

static inline bool sld__reads(const sld_graph *g, uint32_t user, sld_value v)
{
    if (user & SLD_USER_OUTPUT)
        return g->outputs.at[user & ~SLD_USER_OUTPUT].value == v;
    const sld_node_rec *r = &g->nodes.at[user];
    const sld_value *in = g->operands.at + r->in;
    for (uint32_t i = 0; r->op && i < r->n_in; i++)
        if (in[i] == v)
            return true;
    return false;
}

/* A walk over the nodes that read a value, 0 at its end. */
typedef struct sld_readers { sld_value of; uint32_t next; } sld_readers;
static inline sld_node sld_next_reader(const sld_graph *g, sld_readers *r)
{
    uint32_t n;
    const uint32_t *users = sld__users(g, r->of, &n);
    while (r->next < n) {
        uint32_t user = users[r->next++];
        if (!(user & SLD_USER_OUTPUT) && sld__reads(g, user, r->of))
            return user;
    }
    return 0;
}

/* Makes sure that `nodes` further nodes can come to read these values without fail. */
bool sld__users_reserve(sld_graph *g, uint32_t n, const sld_value *values, uint32_t nodes);
/* The same for any number of readers of one value. */
bool sld__users_reserve_many(sld_graph *g, sld_value v, uint32_t readers);
/* Names one more reader of v, for which there is room; first: v had none. */
void sld__users_add(sld_graph *g, sld_value v, uint32_t user, bool first);
void sld__users_free(sld_graph *g, sld_value v);

/* Whether v counts as unread while it has no use. */
static inline bool sld__counts_unread(const sld_value_rec *r) { return r->origin >> 30 != SLD_ORIGIN_INPUT >> 30; }

/* One use of v by user begins; room is reserved. */
static inline void sld__link(sld_graph *g, sld_value v, uint32_t user)
{
    sld_value_rec *r = &g->values.at[v];
    bool first = r->n_uses++ == 0;
    g->n_unread -= first && sld__counts_unread(r);
    if (g->listed)
        sld__users_add(g, v, user, first);
}

/* Uses begin by who is not there yet. */
static inline void sld__hold(sld_graph *g, uint32_t n, const sld_value *in)
{
    sld_value_rec *const values = g->values.at;
    for (uint32_t i = 0; i < n; i++)
        if (values[in[i]].n_uses++ == 0)
            g->n_unread -= sld__counts_unread(&values[in[i]]);
}

/* One use of v ends; true when it was the last. */
static inline bool sld__unlink(sld_graph *g, sld_value v)
{
    sld_value_rec *r = &g->values.at[v];
    if (--r->n_uses)
        return false;
    g->n_unread += sld__counts_unread(r);
    return true;
}

#endif
