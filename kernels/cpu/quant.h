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
    bool columns, pow2, unrounded, far;
    uint8_t from;                     /* dtype of the row before it was widened */
} quantiser;

/* y: the number of that result, 0: there is none. group: 0 for a scale that is given. */
static inline quantiser quant_open(const sld_launch *l, uint32_t y, size_t group)
{
    const sld_tensor *q = &l->out[0];
    size_t width = (size_t)q->dims[q->rank - 1], span = !group ? 4 * SPAN : group > SPAN ? group : SPAN / group * group;
    return (quantiser){.q = q, .scales = group ? &l->out[1] : NULL, .y = y && l->out[y].data ? &l->out[y] : NULL,
                       .width = width, .group = group, .span = group % CHUNK ? width : span,
                       .top = (float)quant_top(q->dtype, kern_flag(l, "full")),
                       .floor = group ? (float)kern_attr(l, "floor")->f : 0, .columns = kern_flag(l, "columns"),
                       .pow2 = kern_flag(l, "pow2"), .unrounded = kern_flag(l, "contract"), .from = l->in[0].dtype,
                       .far = row_is_far(kern_numel(q), false)};
}

/* n elements, rows of `from`, into the result, from `at` on. What is no whole chunk is one group. */
static inline void quant_put(const quantiser *t, uint8_t from, uint8_t dtype, size_t at, size_t n, const char *v,
                             const float *by, size_t group)
{
    chunk room;
    size_t size = kern_size(from);
    for (size_t done = 0, m; done < n; done += m) {
        m = part_size(done, n, n);
        char *row = (char *)t->q->data + at + done, *q = part_out(row, m, &room);
        size_t each = row_min(group, part_whole(m));
        sld__loops()->codes(t->q->dtype, from, dtype, t->top, v + done * size, by, each, m, q, t->far);
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

/* What to multiply by. Of a subnormal scale the inverse may be infinite: then what is quantised is made larger, too. */
static inline bool quant_is_small(float scale)
{
    return fabsf(scale) < 0x1p-126f && scale != 0;
}

static inline float quant_inverse(float scale)
{
    return 1 / (quant_is_small(scale) ? scale * 0x1p64f : scale);
}

static inline void quant_enlarge(float scale, float *v, size_t n)
{
    for (size_t i = 0; quant_is_small(scale) && i < n; i++)
        v[i] *= 0x1p64f;
}

/* Scales from the largest magnitudes of n groups, the first of which is `first` of all. */
static inline void quant_scales(const quantiser *t, size_t first, size_t n, float *most)
{
    float *scales = t->scales->data;
    for (size_t g = 0; g < n; g++) {
        most[g] = quant_scale(t, most[g]);
        scales[quant_scale_at(t->q, first + g, t->width / t->group, t->columns)] = most[g];
    }
}

/* The dtype of what is quantised: that of the operands, or floats where it is not rounded to that. */
static inline uint8_t quant_from(const quantiser *t)
{
    return t->unrounded ? SLD_F32 : t->from;
}

/* The row as the dtype of the operands stores it. */
static inline void quant_keep(const quantiser *t, size_t at, size_t n, const char *v)
{
    chunk room;
    size_t size = kern_size(t->from);
    if (!t->unrounded) {
        memcpy((char *)t->y->data + at * size, v, n * size);
        return;
    }
    for (size_t done = 0, m; done < n; done += m) {
        m = part_size(done, n, n);
        char *row = (char *)t->y->data + (at + done) * size, *y = part_out(row, m, &room);
        sld__loops()->put(t->from, (const float *)v + done, m, y);
        part_end(row, size, m, &room);
    }
}

/* Groups that are no whole chunks, one by one; v: floats in the order of memory. */
static inline void quant_ragged(const quantiser *t, size_t first, size_t n, float *v)
{
    for (size_t g = 0; g < n; g += t->group) {
        float scale = quant_most(v + g, t->group, t->floor), by;
        quant_scales(t, (first + g) / t->group, 1, &scale);
        quant_enlarge(scale, v + g, t->group);
        by = quant_inverse(scale);
        quant_put(t, SLD_F32, SLD_F32, first + g, t->group, (const char *)(v + g), &by, part_whole(t->group));
    }
}

/* As quant_span, by floats: groups of odd sizes, subnormal scales, largest magnitudes of what holds no numbers. scales: of
 * groups of whole chunks. */
__attribute__((noinline)) static void quant_floats(const quantiser *t, size_t first, size_t n, const char *v, size_t group,
                                                   const float *scales)
{
    float f[ROW_MAX + CHUNK];
    uint8_t from = quant_from(t);
    sld__loops()->get(from, v, n, f);
    if (group % CHUNK) {
        pairs_undo(t->from, f, part_whole(n));
        quant_ragged(t, first, n, f);
        return;
    }
    for (size_t g = 0; g < n; g += group, scales++) {
        float by = quant_inverse(*scales);
        quant_enlarge(*scales, f + g, group);
        quant_put(t, SLD_F32, t->from, first + g, row_min(group, n - g), (const char *)(f + g), &by, group);
    }
}

/* Scales of the groups in v, of whole chunks. */
static inline void quant_measure(const quantiser *t, size_t first, size_t group, size_t n, const char *v, float *scales)
{
    uint8_t from = quant_from(t);
    float f[CHUNK];
    sld__loops()->largest(from, v, t->floor, group, n, scales);
    for (size_t g = 0; g < n / group; g++)
        if (isnan(scales[g])) {
            scales[g] = t->floor;
            for (size_t c = 0; c < group; c += CHUNK) {
                sld__loops()->get(from, v + (g * group + c) * kern_size(from), CHUNK, f);
                scales[g] = quant_most(f, CHUNK, scales[g]);
            }
        }
    quant_scales(t, first / t->group, n / group, scales);
}

/* v: n elements from `first` on, of a row or of rows, of the dtype that quant_from says; whole chunks. */
static inline void quant_span(const quantiser *t, size_t first, size_t n, const char *v)
{
    float scales[SPAN / CHUNK] = {t->scale}, by[SPAN / CHUNK];
    size_t whole = part_whole(n), group = t->group && t->group != n ? t->group : whole;
    bool ragged = group % CHUNK, small = false;
    if (t->y)
        quant_keep(t, first, n, v);
    if (t->group && !ragged)
        quant_measure(t, first, group, whole, v, scales);
    for (size_t g = 0; g < whole / group && !ragged; g++) {
        by[g] = quant_inverse(scales[g]);
        small = small || quant_is_small(scales[g]);
    }
    if (small || ragged)
        quant_floats(t, first, n, v, group, scales);
    else
        quant_put(t, quant_from(t), t->from, first, n, v, by, group);
}

/* A head of attention, rounded to the dtype of its operands first; v is changed, and has room for whole chunks. */
static inline void quant_head(const quantiser *t, uint8_t dtype, size_t at, size_t n, float *v)
{
    row_round(dtype, n, v);
    quant_enlarge(t->scale, v, n);
    float by = quant_inverse(t->scale);
    quant_put(t, SLD_F32, SLD_F32, at, n, (const char *)v, &by, part_whole(n));
}

#endif
