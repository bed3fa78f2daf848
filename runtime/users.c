/* Lists of readers.  A list is a block of sld_graph.users: its size class, the number of its
 * entries, the entries.  Blocks of class k have 4 << k words; free ones are kept by class. */
#include "users.h"

#include <stdlib.h>
#include <string.h>

enum { CLASSES = 28 };

static uint32_t room_of(uint32_t class) { return (4u << class) - 2; }

static bool class_for(sld_graph *g, uint64_t n, uint32_t *class)
{
    for (*class = 0; *class < CLASSES; ++*class)
        if (room_of(*class) >= n)
            return true;
    sld__fail(g->ctx, SLD_ERR_LIMIT, "too many readers of one value");
    return false;
}

/* A block of a class for which there is room; index in users. */
static uint32_t take_block(sld_graph *g, uint32_t class)
{
    uint32_t at = g->free_users[class];
    if (at) {
        g->free_users[class] = g->users.at[at];
    } else {
        at = g->users.n;
        g->users.n += 4u << class;
    }
    g->users.at[at] = class;
    g->users.at[at + 1] = 0;
    return at;
}

/* Where a list is must fit beside SLD_USERS_LIST. */
static bool reserve_words(sld_graph *g, uint64_t n)
{
    if (g->users.n + n < SLD_USERS_LIST)
        return SLD_RESERVE(g->ctx, g->users, g->users.n + (uint32_t)n);
    sld__fail(g->ctx, SLD_ERR_LIMIT, "too many readers");
    return false;
}

static bool reserve_block(sld_graph *g, uint32_t class)
{
    return g->free_users[class] || reserve_words(g, 4u << class);
}

static void give_block(sld_graph *g, uint32_t at)
{
    uint32_t class = g->users.at[at];
    g->users.at[at] = g->free_users[class];
    g->free_users[class] = at;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Keeps those who read v, each once. */
static void clean(sld_graph *g, sld_value v, uint32_t *list)
{
    uint32_t kept = 0, n = list[1], *at = list + 2;
    qsort(at, n, sizeof *at, ascending);
    for (uint32_t i = 0; i < n; i++)
        if ((!kept || at[kept - 1] != at[i]) && sld__reads(g, at[i], v))
            at[kept++] = at[i];
    list[1] = kept;
}

/* Moves the readers of v to a list with room for `want`. */
static bool move_list(sld_graph *g, sld_value v, uint64_t want)
{
    uint32_t class, old = g->readers.at[v], n;
    if (!class_for(g, want, &class) || !reserve_block(g, class))
        return false;
    uint32_t to = take_block(g, class);
    const uint32_t *from = sld__users(g, v, &n);
    for (uint32_t i = 0; i < n; i++)
        g->users.at[to + 2 + i] = from[i];
    g->users.at[to + 1] = n;
    if (old & SLD_USERS_LIST)
        give_block(g, old & ~SLD_USERS_LIST);
    g->readers.at[v] = to | SLD_USERS_LIST;
    return true;
}

/* A list that is full is cleaned, and doubled unless that made much room. */
static bool room_in_list(sld_graph *g, sld_value v, uint32_t more)
{
    uint32_t *list = g->users.at + (g->readers.at[v] & ~SLD_USERS_LIST), room = room_of(list[0]);
    list[1] = g->values.at[v].n_uses ? list[1] : 0;
    if (list[1] + (uint64_t)more <= room)
        return true;
    clean(g, v, list);
    return list[1] + (uint64_t)more <= room - room / 4 || move_list(g, v, 2ull * list[1] + more);
}

bool sld__users_reserve(sld_graph *g, uint32_t n, const sld_value *values, uint32_t nodes)
{
    if (!g->listed)
        return true;
    for (uint32_t i = 0; i < n; i++)
        if (g->readers.at[values[i]] & SLD_USERS_LIST && !room_in_list(g, values[i], nodes))
            return false;
    if (nodes > room_of(0) - 1)
        for (uint32_t i = 0; i < n; i++)
            if (values[i] && !sld__users_reserve_many(g, values[i], nodes))
                return false;
    return reserve_words(g, 4ull * n); /* whoever stands for itself may have to move to a list */
}

bool sld__users_reserve_many(sld_graph *g, sld_value v, uint32_t readers)
{
    if (g->readers.at[v] & SLD_USERS_LIST)
        return room_in_list(g, v, readers);
    uint64_t want = (g->values.at[v].n_uses != 0) + (uint64_t)readers;
    return want <= 1 || move_list(g, v, want);
}

void sld__users_add(sld_graph *g, sld_value v, uint32_t user, bool first)
{
    uint32_t *r = &g->readers.at[v];
    if (!(*r & SLD_USERS_LIST)) {
        if (first || *r == user) {
            *r = user;
            return;
        }
        uint32_t at = take_block(g, 0);
        g->users.at[at + 1] = 1;
        g->users.at[at + 2] = *r;
        *r = at | SLD_USERS_LIST;
    }
    uint32_t *list = g->users.at + (*r & ~SLD_USERS_LIST);
    if (first)
        list[1] = 0;
    if (!list[1] || list[1 + list[1]] != user)
        list[2 + list[1]++] = user;
}

void sld__users_free(sld_graph *g, sld_value v)
{
    if (g->readers.at[v] & SLD_USERS_LIST)
        give_block(g, g->readers.at[v] & ~SLD_USERS_LIST);
    g->readers.at[v] = 0;
}

/* ------------------------------------------------------------- from nothing -- */

/* A list that holds all uses of v that there are. */
static bool new_list(sld_graph *g, sld_value v)
{
    uint32_t class;
    if (!class_for(g, g->values.at[v].n_uses, &class) || !reserve_block(g, class))
        return false;
    g->readers.at[v] = take_block(g, class) | SLD_USERS_LIST;
    return true;
}

static bool note(sld_graph *g, sld_value v, uint32_t user)
{
    uint32_t *r = &g->readers.at[v];
    if (!v)
        return true;
    if (g->values.at[v].n_uses == 1) {
        *r = user;
        return true;
    }
    if (!*r && !new_list(g, v))
        return false;
    sld__users_add(g, v, user, false);
    return true;
}

bool sld__users_make(sld_graph *g)
{
    if (g->listed)
        return true;
    if (!SLD_RESERVE(g->ctx, g->users, 1) || !SLD_RESERVE(g->ctx, g->readers, g->values.cap))
        return false;
    g->users.n = 1; /* list 0 would be none */
    memset(g->free_users, 0, sizeof g->free_users);
    memset(g->readers.at, 0, g->values.cap * sizeof *g->readers.at);
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        for (uint32_t i = 0; i < g->nodes.at[n].n_in; i++)
            if (!note(g, sld_operand(g, n, i), n))
                return false;
    for (uint32_t i = 0; i < g->outputs.n; i++)
        if (!note(g, g->outputs.at[i].value, SLD_USER_OUTPUT | i))
            return false;
    return g->listed = true;
}
