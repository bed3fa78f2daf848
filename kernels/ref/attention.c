/* Rotary embedding, its join with the norm of each head, and attention; all in double. */
#include "kern.h"
#include "rope.h"

enum { HEAD_MAX = 4096 };

/* Row of a table that broadcasting shows beside row i of a tensor of shape `rows` (leading dims of x). */
static size_t table_row(const sld_tensor *table, const sld_tensor *rows, size_t i)
{
    sld_tensor lead = *table;
    lead.rank--;
    return kern_broadcast(&lead, rows, i) * (size_t)table->dims[table->rank - 1];
}

static void load(const sld_tensor *t, size_t at, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = kern_get(t, at + i);
}

static const char *check_width(size_t d, size_t w, int64_t style)
{
    if (d > HEAD_MAX || (style == ROPE_GPTJ_NEOX ? 2 * w : w) > d || (style != ROPE_GPTJ_NEOX && w % 2))
        return "the tables do not fit the head size";
    return NULL;
}

const char *sld_ref_rope(const sld_launch *l);
const char *sld_ref_rope(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *cos = &l->in[1], *sin = &l->in[2];
    size_t d = (size_t)x->dims[x->rank - 1], w = (size_t)cos->dims[cos->rank - 1];
    int64_t style = kern_attr(l, "style")->i;
    double row[HEAD_MAX], c[HEAD_MAX], s[HEAD_MAX], y[HEAD_MAX];
    const char *bad = check_width(d, w, style);
    if (bad)
        return bad;
    sld_tensor rows = *x;
    rows.rank--;
    for (size_t i = 0, n = kern_numel(&rows); i < n; i++) {
        load(x, i * d, d, row);
        load(cos, table_row(cos, &rows, i), w, c);
        load(sin, table_row(sin, &rows, i), w, s);
        ROPE_HEAD(double, y, row, c, s, d, w, style);
        for (size_t k = 0; k < d; k++)
            kern_put(&l->out[0], i * d + k, y[k]);
    }
    return NULL;
}

/* x [B,S,H,D] to y [B,H,S,D]: each head normed, then rotated. The norm is rounded to the dtype as the op between would. */
static void norm_rope(const sld_launch *l, const sld_tensor *x, const sld_tensor *weight, const sld_tensor *y, double eps)
{
    const sld_tensor *cos = &l->in[4], *sin = &l->in[5];
    size_t heads = (size_t)x->dims[2], seq = (size_t)x->dims[1], d = (size_t)x->dims[3], w = (size_t)cos->dims[cos->rank - 1];
    int64_t style = kern_attr(l, "style")->i;
    double row[HEAD_MAX], c[HEAD_MAX], s[HEAD_MAX], out[HEAD_MAX];
    sld_tensor rows = *y;
    rows.rank--;
    for (size_t i = 0, n = kern_numel(&rows); i < n; i++) {
        size_t b = i / (heads * seq), h = i / seq % heads, t = i % seq;
        double sum = 0;
        load(x, ((b * seq + t) * heads + h) * d, d, row);
        for (size_t k = 0; k < d; k++)
            sum += row[k] * row[k];
        for (size_t k = 0; k < d; k++)
            row[k] *= 1 / sqrt(sum / (double)d + eps) * kern_get(weight, k);
        load(cos, table_row(cos, &rows, i), w, c);
        load(sin, table_row(sin, &rows, i), w, s);
        ROPE_HEAD(double, out, row, c, s, d, w, style);
        for (size_t k = 0; k < d; k++)
            kern_put(y, i * d + k, out[k]);
    }
}

const char *sld_ref_qk_norm_rope(const sld_launch *l);
const char *sld_ref_qk_norm_rope(const sld_launch *l)
{
    const sld_tensor *cos = &l->in[4];
    const char *bad = check_width((size_t)l->in[0].dims[3], (size_t)cos->dims[cos->rank - 1], kern_attr(l, "style")->i);
    if (bad)
        return bad;
    norm_rope(l, &l->in[0], &l->in[2], &l->out[0], kern_attr(l, "eps")->f);
    norm_rope(l, &l->in[1], &l->in[3], &l->out[1], kern_attr(l, "eps_k")->f);
    return NULL;
}

/* softmax(scale q k^T + mask) v, each score computed anew for the maximum, the sum and the result. */
const char *sld_ref_sdpa(const sld_launch *l);
const char *sld_ref_sdpa(const sld_launch *l)
{
    const sld_tensor *q = &l->in[0], *k = &l->in[1], *v = &l->in[2], *mask = kern_present(l, 3) ? &l->in[3] : NULL, *o = &l->out[0];
    size_t hq = (size_t)q->dims[1], hk = (size_t)k->dims[1], rows = (size_t)q->dims[2], len = (size_t)k->dims[2];
    size_t d = (size_t)q->dims[3], e = (size_t)v->dims[3];
    double scale = kern_attr(l, "scale")->f;
    int64_t dims[4] = {q->dims[0], q->dims[1], q->dims[2], k->dims[2]};
    const sld_tensor scores = {.dtype = q->dtype, .rank = 4, .dims = dims};
    double acc[HEAD_MAX];
    if (e > HEAD_MAX)
        return "the head size is too large";
    for (size_t i = 0, n = (size_t)q->dims[0] * hq * rows; i < n; i++) {
        size_t b = i / (hq * rows), h = i / rows % hq, kv = (b * hk + h / (hq / hk)) * len;
        double max = -INFINITY, sum = 0;
        for (size_t j = 0; j < e; j++)
            acc[j] = 0;
        for (int pass = 0; pass < 2; pass++)
            for (size_t p = 0; p < len; p++) {
                double score = 0;
                for (size_t j = 0; j < d; j++)
                    score += kern_get(q, i * d + j) * kern_get(k, (kv + p) * d + j);
                score = scale * score + (mask ? kern_get(mask, kern_broadcast(mask, &scores, i * len + p)) : 0);
                if (pass == 0) {
                    max = score > max || score != score ? score : max;
                    continue;
                }
                double weight = exp(score - max);
                sum += weight;
                for (size_t j = 0; j < e; j++)
                    acc[j] += weight * kern_get(v, (kv + p) * e + j);
            }
        for (size_t j = 0; j < e; j++)
            kern_put(o, i * e + j, acc[j] / sum);
    }
    return NULL;
}
