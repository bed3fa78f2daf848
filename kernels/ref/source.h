/* What the reference kernels quantise: elements that are computed when they are asked for. */
#ifndef SLD_REF_SOURCE_H
#define SLD_REF_SOURCE_H

#include "f8.h"

/* Element i before it is rounded. */
typedef struct source source;
struct source {
    double (*at)(source *s, size_t i);
    const sld_tensor *x, *b, *w, *z;
    const sld_tensor *y;            /* where the rounded element is stored as well; no data: nowhere */
    size_t width, row;              /* row: the one of rms, from 1 */
    double eps, rms, centre;
    bool unrounded;                 /* quantised as it is */
    int act;                        /* of an activation: silu, gelu, gelu by tanh */
};

/* Codes and scales of all elements: by one scale, by one for each group. */
void sld__ref_by_scale(const sld_launch *l, source *s, const sld_tensor *scale);
void sld__ref_by_group(const sld_launch *l, source *s, size_t group);

#endif
