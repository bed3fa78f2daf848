/* 8-bit floats: largest magnitudes, and where scales stand. */
#ifndef SLD_F8_H
#define SLD_F8_H

#include "kern.h"

/* Half of e4m3fnuz's last binade is left unused unless all of the format is wanted. */
static inline double quant_top(uint8_t to, bool full)
{
    return to == SLD_F8E4M3FN ? 448 : full ? 240 : 224;
}

/* Element i of the launch's first result: as it is, or with `by` as an op whose operands are of dtype `from` would round it
 * first, over that scale. */
static inline void f8_put(const sld_launch *l, uint8_t from, const sld_tensor *by, size_t i, double v)
{
    double top = by ? quant_top(l->out[0].dtype, kern_attr(l, "full")->i) : INFINITY;
    v = by ? kern_rounded(from, v) / kern_get(by, 0) : v;
    kern_put(&l->out[0], i, v > top ? top : v < -top ? -top : v);
}

/* Index of the scale of group g, counted over all rows of x, where a row has n groups. */
static inline size_t quant_scale_at(const sld_tensor *x, size_t g, size_t n, bool columns)
{
    if (!columns || x->rank < 2)
        return g;
    size_t rows = (size_t)x->dims[x->rank - 2], row = g / n;
    return (row / rows * n + g % n) * rows + row % rows;
}

#endif
