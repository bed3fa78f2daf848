/* See arena.h. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

typedef struct chunk { struct chunk *next; } chunk;
typedef struct entry { struct entry *next; uint32_t hash; size_t n; } entry; /* text follows */

struct pat_arena {
    chunk *chunks;
    char *at, *end;
    entry **table;
    uint32_t n_entries, n_slots;
};

enum { CHUNK = 1 << 16, ALIGN = 16 };

pat_arena *pat_arena_new(void)
{
    return pat_must(calloc(1, sizeof(pat_arena)));
}

void pat_arena_free(pat_arena *a)
{
    for (chunk *c = a ? a->chunks : NULL; c;) {
        chunk *next = c->next;
        free(c);
        c = next;
    }
    if (a)
        free(a->table);
    free(a);
}

void *pat_alloc(pat_arena *a, size_t size)
{
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if ((size_t)(a->end - a->at) < size) {
        size_t room = size > CHUNK ? size : CHUNK;
        chunk *c = pat_must(calloc(1, room + ALIGN));
        c->next = a->chunks;
        a->chunks = c;
        a->at = (char *)c + ALIGN;
        a->end = a->at + room;
    }
    void *p = a->at;
    a->at += size;
    return p;
}

static void rehash(pat_arena *a)
{
    uint32_t n = a->n_slots ? a->n_slots * 2 : 1024;
    entry **table = pat_must(calloc(n, sizeof *table));
    for (uint32_t i = 0; i < a->n_slots; i++)
        for (entry *e = a->table[i]; e;) {
            entry *next = e->next;
            e->next = table[e->hash & (n - 1)];
            table[e->hash & (n - 1)] = e;
            e = next;
        }
    free(a->table);
    a->table = table;
    a->n_slots = n;
}

const char *pat_intern_in(pat_arena *a, const char *s, size_t n)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 16777619u;
    if (a->n_entries >= a->n_slots)
        rehash(a);
    entry **slot = &a->table[h & (a->n_slots - 1)];
    for (entry *e = *slot; e; e = e->next)
        if (e->hash == h && e->n == n && !memcmp(e + 1, s, n))
            return (const char *)(e + 1);
    entry *e = pat_alloc(a, sizeof *e + n + 1);
    e->hash = h;
    e->n = n;
    memcpy(e + 1, s, n);
    e->next = *slot;
    *slot = e;
    a->n_entries++;
    return (const char *)(e + 1);
}

void pat_list_grow(pat_arena *a, void *list_at, uint32_t n, uint32_t *cap)
{
    if (n < *cap)
        return;
    uint32_t more = *cap ? *cap * 2 : 4;
    void **at = pat_alloc(a, more * sizeof *at), *old;
    memcpy(&old, list_at, sizeof old);
    if (n)
        memcpy(at, old, n * sizeof *at);
    memcpy(list_at, &at, sizeof at);
    *cap = more;
}
