/* Caches for tests: memory of exactly the right size in each layout, filled with a pattern, and read back by index. */
#ifndef TEST_CACHE_H
#define TEST_CACHE_H

#include <check.h>
#include <stdlib.h>

#include "cache.h"

typedef struct test_cache { sld_cache c; void *memory; size_t bytes; float scale[2]; } test_cache;

/* Blocks hold their keys, then their values, as some engines allocate caches. */
enum { TEST_CACHE_BLOCKS_FIRST = 100 };

static inline test_cache test_cache_new(uint8_t layout, uint8_t dtype, int64_t blocks, int64_t block_size, int64_t heads,
                                        int64_t head_size)
{
    bool blocks_first = layout == TEST_CACHE_BLOCKS_FIRST;
    layout = blocks_first ? SLD_CACHE_NHD : layout;
    int64_t b = block_size, h = heads, d = head_size, packed = layout == SLD_CACHE_PACKED ? 2 : 1;
    test_cache t = {.c = {.layout = layout, .dtype = dtype, .blocks = blocks, .block_size = b, .heads = h, .head_size = d},
                    .scale = {1, 1}};
    size_t half = (size_t)(blocks * b * h * d) * kern_size(dtype);
    t.bytes = layout == SLD_CACHE_LATENT ? half : 2 * half;
    t.memory = malloc(t.bytes + 1);
    memset(t.memory, 0x3c, t.bytes);
    t.c.data[0] = t.memory;
    t.c.data[1] = (char *)t.memory + (packed == 2 ? (size_t)d * kern_size(dtype) :
                                      blocks_first ? (size_t)(b * h * d) * kern_size(dtype) : half);
    bool tokens_first = layout == SLD_CACHE_NHD || layout == SLD_CACHE_LATENT;
    for (int i = 0; i < 2; i++) {
        t.c.strides[i][0] = b * h * d * (blocks_first ? 2 : packed);
        t.c.strides[i][1] = tokens_first ? h * d : d * packed;
        t.c.strides[i][2] = tokens_first ? d : b * d * packed;
    }
    return t;
}

static inline void test_cache_slots(test_cache *t, const int64_t *slots, int64_t n)
{
    t->c.slots = slots;
    t->c.n_slots = n;
    t->c.scale[0] = &t->scale[0];
    t->c.scale[1] = &t->scale[1];
}

/* The bits of one element. */
static inline uint32_t test_cache_bits(const test_cache *t, int which, int64_t slot, size_t head, size_t d)
{
    size_t size = kern_size(t->c.dtype);
    uint32_t bits = 0;
    memcpy(&bits, (const char *)t->c.data[which] + cache_at(&t->c, which, slot, head, d) * size, size);
    return bits;
}

static inline double test_cache_get(const test_cache *t, int which, int64_t slot, size_t head, size_t d)
{
    sld_tensor cells = {.dtype = t->c.dtype, .data = t->c.data[which]};
    return kern_get(&cells, cache_at(&t->c, which, slot, head, d));
}

/* The one cache that a test knows, under the name "l0". */
static inline const sld_cache *test_cache_find(void *user, const char *layer)
{
    return strcmp(layer, "l0") ? NULL : user;
}

#endif
