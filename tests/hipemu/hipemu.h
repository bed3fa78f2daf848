/* Runs GPU kernels on the CPU: the threads of a block are fibres of one thread, switched at barriers, shuffles and
 * yields alone, in an order that the test chooses; the blocks of a launch run one after the other.  What depends on that
 * order is a race; what keeps the pattern of fresh memory was not written; device memory ends where a page does that
 * nobody may touch. */
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
enum { hipSuccess = 0, hipDeviceAttributeMultiprocessorCount = 0 };

/* ---- the part of the runtime that a backend needs: devices that are all the same, whose work is done at once ---- */
typedef struct hipemu_event *hipEvent_t;
typedef struct hipemu_graph *hipGraph_t, *hipGraphExec_t;
typedef struct hipDeviceProp_t { char name[32]; size_t totalGlobalMem; } hipDeviceProp_t;
typedef enum hipMemcpyKind { hipMemcpyHostToDevice, hipMemcpyDeviceToHost, hipMemcpyDeviceToDevice } hipMemcpyKind;
enum { hipStreamCaptureModeThreadLocal = 2 };
hipError_t hipGetDeviceCount(int *n); /* 4; 0 and an error when the environment has HIPEMU_NONE */
hipError_t hipSetDevice(int index);
hipError_t hipGetDevice(int *index);
hipError_t hipDeviceGetAttribute(int *value, int attribute, int index); /* hipemu_units */
hipError_t hipGetDeviceProperties(hipDeviceProp_t *p, int index);
hipError_t hipMalloc(void **at, size_t bytes);
hipError_t hipFree(void *at);
hipError_t hipMemcpyAsync(void *to, const void *from, size_t bytes, hipMemcpyKind kind, hipStream_t);
hipError_t hipMemcpy(void *to, const void *from, size_t bytes, hipMemcpyKind kind);
hipError_t hipMemset(void *at, int byte, size_t bytes);
hipError_t hipDeviceSynchronize(void);
/* What hipMalloc gave becomes memory that other processes map. */
typedef struct hipIpcMemHandle_t { int process, file; size_t bytes, offset; } hipIpcMemHandle_t;
enum { hipIpcMemLazyEnablePeerAccess = 1 };
hipError_t hipIpcGetMemHandle(hipIpcMemHandle_t *h, void *at);
hipError_t hipIpcOpenMemHandle(void **at, hipIpcMemHandle_t h, unsigned flags);
hipError_t hipIpcCloseMemHandle(void *at);
hipError_t hipStreamCreate(hipStream_t *s);
hipError_t hipStreamDestroy(hipStream_t s);
hipError_t hipStreamSynchronize(hipStream_t s);
hipError_t hipStreamBeginCapture(hipStream_t s, int mode);
hipError_t hipStreamEndCapture(hipStream_t s, hipGraph_t *g);
hipError_t hipGraphInstantiate(hipGraphExec_t *ready, hipGraph_t g, void *node, char *log, size_t size);
hipError_t hipGraphLaunch(hipGraphExec_t g, hipStream_t s);
hipError_t hipGraphDestroy(hipGraph_t g);
hipError_t hipGraphExecDestroy(hipGraphExec_t g);
hipError_t hipEventCreate(hipEvent_t *e);
hipError_t hipEventDestroy(hipEvent_t e);
hipError_t hipEventRecord(hipEvent_t e, hipStream_t s);
hipError_t hipEventSynchronize(hipEvent_t e);
hipError_t hipEventElapsedTime(float *ms, hipEvent_t a, hipEvent_t b);
hipError_t hipGetLastError(void);
const char *hipGetErrorString(hipError_t error);

void __syncthreads(void);
uint64_t hipemu_shuffle(uint64_t x, int from); /* the x of lane `from` of these 32 */
void hipemu_gather(const void *x, size_t size, void *all); /* those of all 32 lanes */
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
static inline uint32_t atomicAdd(uint32_t *at, uint32_t x) { uint32_t old = *at; *at += x; return old; }
void hipemu_yield(void); /* in a loop that waits for other threads, or for another process */
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }

void hipemu_launch(dim3 grid, dim3 block, const std::function<void()> &thread);
/* Now, or when what is being captured is replayed. */
void hipemu_submit(const std::function<void()> &work);
template <typename K, typename... A> void hipemu_call(hipStream_t, dim3 grid, dim3 block, K kernel, A... args)
{
    hipemu_submit([=] { hipemu_launch(grid, block, [&] { kernel(args...); }); });
}

/* ---- for tests ---- */
enum hipemu_order { HIPEMU_UP, HIPEMU_DOWN, HIPEMU_MIXED, HIPEMU_ORDERS };
extern hipemu_order hipemu_order_now;
extern int hipemu_units; /* 12 */
extern bool hipemu_last_block_first; /* not where ranks wait for one another: each runs one block after the other */
/* bytes of memory that end at a guard page, filled with `fill`; 16-byte aligned when bytes is a multiple of 16. */
void *hipemu_alloc(size_t bytes, uint8_t fill);
void hipemu_free_all(void); /* this memory, and what threads took */

#endif
