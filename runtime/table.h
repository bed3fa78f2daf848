/* Finds small integers by the hash of what they stand for: open addressing over ids counted
 * from 1, without removal.  The owner compares candidates itself, so one table serves names,
 * polynomials and whatever else is interned. */
#ifndef SLD_TABLE_H
#define SLD_TABLE_H

#include "graph.h"

typedef struct sld_table_slot { uint32_t hash, id; } sld_table_slot;
typedef struct sld_table { sld_table_slot *at; uint32_t n, cap; } sld_table;

#define SLD_HASH_SEED 2166136261u

static inline uint32_t sld__hash(uint32_t seed, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        seed = (seed ^ p[i]) * 16777619u;
    return seed;
}

static inline uint32_t sld__table_slot(const sld_table *t, uint32_t hash)
{
    return (uint32_t)((hash * 0x9e3779b97f4a7c15ull) >> 32) & (t->cap - 1);
}

/* Ids that have this hash, one a call, then 0; *step starts at 0. */
static inline uint32_t sld__table_next(const sld_table *t, uint32_t hash, uint32_t *step)
{
    while (t->cap) {
        const sld_table_slot *s = &t->at[(sld__table_slot(t, hash) + (*step)++) & (t->cap - 1)];
        if (!s->id || s->hash == hash)
            return s->id;
    }
    return 0;
}

static inline void sld__table_put(sld_table *t, sld_table_slot e)
{
    uint32_t i = sld__table_slot(t, e.hash);
    while (t->at[i].id)
        i = (i + 1) & (t->cap - 1);
    t->at[i] = e;
}

/* Makes room for one more id, so that the following sld__table_add cannot fail. */
static inline bool sld__table_reserve(sld_ctx *ctx, sld_table *t)
{
    if (t->n < t->cap / 2)
        return true;
    sld_table bigger = {.n = t->n, .cap = t->cap ? t->cap * 2 : 16};
    if (!bigger.cap) {
        sld__fail(ctx, SLD_ERR_LIMIT, "too many names");
        return false;
    }
    bigger.at = sld__alloc(ctx, bigger.cap * sizeof *bigger.at);
    if (!bigger.at)
        return false;
    for (uint32_t i = 0; i < t->cap; i++)
        if (t->at[i].id)
            sld__table_put(&bigger, t->at[i]);
    sld__free(ctx, t->at);
    *t = bigger;
    return true;
}

static inline void sld__table_add(sld_table *t, uint32_t hash, uint32_t id)
{
    sld__table_put(t, (sld_table_slot){hash, id});
    t->n++;
}

#endif
