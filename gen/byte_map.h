/* A hash table from bytes to pointers; what it holds lives in the arena of the run. */
#ifndef GEN_BYTE_MAP_H
#define GEN_BYTE_MAP_H

#include "arena.h"

typedef struct byte_map_entry { uint64_t hash; const void *key; size_t n; void *value; } byte_map_entry;
typedef struct byte_map { byte_map_entry *at; uint32_t n, cap; } byte_map;

/* Where the value of a key stands; NULL stands there when the key is new. Valid until the next call. */
void **byte_map_at(pat_arena *arena, byte_map *m, const void *key, size_t n);

#endif
