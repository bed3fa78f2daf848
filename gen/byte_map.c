/* See byte_map.h: open addressing, at most half full. */
#include "byte_map.h"

#include <string.h>

static uint64_t hash_bytes(const void *key, size_t n)
{
    const unsigned char *p = key;
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 1099511628211u;
    return h ^ h >> 29;
}

static byte_map_entry *find(const byte_map *m, uint64_t hash, const void *key, size_t n)
{
    uint32_t i = (uint32_t)hash & (m->cap - 1);
    while (m->at[i].key && (m->at[i].hash != hash || m->at[i].n != n || memcmp(m->at[i].key, key, n)))
        i = (i + 1) & (m->cap - 1);
    return &m->at[i];
}

static void grow(pat_arena *arena, byte_map *m)
{
    byte_map bigger = {.cap = m->cap ? 2 * m->cap : 64, .n = m->n};
    bigger.at = pat_alloc(arena, bigger.cap * sizeof *bigger.at);
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->at[i].key)
            *find(&bigger, m->at[i].hash, m->at[i].key, m->at[i].n) = m->at[i];
    *m = bigger;
}

void **byte_map_at(pat_arena *arena, byte_map *m, const void *key, size_t n)
{
    if (2 * (m->n + 1) > m->cap)
        grow(arena, m);
    uint64_t hash = hash_bytes(key, n);
    byte_map_entry *e = find(m, hash, key, n);
    if (!e->key) {
        void *copy = pat_alloc(arena, n ? n : 1);
        memcpy(copy, key, n);
        *e = (byte_map_entry){hash, copy, n, NULL};
        m->n++;
    }
    return &e->value;
}
