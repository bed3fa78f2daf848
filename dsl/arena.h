/* One bump arena for a run of the compiler, lists in it, and interned names. */
#ifndef PAT_ARENA_H
#define PAT_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct pat_arena pat_arena;

/* Lack of memory ends the program, here and below. */
pat_arena *pat_arena_new(void);
void pat_arena_free(pat_arena *a);
/* Zeroed memory, aligned for any object, that lives as long as the arena. */
void *pat_alloc(pat_arena *a, size_t size);
/* Equal texts give the same pointer; NUL-terminated copy. */
const char *pat_intern_in(pat_arena *a, const char *s, size_t n);

/* Appends to a PAT_LIST. */
void pat_list_grow(pat_arena *a, void *list_at, uint32_t n, uint32_t *cap);
#define PAT_PUSH(arena, list, item) \
    (pat_list_grow((arena), &(list).at, (list).n, &(list).cap), (void)((list).at[(list).n++] = (item)))

#endif
