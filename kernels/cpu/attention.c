/* Rotary embedding, its join with the norm of each head, and attention that walks keys once
 * with a running maximum (Milakov and Gimelshein 2018), so that no scores are stored. */
#include "quant.h"
#include "rope.h"

enum {
    HEAD_MAX = 1024, /* the largest head of the conditions in kernels.pat */
    TILE = 8         /* query rows that share one pass over keys and values */
};

/* y[i] = x rotated by row i of the tables. Each style is compiled on its own, so that its loop vectorises. */
static void rotate(const sld_tensor *cos, const sld_tensor *sin, const sld_tensor *y, size_t i, int64_t style,
                   const float *restrict x)
{
    float bc[HEAD_MAX], bs[HEAD_MAX], by[HEAD_MAX];
    size_t d = (size_t)y->dims[y->rank - 1], w = (size_t)cos->dims[cos->rank - 1];
    sld_tensor rows = rope_rows(y);
    const float *restrict c = row_load(cos, rope_table_row(cos, &rows, i), w, bc);
    const float *restrict s = row_load(sin, rope_table_row(sin, &rows, i), w, bs);
    float *restrict out = row_begin(y, i * d, by);
    if (style == ROPE_NEOX)
        ROPE_HEAD(float, out, x, c, s, d, w, ROPE_NEOX);
    else if (style == ROPE_GPTJ)
        ROPE_HEAD(float, out, x, c, s, d, w, ROPE_GPTJ);
    else
        ROPE_HEAD(float, out, x, c, s, d, w, ROPE_GPTJ_NEOX);
    row_end(y, i * d, d, out);
}

static void rope_heads(const void *work, size_t from, size_t to)
{
    const sld_launch *l = work;
    const sld_tensor *x = &l->in[0];
    size_t d = (size_t)x->dims[x->rank - 1];
    float bx[HEAD_MAX];
    for (size_t i = from; i < to; i++)
        rotate(&l->in[1], &l->in[2], &l->out[0], i, kern_attr(l, "style")->i, row_load(x, i * d, d, bx));
}

/* What a head that turns moves, and computes. */
static size_t rope_cost(const sld_tensor *x)
{
    return 8 * (size_t)x->dims[x->rank - 1] * kern_size(x->dtype);
}

const char *sld_cpu_rope(const sld_launch *l);
const char *sld_cpu_rope(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0];
    const char *bad = rope_check(x, &l->in[1], kern_attr(l, "style")->i);
    sld_tensor rows = rope_rows(x);
    if (!bad)
        row_share(l, kern_numel(&rows), rope_cost(x), rope_heads, l);
    return bad;
}

/* x [B,S,H,D] to y [B,H,S,D] */
typedef struct norm_rope { const sld_launch *l; const sld_tensor *x, *weight, *y; double eps; } norm_rope;

static void norm_rope_heads(const void *work, size_t from, size_t to)
{
    const norm_rope *k = work;
    const sld_launch *l = k->l;
    size_t heads = (size_t)k->x->dims[2], seq = (size_t)k->x->dims[1], d = (size_t)k->x->dims[3];
    float bx[HEAD_MAX], bw[HEAD_MAX], normed[HEAD_MAX];
    const float *w = row_load(k->weight, 0, d, bw);
    float centre = kern_flag(l, "centred");
    for (size_t i = from; i < to; i++) {
        size_t b = i / (heads * seq), h = i / seq % heads, t = i % seq;
        const float *row = row_load(k->x, ((b * seq + t) * heads + h) * d, d, bx);
        float scale = 1 / sqrtf(row_dot(row, row, d) / (float)d + (float)k->eps);
        for (size_t j = 0; j < d; j++)
            normed[j] = row[j] * scale * (w[j] + centre);
        rotate(&l->in[4], &l->in[5], k->y, i, kern_attr(l, "style")->i, normed);
    }
}

static void norm_and_turn(const norm_rope *k)
{
    sld_tensor rows = rope_rows(k->y);
    row_share(k->l, kern_numel(&rows), rope_cost(k->y), norm_rope_heads, k);
}

const char *sld_cpu_qk_norm_rope(const sld_launch *l);
const char *sld_cpu_qk_norm_rope(const sld_launch *l)
{
    int64_t style = kern_attr(l, "style")->i;
    const char *bad = rope_check(&l->out[0], &l->in[4], style);
    bad = bad ? bad : rope_check(&l->out[1], &l->in[4], style);
    if (bad)
        return bad;
    norm_and_turn(&(norm_rope){l, &l->in[0], &l->in[2], &l->out[0], kern_attr(l, "eps")->f});
    norm_and_turn(&(norm_rope){l, &l->in[1], &l->in[3], &l->out[1], kern_attr(l, "eps_k")->f});
    return NULL;
}

