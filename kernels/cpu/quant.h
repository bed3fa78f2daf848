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

/* Code of v, which is within the format or not a number. bias: the format's, 7 (e4m3fn) or 8. */
static inline uint8_t quant_code(float v, int32_t bias, int32_t sign_of_zero)
{
    int32_t u = (int32_t)sld__f32_bits(v), a = u & 0x7fffffff;
    int32_t magic = (127 + 21 - bias) << 23; /* the last bit of a float of this size is that of a denormal code */
    float shifted = sld__f32_from_bits((uint32_t)a) + sld__f32_from_bits((uint32_t)magic);
    int32_t small = (int32_t)sld__f32_bits(shifted) - magic;
    int32_t normal = ((a + 0x7ffff + (a >> 20 & 1)) >> 20) - ((127 - bias) << 3);
    int32_t code = a < (128 - bias) << 23 ? small : normal;
    int32_t sign = u >> 24 & 0x80 & (code ? 0x80 : sign_of_zero), nan = bias == 7 ? 0x7f : 0x80;
    return (uint8_t)(a > 0x7f800000 ? nan : code | sign);
}

static inline void quant_codes(const quantiser *t, size_t at, const float *restrict x, size_t n, float scale)
{
    uint8_t *restrict q = (uint8_t *)t->q->data + at;
    float top = t->top;
    if (t->q->dtype == SLD_F8E4M3FN)
        for (size_t i = 0; i < n; i++) {
            float v = x[i] / scale;
            v = v > top ? top : v;
            q[i] = quant_code(v < -top ? -top : v, 7, 0x80);
        }
    else
        for (size_t i = 0; i < n; i++) {
            float v = x[i] / scale;
            v = v > top ? top : v;
            q[i] = quant_code(v < -top ? -top : v, 8, 0);
        }
}

/* Largest magnitude, of at least `floor`; what is not a number has no say. */
static inline float quant_most(const float *x, size_t n, float floor)
{
    int32_t most[8] = {0}, all = (int32_t)sld__f32_bits(floor); /* magnitudes are ordered as their bits are */
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++) {
            int32_t a = (int32_t)(sld__f32_bits(x[i + k]) & 0x7fffffff);
            a = a > 0x7f800000 ? 0 : a;
            most[k] = a > most[k] ? a : most[k];
        }
    for (size_t k = 0; i < n; i++, k++) {
        int32_t a = (int32_t)(sld__f32_bits(x[i]) & 0x7fffffff);
        most[k] = a > most[k] && a <= 0x7f800000 ? a : most[k];
    }
    for (size_t k = 0; k < 8; k++)
        all = most[k] > all ? most[k] : all;
    return sld__f32_from_bits((uint32_t)all);
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
static inline void quant_round(const quantiser *t, size_t row, float *restrict v)
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
            v[i] = sld_bf16_to_f32(sld_f32_to_bf16(v[i]));
    else
        for (size_t i = 0; i < n; i++)
            v[i] = sld_f16_to_f32(sld_f32_to_f16(v[i]));
}

/* v: the row before it is rounded; it is changed. */
static inline void quant_row(const quantiser *t, size_t row, float *v)
{
    quant_round(t, row, v);
    if (!t->group) {
        quant_codes(t, row * t->width, v, t->width, t->scale);
        return;
    }
    for (size_t g = 0, n = t->width / t->group; g < n; g++) {
        float scale = quant_scale(t, quant_most(v + g * t->group, t->group, t->floor));
        ((float *)t->scales->data)[quant_scale_at(t->q, row * n + g, n, t->columns)] = scale;
        quant_codes(t, row * t->width + g * t->group, v + g * t->group, t->group, scale);
    }
}

#endif
