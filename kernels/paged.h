/* Attention over a paged cache, opened and checked for the reference and the fast kernels. */
#ifndef SLD_PAGED_H
#define SLD_PAGED_H

#include "cache.h"

typedef struct paged {
    const sld_tensor *q, *out;  /* [rows, heads, dim] */
    const sld_cache *cache;
    size_t rows, heads, dim, group; /* group: heads of queries for one of keys */
    double scale, soft_cap;
    int64_t window;
    const float *sinks;         /* NULL: none */
    const sld_tensor *by;       /* the scale of results of 8 bits; NULL: results are of the dtype of q */
} paged;

/* Rows of a sequence: [first(i), first(i + 1)). */
static inline int64_t paged_first(const sld_cache *c, int64_t sequence)
{
    return c->starts ? c->starts[sequence] : sequence;
}

/* The tokens [from, to) of its sequence that a row sees. */
typedef struct paged_span { int64_t from, to; } paged_span;

static inline paged_span paged_sees(const paged *a, int64_t sequence, int64_t row)
{
    const sld_cache *c = a->cache;
    int64_t to = c->lens[sequence] - (paged_first(c, sequence + 1) - 1 - row);
    return (paged_span){a->window && to > a->window ? to - a->window : 0, to};
}

/* Where token `at` of a sequence lies. */
static inline int64_t paged_slot(const sld_cache *c, int64_t sequence, int64_t at)
{
    return c->tables[sequence * c->table_width + at / c->block_size] * c->block_size + at % c->block_size;
}

/* What the code of an element is multiplied by. */
static inline float paged_scale(const sld_cache *c, int which, int64_t slot, size_t head)
{
    if (!c->token_scales[which])
        return (float)cache_scale(c, which);
    int64_t block = slot / c->block_size, off = slot % c->block_size;
    return c->token_scales[which][(block * c->heads + (int64_t)head) * c->block_size + off];
}

static inline const char *paged_check_sequence(const paged *a, int64_t sequence, int64_t queries)
{
    const sld_cache *c = a->cache;
    int64_t first = paged_first(c, sequence), end = paged_first(c, sequence + 1), len = c->lens[sequence];
    if (first < 0 || end < first || end > (int64_t)a->rows)
        return "the rows of a sequence lie outside the batch";
    if (queries && end - first > queries)
        return "a sequence has more rows than the graph was compiled for";
    if (len < 0 || len > c->table_width * c->block_size)
        return "a sequence is longer than its table of blocks";
    if (len && end - first > len)
        return "a sequence has more rows than tokens";
    for (int64_t i = 0; i * c->block_size < len; i++)
        if (c->tables[sequence * c->table_width + i] < 0 || c->tables[sequence * c->table_width + i] >= c->blocks)
            return "a block of a sequence lies outside the cache";
    return NULL;
}

/* NULL when the layer is what the graph was compiled for. */
static inline const char *paged_check_layer(const sld_launch *l, const sld_cache *c)
{
    if (c->softmax_scale != (float)kern_attr(l, "scale")->f || c->soft_cap != (float)kern_attr(l, "soft_cap")->f ||
        c->window != kern_attr(l, "window")->i || !c->sinks != !kern_attr(l, "sinks")->i)
        return "the layer has another softmax scale, soft cap, window or sinks than the graph was compiled for";
    if (!c->token_scales[0] != !kern_attr(l, "scales")->i || !c->token_scales[1] != !c->token_scales[0])
        return "the cache has scales of another shape than the graph was compiled for";
    return NULL;
}

/* heads: of keys. queries: the most rows of a sequence, 0: any number. */
static inline const char *paged_open_cache(const sld_launch *l, paged *a, const sld_cache *c, int64_t heads, int64_t queries)
{
    *a = (paged){.q = &l->in[0], .out = &l->out[0], .cache = c, .window = c->window, .sinks = c->sinks};
    a->rows = (size_t)a->q->dims[0], a->heads = (size_t)a->q->dims[1], a->dim = (size_t)a->q->dims[2];
    a->group = heads ? a->heads / (size_t)heads : 0;
    a->scale = c->softmax_scale ? (double)c->softmax_scale : 1 / sqrt((double)a->dim);
    a->soft_cap = c->soft_cap;
    if (a->out->dtype != a->q->dtype)
        a->by = &l->in[l->n_in - 1];
    const char *bad = cache_check_shape(c, a->q->dtype, heads, a->q->dims[2]);
    if (!bad && (heads ? a->heads % (size_t)heads : a->heads))
        bad = "query heads do not divide into key/value heads";
    for (int64_t i = 0; !bad && i < c->sequences; i++)
        bad = paged_check_sequence(a, i, queries);
    return bad;
}

/* What the graph was compiled for, as a type of its cache and attributes say. */
static inline const char *paged_open(const sld_launch *l, paged *a)
{
    const int64_t *type = l->in[1].dims; /* [0, layout, block, heads, head size] */
    const char *bad;
    const sld_cache *c = cache_find(l, &bad);
    bad = bad ? bad : cache_declared(c, type[1], type[2], l->in[1].dtype);
    bad = bad ? bad : paged_check_layer(l, c);
    return bad ? bad : paged_open_cache(l, a, c, type[3], kern_attr(l, "queries")->i);
}

/* What the engine has. */
static inline const char *paged_open_layer(const sld_launch *l, paged *a)
{
    const char *bad;
    const sld_cache *c = cache_find(l, &bad);
    return bad ? bad : paged_open_cache(l, a, c, l->in[1].dims[1], 0);
}

#endif
