/* Gated activations, of two tensors or of the halves of each row of one. */
#include "quant.h"

/* y = act(g) * u; act: a number of the enum in act_quant.pat. */
ROW_PART void activate(int64_t act, const float *restrict g, const float *restrict u, float *restrict y, size_t n)
{
    if (act == 0)
        for (size_t i = 0; i < n; i++)
            y[i] = row_silu(g[i]) * u[i];
    else if (act == 1)
        for (size_t i = 0; i < n; i++)
            y[i] = row_gelu(g[i]) * u[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] = row_gelu_tanh(g[i]) * u[i];
}

ROW_WIDE static const char *gated(const sld_launch *l, int64_t act)
{
    float bg[PIECE], bu[PIECE], by[PIECE];
    for (size_t at = 0, n = kern_numel(&l->out[0]); at < n; at += PIECE) {
        size_t m = row_min(n - at, PIECE);
        const float *g = row_load(&l->in[0], at, m, bg), *u = row_load(&l->in[1], at, m, bu);
        float *y = row_begin(&l->out[0], at, by);
        activate(act, g, u, y, m);
        row_end(&l->out[0], at, m, y);
    }
    return NULL;
}

/* Rows of a product: u NULL is the second half of the rows of g. */
typedef struct product {
    const sld_tensor *g, *u;
    int64_t act;
    size_t width, n;
    float bg[ROW_MAX], bu[ROW_MAX], y[ROW_MAX];
} product;

static inline void product_open(product *p, const sld_launch *l, const sld_tensor *u, int64_t act)
{
    *p->y = 0;
    p->g = &l->in[0], p->u = u, p->act = act;
    p->width = (size_t)l->out[0].dims[l->out[0].rank - 1];
    p->n = p->width ? kern_numel(&l->out[0]) / p->width : 0;
}

ROW_PART void product_row(product *p, size_t i, float *restrict y)
{
    size_t n = p->width, step = p->u ? n : 2 * n, at = i * step;
    if (i + 1 < p->n) {
        row_expect(p->g, at + step, step);
        if (p->u)
            row_expect(p->u, at + step, n);
    }
    const float *g = row_load(p->g, at, n, p->bg);
    const float *u = p->u ? row_load(p->u, at, n, p->bu) : row_load(p->g, at + n, n, p->bu);
    activate(p->act, g, u, y, n);
}

ROW_WIDE static const char *halves(const sld_launch *l, int64_t act)
{
    product p;
    product_open(&p, l, NULL, act);
    for (size_t i = 0; i < p.n; i++) {
        float *y = row_begin(&l->out[0], i * p.width, p.y);
        product_row(&p, i, y);
        row_end(&l->out[0], i * p.width, p.width, y);
    }
    return NULL;
}

ROW_WIDE static const char *quantise_gated(const sld_launch *l, const sld_tensor *u, const quantiser *t)
{
    product p;
    product_open(&p, l, u, kern_attr(l, "act")->i);
    for (size_t i = 0; i < p.n; i++) {
        product_row(&p, i, p.y);
        quant_row(t, i, p.y);
    }
    return NULL;
}

const char *sld_cpu_silu_mul(const sld_launch *l);
const char *sld_cpu_silu_mul(const sld_launch *l)
{
    return gated(l, 0);
}

const char *sld_cpu_gelu_mul(const sld_launch *l);
const char *sld_cpu_gelu_mul(const sld_launch *l)
{
    return gated(l, kern_attr(l, "approximate")->i == 1 ? 2 : 1);
}

const char *sld_cpu_silu_and_mul(const sld_launch *l);
const char *sld_cpu_silu_and_mul(const sld_launch *l)
{
    return halves(l, 0);
}

const char *sld_cpu_gelu_and_mul(const sld_launch *l);
const char *sld_cpu_gelu_and_mul(const sld_launch *l)
{
    return halves(l, kern_attr(l, "approximate")->i == 1 ? 2 : 1);
}

static const char *by_scale(const sld_launch *l, const sld_tensor *u, const sld_tensor *scale)
{
    quantiser t = quant_open(l, 1, 0);
    t.scale = *(const float *)scale->data;
    return quantise_gated(l, u, &t);
}

static const char *by_group(const sld_launch *l, const sld_tensor *u)
{
    quantiser t = quant_open(l, 2, (size_t)kern_attr(l, "group")->i);
    return quantise_gated(l, u, &t);
}

const char *sld_cpu_act_mul_static_quant(const sld_launch *l);
const char *sld_cpu_act_mul_static_quant(const sld_launch *l)
{
    return by_scale(l, &l->in[1], &l->in[2]);
}

const char *sld_cpu_act_mul_group_quant(const sld_launch *l);
const char *sld_cpu_act_mul_group_quant(const sld_launch *l)
{
    return by_group(l, &l->in[1]);
}

const char *sld_cpu_act_and_mul_static_quant(const sld_launch *l);
const char *sld_cpu_act_and_mul_static_quant(const sld_launch *l)
{
    return by_scale(l, NULL, &l->in[1]);
}

const char *sld_cpu_act_and_mul_group_quant(const sld_launch *l);
const char *sld_cpu_act_and_mul_group_quant(const sld_launch *l)
{
    return by_group(l, NULL);
}
