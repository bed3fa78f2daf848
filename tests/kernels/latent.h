/* A batch for latent attention: part of a prompt behind rows that are cached, decode steps of sequences of their own,
 * and tokens of no sequence; a cache full of numbers, in which sequences have blocks in no order. */
#ifndef TEST_LATENT_H
#define TEST_LATENT_H

#include "caches.h"

typedef struct latent_dims {
    int64_t tokens, heads, plain, rope, latent, value, block;
    uint8_t dtype, cache, queries;  /* cache: as the engine declares it; queries: as attention takes them */
    float scale, query_scale;
} latent_dims;

typedef struct latent_batch {
    latent_dims d;
    test_cache cache;
    sld_latent latent;
    int64_t *slots, *positions, table;  /* table: rows that positions reach */
    int32_t *blocks, *sequence, *length;
    sld_tensor keys, values;
    float query_scale;
} latent_batch;

static inline double latent_number(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state / 2147483648.0 - 1;
}

static inline void latent_fill(const sld_tensor *t, size_t n, double size, uint32_t *state)
{
    for (size_t i = 0; i < n; i++)
        kern_put(t, i, size * latent_number(state));
}

static inline uint8_t latent_contents(uint8_t cache)
{
    return cache == SLD_U8 ? SLD_F8E4M3FN : cache;
}

static inline sld_tensor latent_weights(uint8_t dtype, size_t n, double size, uint32_t *state)
{
    sld_tensor t = {.dtype = dtype, .data = malloc(n * kern_size(dtype) + 1)};
    latent_fill(&t, n, size, state);
    return t;
}

/* Token i of the prompt, or step of sequence s, has so many rows before it. */
static inline int64_t latent_past(int64_t s)
{
    return s * 5 % 23 + 2;
}

/* prompt: how many tokens are one; every `skip`-th is of no sequence (0: none, 1: all). */
static inline latent_batch latent_new(latent_dims d, int64_t prompt, int64_t skip)
{
    uint32_t state = 2463534242u;
    int64_t n = d.tokens, sequences = n - prompt + 1, width = (prompt + 25) / d.block + 1;
    latent_batch b = {.d = d, .query_scale = d.query_scale, .table = prompt + 25,
                      .cache = test_cache_new(SLD_CACHE_LATENT, d.cache, sequences * width + 1, d.block, 1, d.latent + d.rope),
                      .slots = calloc((size_t)n + 1, 8), .positions = calloc((size_t)n + 1, 8),
                      .blocks = calloc((size_t)(sequences * width), 4), .sequence = calloc((size_t)n + 1, 4),
                      .length = calloc((size_t)n + 1, 4)};
    for (int64_t i = 0; i < sequences * width; i++)
        b.blocks[i] = (int32_t)((i * 7 + 3) % (sequences * width) ? sequences * width - i : 0);
    for (int64_t i = 0; i < n; i++) {
        int64_t s = i < prompt ? 0 : i - prompt + 1, row = latent_past(s) + (i < prompt ? i : 0);
        bool none = skip && i % skip == 0;
        b.positions[i] = row;
        b.sequence[i] = (int32_t)s;
        b.length[i] = none ? 0 : (int32_t)row + 1;
        b.slots[i] = none ? -1 : b.blocks[s * width + row / d.block] * d.block + row % d.block;
    }
    b.cache.c.slots = b.slots, b.cache.c.n_slots = n;
    b.cache.scale[0] = d.scale;
    sld_tensor cells = {.dtype = latent_contents(d.cache), .data = b.cache.memory};
    latent_fill(&cells, b.cache.bytes / kern_size(d.cache), kern_size(d.cache) == 1 ? 1 / d.scale : 1, &state);
    b.keys = latent_weights(d.dtype, (size_t)(d.heads * d.plain * d.latent), 0.2, &state);
    b.values = latent_weights(d.dtype, (size_t)(d.heads * d.latent * d.value), 0.2, &state);
    b.latent = (sld_latent){.query_dtype = d.queries, .heads = d.heads, .plain = d.plain, .latent = d.latent,
                            .value = d.value, .keys = b.keys.data, .values = b.values.data,
                            .softmax_scale = 1 / sqrt((double)(d.plain + d.rope)), .blocks = b.blocks,
                            .sequences = sequences, .width = width, .sequence = b.sequence, .length = b.length,
                            .n_tokens = n};
    return b;
}

/* What a plan is told: after the batch has its last place. */
static inline sld_caches latent_lend(latent_batch *b)
{
    b->latent.query_scale = &b->query_scale;
    b->cache.c.scale[0] = b->cache.scale;
    b->cache.c.latent = &b->latent;
    return (sld_caches){test_cache_find, &b->cache.c};
}

static inline void latent_free(latent_batch *b)
{
    void *all[] = {b->slots, b->positions, b->blocks, b->sequence, b->length, b->keys.data, b->values.data, b->cache.memory};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

#endif
