/* What the memory gives: a copy by 16 bytes a thread. */
#include "../../../kernels/hip/gpu.h"

__global__ void copy(const words *a, words *b, int64_t n)
{
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (int64_t)gridDim.x * blockDim.x)
        b[i] = a[i];
}

extern "C" void bench_copy(const void *a, void *b, int64_t bytes, void *stream)
{
    int64_t blocks = (bytes / 16 + 255) / 256;
    copy<<<(int)(blocks < 1056 ? blocks : 1056), 256, 0, (hipStream_t)stream>>>((const words *)a, (words *)b, bytes / 16);
}
