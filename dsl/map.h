/* A hash table from pointers to pointers, in an arena: interned names to declarations, mostly. */
#ifndef PAT_MAP_H
#define PAT_MAP_H

#include "arena.h"

typedef struct pat_map { struct pat_map_slot *slots; uint32_t n, n_slots; } pat_map; /* starts zeroed */

/* NULL when the key is not there. */
void *pat_map_get(const pat_map *m, const void *key);
/* Keeps what is there: answers the value that the key had before, NULL when it is new. */
void *pat_map_add(pat_arena *a, pat_map *m, const void *key, const void *value);

#endif
