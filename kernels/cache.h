/* Paged caches of keys and values, as the reference and the fast kernels see them: found by the name of a layer,
 * checked, and addressed. */
#ifndef SLD_CACHE_H
#define SLD_CACHE_H

#include "kern.h"

enum { CACHE_KEY, CACHE_VALUE };

/* ORDER: enum cache_layout of engine.pat, which has the engine's own layout before those of sld_cache. */
enum { CACHE_ANY_LAYOUT };

/* NULL when a cache is what the graph was compiled for: a layout, blocks of this size, this dtype. */
static inline const char *cache_declared(const sld_cache *c, int64_t layout, int64_t block, uint8_t dtype)
{
    if (c->layout + 1 != layout)
        return "the cache has another layout than the graph was compiled for";
    if (c->block_size != block)
        return "the cache has blocks of another size than the graph was compiled for";
    return c->dtype == dtype ? NULL : "the cache has another dtype than the graph was compiled for";
}

/* The cache of the launch's layer; NULL and *bad when there is none that fits. */
static inline const sld_cache *cache_find(const sld_launch *l, const char **bad)
{
    const sld_cache *c = l->caches ? l->caches->find(l->caches->user, kern_attr(l, "layer")->s) : NULL;
    const sld_attr *layout = kern_attr(l, "layout"), *block = kern_attr(l, "block");
    *bad = c ? NULL : "the engine has no cache for the layer";
    if (c && block && layout->i != CACHE_ANY_LAYOUT)
        *bad = cache_declared(c, layout->i, block->i, (uint8_t)kern_attr(l, "to")->i);
    return *bad ? NULL : c;
}

/* Elements that lie together: how many in one piece of 16 bytes. */
static inline int64_t cache_piece(const sld_cache *c)
{
    return 16 / (int64_t)kern_size(c->dtype);
}

/* Where element d of a head lies. */
static inline size_t cache_at(const sld_cache *c, int which, int64_t slot, size_t head, size_t d)
{
    size_t block = (size_t)(slot / c->block_size), off = (size_t)(slot % c->block_size), h = head;
    const int64_t *s = c->strides[which];
    size_t x = (size_t)cache_piece(c), dim = (size_t)c->head_size, bs = (size_t)c->block_size;
    if (c->layout != SLD_CACHE_SHUFFLE)
        return block * (size_t)s[0] + off * (size_t)s[1] + h * (size_t)s[2] + d;
    size_t base = block * (size_t)s[0] + h * dim * bs;
    return which == CACHE_KEY ? base + d / x * bs * x + off * x + d % x : base + off / x * dim * x + d * x + off % x;
}

/* A dim of memory: n pieces, `stride` elements apart. */
typedef struct cache_dim { int64_t n, stride; } cache_dim;

/* Whether no two elements share a place, over runs of `run` elements that the dims lay out: taken from the smallest
 * stride upwards, each must step over all that the ones before it reach. */
static inline bool cache_disjoint(cache_dim *dims, int n, int64_t run)
{
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && dims[k - 1].stride > dims[k].stride; k--) {
            cache_dim t = dims[k];
            dims[k] = dims[k - 1], dims[k - 1] = t;
        }
    for (int i = 0; i < n; i++) {
        if (dims[i].n > 1 && dims[i].stride < run)
            return false;
        run += (dims[i].n - 1) * dims[i].stride;
    }
    return true;
}

/* From keys to values in elements, when they are parts of one piece of memory; 0 when they lie apart. */
static inline int64_t cache_between(const sld_cache *c, int64_t reach)
{
    intptr_t bytes = (intptr_t)c->data[1] - (intptr_t)c->data[0], n = bytes < 0 ? -bytes : bytes;
    n /= (intptr_t)kern_size(c->dtype);
    return n < reach ? n : 0;
}

static inline const char *cache_check_strides(const sld_cache *c)
{
    int64_t dense = c->head_size * c->block_size;
    bool shuffled = c->layout == SLD_CACHE_SHUFFLE;
    for (int which = 0; which < (c->layout == SLD_CACHE_LATENT ? 1 : 2); which++) {
        const int64_t *s = c->strides[which];
        cache_dim dims[4] = {{c->blocks, s[0]}, {c->block_size, s[1]}, {c->heads, s[2]}};
        if (shuffled)
            dims[1] = (cache_dim){1, 0}, dims[2] = (cache_dim){c->heads, dense};
        int64_t run = shuffled ? dense : c->head_size, reach = run;
        for (int i = 0; i < 3; i++)
            reach += (dims[i].n - 1) * dims[i].stride;
        int64_t between = c->layout == SLD_CACHE_LATENT ? 0 : cache_between(c, reach);
        if (c->layout != SLD_CACHE_LATENT && c->data[0] == c->data[1] && reach > 0)
            return "keys and values share memory";
        dims[3] = (cache_dim){between ? 2 : 1, between};
        if (!cache_disjoint(dims, 4, run))
            return "two places of the cache share memory";
    }
    return NULL;
}

/* NULL when a cache holds tokens with these heads. batch: dtype of what is written to it or reads it. */
static inline const char *cache_check_shape(const sld_cache *c, uint8_t batch, int64_t heads, int64_t head_size)
{
    bool f8 = c->dtype == SLD_F8E4M3FN || c->dtype == SLD_F8E4M3FNUZ;
    if (c->heads != heads || c->head_size != head_size)
        return "the cache has other heads";
    if (!f8 && c->dtype != batch)
        return "the cache has neither the dtype of the batch nor f8";
    if (c->block_size < 1)
        return "the blocks of the cache are empty";
    if (c->layout == SLD_CACHE_SHUFFLE && (c->block_size % cache_piece(c) || c->head_size % cache_piece(c)))
        return "blocks or heads do not divide into the pieces of the shuffled layout";
    return cache_check_strides(c);
}

/* NULL when the tokens of a launch can be written. */
static inline const char *cache_check(const sld_cache *c, uint8_t batch, int64_t heads, int64_t head_size)
{
    if (c->token_scales[0] || c->token_scales[1])
        return "a cache with scales of its own for each token is not written";
    const char *bad = cache_check_shape(c, batch, heads, head_size);
    for (int64_t i = 0; i < c->n_slots && !bad; i++)
        if (c->slots[i] >= c->blocks * c->block_size)
            bad = "a slot lies behind the cache";
    return bad;
}

static inline bool cache_takes(const sld_cache *c, size_t token)
{
    return (int64_t)token < c->n_slots && c->slots[token] >= 0;
}

static inline double cache_scale(const sld_cache *c, int which)
{
    bool f8 = c->dtype == SLD_F8E4M3FN || c->dtype == SLD_F8E4M3FNUZ;
    return f8 && c->scale[which] ? (double)*c->scale[which] : 1;
}

#endif
