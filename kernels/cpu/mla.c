/* Latent attention up to attention itself. A row is read once, and turned, stored and cached while it is near. */
#include "mla.h"
#include "rotary.h"

#ifdef SLD_HAVE_BLAS
#include <cblas.h>
#endif

enum {
    LATENT_MAX = 4096, /* the widest latent and */
    PLAIN_MAX = 256,   /* the most dims that do not turn, of the conditions of the kernels */
    TOKENS = 32, COLUMNS = 128 /* of one product */
};

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

/* ---------------------------------------------------------------- the cache -- */

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

/* Row `token` of kv, and behind it r elements of pe from `at`. */
static void store_row(const sld_cache *c, size_t token, const sld_tensor *kv, const sld_tensor *pe, size_t at, size_t r)
{
    size_t n = (size_t)kv->dims[1];
    store_latent(c, token, 0, kv, token * n, n);
    store_latent(c, token, n, pe, at, r);
}

const char *sld_cpu_mla_kv_cache_update(const sld_launch *l);
const char *sld_cpu_mla_kv_cache_update(const sld_launch *l)
{
    sld_cache c;
    size_t r = (size_t)l->in[1].dims[2];
    const char *bad = mla_open(l, &l->in[0], &l->in[1], &l->in[2], &c);
    for (size_t i = 0; !bad && i < (size_t)l->in[0].dims[0]; i++)
        store_row(&c, i, &l->in[0], &l->in[1], i * r, r);
    return bad;
}

/* ------------------------------------------------------------------- queries -- */

/* Floats that are rounded to the dtype of the batch already, as attention takes them. */
static void store_queries(const sld_tensor *out, size_t to, double scale, size_t n, const float *x)
{
    if (mla_is_f8(out->dtype))
        narrow(out->dtype, scale, n, x, (uint8_t *)out->data + to);
    else if (out->dtype == SLD_F32)
        memcpy((float *)out->data + to, x, n * sizeof *x);
    else
        row_end(out, to, n, x);
}

/* c [m,n] = a [m,k] b [k,n], dense. */
static void multiply(size_t m, size_t n, size_t k, const float *restrict a, const float *restrict b, float *restrict c)
{
#ifdef SLD_HAVE_BLAS
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b, (int)n, 0, c, (int)n);
#else
    memset(c, 0, m * n * sizeof *c);
    for (size_t i = 0; i < m; i++)
        for (size_t q = 0; q < k; q++)
            for (size_t j = 0; j < n; j++)
                c[i * n + j] += a[i * k + q] * b[q * n + j];
#endif
}

/* Head h of `m` tokens from `first` on, times n columns of the layer's weights from `column` on. */
static void absorb_tile(const sld_latent *w, const sld_tensor *q, const float *b, size_t h, size_t first, size_t m,
                        size_t column, size_t n, const sld_tensor *out)
{
    float a[TOKENS * PLAIN_MAX], c[TOKENS * COLUMNS];
    size_t heads = (size_t)q->dims[1], d = (size_t)q->dims[2], k = (size_t)w->plain, width = (size_t)out->dims[2];
    for (size_t i = 0; i < m; i++)
        row_widen(q, ((first + i) * heads + h) * d, k, a + i * k);
    multiply(m, n, k, a, b, c);
    row_round(q->dtype, m * n, c);
    for (size_t i = 0; i < m; i++)
        store_queries(out, ((first + i) * heads + h) * width + column, mla_query_scale(w), n, c + i * n);
}

/* The dims that do not turn, of all rows: weights are widened once. */
static void absorb(const sld_latent *w, const sld_tensor *q, const sld_tensor *out)
{
    sld_tensor keys = {.dtype = q->dtype, .data = (void *)w->keys};
    size_t rows = (size_t)q->dims[0], plain = (size_t)w->plain, latent = (size_t)w->latent;
    float b[PLAIN_MAX * COLUMNS];
    for (size_t h = 0; h < (size_t)q->dims[1] && rows; h++)
        for (size_t j = 0; j < latent; j += COLUMNS) {
            size_t n = row_min(latent - j, COLUMNS);
            for (size_t i = 0; i < plain; i++)
                row_widen(&keys, (h * plain + i) * latent + j, n, b + i * n);
            for (size_t i = 0; i < rows; i += TOKENS)
                absorb_tile(w, q, b, h, i, row_min(rows - i, TOKENS), j, n, out);
        }
}

