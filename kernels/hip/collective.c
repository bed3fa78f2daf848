/* Launches of sums over ranks. Conditions on dtypes, widths and sizes are those of the rows `hip when` in the patterns. */
#include "comm.h"
#include "nccl.h"
#include "operands.h"

/* As many rows at a time as the windows take, and a shorter one at the end: the bits do not depend on how it is cut. */
static const char *sum_in_parts(const gpu_comm *c, const sld_launch *l, size_t n)
{
    enum { WIDTH = 4096, SMALL = 64 << 10 }; /* bytes up to which four ranks and more are faster in one stage */
    const char *why = NULL;
    int64_t last = dim_of(&l->in[0], BACK);
    gpu_reduce a = {.width = last % 8 || last > 16384 ? WIDTH : (int32_t)last, .dtype = gpu_type(&l->in[0]),
                    .two_stage = c->ranks.world > 2 && n * 2 > SMALL};
    for (size_t at = 0; at < n && !why; at += (size_t)a.rows * (size_t)a.width) {
        a.width = n - at < (size_t)a.width ? (int32_t)(n - at) : a.width;
        a.rows = 1;
        size_t left = (n - at) / (size_t)a.width, most = (size_t)(c->ranks.bytes / gpu_reduce_window(&a, c->ranks.world));
        a.rows = (int32_t)(left < most ? left : most);
        a.x = (const uint16_t *)l->in[0].data + at;
        a.y = (uint16_t *)l->out[0].data + at;
        why = gpu_all_reduce(&c->ranks, &a, l->stream);
    }
    return why;
}

const char *sld_hip_all_reduce(const sld_launch *l);
const char *sld_hip_all_reduce(const sld_launch *l)
{
    enum { LARGE = 32 << 20 }; /* from there on in the library's hands, where it is there */
    const gpu_comm *c = (const gpu_comm *)l->comm;
    size_t n = kern_numel(&l->in[0]);
    if (!c)
        return gpu_copy(l->out[0].data, l->in[0].data, n * 2, l->stream);
    if (c->nccl && n * 2 > LARGE)
        return nccl_all_reduce(c->nccl, l->in[0].data, l->out[0].data, n, gpu_type(&l->in[0]), l->stream);
    return sum_in_parts(c, l, n);
}

/* Operands x, w, [scale,] b?; results y or q, [scales,] [y,] sum. */
static const char *reduce_norm(const sld_launch *l, int quant, bool two_stage)
{
    const sld_tensor *x = &l->in[0], *q = &l->out[0];
    const gpu_comm *c = (const gpu_comm *)l->comm;
    uint32_t b = quant == GPU_STATIC ? 3 : 2, norm = quant == GPU_STATIC ? 1 : 2;
    gpu_reduce a = {.x = x->data, .res = kern_present(l, b) ? l->in[b].data : NULL, .w = l->in[1].data, .y = q->data,
                    .sum = l->out[l->n_out - 1].data, .eps = number(l, "eps", 0), .offset = kern_flag(l, "centred"),
                    .rows = rows_of(x), .width = (int32_t)dim_of(x, BACK), .dtype = gpu_type(x),
                    .quant = quant, .two_stage = two_stage, .unrounded = kern_flag(l, "contract"),
                    .columns = kern_flag(l, "columns") ? (int32_t)dim_of(x, 2) : 0};
    if (!c)
        return "the ranks were not joined";
    if (quant != GPU_NONE) {
        a.fp8 = gpu_format(q);
        a.range = range_of(l, q);
        a.norm = l->out[norm].data;
        a.scale = quant == GPU_STATIC ? l->in[2].data : NULL;
        a.scales = quant == GPU_STATIC ? NULL : l->out[1].data;
    }
    return gpu_all_reduce(&c->ranks, &a, l->stream);
}

#define STAGES(op, quant)                                                                    \
    const char *sld_hip_##op##_one_stage(const sld_launch *l);                               \
    const char *sld_hip_##op##_one_stage(const sld_launch *l) { return reduce_norm(l, quant, false); } \
    const char *sld_hip_##op##_two_stage(const sld_launch *l);                               \
    const char *sld_hip_##op##_two_stage(const sld_launch *l) { return reduce_norm(l, quant, true); }
STAGES(all_reduce_rms_norm, GPU_NONE)
STAGES(all_reduce_rms_norm_static_quant, GPU_STATIC)
STAGES(all_reduce_rms_norm_group_quant, group_of(l))
