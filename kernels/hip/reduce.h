/* Sums over the ranks of one host, fused with the norm that reads them; launches in C as in launch.h.
 *
 * Each rank lends all others a window of its device memory, and they write into it. A word there tells itself that it
 * has come: all bits of an empty one are set. Who reads it empties it again, and launches take the two halves of a
 * window in turn, by a count that the device keeps: nothing is reset between launches, and a captured graph can be
 * replayed. Operands lie anywhere on the rank's own device. All ranks make the same launches in the same order, one
 * after the other, and get the same bits. */
#ifndef SLD_HIP_REDUCE_H
#define SLD_HIP_REDUCE_H

#include "launch.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GPU_RANKS = 8 };

/* On the device, zeroed at first. */
typedef struct gpu_rank_state {
    uint32_t launches, blocks_begun;
    uint32_t missing;           /* 0, or 1 + a rank that did not come. Then results are undefined, and before the next
                                 * launch, all ranks at rest, windows must be filled and states zeroed anew */
    uint32_t unused;
} gpu_rank_state;

typedef struct gpu_ranks {
    void *windows[GPU_RANKS];   /* by rank, as this device sees them; filled with 0xff at first */
    gpu_rank_state *state;      /* of this rank */
    int64_t bytes;              /* of each window */
    int32_t rank, world;        /* world: 2 to 8 */
    uint32_t patience;          /* how often a thread looks for a word, about a microsecond each; 0: some seconds */
} gpu_ranks;

/* x summed over the ranks in their order, in f32, rounded; with w, the residual added and its norm:
 * sum = R(R(x of all ranks) + res), y = (R(x of all ranks) + res) rsqrt(mean of its squares + eps) w, rounded or quantised. */
typedef struct gpu_reduce {
    const void *x, *res;  /* [rows, width]; res may be NULL */
    const void *w;        /* [width]; NULL: no norm, y takes the sum over the ranks */
    const float *scale;   /* GPU_STATIC: one, on the device */
    void *sum;            /* [rows, width]; may be NULL, x or res */
    void *y;              /* [rows, width], of the dtype or of FP8 */
    void *norm;           /* [rows, width]: the rounded norm beside an FP8 y; may be NULL */
    float *scales;        /* GPU_TOKEN: [rows]; GPU_GROUP: [rows, width / 128], or [rows / columns, width / 128, columns] */
    gpu_range range;
    float eps, offset;    /* the weight is w + offset */
    int32_t rows, width, dtype, fp8, quant;
    int32_t two_stage;    /* each rank sums a part of every row and sends it to all; else everything is sent to all */
    int32_t unrounded;    /* quantised before it is rounded */
    int32_t columns;
} gpu_reduce;

/* How large each window must be. */
int64_t gpu_reduce_window(const gpu_reduce *a, int32_t world);
const char *gpu_all_reduce(const gpu_ranks *r, const gpu_reduce *a, void *stream);

#ifdef __cplusplus
}
#endif
#endif
