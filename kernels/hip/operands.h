/* What launches of the runtime say, as the GPU's kernels take it. */
#ifndef SLD_HIP_OPERANDS_H
#define SLD_HIP_OPERANDS_H

#include "kern.h"
#include "launch.h"

enum { BACK = 1 }; /* the last dim */

static inline int64_t dim_of(const sld_tensor *t, uint32_t from_end)
{
    return t->rank >= from_end ? t->dims[t->rank - from_end] : 1;
}
static inline int32_t rows_of(const sld_tensor *t)
{
    int64_t width = dim_of(t, BACK);
    return width ? (int32_t)((int64_t)kern_numel(t) / width) : 0;
}
static inline int32_t gpu_type(const sld_tensor *t) { return t->dtype == SLD_BF16 ? GPU_BF16 : GPU_F16; }
static inline int32_t gpu_format(const sld_tensor *t) { return t->dtype == SLD_F8E4M3FN ? GPU_E4M3FN : GPU_E4M3FNUZ; }
static inline float number(const sld_launch *l, const char *name, double otherwise)
{
    const sld_attr *a = kern_attr(l, name);
    return (float)(a ? a->f : otherwise);
}
static inline void *data(const sld_launch *l, uint32_t i) { return i < l->n_out ? l->out[i].data : NULL; }

static inline gpu_range range_of(const sld_launch *l, const sld_tensor *q)
{
    float limit = q->dtype == SLD_F8E4M3FN ? 448.0f : kern_flag(l, "full") ? 240.0f : 224.0f;
    return (gpu_range){.floor = number(l, "floor", 1e-10), .limit = limit};
}

/* Whether a group is a whole row. */
static inline int group_of(const sld_launch *l)
{
    return kern_attr(l, "group")->i == dim_of(&l->in[0], BACK) ? GPU_TOKEN : GPU_GROUP;
}

#endif
