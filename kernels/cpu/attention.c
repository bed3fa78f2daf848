/* Rotary embedding, its join with the norm of each head, and attention that walks keys once
 * with a running maximum (Milakov and Gimelshein 2018), so that no scores are stored. */
#include "fused.h"
#include "rope.h"

enum { HEAD_MAX = 1024 }; /* the largest head of the op table's conditions */

static size_t table_row(const sld_tensor *table, const sld_tensor *rows, size_t i)
{
    sld_tensor lead = *table;
    lead.rank--;
    return kern_broadcast(&lead, rows, i) * (size_t)table->dims[table->rank - 1];
}

static const char *check_width(size_t d, size_t w, int64_t style)
{
    bool fits = (style == ROPE_GPTJ_NEOX ? 2 * w : w) <= d && (style == ROPE_GPTJ_NEOX || w % 2 == 0);
    return fits ? NULL : "the tables do not fit the head size";
}

/* y[i] = x rotated by row i of the tables. */
static void rotate(const sld_tensor *cos, const sld_tensor *sin, const sld_tensor *y, const sld_tensor *rows, size_t i, int64_t style,
                   const float *x, size_t d)
{
    float bc[HEAD_MAX], bs[HEAD_MAX], by[HEAD_MAX];
    size_t w = (size_t)cos->dims[cos->rank - 1];
    const float *c = row_load(cos, table_row(cos, rows, i), w, bc), *s = row_load(sin, table_row(sin, rows, i), w, bs);
    float *out = row_begin(y, i * d, by);
    ROPE_HEAD(float, out, x, c, s, d, w, style);
    row_end(y, i * d, d, out);
}

const char *sld_cpu_rope(const sld_launch *l);
const char *sld_cpu_rope(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *cos = &l->in[1];
    size_t d = (size_t)x->dims[x->rank - 1];
    int64_t style = kern_attr(l, "style")->i;
    const char *bad = check_width(d, (size_t)cos->dims[cos->rank - 1], style);
    float bx[HEAD_MAX];
    sld_tensor rows = *x;
    rows.rank--;
    for (size_t i = 0, n = kern_numel(&rows); i < n && !bad; i++)
        rotate(cos, &l->in[2], &l->out[0], &rows, i, style, row_load(x, i * d, d, bx), d);
    return bad;
}

/* x [B,S,H,D] to y [B,H,S,D] */
static void norm_rope(const sld_launch *l, const sld_tensor *x, const sld_tensor *weight, const sld_tensor *y, double eps)
{
    size_t heads = (size_t)x->dims[2], seq = (size_t)x->dims[1], d = (size_t)x->dims[3];
    float bx[HEAD_MAX], bw[HEAD_MAX], normed[HEAD_MAX];
    const float *w = row_load(weight, 0, d, bw);
    sld_tensor rows = *y;
    rows.rank--;
    for (size_t i = 0, n = kern_numel(&rows); i < n; i++) {
        size_t b = i / (heads * seq), h = i / seq % heads, t = i % seq;
        const float *row = row_load(x, ((b * seq + t) * heads + h) * d, d, bx);
        float scale = 1 / sqrtf(row_square_sum(row, d) / (float)d + (float)eps);
        for (size_t k = 0; k < d; k++)
            normed[k] = row[k] * scale * w[k];
        rotate(&l->in[4], &l->in[5], y, &rows, i, kern_attr(l, "style")->i, normed, d);
    }
}

const char *sld_cpu_qk_norm_rope(const sld_launch *l);
const char *sld_cpu_qk_norm_rope(const sld_launch *l)
{
    const sld_tensor *cos = &l->in[4];
    const char *bad = check_width((size_t)l->in[0].dims[3], (size_t)cos->dims[cos->rank - 1], kern_attr(l, "style")->i);
    if (bad)
        return bad;
    norm_rope(l, &l->in[0], &l->in[2], &l->out[0], kern_attr(l, "eps")->f);
    norm_rope(l, &l->in[1], &l->in[3], &l->out[1], kern_attr(l, "eps_k")->f);
    return NULL;
}

/* One step of the running softmax: score and value row join what was gathered. */
static void absorb(float score, const float *v, size_t e, float *max, float *sum, float *acc)
{
    if (score > *max) {
        float shrink = expf(*max - score);
        *sum *= shrink;
        for (size_t j = 0; j < e; j++)
            acc[j] *= shrink;
        *max = score;
    }
    float weight = expf(score - *max);
    *sum += weight;
    for (size_t j = 0; j < e; j++)
        acc[j] += weight * v[j];
}

const char *sld_cpu_sdpa(const sld_launch *l);
const char *sld_cpu_sdpa(const sld_launch *l)
{
    const sld_tensor *q = &l->in[0], *k = &l->in[1], *v = &l->in[2], *mask = kern_present(l, 3) ? &l->in[3] : NULL, *o = &l->out[0];
    size_t hq = (size_t)q->dims[1], hk = (size_t)k->dims[1], rows = (size_t)q->dims[2], len = (size_t)k->dims[2];
    size_t d = (size_t)q->dims[3], e = (size_t)v->dims[3];
    float bq[HEAD_MAX], bk[HEAD_MAX], bv[HEAD_MAX], acc[HEAD_MAX], scale = (float)kern_attr(l, "scale")->f;
    int64_t dims[4] = {q->dims[0], q->dims[1], q->dims[2], k->dims[2]};
    const sld_tensor scores = {.dtype = q->dtype, .rank = 4, .dims = dims};
    for (size_t i = 0, n = (size_t)q->dims[0] * hq * rows; i < n; i++) {
        size_t b = i / (hq * rows), h = i / rows % hq, kv = (b * hk + h / (hq / hk)) * len;
        const float *row = row_load(q, i * d, d, bq);
        float max = -INFINITY, sum = 0;
        memset(acc, 0, e * sizeof *acc);
        for (size_t p = 0; p < len; p++) {
            float score = scale * row_dot(row, row_load(k, (kv + p) * d, d, bk), d);
            if (mask)
                score += (float)kern_get(mask, kern_broadcast(mask, &scores, i * len + p));
            if (score != -INFINITY)
                absorb(score, row_load(v, (kv + p) * e, e, bv), e, &max, &sum, acc);
        }
        /* No key at all: 0 / 0, as softmax over -inf gives. */
        for (size_t j = 0; j < e; j++)
            kern_put(o, i * e + j, acc[j] / sum);
    }
    return NULL;
}
