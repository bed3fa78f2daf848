/* See map.h: open addressing, doubled when three quarters are taken. */
#include "map.h"

typedef struct pat_map_slot { const void *key; void *value; } slot;

static slot *find(const pat_map *m, const void *key)
{
    uint64_t h = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u;
    uint32_t i = (uint32_t)(h >> 32) & (m->n_slots - 1);
    while (m->slots[i].key && m->slots[i].key != key)
        i = (i + 1) & (m->n_slots - 1);
    return &m->slots[i];
}

void *pat_map_get(const pat_map *m, const void *key)
{
    return m->n ? find(m, key)->value : NULL;
}

static void grow(pat_arena *a, pat_map *m)
{
    pat_map more = {.n = m->n, .n_slots = m->n_slots ? m->n_slots * 2 : 16};
    more.slots = pat_alloc(a, more.n_slots * sizeof *more.slots);
    for (uint32_t i = 0; i < m->n_slots; i++)
        if (m->slots[i].key)
            *find(&more, m->slots[i].key) = m->slots[i];
    *m = more;
}

void *pat_map_add(pat_arena *a, pat_map *m, const void *key, const void *value)
{
    if (m->n >= m->n_slots / 4 * 3)
        grow(a, m);
    slot *s = find(m, key);
    if (s->key)
        return s->value;
    *s = (slot){key, (void *)value};
    m->n++;
    return NULL;
}
