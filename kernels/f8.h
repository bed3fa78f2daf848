/* 8-bit floats: largest magnitudes, and where scales stand. */
#ifndef SLD_F8_H
#define SLD_F8_H

#include "kern.h"

/* Half of e4m3fnuz's last binade is left unused unless all of the format is wanted. */
static inline double quant_top(uint8_t to, bool full)
{
    return to == SLD_F8E4M3FN ? 448 : full ? 240 : 224;
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