const char *sld_cpu_mla_latent_queries(const sld_launch *l);
const char *sld_cpu_mla_latent_queries(const sld_launch *l)
{
    const sld_tensor *q = &l->in[0], *out = &l->out[0];
    size_t d = (size_t)q->dims[2], rope = (size_t)kern_attr(l, "rope")->i, width = (size_t)out->dims[2];
    float tail[HEAD_MAX];
    const char *bad;
    const sld_latent *w = mla_latent(l, q, kern_attr(l, "latent")->i, (int64_t)rope, out->dtype, &bad);
    if (!w)
        return bad;
    absorb(w, q, out);
    for (size_t i = 0; i < (size_t)q->dims[0] * (size_t)q->dims[1]; i++)
        store_queries(out, (i + 1) * width - rope, mla_query_scale(w), rope, row_load(q, (i + 1) * d - rope, rope, tail));
    return NULL;
}

/* ------------------------------------------------------------------ rotation -- */

typedef struct turning {
    const sld_tensor *q, *kv, *pe, *positions, *table;
    const sld_tensor *q1, *pe1, *queries; /* of dtype SLD_DTYPE_NONE, NULL: not wanted */
    size_t rows, heads, dim, rope;
    bool neox;
    const sld_latent *latent;             /* with queries */
    sld_cache cache;
} turning;

static const char *open_turning(const sld_launch *l, const sld_tensor *q1, const sld_tensor *pe1,
                                const sld_tensor *queries, turning *a)
{
    const sld_tensor *in = l->in;
    *a = (turning){.q = &in[0], .kv = &in[1], .pe = &in[2], .positions = &in[3], .table = &in[4], .q1 = q1, .pe1 = pe1,
                   .queries = queries};
    a->rows = (size_t)in[0].dims[0], a->heads = (size_t)in[0].dims[1], a->dim = (size_t)in[0].dims[2];
    a->rope = (size_t)in[2].dims[2];
    a->neox = kern_attr(l, "neox")->i;
    const char *bad = qkv_check_positions(a->positions, a->rows, a->table);
    bad = bad ? bad : mla_open(l, a->kv, a->pe, &in[5], &a->cache);
    if (!bad && queries)
        a->latent = mla_latent(l, a->q, a->kv->dims[1], a->pe->dims[2], queries->dtype, &bad);
    return bad;
}

/* n elements, turned and rounded, where the result is wanted. */
static void keep(const sld_tensor *y, size_t at, size_t n, const float *x)
{
    if (y->dtype)
        store_queries(y, at, 1, n, x);
}

static void turn_head(const turning *a, const turned *t, size_t head)
{
    float bx[HEAD_MAX], y[HEAD_MAX];
    size_t size = kern_size(a->q->dtype), plain = a->dim - a->rope, at = head * a->dim;
    rotate(t->cos, t->sin, a->rope / 2, a->neox, a->rope, row_load(a->q, at + plain, a->rope, bx), y);
    row_round(a->q->dtype, a->rope, y);
    keep(a->q1, at + plain, a->rope, y);
    if (a->q1->dtype && plain)
        memcpy((char *)a->q1->data + at * size, (const char *)a->q->data + at * size, plain * size);
    if (a->queries)
        store_queries(a->queries, (head + 1) * (size_t)a->queries->dims[2] - a->rope, mla_query_scale(a->latent),
                      a->rope, y);
}

static void turn_key(const turning *a, const turned *t, size_t token)
{
    float bx[HEAD_MAX], y[HEAD_MAX];
    uint8_t bits[HEAD_MAX * sizeof(float)];
    sld_tensor own = {.dtype = a->pe->dtype, .data = bits};
    rotate(t->cos, t->sin, a->rope / 2, a->neox, a->rope, row_load(a->pe, token * a->rope, a->rope, bx), y);
    store_queries(&own, 0, 1, a->rope, y);
    if (a->pe1->dtype && a->rope)
        memcpy((char *)a->pe1->data + token * a->rope * kern_size(own.dtype), bits, a->rope * kern_size(own.dtype));
    store_row(&a->cache, token, a->kv, &own, 0, a->rope);
}

static void turn(const turning *a)
{
    float bt[HEAD_MAX];
    for (size_t i = 0; i < a->rows; i++) {
        turned t = load_row(a->table, kern_geti(a->positions, i), bt);
        for (size_t h = 0; h < a->heads; h++)
            turn_head(a, &t, i * a->heads + h);
        turn_key(a, &t, i);
    }
}

const char *sld_cpu_mla_rope_cache(const sld_launch *l);
const char *sld_cpu_mla_rope_cache(const sld_launch *l)
{
    turning a;
    const char *bad = open_turning(l, &l->out[0], &l->out[1], NULL, &a);
    if (!bad)
        turn(&a);
    return bad;
}

const char *sld_cpu_mla_decode_queries(const sld_launch *l);
const char *sld_cpu_mla_decode_queries(const sld_launch *l)
{
    turning a;
    const char *bad = open_turning(l, &l->out[1], &l->out[2], &l->out[0], &a);
    if (bad)
        return bad;
    absorb(a.latent, a.q, a.queries);
    turn(&a);
    return NULL;
}
