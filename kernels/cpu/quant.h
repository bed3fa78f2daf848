/* Rows of floats to 8-bit floats, without branches so that loops vectorise. */
#ifndef SLD_CPU_QUANT_H
#define SLD_CPU_QUANT_H

#include "fused.h"
#include "f8.h"

typedef struct quantiser {
    const sld_tensor *q, *scales, *y; /* y: takes the row as it is rounded; no data: nothing does */
    size_t width, group;              /* of a row; group 0: one scale for everything */
    float scale, top, floor;
    bool columns, pow2, unrounded;
    uint8_t from;                     /* dtype of the row before it was widened */
} quantiser;

static inline bool quant_flag(const sld_launch *l, const char *name)
{
    const sld_attr *a = kern_attr(l, name);
    return a && a->i;
}

/* y: the number of that result, 0: there is none. group: 0 for a scale that is given. */
static inline quantiser quant_open(const sld_launch *l, uint32_t y, size_t group)
{
    const sld_tensor *q = &l->out[0];
    return (quantiser){.q = q, .scales = group ? &l->out[1] : NULL, .y = y && l->out[y].data ? &l->out[y] : NULL,
                       .width = (size_t)q->dims[q->rank - 1], .group = group,
                       .top = (float)quant_top(q->dtype, quant_flag(l, "full")),
                       .floor = group ? (float)kern_attr(l, "floor")->f : 0, .columns = quant_flag(l, "columns"),
                       .pow2 = quant_flag(l, "pow2"), .unrounded = quant_flag(l, "contract"), .from = l->in[0].dtype};
}

/* Code of v, clamped to the magnitude whose bits are `top`. bias: the format's, 7 (e4m3fn) or 8, whose zero has no sign.
 * All of it in 32 bits, and selections instead of branches, so that a vector holds as many as it can. */
ROW_PART uint32_t quant_code(float v, uint32_t top, uint32_t bias)
{
    uint32_t u = sld__f32_bits(v), magnitude = u & 0x7fffffff, a = magnitude < top ? magnitude : top;
    uint32_t magic = (127 + 21 - bias) << 23; /* the last bit of a float of this size is that of a denormal code */
    uint32_t small = sld__f32_bits(sld__f32_from_bits(a) + sld__f32_from_bits(magic)) - magic;
    uint32_t normal = (a + (0x7ffff - ((127 - bias) << 23)) + (a >> 20 & 1)) >> 20;
    uint32_t code = a < (128 - bias) << 23 ? small : normal, sign = u >> 24 & 0x80;
    code |= bias == 7 || code ? sign : 0;
    return magnitude > 0x7f800000 ? (bias == 7 ? 0x7f : 0x80) : code;
}

/* Of a row, multiplied by `by`. */
ROW_PART void quant_codes(const quantiser *t, size_t row, const float *restrict x, float by)
{
    size_t n = t->width;
    uint8_t *restrict q = (uint8_t *)t->q->data + row * n;
    uint32_t top = sld__f32_bits(t->top);
    if (t->q->dtype == SLD_F8E4M3FN)
        for (size_t i = 0; i < n; i++)
            q[i] = (uint8_t)quant_code(x[i] * by, top, 7);
    else
        for (size_t i = 0; i < n; i++)
            q[i] = (uint8_t)quant_code(x[i] * by, top, 8);
}

/* Largest magnitude, of at least `floor`; what is not a number has no say. */
ROW_PART float quant_most(const float *x, size_t n, float floor)
{
    int32_t most = (int32_t)sld__f32_bits(floor); /* magnitudes are ordered as their bits are */
    for (size_t i = 0; i < n; i++) {
        int32_t a = (int32_t)(sld__f32_bits(x[i]) & 0x7fffffff);
        a = a > 0x7f800000 ? 0 : a;
        most = a > most ? a : most;
    }
    return sld__f32_from_bits((uint32_t)most);
}

static inline float quant_scale(const quantiser *t, float most)
{
    float scale = most / t->top;
    if (!t->pow2 || isinf(scale))
        return scale;
    int e;
    float m = frexpf(scale, &e);
    return ldexpf(1, m == 0.5f ? e - 1 : e);
}

/* As the dtype of the operands stores it. */
ROW_PART void quant_round(const quantiser *t, size_t row, float *restrict v)
{
    size_t n = t->width;
    if (t->y)
        row_end(t->y, row * n, n, v);
    if (t->y && t->from == SLD_F32)
        memcpy((float *)t->y->data + row * n, v, n * sizeof *v);
    if (t->unrounded || t->from == SLD_F32)
        return;
    if (t->from == SLD_BF16)
        for (size_t i = 0; i < n; i++)
            v[i] = sld__f32_from_bits(row_to_bf16(v[i]) << 16);
    else
        for (size_t i = 0; i < n; i++)
            v[i] = sld_f16_to_f32(sld_f32_to_f16(v[i]));
}

/* What v is multiplied by. Of a subnormal scale the inverse may be infinite: then both are made larger. */
static inline float quant_inverse(float scale, float *v, size_t n)
{
    bool small = fabsf(scale) < 0x1p-126f && scale != 0;
    for (size_t i = 0; small && i < n; i++)
        v[i] *= 0x1p64f;
    return 1 / (small ? scale * 0x1p64f : scale);
}

/* v: the row before it is rounded; it is changed. */
ROW_PART void quant_row(const quantiser *t, size_t row, float *v)
{
    quant_round(t, row, v);
    if (!t->group) {
        quant_codes(t, row, v, quant_inverse(t->scale, v, t->width));
        return;
    }
    for (size_t g = 0, n = t->width / t->group; g < n; g++) {
        float *part = v + g * t->group, scale = quant_scale(t, quant_most(part, t->group, t->floor));
        float by = quant_inverse(scale, part, t->group);
        ((float *)t->scales->data)[quant_scale_at(t->q, row * n + g, n, t->columns)] = scale;
        for (size_t i = 0; i < t->group; i++)
            part[i] *= by;
    }
    quant_codes(t, row, v, 1);
}

#endif