/* One query row under way: the values gathered so far, for the largest score so far. */
typedef struct query {
    float max, sum, q[HEAD_MAX], acc[HEAD_MAX];
} query;

/* One step of the running softmax: score and value row join what was gathered. */
static void absorb(query *r, float score, const float *restrict v, size_t e)
{
    if (score > r->max) {
        float shrink = expf(r->max - score);
        r->sum *= shrink;
        for (size_t j = 0; j < e; j++)
            r->acc[j] *= shrink;
        r->max = score;
    }
    float weight = expf(score - r->max);
    r->sum += weight;
    for (size_t j = 0; j < e; j++)
        r->acc[j] += weight * v[j];
}

typedef struct attention {
    const sld_tensor *q, *k, *v, *mask, *o, *scores;
    size_t len, d, e, heads, kv_heads, rows;
    float scale;
    bool safe;
    const quantiser *quant; /* NULL: the result is stored as it is */
} attention;

/* Query rows [first, first + n) against the keys that start at row `kv`. */
static void attend(const attention *a, size_t first, size_t n, size_t kv)
{
    query tile[TILE];
    float bk[HEAD_MAX], bv[HEAD_MAX], bo[HEAD_MAX] = {0};
    for (size_t r = 0; r < n; r++) {
        tile[r].max = -INFINITY;
        tile[r].sum = 0;
        memset(tile[r].acc, 0, a->e * sizeof(float));
        row_widen(a->q, (first + r) * a->d, a->d, tile[r].q);
    }
    for (size_t p = 0; p < a->len; p++) {
        const float *k = row_load(a->k, (kv + p) * a->d, a->d, bk);
        const float *v = row_load(a->v, (kv + p) * a->e, a->e, bv);
        for (size_t r = 0; r < n; r++) {
            float score = a->scale * row_dot(tile[r].q, k, a->d);
            size_t at = (first + r) * a->len + p;
            if (a->mask)
                score += (float)kern_get(a->mask, kern_broadcast(a->mask, a->scores, at));
            if (score != -INFINITY)
                absorb(&tile[r], score, v, a->e);
        }
    }
    for (size_t r = 0; r < n; r++) {
        float *out = a->quant ? bo : row_begin(a->o, (first + r) * a->e, bo);
        for (size_t j = 0; j < a->e; j++)
            /* Without any key 0 / 0, as softmax over -inf gives, or zeros. */
            out[j] = a->safe && !(tile[r].sum > 0) ? 0 : tile[r].acc[j] / tile[r].sum;
        if (a->quant)
            quant_head(a->quant, a->q->dtype, (first + r) * a->e, a->e, out);
        else
            row_end(a->o, (first + r) * a->e, a->e, out);
    }
}

/* Tiles of rows, of all heads. */
static void attend_tiles(const void *work, size_t from, size_t to)
{
    const attention *a = work;
    for (size_t t = from, each = row_parts(a->rows, TILE); t < to; t++) {
        size_t head = t / each, i = t % each * TILE;
        size_t kv = (head / a->heads * a->kv_heads + head % a->heads / (a->heads / a->kv_heads)) * a->len;
        attend(a, head * a->rows + i, row_min(a->rows - i, TILE), kv);
    }
}

static const char *sdpa(const sld_launch *l, const quantiser *quant)
{
    const sld_tensor *q = &l->in[0], *k = &l->in[1], *v = &l->in[2];
    int64_t dims[4] = {q->dims[0], q->dims[1], q->dims[2], k->dims[2]};
    const sld_tensor scores = {.dtype = q->dtype, .rank = 4, .dims = dims};
    attention a = {q, k, v, kern_present(l, 3) ? &l->in[3] : NULL, &l->out[0], &scores, (size_t)k->dims[2],
                   (size_t)q->dims[3], (size_t)v->dims[3], (size_t)q->dims[1], (size_t)k->dims[1], (size_t)q->dims[2],
                   (float)kern_attr(l, "scale")->f, kern_attr(l, "safe")->i != 0 || !k->dims[2], quant};
    const char *bad = sdpa_check(q, k, a.mask, &scores);
    if (!bad)
        row_share(l, (size_t)q->dims[0] * a.heads * row_parts(a.rows, TILE),
                  (a.len + 1) * (a.d + a.e) * TILE * sizeof(float), attend_tiles, &a);
    return bad;
}

const char *sld_cpu_sdpa(const sld_launch *l);
const char *sld_cpu_sdpa(const sld_launch *l)
{
    return sdpa(l, NULL);
}

const char *sld_cpu_sdpa_static_quant(const sld_launch *l);
const char *sld_cpu_sdpa_static_quant(const sld_launch *l)
{
    quantiser t = quant_open(l, 0, 0);
    t.scale = *(const float *)l->in[4].data;
    return sdpa(l, &t);
}
