/* Runs GPU kernels on the CPU: the threads of a block are fibres of one thread, switched at barriers and shuffles alone,
 * in an order that the test chooses.  What depends on that order is a race; what keeps the pattern of fresh memory was
 * not written; device memory ends where a page does that nobody may touch. */
#ifndef HIPEMU_H
#define HIPEMU_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <functional>

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
extern dim3 blockIdx, blockDim, gridDim, threadIdx;

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static

typedef void *hipStream_t;
typedef int hipError_t;
enum { hipSuccess = 0 };
hipError_t hipGetLastError(void);
const char *hipGetErrorString(hipError_t error);

void __syncthreads(void);
uint64_t hipemu_shuffle(uint64_t x, int from); /* the x of lane `from` of these 32 */
void hipemu_gather(uint64_t x, uint64_t *all); /* those of all 32 */
template <typename T> T hipemu_lane(T x, int from)
{
    uint64_t u = 0;
    memcpy(&u, &x, sizeof x);
    u = hipemu_shuffle(u, from);
    memcpy(&x, &u, sizeof x);
    return x;
}
#define __shfl_xor(value, mask, width) hipemu_lane((value), (int)(threadIdx.x % 32) ^ (mask))
#define __shfl(value, lane, width) hipemu_lane((value), (lane))
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }

void hipemu_launch(hipStream_t, dim3 grid, dim3 block, const std::function<void()> &thread);

/* ---- for tests ---- */
enum hipemu_order { HIPEMU_UP, HIPEMU_DOWN, HIPEMU_MIXED, HIPEMU_ORDERS };
extern hipemu_order hipemu_order_now;
/* bytes of memory that end at a guard page, filled with `fill`; 16-byte aligned when bytes is a multiple of 16. */
void *hipemu_alloc(size_t bytes, uint8_t fill);
void hipemu_free_all(void); /* this memory, and what threads took */

#endif
