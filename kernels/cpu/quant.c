/* Quantisation of a tensor to 8-bit floats. */
#include "quant.h"

typedef struct quant_work { const sld_tensor *x; const quantiser *t; } quant_work;

static void quantise_rows(const void *work, size_t first, size_t to)
{
    const sld_tensor *x = ((const quant_work *)work)->x;
    const quantiser *t = ((const quant_work *)work)->t;
    char room[(ROW_MAX + CHUNK) * sizeof(float)];
    size_t size = kern_size(x->dtype), end = to * t->width;
    for (size_t row = first * t->width; row < end; row += t->width)
        for (size_t at = row, span; at < row + t->width; at += span) {
            const char *from = (const char *)x->data + at * size;
            span = row_min(t->span, row + t->width - at);
            row_expect(x, at + span, row_min(span, end - at - span));
            if (span % CHUNK) {
                memcpy(room, from, span * size);
                memset(room + span * size, 0, (part_whole(span) - span) * size);
                from = room;
            }
            quant_span(t, at, span, from);
        }
    row_settle();
}

static const char *quantise(const sld_launch *l, const quantiser *t)
{
    size_t n = t->width ? kern_numel(t->q) / t->width : 0;
    row_share(l, n, 2 * t->width * kern_size(l->in[0].dtype), quantise_rows, &(quant_work){&l->in[0], t});
    return NULL;
}

const char *sld_cpu_static_quant(const sld_launch *l);
const char *sld_cpu_static_quant(const sld_launch *l)
{
    quantiser t = quant_open(l, 0, 0);
    t.scale = *(const float *)l->in[1].data;
    return quantise(l, &t);
}

const char *sld_cpu_group_quant(const sld_launch *l);
const char *sld_cpu_group_quant(const sld_launch *l)
{
    quantiser t = quant_open(l, 0, (size_t)kern_attr(l, "group")->i);
    return quantise(l, &t);
}
