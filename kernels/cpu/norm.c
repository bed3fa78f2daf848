/* RMS norm and what is joined with it: one pass for the sum of squares, one for the result. */
#include "quant.h"

/* A norm and the buffers of one row. */
typedef struct norm {
    const sld_tensor *x, *b, *z, *sum; /* b: added to x; z: the gate; sum: takes x + b. NULL: there is none */
    const float *w;
    size_t width, n;                   /* of a row; rows */
    float eps;
    float bw[ROW_MAX], bx[ROW_MAX], bb[ROW_MAX], bs[ROW_MAX];
} norm;

static void norm_open(norm *n, const sld_launch *l, uint32_t w)
{
    *n->bw = 0;
    n->x = &l->in[0], n->b = n->z = n->sum = NULL;
    n->width = (size_t)n->x->dims[n->x->rank - 1];
    n->n = n->width ? kern_numel(n->x) / n->width : 0;
    n->eps = (float)kern_attr(l, "eps")->f;
    n->w = row_load(&l->in[w], 0, n->width, n->bw);
    if (!quant_flag(l, "centred"))
        return;
    for (size_t k = 0; k < n->width; k++)
        n->bw[k] = n->w[k] + 1;
    n->w = n->bw;
}

static const float *norm_sum(norm *n, size_t i)
{
    size_t at = i * n->width;
    const float *x = row_load(n->x, at, n->width, n->bx);
    if (!n->b)
        return x;
    const float *b = row_load(n->b, at, n->width, n->bb);
    float *s = n->sum ? row_begin(n->sum, at, n->bs) : n->bs;
    for (size_t k = 0; k < n->width; k++)
        s[k] = x[k] + b[k];
    if (n->sum)
        row_end(n->sum, at, n->width, s);
    return s;
}

/* Row i, before it is rounded. */
static void norm_row(norm *n, size_t i, float *restrict y)
{
    const float *restrict s = norm_sum(n, i), *restrict w = n->w;
    float scale = 1 / sqrtf(row_dot(s, s, n->width) / (float)n->width + n->eps);
    for (size_t k = 0; k < n->width; k++)
        y[k] = s[k] * scale * w[k];
    if (!n->z)
        return;
    const float *z = row_load(n->z, i * n->width, n->width, n->bb);
    for (size_t k = 0; k < n->width; k++)
        y[k] *= row_silu(z[k]);
}

static const char *store(norm *n, const sld_tensor *to)
{
    float by[ROW_MAX];
    for (size_t i = 0; i < n->n; i++) {
        float *y = row_begin(to, i * n->width, by);
        norm_row(n, i, y);
        row_end(to, i * n->width, n->width, y);
    }
    return NULL;
}

static const char *quantise(norm *n, const quantiser *t)
{
    float y[ROW_MAX];
    for (size_t i = 0; i < n->n; i++) {
        norm_row(n, i, y);
        quant_row(t, i, y);
    }
    return NULL;
}

/* b: the residual, whose sum with x goes to the last result when something reads that. */
static void add_open(norm *n, const sld_launch *l)
{
    norm_open(n, l, 2);
    n->b = &l->in[1];
    n->sum = l->out[l->n_out - 1].data ? &l->out[l->n_out - 1] : NULL;
}

static void gate_open(norm *n, const sld_launch *l)
{
    norm_open(n, l, 1);
    n->z = &l->in[2];
}

const char *sld_cpu_rms_norm(const sld_launch *l);
const char *sld_cpu_rms_norm(const sld_launch *l)
{
    norm n;
    norm_open(&n, l, 1);
    return store(&n, &l->out[0]);
}

const char *sld_cpu_add_rms_norm(const sld_launch *l);
const char *sld_cpu_add_rms_norm(const sld_launch *l)
{
    norm n;
    add_open(&n, l);
    return store(&n, &l->out[0]);
}

const char *sld_cpu_gated_rms_norm(const sld_launch *l);
const char *sld_cpu_gated_rms_norm(const sld_launch *l)
{
    norm n;
    gate_open(&n, l);
    return store(&n, &l->out[0]);
}

/* ---- quantised at once ---- */
static quantiser by_scale(const sld_launch *l, const sld_tensor *scale)
{
    quantiser t = quant_open(l, 1, 0);
    t.scale = *(const float *)scale->data;
    return t;
}

static quantiser by_group(const sld_launch *l)
{
    return quant_open(l, 2, (size_t)kern_attr(l, "group")->i);
}

const char *sld_cpu_rms_norm_static_quant(const sld_launch *l);
const char *sld_cpu_rms_norm_static_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_scale(l, &l->in[2]);
    norm_open(&n, l, 1);
    return quantise(&n, &t);
}

const char *sld_cpu_rms_norm_group_quant(const sld_launch *l);
const char *sld_cpu_rms_norm_group_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_group(l);
    norm_open(&n, l, 1);
    return quantise(&n, &t);
}

const char *sld_cpu_add_rms_norm_static_quant(const sld_launch *l);
const char *sld_cpu_add_rms_norm_static_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_scale(l, &l->in[3]);
    add_open(&n, l);
    return quantise(&n, &t);
}

const char *sld_cpu_add_rms_norm_group_quant(const sld_launch *l);
const char *sld_cpu_add_rms_norm_group_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_group(l);
    add_open(&n, l);
    return quantise(&n, &t);
}

const char *sld_cpu_gated_rms_norm_group_quant(const sld_launch *l);
const char *sld_cpu_gated_rms_norm_group_quant(const sld_launch *l)
{
    norm n;
    gate_open(&n, l);
    quantiser t = quant_open(l, 2, n.width);
    return quantise(&n, &t);
}
