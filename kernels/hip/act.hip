/* Activations and quantisers: silu(g) u with groups of FP8 scales, casts to FP8, sums. */
#include "gpu.h"
#include "launch.h"

/* Eight elements a thread; sixteen lanes are a group of 128. */
template <typename T, fp8 F>
DEVICE void put_group(float *v, void *y, float *scales, gpu_range range, size_t at, bool live)
{
    const float s = group_scale(top_of(v), range), inverse = about_inverse(s);
#pragma unroll
    for (int k = 0; k < 8; k++)
        v[k] = within<F>(quotient(v[k], s, inverse), range.limit);
    store_fp8<F>(y, at, v, live);
    if (live && threadIdx.x % 16 == 0)
        scales[at / 128] = s;
}

template <typename T, fp8 F> DEVICE void put_static(float *v, void *y, const float *scale, gpu_range range, size_t at, bool live)
{
    const float inverse = 1.0f / *scale;
#pragma unroll
    for (int k = 0; k < 8; k++)
        v[k] = within<F>(v[k] * inverse, range.limit);
    store_fp8<F>(y, at, v, live);
}

template <typename T, gpu_quant Q, fp8 F>
__global__ void silu_rows(const T *x, void *y, T *product, float *scales, gpu_range range, int width, bool once)
{
    const int mine = (blockIdx.y * blockDim.x + threadIdx.x) * 8;
    const bool live = mine < width; /* all lanes take part in sums */
    const int column = live ? mine : 0;
    const size_t at = (size_t)blockIdx.x * width + column;
    const T *g = x + (size_t)blockIdx.x * 2 * width + column;
    const words a = load(g, once), b = load(g + width, once);
    float v[8];
    widen<T>(a, v);
#pragma unroll
    for (int k = 0; k < 8; k++)
        v[k] = silu(v[k]);
    const words p = multiply<T>(narrow<T>(v), b);
    widen<T>(p, v);
    if (Q != GPU_NONE && live && product)
        store(product + at, p);
    if (Q == GPU_GROUP)
        put_group<T, F>(v, y, scales, range, at, live);
    else if (Q == GPU_STATIC)
        put_static<T, F>(v, y, scales, range, at, live);
    else if (live)
        store((T *)y + at, p);
}

template <typename T, fp8 F, bool GROUP> __global__ void cast_rows(const T *x, void *y, float *scales, gpu_range range, int64_t n)
{
    const int64_t mine = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) * 8;
    const bool live = mine < n;
    const size_t at = live ? (size_t)mine : 0;
    float v[8];
    widen<T>(load(x + at), v);
    if (GROUP)
        put_group<T, F>(v, y, scales, range, at, live);
    else
        put_static<T, F>(v, y, scales, range, at, live);
}

template <typename T> __global__ void add_rows(const T *a, const T *b, T *y, int64_t n)
{
    const int64_t at = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) * 8;
    if (at < n)
        store(y + at, add<T>(load(a + at), load(b + at)));
}

/* For n elements, eight a thread: small blocks while there is little to do. */
static int threads_for(int64_t n) { return n > 1 << 18 ? 256 : 64; }
static int blocks_for(int64_t n) { return (int)((n / 8 + threads_for(n) - 1) / threads_for(n)); }

template <typename T, fp8 F> static void silu_of(const gpu_act *a, hipStream_t s)
{
    const int threads = 128;
    const dim3 grid(a->rows, (a->width / 8 + threads - 1) / threads);
#define ROWS(Q) LAUNCH((silu_rows<T, Q, F>), grid, threads, s, (const T *)a->x, a->y, (T *)a->product, a->scales, \
                       ready(a->range), a->width, read_once(4LL * a->rows * a->width))
    a->quant == GPU_GROUP ? ROWS(GPU_GROUP) : a->quant == GPU_STATIC ? ROWS(GPU_STATIC) : ROWS(GPU_NONE);
#undef ROWS
}

const char *gpu_silu_mul(const gpu_act *a, void *stream)
{
    hipStream_t s = (hipStream_t)stream;
    if (a->width % 128)
        return "the width must be a multiple of 128";
    if (a->rows && a->dtype == GPU_BF16)
        a->fp8 == GPU_E4M3FN ? silu_of<bf16, E4M3FN>(a, s) : silu_of<bf16, E4M3FNUZ>(a, s);
    else if (a->rows)
        a->fp8 == GPU_E4M3FN ? silu_of<f16, E4M3FN>(a, s) : silu_of<f16, E4M3FNUZ>(a, s);
    return gpu_launched();
}

template <typename T, fp8 F> static void cast_of(const gpu_cast *a, hipStream_t s)
{
    const int blocks = blocks_for(a->n), threads = threads_for(a->n);
    if (a->group)
        LAUNCH((cast_rows<T, F, true>), blocks, threads, s, (const T *)a->x, a->y, a->scales, ready(a->range), a->n);
    else
        LAUNCH((cast_rows<T, F, false>), blocks, threads, s, (const T *)a->x, a->y, a->scales, ready(a->range), a->n);
}

const char *gpu_quantise(const gpu_cast *a, void *stream)
{
    hipStream_t s = (hipStream_t)stream;
    if (a->n % 128)
        return "the number of elements must be a multiple of 128";
    if (a->n && a->dtype == GPU_BF16)
        a->fp8 == GPU_E4M3FN ? cast_of<bf16, E4M3FN>(a, s) : cast_of<bf16, E4M3FNUZ>(a, s);
    else if (a->n)
        a->fp8 == GPU_E4M3FN ? cast_of<f16, E4M3FN>(a, s) : cast_of<f16, E4M3FNUZ>(a, s);
    return gpu_launched();
}

const char *gpu_add(const gpu_sum *a, void *stream)
{
    hipStream_t s = (hipStream_t)stream;
    const int blocks = blocks_for(a->n), threads = threads_for(a->n);
    if (a->n % 8)
        return "the number of elements must be a multiple of 8";
    if (a->n && a->dtype == GPU_BF16)
        LAUNCH((add_rows<bf16>), blocks, threads, s, (const bf16 *)a->a, (const bf16 *)a->b, (bf16 *)a->y, a->n);
    else if (a->n)
        LAUNCH((add_rows<f16>), blocks, threads, s, (const f16 *)a->a, (const f16 *)a->b, (f16 *)a->y, a->n);
    return gpu_launched();
}

const char *gpu_launched(void)
{
    return text_of(hipGetLastError());
}
