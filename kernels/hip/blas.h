/* Matrix products of cuBLAS or rocBLAS, whichever is found when the first is asked for. */
#ifndef SLD_HIP_BLAS_H
#define SLD_HIP_BLAS_H

#include "launch.h"

/* Makes ready what products on a stream need, before anything is captured. */
void blas_open(void *stream);
void blas_close(void *stream);
/* As gpu_matmul_plain, which it falls back to. */
const char *blas_matmul(const gpu_matmul *a, void *stream);

#endif
