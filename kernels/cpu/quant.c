/* Quantisation of a tensor to 8-bit floats. */
#include "quant.h"

static const char *quantise(const sld_launch *l, const quantiser *t)
{
    const sld_tensor *x = &l->in[0];
    float v[ROW_MAX + CHUNK];
    chunk room;
    size_t size = kern_size(x->dtype), end = kern_numel(t->q);
    for (size_t row = 0; row < end; row += t->width)
        for (size_t at = row, span; at < row + t->width; at += span) {
            span = row_min(t->span, row + t->width - at);
            row_expect(x, at + span, row_min(span, end - at - span));
            for (size_t done = 0, m; done < span; done += m) {
                m = part_size(done, span, span);
                sld__pairs_get(x->dtype, part_in((const char *)x->data + (at + done) * size, size, m, &room), m, v + done);
            }
            quant_span(t, x->dtype, at, span, v);
        }
    return NULL;
}

const char *sld_cpu_static_quant(const sld_launch *l);
const char *sld_cpu_static_quant(const sld_launch *l)
{
    quantiser t = quant_open(l, 0, 0);
    t.scale = *(const float *)l->in[1].data;
    t.unrounded = true;
    return quantise(l, &t);
}

const char *sld_cpu_group_quant(const sld_launch *l);
const char *sld_cpu_group_quant(const sld_launch *l)
{
    quantiser t = quant_open(l, 0, (size_t)kern_attr(l, "group")->i);
    t.unrounded = true;
    return quantise(l, &t);
}
