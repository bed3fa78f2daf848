/* Gated activations. */
#include "fused.h"

static const char *gated(const sld_launch *l, float (*f)(float))
{
    float bg[PIECE], bu[PIECE], by[PIECE];
    for (size_t at = 0, n = kern_numel(&l->out[0]); at < n; at += PIECE) {
        size_t m = row_min(n - at, PIECE);
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
    return gated(l, row_silu);
}

const char *sld_cpu_gelu_mul(const sld_launch *l);
const char *sld_cpu_gelu_mul(const sld_launch *l)
{
    return gated(l, kern_attr(l, "approximate")->i == 1 ? row_gelu_tanh : row_gelu);
}
