/* Caches of a batch of decode steps, on a device or on the host, full of numbers: each sequence has `context` tokens, the
 * last of which is written by the step.  The same sizes give the same numbers on both. */
#ifndef LAYER_CACHES_H
#define LAYER_CACHES_H

#include "bench.h"

enum { LAYERS_MAX = 8, BLOCK = 16 };

/* What the cache of a layer holds: heads of keys and values, or latent rows of 512 + 64 and weights of `heads`. */
typedef struct cache_kind { int heads, head_size; uint8_t layout, dtype; } cache_kind;

typedef struct caches {
    sld_cache layer[LAYERS_MAX];
    sld_latent latent[LAYERS_MAX];
    sld_device *device;       /* NULL: the host */
    void *owned[8 * LAYERS_MAX];
    int n_owned;
} caches;

static void *memory_of(caches *c, size_t bytes)
{
    void *p = c->device ? NULL : malloc(bytes);
    const char *bad = c->device ? sld__device_api(c->device)->alloc(sld__device_of(c->device), bytes, &p) : NULL;
    if (bad || !p)
        die("layers: %s\n", bad ? bad : "out of memory");
    return c->owned[c->n_owned++] = p;
}

static void copy_to(caches *c, void *to, const void *from, size_t bytes)
{
    const char *bad = NULL;
    if (c->device)
        bad = sld__device_api(c->device)->upload(sld__device_of(c->device), to, from, bytes);
    else
        memcpy(to, from, bytes);
    if (bad)
        die("layers: %s\n", bad);
}

static void *placed(caches *c, const void *from, size_t bytes)
{
    void *p = memory_of(c, bytes);
    copy_to(c, p, from, bytes);
    return p;
}

/* Numbers in [-size, size), the same megabyte over and over. */
static void *numbers(caches *c, uint8_t dtype, size_t n, float size, uint32_t seed)
{
    size_t unit = sld_dtype_size((sld_dtype)dtype), chunk = ((size_t)1 << 20) / unit;
    char *p = memory_of(c, n * unit), *from = malloc(chunk * unit);
    for (size_t i = 0; i < chunk; i++) {
        seed = seed * 1664525u + 1013904223u;
        float x = (float)(int32_t)seed * 0x1p-31f * size;
        if (unit == 1)
            from[i] = (char)sld_f32_to_f8e4m3fn(x);
        else
            ((uint16_t *)from)[i] = sld_f32_to_bf16(x);
    }
    for (size_t at = 0; at < n; at += chunk)
        copy_to(c, p + at * unit, from, (n - at < chunk ? n - at : chunk) * unit);
    free(from);
    return p;
}

/* Blocks of a batch, and where its tokens go. */
typedef struct batch { int64_t blocks, width; int64_t *slots; int32_t *tables, *lens, *own; } batch;

/* Blocks stand in no order; 7919 divides no number of them here. */
static batch make_batch(caches *c, int tokens, int context)
{
    batch b = {.width = (context + BLOCK - 1) / BLOCK};
    b.blocks = tokens * b.width;
    int32_t *tables = malloc((size_t)b.blocks * 4), *lens = malloc((size_t)tokens * 4), *own = malloc((size_t)tokens * 4);
    int64_t *slots = malloc((size_t)tokens * 8);
    for (int64_t i = 0; i < b.blocks; i++)
        tables[i] = (int32_t)(i * 7919 % b.blocks);
    for (int t = 0; t < tokens; t++) {
        lens[t] = context, own[t] = t;
        slots[t] = tables[(t + 1) * b.width - 1] * BLOCK + (context - 1) % BLOCK;
    }
    b.slots = placed(c, slots, (size_t)tokens * 8), b.tables = placed(c, tables, (size_t)b.blocks * 4);
    b.lens = placed(c, lens, (size_t)tokens * 4), b.own = placed(c, own, (size_t)tokens * 4);
    free(tables), free(lens), free(own), free(slots);
    return b;
}

static void lend_latent(caches *c, int i, const cache_kind *k, const batch *b, int tokens, const float *scale)
{
    sld_latent *w = &c->latent[i];
    size_t n = (size_t)k->heads * 128 * 512;
    *w = (sld_latent){.query_dtype = k->dtype, .heads = k->heads, .plain = 128, .latent = 512, .value = 128,
                      .keys = numbers(c, SLD_BF16, n, 0.15f, 7u + (uint32_t)i), .query_scale = scale,
                      .values = numbers(c, SLD_BF16, n, 0.15f, 70u + (uint32_t)i), .softmax_scale = 1 / sqrt(192.0),
                      .blocks = b->tables, .sequences = tokens, .width = b->width, .sequence = b->own, .length = b->lens,
                      .n_tokens = tokens};
    c->layer[i].latent = w;
}

static caches *make_caches(sld_device *d, const cache_kind *k, int tokens, int layers, int context)
{
    caches *c = calloc(1, sizeof *c);
    c->device = d;
    batch b = make_batch(c, tokens, context);
    bool latent = k->layout == SLD_CACHE_LATENT, f8 = k->dtype != SLD_BF16;
    int64_t heads = latent ? 1 : k->heads, block = BLOCK * heads * k->head_size;
    const float one = 1.0f / 16;
    const float *scale = f8 ? placed(c, &one, sizeof one) : NULL;
    for (int i = 0; i < layers; i++) {
        sld_cache *l = &c->layer[i];
        *l = (sld_cache){.layout = k->layout, .dtype = k->dtype, .blocks = b.blocks, .block_size = BLOCK, .heads = heads,
                         .head_size = k->head_size, .slots = b.slots, .n_slots = tokens, .sequences = tokens,
                         .table_width = b.width, .tables = b.tables, .lens = b.lens, .scale = {scale, scale},
                         .scales_on_device = d != NULL};
        for (int w = 0; w < (latent ? 1 : 2); w++) {
            l->data[w] = numbers(c, k->dtype, (size_t)(b.blocks * block), f8 ? 32 : 2, 1u + (uint32_t)(2 * i + w));
            l->strides[w][0] = block, l->strides[w][1] = heads * k->head_size, l->strides[w][2] = k->head_size;
        }
        if (latent)
            lend_latent(c, i, k, &b, tokens, scale);
    }
    return c;
}

static void drop_caches(caches *c)
{
    for (int i = 0; i < c->n_owned; i++)
        if (c->device)
            sld__device_api(c->device)->release(sld__device_of(c->device), c->owned[i]);
        else
            free(c->owned[i]);
    free(c);
}

static const sld_cache *find_cache(void *user, const char *name)
{
    return &((caches *)user)->layer[atoi(name + 1)];
}

#endif
