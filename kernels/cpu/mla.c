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

/* The norms of a row's two latents: weights, in pairs, and eps. */
typedef struct dual { _Alignas(64) float w[2][ROW_MAX]; float eps[2]; } dual;

/* n elements of x times a scale and weights, into y. */
static void scale_latent(uint8_t dtype, const char *x, float scale, const float *w, size_t n, char *y)
{
    chunk rx, ry;
    size_t size = kern_size(dtype);
    scale = isnan(scale) ? NAN : scale;
    for (size_t at = 0, m; at < n; at += m) {
        m = part_size(at, n, n);
        char *row = y + at * size, *part = part_out(row, m, &ry);
        sld__loops()->scale(dtype, dtype, part_in(x + at * size, size, m, &rx), &scale, w + at, part_whole(m), m, part, false);
        part_end(row, size, m, &ry);
    }
}

/* Both sums of squares come first, so that neither waits for the other. */
static void norm_latents(const dual *d, const sld_tensor *x, size_t row, const sld_tensor *out)
{
    size_t width = (size_t)x->dims[1], a = (size_t)out[0].dims[1], c = (size_t)out[1].dims[1], rest = (size_t)out[2].dims[1];
    char *from = head_at(x, row * width), *second = from + a * kern_size(x->dtype);
    float s = sld__loops()->squares(x->dtype, from, a) / (float)a, t = sld__loops()->squares(x->dtype, second, c) / (float)c;
    scale_latent(x->dtype, from, 1 / sqrtf(s + d->eps[0]), d->w[0], a, head_at(&out[0], row * a));
    scale_latent(x->dtype, second, 1 / sqrtf(t + d->eps[1]), d->w[1], c, head_at(&out[1], row * c));
    if (rest)
        memcpy(head_at(&out[2], row * rest), second + c * kern_size(x->dtype), rest * kern_size(x->dtype));
}

typedef struct dual_work { const dual *d; const sld_launch *l; } dual_work;

static void norm_rows(const void *work, size_t from, size_t to)
{
    const dual_work *k = work;
    const sld_tensor *x = &k->l->in[0];
    size_t width = (size_t)x->dims[1];
    for (size_t row = from; row < to; row++) {
        row_expect(x, (row + 1) * width, row + 1 < to ? width : 0);
        norm_latents(k->d, x, row, k->l->out);
    }
}

const char *sld_cpu_mla_dual_rms_norm(const sld_launch *l);
const char *sld_cpu_mla_dual_rms_norm(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0];
    dual d;
    for (size_t part = 0; part < 2; part++) {
        d.eps[part] = (float)kern_attr(l, part ? "eps_kv" : "eps")->f;
        sld__pairs_load(x->dtype, &l->in[1 + part], (size_t)l->in[1 + part].dims[0], d.w[part]);
    }
    row_share(l, (size_t)x->dims[0], 2 * (size_t)x->dims[1] * kern_size(x->dtype), norm_rows, &(dual_work){&d, l});
    return NULL;
}

/* ---------------------------------------------------------------- the cache -- */

/* n elements of x, from `at`, into a row of the cache, from element `to`. */
ROW_PART void store_latent(const sld_cache *c, size_t token, size_t to, const sld_tensor *x, size_t at, size_t n)
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
ROW_PART void store_row(const sld_cache *c, size_t token, const sld_tensor *kv, const sld_tensor *pe, size_t at, size_t r)
{
    size_t n = (size_t)kv->dims[1];
    store_latent(c, token, 0, kv, token * n, n);
    store_latent(c, token, n, pe, at, r);
}

typedef struct update { const sld_launch *l; const sld_cache *c; } update;

ROW_WIDE static void store_rows(const void *work, size_t from, size_t to)
{
    const update *u = work;
    size_t r = (size_t)u->l->in[1].dims[2];
    for (size_t i = from; i < to; i++)
        store_row(u->c, i, &u->l->in[0], &u->l->in[1], i * r, r);
}

const char *sld_cpu_mla_kv_cache_update(const sld_launch *l);
const char *sld_cpu_mla_kv_cache_update(const sld_launch *l)
{
    sld_cache c;
    const sld_tensor *kv = &l->in[0];
    const char *bad = mla_open(l, kv, &l->in[1], &l->in[2], &c);
    if (!bad)
        sld__share_tokens(l, &c, (size_t)kv->dims[0], 2 * (size_t)kv->dims[1] * kern_size(kv->dtype), store_rows, &(update){l, &c});
    return bad;
}

/* ------------------------------------------------------------------- queries -- */

