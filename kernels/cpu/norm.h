/* RMS norm of rows, of a sum or gated, stored or quantised. */
#ifndef SLD_CPU_NORM_H
#define SLD_CPU_NORM_H

#include "quant.h"

/* A norm and its weights. */
typedef struct norm {
    const sld_tensor *x, *b, *z, *sum; /* b: added to x; z: the gate; sum: takes x + b. NULL: there is none */
    size_t width, n, from;             /* of a row; rows; the row that x starts with */
    uint8_t dtype;
    bool far, sum_far;                 /* row_is_far of the norm, of the sum */
    float eps;
    _Alignas(64) float w[ROW_MAX];     /* in pairs */
} norm;

static inline void norm_open(norm *n, const sld_launch *l, uint32_t w)
{
    n->from = 0;
    n->x = &l->in[0], n->b = n->z = n->sum = NULL;
    n->dtype = n->x->dtype;
    n->width = (size_t)n->x->dims[n->x->rank - 1];
    n->n = n->width ? kern_numel(n->x) / n->width : 0;
    n->far = row_is_far(kern_numel(n->x) * kern_size(n->dtype), false);
    n->sum_far = row_is_far(kern_numel(n->x) * kern_size(n->dtype), true);
    n->eps = (float)kern_attr(l, "eps")->f;
    sld__pairs_load(n->dtype, &l->in[w], n->width, n->w);
    if (kern_flag(l, "centred"))
        for (size_t k = 0; k < part_whole(n->width); k++)
            n->w[k] += 1;
}

/* Rows [from, to) stored, or quantised with t unless that is NULL. */
void sld__norm_rows(const sld_launch *l, const norm *n, size_t from, size_t to, const sld_tensor *out, const quantiser *t);

#endif
