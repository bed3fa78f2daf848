/* From a projection of queries, keys and values to a paged cache: each head is read once, and normed, turned, stored
 * and cached while it is in the first-level cache of the CPU. */
#include "fused.h"
#include "qkv.h"

enum { HEAD_MAX = 1024 /* the largest head of the conditions of the kernels */ };

/* x rounded to the dtype of t, as storing and loading it would. */
static void row_round(uint8_t dtype, size_t n, float *restrict x)
{
    if (dtype == SLD_BF16)
        for (size_t i = 0; i < n; i++)
            x[i] = sld_bf16_to_f32(sld_f32_to_bf16(x[i]));
    else if (dtype == SLD_F16)
        for (size_t i = 0; i < n; i++)
            x[i] = sld_f16_to_f32(sld_f32_to_f16(x[i]));
}

/* Cosines c, sines s, each of half the dims that turn. */
static void rotate(const float *restrict c, const float *restrict s, size_t half, bool neox, size_t d,
                   const float *restrict x, float *restrict y)
{
    if (neox)
        for (size_t i = 0; i < half; i++) {
            y[i] = x[i] * c[i] - x[i + half] * s[i];
            y[i + half] = x[i + half] * c[i] + x[i] * s[i];
        }
    else
        for (size_t i = 0; i < half; i++) {
            y[2 * i] = x[2 * i] * c[i] - x[2 * i + 1] * s[i];
            y[2 * i + 1] = x[2 * i + 1] * c[i] + x[2 * i] * s[i];
        }
    for (size_t i = 2 * half; i < d; i++)
        y[i] = x[i];
}

static void norm(const float *restrict w, float eps, size_t d, const float *restrict x, float *restrict y)
{
    float scale = 1 / sqrtf(row_dot(x, x, d) / (float)d + eps);
    for (size_t i = 0; i < d; i++)
        y[i] = x[i] * scale * w[i];
}

/* ---------------------------------------------------------------- the cache -- */

static void narrow(uint8_t dtype, double scale, size_t n, const float *restrict x, uint8_t *restrict out)
{
    float by = (float)scale;
    if (dtype == SLD_F8E4M3FN)
        for (size_t i = 0; i < n; i++)
            out[i] = sld_f32_to_f8e4m3fn(x[i] / by);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = sld_f32_to_f8e4m3fnuz(x[i] / by);
}

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

typedef struct turned { const float *cos, *sin, *weights[2]; } turned;

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

/* Row p of the table. */
static turned load_row(const sld_tensor *table, int64_t p, float *buffer)
{
    size_t r = (size_t)table->dims[1];
    const float *row = row_load(table, (size_t)p * r, r, buffer);
    return (turned){.cos = row, .sin = row + r / 2};
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

/* ---------------------------------------------------------- latent attention -- */

enum { LATENT_MAX = 4096 };

/* n elements of x, from `at`, into a row of the cache, from element `to`. */
static void store_latent(const sld_cache *c, size_t token, size_t to, const sld_tensor *x, size_t at, size_t n)
{
    float bx[LATENT_MAX];
    uint8_t codes[LATENT_MAX];
    if (!cache_takes(c, token) || !n)
        return;
    char *cell = (char *)c->data[CACHE_KEY] + cache_at(c, CACHE_KEY, c->slots[token], 0, to) * kern_size(c->dtype);
    if (c->dtype == x->dtype) {
        memcpy(cell, (const char *)x->data + at * kern_size(x->dtype), n * kern_size(x->dtype));
        return;
    }
    narrow(c->dtype, cache_scale(c, CACHE_KEY), n, row_load(x, at, n, bx), codes);
    memcpy(cell, codes, n);
}

static void store_row(const sld_cache *c, size_t token, const sld_tensor *kv, const sld_tensor *pe)
{
    size_t n = (size_t)kv->dims[1], r = (size_t)pe->dims[2];
    store_latent(c, token, 0, kv, token * n, n);
    store_latent(c, token, n, pe, token * r, r);
}

const char *sld_cpu_mla_kv_cache_update(const sld_launch *l);
const char *sld_cpu_mla_kv_cache_update(const sld_launch *l)
{
    sld_cache c;
    const char *bad = mla_open(l, &l->in[0], &l->in[1], &l->in[2], &c);
    for (size_t i = 0; !bad && i < (size_t)l->in[0].dims[0]; i++)
        store_row(&c, i, &l->in[0], &l->in[1]);
    return bad;
}

/* The last r dims of a head of d turned, the others copied bit by bit. */
static void turn_tail(const turned *t, bool neox, const sld_tensor *x, const sld_tensor *y, size_t at, size_t d, size_t r)
{
    float bx[HEAD_MAX], by[HEAD_MAX];
    size_t size = kern_size(x->dtype), tail = at + d - r;
    if (d > r)
        memcpy((char *)y->data + at * size, (const char *)x->data + at * size, (d - r) * size);
    float *out = row_begin(y, tail, by);
    rotate(t->cos, t->sin, r / 2, neox, r, row_load(x, tail, r, bx), out);
    row_end(y, tail, r, out);
}

const char *sld_cpu_mla_rope_cache(const sld_launch *l);
const char *sld_cpu_mla_rope_cache(const sld_launch *l)
{
    const sld_tensor *q = &l->in[0], *pe = &l->in[2], *positions = &l->in[3], *table = &l->in[4];
    size_t rows = (size_t)q->dims[0], heads = (size_t)q->dims[1], d = (size_t)q->dims[2], r = (size_t)pe->dims[2];
    bool neox = kern_attr(l, "neox")->i;
    float bt[HEAD_MAX];
    sld_cache c;
    const char *bad = qkv_check_positions(positions, rows, table);
    bad = bad ? bad : mla_open(l, &l->in[1], pe, &l->in[5], &c);
    for (size_t i = 0; i < rows && !bad; i++) {
        turned t = load_row(table, kern_geti(positions, i), bt);
        for (size_t h = 0; h < heads; h++)
            turn_tail(&t, neox, q, &l->out[0], (i * heads + h) * d, d, r);
        turn_tail(&t, neox, pe, &l->out[1], i * r, r, r);
        store_row(&c, i, &l->in[1], &l->out[1]);
    }
    return bad;
}

const char *sld_cpu_mla_dual_rms_norm(const sld_launch *l);
const char *sld_cpu_mla_dual_rms_norm(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *out = l->out;
    const float eps[] = {(float)kern_attr(l, "eps")->f, (float)kern_attr(l, "eps_kv")->f};
    size_t width = (size_t)x->dims[1], size = kern_size(x->dtype), rest = (size_t)out[2].dims[1];
    float bx[ROW_MAX], by[ROW_MAX], bw[ROW_MAX];
    for (size_t row = 0; row < (size_t)x->dims[0]; row++) {
        size_t at = row * width;
        for (size_t part = 0; part < 2; part++) {
            size_t n = (size_t)out[part].dims[1];
            float *y = row_begin(&out[part], row * n, by);
            norm(row_load(&l->in[1 + part], 0, n, bw), eps[part], n, row_load(x, at, n, bx), y);
            row_end(&out[part], row * n, n, y);
            at += n;
        }
        if (rest)
            memcpy((char *)out[2].data + row * rest * size, (const char *)x->data + at * size, rest * size);
    }
    return NULL;
}