/* Floats that are rounded to the dtype of the batch already, as attention takes them. */
ROW_PART void store_queries(const sld_tensor *out, size_t to, double scale, size_t n, const float *x)
{
    if (!n)
        return; /* there may be no memory */
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
    if (m == 1)
        cblas_sgemv(CblasRowMajor, CblasTrans, (int)k, (int)n, 1, b, (int)n, a, 1, 0, c, 1);
    else
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
ROW_PART void absorb_tile(const sld_latent *w, const sld_tensor *q, const float *b, size_t h, size_t first, size_t m,
                        size_t column, size_t n, const sld_tensor *out)
{
    float a[TOKENS * PLAIN_MAX], c[TOKENS * COLUMNS];
    size_t heads = (size_t)q->dims[1], d = (size_t)q->dims[2], k = (size_t)w->plain, width = (size_t)out->dims[2];
    *a = 0; /* no dims are no product, but the compiler does not see that */
    for (size_t i = 0; i < m; i++)
        row_widen(q, ((first + i) * heads + h) * d, k, a + i * k);
    multiply(m, n, k, a, b, c);
    row_round(q->dtype, m * n, c);
    for (size_t i = 0; i < m; i++)
        store_queries(out, ((first + i) * heads + h) * width + column, mla_query_scale(w), n, c + i * n);
}

typedef struct absorption { const sld_latent *w; const sld_tensor *q, *out; } absorption;

static size_t column_tiles(const sld_latent *w)
{
    return row_parts((size_t)w->latent, COLUMNS);
}

/* The dims that do not turn, of all rows, times tiles of weights, which are widened once. */
ROW_WIDE static void absorb_tiles(const void *work, size_t from, size_t to)
{
    const absorption *k = work;
    sld_tensor keys = {.dtype = k->q->dtype, .data = (void *)k->w->keys};
    size_t rows = (size_t)k->q->dims[0], plain = (size_t)k->w->plain, latent = (size_t)k->w->latent;
    float b[PLAIN_MAX * COLUMNS];
    for (size_t t = from; t < to; t++) {
        size_t h = t / column_tiles(k->w), j = t % column_tiles(k->w) * COLUMNS, n = row_min(latent - j, COLUMNS);
        for (size_t i = 0; i < plain; i++)
            row_widen(&keys, (h * plain + i) * latent + j, n, b + i * n);
        for (size_t i = 0; i < rows; i += TOKENS)
            absorb_tile(k->w, k->q, b, h, i, row_min(rows - i, TOKENS), j, n, k->out);
    }
}

/* BLAS has threads of its own, which would wait for one another when several call it. */
static void absorb(const sld_launch *l, const sld_latent *w, const sld_tensor *q, const sld_tensor *out)
{
    size_t rows = (size_t)q->dims[0], tiles = rows ? (size_t)q->dims[1] * column_tiles(w) : 0;
#ifdef SLD_HAVE_BLAS
    (void)l;
    absorb_tiles(&(absorption){w, q, out}, 0, tiles);
#else
    row_share(l, tiles, ((size_t)w->plain + rows) * COLUMNS * sizeof(float), absorb_tiles, &(absorption){w, q, out});
#endif
}

typedef struct tails { const sld_latent *w; const sld_tensor *q, *out; size_t rope; } tails;

ROW_WIDE static void copy_tails(const void *work, size_t from, size_t to)
{
    const tails *t = work;
    size_t d = (size_t)t->q->dims[2], width = (size_t)t->out->dims[2];
    float tail[HEAD_MAX];
    for (size_t i = from; i < to; i++)
        store_queries(t->out, (i + 1) * width - t->rope, mla_query_scale(t->w), t->rope,
                      row_load(t->q, (i + 1) * d - t->rope, t->rope, tail));
}

const char *sld_cpu_mla_latent_queries(const sld_launch *l);
const char *sld_cpu_mla_latent_queries(const sld_launch *l)
{
    const sld_tensor *q = &l->in[0], *out = &l->out[0];
    size_t rope = (size_t)kern_attr(l, "rope")->i;
    const char *bad;
    const sld_latent *w = mla_latent(l, q, kern_attr(l, "latent")->i, (int64_t)rope, out->dtype, &bad);
    if (!w)
        return bad;
    absorb(l, w, q, out);
    row_share(l, (size_t)q->dims[0] * (size_t)q->dims[1], 2 * rope * kern_size(q->dtype), copy_tails, &(tails){w, q, out, rope});
    return NULL;
}

/* ------------------------------------------------------------------ rotation -- */

typedef struct turning {
    const sld_tensor *q, *kv, *pe, *positions, *table;
    const sld_tensor *q1, *pe1, *queries; /* turned, or ready for attention; NULL: not wanted */
    size_t rows, heads, dim, rope;
    bool neox;
    const sld_latent *latent;             /* with queries */
    sld_cache cache;
} turning;

static const char *open_turning(const sld_launch *l, const sld_tensor *queries, turning *a)
{
    const sld_tensor *in = l->in;
    *a = (turning){.q = &in[0], .kv = &in[1], .pe = &in[2], .positions = &in[3], .table = &in[4], .queries = queries};
    if (!queries)
        a->q1 = &l->out[0], a->pe1 = &l->out[1];
    a->rows = (size_t)in[0].dims[0], a->heads = (size_t)in[0].dims[1], a->dim = (size_t)in[0].dims[2];
    a->rope = (size_t)in[2].dims[2];
    a->neox = kern_attr(l, "neox")->i;
    const char *bad = qkv_check_positions(a->positions, a->rows, a->table);
    bad = bad ? bad : mla_open(l, a->kv, a->pe, &in[5], &a->cache);
    if (!bad && queries)
        a->latent = mla_latent(l, a->q, a->kv->dims[1], a->pe->dims[2], queries->dtype, &bad);
    return bad;
}

/* The last dims of a head of x, turned, into y. */
ROW_PART void turn_tail(const turning *a, const turned *t, uint8_t dtype, const sld_tensor *x, size_t end, void *y)
{
    head_turn(dtype, t->cos, t->sin, a->rope / 2, a->neox, a->rope, NULL, 0, head_at(x, end - a->rope), y);
}

ROW_PART void turn_head(const turning *a, const turned *t, uint8_t dtype, size_t head)
{
    float own[HEAD_MAX], by[HEAD_MAX];
    size_t plain = a->dim - a->rope, at = head * a->dim;
    sld_tensor kept = {.dtype = dtype, .data = own};
    if (a->q1)
        kept.data = head_at(a->q1, at + plain);
    turn_tail(a, t, dtype, a->q, at + a->dim, kept.data);
    if (a->q1 && plain)
        memcpy(head_at(a->q1, at), head_at(a->q, at), plain * kern_size(dtype));
    if (a->queries)
        store_queries(a->queries, (head + 1) * (size_t)a->queries->dims[2] - a->rope, mla_query_scale(a->latent),
                      a->rope, row_load(&kept, 0, a->rope, by));
}

ROW_PART void turn_key(const turning *a, const turned *t, uint8_t dtype, size_t token)
{
    float own[HEAD_MAX];
    sld_tensor kept = {.dtype = dtype, .data = own};
    if (a->pe1)
        kept.data = head_at(a->pe1, token * a->rope);
    turn_tail(a, t, dtype, a->pe, (token + 1) * a->rope, kept.data);
    store_row(&a->cache, token, a->kv, &kept, 0, a->rope);
}

ROW_PART void turn_rows(const turning *a, size_t from, size_t to, uint8_t dtype)
{
    float bt[HEAD_MAX];
    for (size_t i = from; i < to; i++) {
        turned t = load_row(a->table, kern_geti(a->positions, i), SLD_F32, bt);
        for (size_t h = 0; h < a->heads; h++)
            turn_head(a, &t, dtype, i * a->heads + h);
        turn_key(a, &t, dtype, i);
    }
}

ROW_WIDE static void turn_tokens(const void *work, size_t from, size_t to)
{
    const turning *a = work;
    if (a->q->dtype == SLD_BF16)
        turn_rows(a, from, to, SLD_BF16);
    else if (a->q->dtype == SLD_F32)
        turn_rows(a, from, to, SLD_F32);
    else
        turn_rows(a, from, to, SLD_F16);
}

static void turn(const sld_launch *l, const turning *a)
{
    sld__share_tokens(l, &a->cache, a->rows, 2 * a->heads * a->dim * kern_size(a->q->dtype), turn_tokens, a);
}

const char *sld_cpu_mla_rope_cache(const sld_launch *l);
const char *sld_cpu_mla_rope_cache(const sld_launch *l)
{
    turning a;
    const char *bad = open_turning(l, NULL, &a);
    if (!bad)
        turn(l, &a);
    return bad;
}

const char *sld_cpu_mla_decode_queries(const sld_launch *l);
const char *sld_cpu_mla_decode_queries(const sld_launch *l)
{
    turning a;
    const char *bad = open_turning(l, &l->out[0], &a);
    if (bad)
        return bad;
    absorb(l, a.latent, a.q, a.queries);
    turn(l, &a);
    return NULL;
}
