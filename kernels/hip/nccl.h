/* Sums by NCCL or RCCL, found when ranks join. */
#ifndef SLD_HIP_NCCL_H
#define SLD_HIP_NCCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sld_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What rank 0 makes, and all ranks must have to join. */
typedef struct nccl_id { char bytes[128]; } nccl_id;

/* Whether the library is there, and then an id. */
bool nccl_begin(nccl_id *id);
/* Every rank calls it, its device chosen. NULL when it fails. */
void *nccl_join(const nccl_id *id, uint32_t rank, uint32_t world);
void nccl_leave(void *nccl);
/* n elements of f16 or bf16 (GPU_F16, GPU_BF16) summed over the ranks, in an order and with roundings of the library's. */
const char *nccl_all_reduce(void *nccl, const void *x, void *y, size_t n, int dtype, void *stream);

#ifdef __cplusplus
}
#endif
#endif
