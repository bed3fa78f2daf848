/* Rotary embedding, its join with the norm of each head, and attention; all in double. */
#include "f8.h"
#include "rope.h"

enum { HEAD_MAX = 4096 };
static const char *const too_large = "the head size is too large";

static void load(const sld_tensor *t, size_t at, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = kern_get(t, at + i);
}

/* y[i] = x rotated by row i of the tables. */
static void rotate(const sld_tensor *cos, const sld_tensor *sin, const sld_tensor *y, size_t i, int64_t style,
                   const double *x)
{
    double c[HEAD_MAX], s[HEAD_MAX], out[HEAD_MAX];
    size_t d = (size_t)y->dims[y->rank - 1], w = (size_t)cos->dims[cos->rank - 1];
    sld_tensor rows = rope_rows(y);
    load(cos, rope_table_row(cos, &rows, i), w, c);
    load(sin, rope_table_row(sin, &rows, i), w, s);
    ROPE_HEAD(double, out, x, c, s, d, w, style);
    for (size_t k = 0; k < d; k++)
        kern_put(y, i * d + k, out[k]);
}

const char *sld_ref_rope(const sld_launch *l);
const char *sld_ref_rope(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *cos = &l->in[1], *sin = &l->in[2];
    size_t d = (size_t)x->dims[x->rank - 1];
    int64_t style = kern_attr(l, "style")->i;
    double row[HEAD_MAX];
    const char *bad = d > HEAD_MAX ? too_large : rope_check(x, cos, style);
    sld_tensor rows = rope_rows(x);
    for (size_t i = 0, n = kern_numel(&rows); i < n && !bad; i++) {
        load(x, i * d, d, row);
        rotate(cos, sin, &l->out[0], i, style, row);
    }
    return bad;
}

/* x [B,S,H,D] to y [B,H,S,D]: each head normed, then rotated, and rounded once. */
static void norm_rope(const sld_launch *l, const sld_tensor *x, const sld_tensor *weight, const sld_tensor *y,
                      double eps)
{
    size_t heads = (size_t)x->dims[2], seq = (size_t)x->dims[1], d = (size_t)x->dims[3];
    double row[HEAD_MAX], centre = kern_flag(l, "centred");
    sld_tensor rows = rope_rows(y);
    for (size_t i = 0, n = kern_numel(&rows); i < n; i++) {
        size_t b = i / (heads * seq), h = i / seq % heads, t = i % seq;
        double sum = 0;
        load(x, ((b * seq + t) * heads + h) * d, d, row);
        for (size_t k = 0; k < d; k++)
            sum += row[k] * row[k];
        for (size_t k = 0; k < d; k++)
            row[k] *= 1 / sqrt(sum / (double)d + eps) * (kern_get(weight, k) + centre);
        rotate(&l->in[4], &l->in[5], y, i, kern_attr(l, "style")->i, row);
    }
}

const char *sld_ref_qk_norm_rope(const sld_launch *l);
const char *sld_ref_qk_norm_rope(const sld_launch *l)
{
    int64_t style = kern_attr(l, "style")->i;
    const char *bad = l->in[0].dims[3] > HEAD_MAX ? too_large : rope_check(&l->out[0], &l->in[4], style);
    bad = bad ? bad : rope_check(&l->out[1], &l->in[4], style);
    if (bad)
        return bad;
    norm_rope(l, &l->in[0], &l->in[2], &l->out[0], kern_attr(l, "eps")->f);
    norm_rope(l, &l->in[1], &l->in[3], &l->out[1], kern_attr(l, "eps_k")->f);
    return NULL;
}

/* With `by` the result is quantised by that scale.
 * softmax(scale q k^T + mask) v, each score computed anew for the maximum, the sum and the result. */
static const char *sdpa(const sld_launch *l, const sld_tensor *by)
{
    const sld_tensor *q = &l->in[0], *k = &l->in[1], *v = &l->in[2];
    const sld_tensor *mask = kern_present(l, 3) ? &l->in[3] : NULL;
    size_t hq = (size_t)q->dims[1], hk = (size_t)k->dims[1], rows = (size_t)q->dims[2];
    size_t len = (size_t)k->dims[2], d = (size_t)q->dims[3], e = (size_t)v->dims[3];
    bool safe = kern_attr(l, "safe")->i || !len; /* a row without any key is zeros, not 0 / 0 */
    double scale = kern_attr(l, "scale")->f;
    int64_t dims[4] = {q->dims[0], q->dims[1], q->dims[2], k->dims[2]};
    const sld_tensor scores = {.dtype = q->dtype, .rank = 4, .dims = dims};
    double acc[HEAD_MAX];
    const char *bad = e > HEAD_MAX ? too_large : sdpa_check(q, k, mask, &scores);
    if (bad)
        return bad;
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
                score *= scale;
                score += mask ? kern_get(mask, kern_broadcast(mask, &scores, i * len + p)) : 0;
                if (pass == 0) {
                    max = score > max || score != score ? score : max;
                    continue;
                }
                double weight = exp(score - max);
                if (score == -INFINITY && max > score)
                    continue; /* a masked key has no say, whatever its value is */
                sum += weight;
                for (size_t j = 0; j < e; j++)
                    acc[j] += weight * kern_get(v, (kv + p) * e + j);
            }
        for (size_t j = 0; j < e; j++)
            f8_put(l, q->dtype, by, i * e + j, safe && !(sum > 0) ? 0 : acc[j] / sum);
    }
    return NULL;
}

const char *sld_ref_sdpa(const sld_launch *l);
const char *sld_ref_sdpa(const sld_launch *l)
{
    return sdpa(l, NULL);
}

const char *sld_ref_sdpa_static_quant(const sld_launch *l);
const char *sld_ref_sdpa_static_quant(const sld_launch *l)
{
    return sdpa(l, &l->in[4]);
}
