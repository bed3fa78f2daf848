/* Gated activations. */
#include "fused.h"

static float silu(float g)
{
    return g / (1 + expf(-g));
}

static float gelu(float g)
{
    return 0.5f * g * (1 + erff(g * 0.70710678f));
}

static float gelu_tanh(float g)
{
    return 0.5f * g * (1 + tanhf(0.79788456f * (g + 0.044715f * g * g * g)));
}

/* In pieces of ROW_MAX elements, so that narrow dtypes pass through a buffer. */
static const char *gated(const sld_launch *l, float (*f)(float))
{
    float bg[ROW_MAX], bu[ROW_MAX], by[ROW_MAX];
    for (size_t at = 0, n = kern_numel(&l->out[0]); at < n; at += ROW_MAX) {
        size_t m = n - at < ROW_MAX ? n - at : ROW_MAX;
        const float *g = row_load(&l->in[0], at, m, bg), *u = row_load(&l->in[1], at, m, bu);
        float *y = row_begin(&l->out[0], at, by);
        for (size_t i = 0; i < m; i++)
            y[i] = f(g[i]) * u[i];
        row_end(&l->out[0], at, m, y);
    }
    return NULL;
}

const char *sld_cpu_silu_mul(const sld_launch *l);
const char *sld_cpu_silu_mul(const sld_launch *l)
{
    return gated(l, silu);
}

const char *sld_cpu_gelu_mul(const sld_launch *l);
const char *sld_cpu_gelu_mul(const sld_launch *l)
{
    return gated(l, kern_attr(l, "approximate")->i == 1 ? gelu_tanh : gelu);
}
