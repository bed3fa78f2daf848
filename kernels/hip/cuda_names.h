/* HIP's names for what CUDA has under its own, so that one kernel source builds with nvcc as well. */
#ifndef SLD_CUDA_NAMES_H
#define SLD_CUDA_NAMES_H

#include <cuda_runtime.h>

#define hipStream_t cudaStream_t
#define hipError_t cudaError_t
#define hipSuccess cudaSuccess
#define hipGetLastError cudaGetLastError
#define hipGetErrorString cudaGetErrorString

#endif
