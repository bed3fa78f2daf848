/* Rows of floats to 8-bit floats, without branches so that loops vectorise. */
#ifndef SLD_CPU_QUANT_H
#define SLD_CPU_QUANT_H

#include "f8.h"
#include "pairs.h"

enum { SPAN = 1024 };

typedef struct quantiser {
    const sld_tensor *q, *scales, *y; /* y: takes the row as it is rounded; no data: nothing does */
    size_t width, group, span;        /* of a row; group 0: one scale for everything; what is quantised at a time */
    float scale, top, floor;
    bool columns, pow2, unrounded;
    uint8_t from;                     /* dtype of the row before it was widened */
} quantiser;

/* y: the number of that result, 0: there is none. group: 0 for a scale that is given. */
static inline quantiser quant_open(const sld_launch *l, uint32_t y, size_t group)
{
    const sld_tensor *q = &l->out[0];
    size_t width = (size_t)q->dims[q->rank - 1], span = !group ? SPAN : group > SPAN ? group : SPAN / group * group;
    return (quantiser){.q = q, .scales = group ? &l->out[1] : NULL, .y = y && l->out[y].data ? &l->out[y] : NULL,
                       .width = width, .group = group, .span = group % CHUNK ? width : span,
                       .top = (float)quant_top(q->dtype, kern_flag(l, "full")),
                       .floor = group ? (float)kern_attr(l, "floor")->f : 0, .columns = kern_flag(l, "columns"),
                       .pow2 = kern_flag(l, "pow2"), .unrounded = kern_flag(l, "contract"), .from = l->in[0].dtype};
}

/* n elements into the result, from `at` on. What is no whole chunk is one group. */
static inline void quant_put(const quantiser *t, uint8_t dtype, size_t at, size_t n, const float *v, const float *by, size_t group)
{
    chunk room;
    for (size_t done = 0, m; done < n; done += m) {
        m = part_size(done, n, n);
        char *row = (char *)t->q->data + at + done, *q = part_out(row, m, &room);
        sld__pairs_codes(t->q->dtype, dtype, t->top, v + done, by, row_min(group, part_whole(m)), m, q);
        part_end(row, 1, m, &room);
    }
}

/* Largest magnitude of n numbers, of at least `floor`; what is not a number has no say. */
static inline float quant_most(const float *v, size_t n, float floor)
{
    for (size_t i = 0; i < n; i++)
        floor = fabsf(v[i]) > floor ? fabsf(v[i]) : floor;
    return floor;
}

static inline float quant_scale(const quantiser *t, float most)
{
    float scale = most / t->top;
    int e;
    if (!t->pow2 || isinf(scale))
        return scale;
    float m = frexpf(scale, &e);
    return ldexpf(1, m == 0.5f ? e - 1 : e);
}

/* What v is multiplied by. Of a subnormal scale the inverse may be infinite: then both are made larger. */
static inline float quant_inverse(float scale, float *v, size_t n)
{
    bool small = fabsf(scale) < 0x1p-126f && scale != 0;
    for (size_t i = 0; small && i < n; i++)
        v[i] *= 0x1p64f;
    return 1 / (small ? scale * 0x1p64f : scale);
}

/* Scales from the largest magnitudes of n groups, the first of which is `first` of all; they become what to multiply by. v:
 * what the groups hold, `apart` from one to the next. */
static inline void quant_scales(const quantiser *t, size_t first, size_t n, float *by, float *v, size_t apart)
{
    float *scales = t->scales->data;
    for (size_t g = 0; g < n; g++) {
        by[g] = quant_scale(t, by[g]);
        scales[quant_scale_at(t->q, first + g, t->width / t->group, t->columns)] = by[g];
    }
    for (size_t g = 0; g < n; g++)
        by[g] = quant_inverse(by[g], v + g * apart, apart);
}

/* Whether what is quantised is rounded to bf16 as it is computed. */
static inline bool quant_bf16(const quantiser *t)
{
    return t && !t->unrounded && t->from == SLD_BF16;
}

/* The row as the dtype of the operands stores it. */
static inline void quant_keep(const quantiser *t, uint8_t dtype, size_t at, size_t n, const float *v)
{
    chunk room;
    size_t size = kern_size(dtype);
    for (size_t done = 0, m; done < n; done += m) {
        m = part_size(done, n, n);
        char *row = (char *)t->y->data + (at + done) * size, *y = part_out(row, m, &room);
        sld__pairs_put(dtype, v + done, m, y);
        part_end(row, size, m, &room);
    }
}

/* Groups that are no whole chunks, one by one. */
static inline void quant_ragged(const quantiser *t, uint8_t dtype, size_t first, size_t n, float *v)
{
    float by;
    pairs_undo(dtype, v, n);
    for (size_t g = 0; g < n; g += t->group) {
        by = quant_most(v + g, t->group, t->floor);
        quant_scales(t, (first + g) / t->group, 1, &by, v + g, t->group);
        quant_put(t, SLD_F32, first + g, t->group, v + g, &by, part_whole(t->group));
    }
}

/* v: n elements from `first` on, of a row or of rows, in pairs of their dtype, rounded if quant_bf16 says so; they
 * are changed. */
static inline void quant_span(const quantiser *t, uint8_t dtype, size_t first, size_t n, float *v)
{
    float by[SPAN / CHUNK];
    size_t whole = part_whole(n), group = t->group && t->group != n ? t->group : whole;
    if (t->y)
        quant_keep(t, dtype, first, n, v);
    if (!t->unrounded && dtype == SLD_F16)
        sld__pairs_round(dtype, v, n);
    if (group % CHUNK) {
        quant_ragged(t, dtype, first, n, v);
        return;
    }
    if (t->group) {
        sld__pairs_largest(v, t->floor, group, whole, by);
        for (size_t g = 0; g < whole / group; g++)
            by[g] = isnan(by[g]) ? quant_most(v + g * group, group, t->floor) : by[g];
        quant_scales(t, first / t->group, whole / group, by, v, group);
    } else {
        by[0] = quant_inverse(t->scale, v, whole);
    }
    quant_put(t, dtype, first, n, v, by, group);
}

/* A head of attention, rounded to the dtype of its operands first; v is changed, and has room for whole chunks. */
static inline void quant_head(const quantiser *t, uint8_t dtype, size_t at, size_t n, float *v)
{
    row_round(dtype, n, v);
    float by = quant_inverse(t->scale, v, n);
    quant_put(t, SLD_F32, at, n, v, &by, part_whole(n));
}

#endif
