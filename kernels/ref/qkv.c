/* From a projection of queries, keys and values to a paged cache. The joined ops round where the ops that they join
 * do, so their results are the same to the bit. */
#include "qkv.h"

enum { HEAD_MAX = 4096 };

static double rounded(uint8_t dtype, double v)
{
    double cell;
    sld_tensor t = {.dtype = dtype, .data = &cell};
    kern_put(&t, 0, v);
    return kern_get(&t, 0);
}

static void load(const sld_tensor *t, size_t at, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = kern_get(t, at + i);
}

/* y[at..] = a head turned to a position; row `p` of the table holds the cosines and then the sines. */
static void rotate(const sld_tensor *table, int64_t p, bool neox, const sld_tensor *y, size_t at, size_t d,
                   const double *x)
{
    size_t r = (size_t)table->dims[1], half = r / 2;
    for (size_t i = 0; i < half; i++) {
        size_t first = qkv_first(i, neox), second = qkv_second(i, half, neox);
        double c = kern_get(table, (size_t)p * r + i), s = kern_get(table, (size_t)p * r + half + i);
        kern_put(y, at + first, x[first] * c - x[second] * s);
        kern_put(y, at + second, x[second] * c + x[first] * s);
    }
    for (size_t i = r; i < d; i++)
        kern_put(y, at + i, x[i]);
}

static void norm(const sld_tensor *weight, double offset, double eps, uint8_t dtype, size_t d, double *x)
{
    double sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += x[i] * x[i];
    for (size_t i = 0; i < d; i++)
        x[i] = rounded(dtype, x[i] * (1 / sqrt(sum / (double)d + eps)) * (kern_get(weight, i) + offset));
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

/* ---------------------------------------------------------- latent attention -- */

static void write_latent(const sld_cache *c, size_t token, const sld_tensor *kv, const sld_tensor *pe)
{
    sld_tensor cells = {.dtype = c->dtype, .data = c->data[CACHE_KEY]};
    size_t n = (size_t)kv->dims[1], r = (size_t)pe->dims[2];
    for (size_t i = 0; i < n + r && cache_takes(c, token); i++)
        kern_put(&cells, cache_at(c, CACHE_KEY, c->slots[token], 0, i),
                 (i < n ? kern_get(kv, token * n + i) : kern_get(pe, token * r + i - n)) / cache_scale(c, CACHE_KEY));
}

const char *sld_ref_mla_kv_cache_update(const sld_launch *l);
const char *sld_ref_mla_kv_cache_update(const sld_launch *l)
{
    sld_cache c;
    const char *bad = mla_open(l, &l->in[0], &l->in[1], &l->in[2], &c);
    for (size_t i = 0; !bad && i < (size_t)l->in[0].dims[0]; i++)
        write_latent(&c, i, &l->in[0], &l->in[1]);
    return bad;
}

const char *sld_ref_mla_rope_cache(const sld_launch *l);
const char *sld_ref_mla_rope_cache(const sld_launch *l)
{
    const sld_tensor *q = &l->in[0], *pe = &l->in[2], *positions = &l->in[3], *table = &l->in[4];
    size_t rows = (size_t)q->dims[0], heads = (size_t)q->dims[1], d = (size_t)q->dims[2], r = (size_t)pe->dims[2];
    bool neox = kern_attr(l, "neox")->i;
    double x[HEAD_MAX];
    sld_cache c;
    const char *bad = qkv_check_positions(positions, rows, table);
    bad = bad ? bad : mla_open(l, &l->in[1], pe, &l->in[5], &c);
    for (size_t i = 0; i < rows && !bad; i++) {
        int64_t p = kern_geti(positions, i);
        for (size_t at = i * heads * d; at < (i + 1) * heads * d; at += d) {
            load(q, at, d, x);
            for (size_t k = 0; k < d - r; k++)
                kern_put(&l->out[0], at + k, x[k]);
            rotate(table, p, neox, &l->out[0], at + d - r, r, x + d - r);
        }
        load(pe, i * r, r, x);
        rotate(table, p, neox, &l->out[1], i * r, r, x);
        write_latent(&c, i, &l->in[1], &l->out[1]);
    }
    return bad;
}

const char *sld_ref_mla_dual_rms_norm(const sld_launch *l);
const char *sld_ref_mla_dual_rms_norm(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0];
    const double eps[] = {kern_attr(l, "eps")->f, kern_attr(l, "eps_kv")->f};
    size_t width = (size_t)x->dims[1];
    for (size_t row = 0, at = 0; row < (size_t)x->dims[0]; row++, at = row * width)
        for (size_t part = 0; part < 3; part++) {
            size_t n = (size_t)l->out[part].dims[1];
            double sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += kern_get(x, at + i) * kern_get(x, at + i);
            for (size_t i = 0; i < n; i++) {
                double v = kern_get(x, at + i);
                if (part < 2)
                    v *= 1 / sqrt(sum / (double)n + eps[part]) * kern_get(&l->in[1 + part], i);
                kern_put(&l->out[part], row * n + i, v);
            }
            at += n;
        }
    return NULL;
}
