/* From a projection of queries, keys and values to a paged cache. The joined ops round where the ops that they join
 * do, so their results are the same to the bit. */
#include "rotary.h"

static void norm(const sld_tensor *weight, double offset, double eps, uint8_t dtype, size_t d, double *x)
{
    double sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += x[i] * x[i];
    for (size_t i = 0; i < d; i++)
        x[i] = kern_rounded(dtype, x[i] * (1 / sqrt(sum / (double)d + eps)) * (kern_get(weight, i) + offset));
}

/* One head of a result into the cache. */
static void write(const sld_cache *c, int which, size_t token, size_t head, const sld_tensor *x, size_t at)
{
    sld_tensor cells = {.dtype = c->dtype, .data = c->data[which]};
    for (size_t i = 0; i < (size_t)c->head_size && cache_takes(c, token); i++)
        kern_put(&cells, cache_at(c, which, c->slots[token], head, i), kern_get(x, at + i) / cache_scale(c, which));
}

static void run_head(const qkv *a, size_t row, int which, size_t h)
{
    double x[HEAD_MAX];
    const sld_tensor *y = &a->out[which];
    size_t to = qkv_out(a, row, which, h);
    load(a->x, qkv_in(a, row, which, h), a->dim, x);
    if (which != QKV_V && a->weights[which])
        norm(a->weights[which], a->offset, a->eps[which], a->x->dtype, a->dim, x);
    if (which != QKV_V)
        rotate(a->table, kern_geti(a->positions, row), a->neox, y, to, a->dim, x);
    for (size_t i = 0; i < a->dim && which == QKV_V; i++)
        kern_put(y, to + i, x[i]);
    if (which != QKV_Q && a->cache)
        write(a->cache, which == QKV_V ? CACHE_VALUE : CACHE_KEY, row, h, y, to);
}

static const char *run(const sld_launch *l, bool normed, bool cached)
{
    qkv a;
    const char *bad = qkv_open(l, normed, cached, &a);
    if (!bad && a.dim > HEAD_MAX)
        bad = "the head size is too large";
    for (size_t row = 0; row < a.rows && !bad; row++)
        for (int which = QKV_Q; which <= QKV_V; which++)
            for (size_t h = 0; h < a.heads[which]; h++)
                run_head(&a, row, which, h);
    return bad;
}

const char *sld_ref_qk_norm_rotary(const sld_launch *l);
const char *sld_ref_qk_norm_rotary(const sld_launch *l)
{
    return run(l, true, false);
}

const char *sld_ref_qk_norm_rope_cache(const sld_launch *l);
const char *sld_ref_qk_norm_rope_cache(const sld_launch *l)
{
    return run(l, true, true);
}

const char *sld_ref_rope_cache(const sld_launch *l);
const char *sld_ref_rope_cache(const sld_launch *l)
{
    return run(l, false, true);
}

const char *sld_ref_rotary_embedding(const sld_launch *l);
const char *sld_ref_rotary_embedding(const sld_launch *l)
{
    const sld_tensor *positions = &l->in[0], *table = &l->in[3];
    size_t rows = (size_t)l->in[1].dims[0], d = (size_t)kern_attr(l, "head_size")->i;
    double x[HEAD_MAX];
    const char *bad = qkv_check_rotary(l);
    for (size_t which = 0; which < 2 && !bad; which++) {
        const sld_tensor *in = &l->in[1 + which];
        size_t heads = rows ? kern_numel(in) / rows / d : 0;
        for (size_t i = 0; i < rows * heads; i++) {
            load(in, i * d, d, x);
            rotate(table, kern_geti(positions, i / heads), kern_attr(l, "neox")->i, &l->out[which], i * d, d, x);
        }
    }
    return bad;
}

const char *sld_ref_kv_cache_update(const sld_launch *l);
const char *sld_ref_kv_cache_update(const sld_launch *l)
{
    const sld_cache *c;
    const char *bad = qkv_check_update(l, &c);
    for (size_t i = 0, n = bad ? 0 : (size_t)l->in[0].dims[0]; i < n; i++)
        for (size_t which = CACHE_KEY; which <= CACHE_VALUE; which++)
            for (size_t h = 0; h < (size_t)c->heads; h++)
                write(c, (int)which, i, h, &l->in[which], (i * (size_t)c->heads + h) * (size_t)c->head_size);
    return bad;
}
