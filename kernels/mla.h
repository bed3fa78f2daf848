/* Launches of latent attention (DeepSeek-AI 2024), opened and checked for the reference and the fast kernels. */
#ifndef SLD_MLA_H
#define SLD_MLA_H

#include "qkv.h"

/* The cache of a layer for rows [latent | rotated dims], as the op names its contents: f8 that the engine declares u8
 * is f8e4m3fn. Slots are not looked at. */
static inline const char *mla_view(const sld_launch *l, const sld_tensor *kv, const sld_tensor *pe,
                                   const sld_tensor *scale, sld_cache *view)
{
    const char *bad, *contents = kern_attr(l, "cache")->s;
    const sld_cache *c = cache_find(l, &bad);
    if (!c)
        return bad;
    *view = *c;
    if (c->dtype == SLD_U8)
        view->dtype = SLD_F8E4M3FN;
    if (c->layout != SLD_CACHE_LATENT)
        return "the cache does not hold latent rows";
    if (!strcmp(contents, "auto") != (c->dtype == kv->dtype))
        return "the cache has another dtype than the op says";
    if (kern_numel(scale) != 1)
        return "the cache has not one scale";
    view->scale[CACHE_KEY] = scale->data;
    return cache_check_shape(view, kv->dtype, 1, kv->dims[1] + pe->dims[pe->rank - 1]);
}

static inline const char *mla_open(const sld_launch *l, const sld_tensor *kv, const sld_tensor *pe,
                                   const sld_tensor *scale, sld_cache *view)
{
    const char *bad = mla_view(l, kv, pe, scale, view);
    return bad ? bad : cache_check(view, kv->dtype, 1, view->head_size);
}

/* What the layer lends for queries of this shape, of which the last `rope` dims turn; NULL and *bad. */
static inline const sld_latent *mla_latent(const sld_launch *l, const sld_tensor *q, int64_t latent, int64_t rope,
                                           uint8_t to, const char **bad)
{
    const sld_cache *c = cache_find(l, bad);
    const sld_latent *w = c ? c->latent : NULL;
    if (c && (!w || !w->keys))
        *bad = "the layer lends no weights for latent queries";
    else if (w && (w->heads != q->dims[1] || w->plain != q->dims[2] - rope || w->latent != latent))
        *bad = "the layer's weights have other heads";
    else if (w && w->query_dtype != to)
        *bad = "the layer takes queries in another dtype";
    return *bad ? NULL : w;
}

static inline bool mla_is_f8(uint8_t dtype)
{
    return dtype == SLD_F8E4M3FN || dtype == SLD_F8E4M3FNUZ;
}

static inline double mla_query_scale(const sld_latent *w)
{
    return mla_is_f8(w->query_dtype) && w->query_scale ? (double)*w->query_scale : 1;
}

#endif
