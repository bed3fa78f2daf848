/* From a projection of queries, keys and values to a paged cache: each head is read once, and normed, turned, stored
 * and cached while it is in the first-level cache of the CPU. */
#include "rotary.h"

/* ---------------------------------------------------------------- the cache -- */

/* A head, in the dtype of the cache, into its place. */
static void place(const sld_cache *c, int which, int64_t slot, size_t head, const char *x)
{
    size_t size = kern_size(c->dtype), n = (size_t)c->head_size;
    bool shuffled = c->layout == SLD_CACHE_SHUFFLE;
    size_t piece = !shuffled ? n : which == CACHE_KEY ? (size_t)cache_piece(c) : 1;
    for (size_t i = 0; i < n; i += piece)
        memcpy((char *)c->data[which] + cache_at(c, which, slot, head, i) * size, x + i * size, piece * size);
}

/* One head of a result into the cache. */
static void store(const sld_cache *c, int which, size_t token, size_t head, const sld_tensor *x, size_t at)
{
    float bx[HEAD_MAX];
    uint8_t codes[HEAD_MAX];
    if (!cache_takes(c, token))
        return;
    const char *row = (const char *)x->data + at * kern_size(x->dtype);
    if (c->dtype != x->dtype) {
        narrow(c->dtype, cache_scale(c, which), (size_t)c->head_size, row_load(x, at, (size_t)c->head_size, bx), codes);
        row = (const char *)codes;
    }
    place(c, which, c->slots[token], head, row);
}

/* ------------------------------------------------------------------ launches -- */

static void run_head(const qkv *a, const turned *t, size_t row, int which, size_t h)
{
    float bx[HEAD_MAX], normed[HEAD_MAX], by[HEAD_MAX];
    const sld_tensor *y = &a->out[which];
    size_t to = qkv_out(a, row, which, h), d = a->dim;
    const float *x = row_load(a->x, qkv_in(a, row, which, h), d, bx);
    if (a->weights[which]) {
        norm(t->weights[which], (float)a->eps[which], d, x, normed);
        row_round(a->x->dtype, d, normed);
        x = normed;
    }
    float *out = row_begin(y, to, by);
    rotate(t->cos, t->sin, (size_t)a->table->dims[1] / 2, a->neox, d, x, out);
    row_end(y, to, d, out);
    if (which == QKV_K && a->cache)
        store(a->cache, CACHE_KEY, row, h, y, to);
}

static void run_values(const qkv *a, size_t row)
{
    size_t n = a->heads[QKV_V] * a->dim, size = kern_size(a->x->dtype);
    if (!n)
        return;
    memcpy((char *)a->out[QKV_V].data + row * n * size,
           (const char *)a->x->data + qkv_in(a, row, QKV_V, 0) * size, n * size);
    for (size_t h = 0; a->cache && h < a->heads[QKV_V]; h++)
        store(a->cache, CACHE_VALUE, row, h, &a->out[QKV_V], qkv_out(a, row, QKV_V, h));
}

static const char *run(const sld_launch *l, bool normed, bool cached)
{
    qkv a;
    float bt[HEAD_MAX], w[2][HEAD_MAX];
    const char *bad = qkv_open(l, normed, cached, &a);
    for (int which = QKV_Q; which <= QKV_K && normed && !bad; which++) {
        row_widen(a.weights[which], 0, a.dim, w[which]);
        for (size_t i = 0; i < a.dim; i++)
            w[which][i] += (float)a.offset;
    }
    for (size_t row = 0; row < a.rows && !bad; row++) {
        turned t = load_row(a.table, kern_geti(a.positions, row), bt);
        t.weights[QKV_Q] = w[QKV_Q], t.weights[QKV_K] = w[QKV_K];
        for (int which = QKV_Q; which <= QKV_K; which++)
            for (size_t h = 0; h < a.heads[which]; h++)
                run_head(&a, &t, row, which, h);
        run_values(&a, row);
    }
    return bad;
}

const char *sld_cpu_qk_norm_rotary(const sld_launch *l);
const char *sld_cpu_qk_norm_rotary(const sld_launch *l)
{
    return run(l, true, false);
}

const char *sld_cpu_qk_norm_rope_cache(const sld_launch *l);
const char *sld_cpu_qk_norm_rope_cache(const sld_launch *l)
{
    return run(l, true, true);
}

const char *sld_cpu_rope_cache(const sld_launch *l);
const char *sld_cpu_rope_cache(const sld_launch *l)
{
    return run(l, false, true);
}

const char *sld_cpu_rotary_embedding(const sld_launch *l);
const char *sld_cpu_rotary_embedding(const sld_launch *l)
{
    const sld_tensor *table = &l->in[3];
    size_t rows = (size_t)l->in[1].dims[0], d = (size_t)kern_attr(l, "head_size")->i;
    bool neox = kern_attr(l, "neox")->i;
    float bt[HEAD_MAX], bx[HEAD_MAX], by[HEAD_MAX];
    const char *bad = qkv_check_rotary(l);
    for (size_t row = 0; row < rows && !bad; row++) {
        turned t = load_row(table, kern_geti(&l->in[0], row), bt);
        for (int which = 0; which < 2; which++) {
            const sld_tensor *in = &l->in[1 + which], *y = &l->out[which];
            size_t n = kern_numel(in) / rows;
            for (size_t at = row * n; at < (row + 1) * n; at += d) {
                float *out = row_begin(y, at, by);
                rotate(t.cos, t.sin, (size_t)table->dims[1] / 2, neox, d, row_load(in, at, d, bx), out);
                row_end(y, at, d, out);
            }
        }
    }
    return bad;
}

const char *sld_cpu_kv_cache_update(const sld_launch *l);
const char *sld_cpu_kv_cache_update(const sld_launch *l)
{
    const sld_cache *c;
    const char *bad = qkv_check_update(l, &c);
    for (size_t i = 0, n = bad ? 0 : (size_t)l->in[0].dims[0]; i < n; i++)
        for (size_t which = CACHE_KEY; which <= CACHE_VALUE; which++)
            for (size_t h = 0; h < (size_t)c->heads; h++)
                store(c, (int)which, i, h, &l->in[which], (i * (size_t)c->heads + h) * (size_t)c->head_size);
    return bad;
}
