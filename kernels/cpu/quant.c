/* Quantisation of a tensor to 8-bit floats. */
#include "quant.h"

ROW_WIDE static const char *quantise_rows(const sld_launch *l, const quantiser *t)
{
    float row[ROW_MAX];
    for (size_t i = 0, n = t->width ? kern_numel(t->q) / t->width : 0; i < n; i++) {
        row_widen(&l->in[0], i * t->width, t->width, row);
        quant_row(t, i, row);
    }
    return NULL;
}

const char *sld_cpu_static_quant(const sld_launch *l);
const char *sld_cpu_static_quant(const sld_launch *l)
{
    quantiser t = quant_open(l, 0, 0);
    t.scale = *(const float *)l->in[1].data;
    t.unrounded = true;
    return quantise_rows(l, &t);
}

const char *sld_cpu_group_quant(const sld_launch *l);
const char *sld_cpu_group_quant(const sld_launch *l)
{
    quantiser t = quant_open(l, 0, (size_t)kern_attr(l, "group")->i);
    t.unrounded = true;
    return quantise_rows(l, &t);
}
