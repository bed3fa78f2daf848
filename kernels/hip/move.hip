/* Moves between strided places, and a plain matrix product for where no library is. */
#include "gpu.h"

/* One element of `unit` bytes a thread. */
template <typename U> __global__ void move_units(gpu_move a, int64_t n)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, from = 0, to = 0;
    if (i >= n)
        return;
    for (int k = a.rank - 1; k >= 0; k--) {
        const int64_t at = i % a.dims[k];
        i /= a.dims[k];
        from += at * a.from_strides[k];
        to += at * a.to_strides[k];
    }
    ((U *)a.to)[to] = ((const U *)a.from)[from];
}

/* The runs of the last dim in pieces of 16 bytes, where all of them begin at such. */
static void widen_units(gpu_move *a)
{
    const int last = a->rank - 1, piece = 16 / a->unit;
    bool fits = a->rank && a->from_strides[last] == 1 && a->to_strides[last] == 1 && a->dims[last] % piece == 0 &&
                (uintptr_t)a->from % 16 == 0 && (uintptr_t)a->to % 16 == 0;
    for (int k = 0; k < last; k++)
        fits = fits && a->from_strides[k] % piece == 0 && a->to_strides[k] % piece == 0;
    for (int k = 0; fits && k < last; k++)
        a->from_strides[k] /= piece, a->to_strides[k] /= piece;
    if (fits)
        a->dims[last] /= piece, a->unit = 16;
}

const char *gpu_move_strided(const gpu_move *given, void *stream)
{
    gpu_move a = *given;
    hipStream_t s = (hipStream_t)stream;
    int64_t n = 1;
    widen_units(&a);
    for (int k = 0; k < a.rank; k++)
        n *= a.dims[k];
    const int64_t blocks = (n + 127) / 128;
    if (blocks > INT32_MAX)
        return "too much is moved at once";
    if (n && a.unit == 16)
        LAUNCH((move_units<words>), (int)blocks, 128, s, a, n);
    else if (n && a.unit == 8)
        LAUNCH((move_units<uint64_t>), (int)blocks, 128, s, a, n);
    else if (n && a.unit == 4)
        LAUNCH((move_units<uint32_t>), (int)blocks, 128, s, a, n);
    else if (n && a.unit == 2)
        LAUNCH((move_units<uint16_t>), (int)blocks, 128, s, a, n);
    else if (n)
        LAUNCH((move_units<uint8_t>), (int)blocks, 128, s, a, n);
    return gpu_launched();
}

/* One element of the product a thread. */
template <typename T> __global__ void matmul_plain(gpu_matmul a)
{
    const int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y;
    const T *x = (const T *)a.a + blockIdx.z * a.a_stride + (int64_t)row * a.k;
    const T *w = (const T *)a.b + blockIdx.z * a.b_stride + (a.transposed ? (int64_t)column * a.k : column);
    float sum = 0;
    if (column >= a.n)
        return;
    for (int i = 0; i < a.k; i++)
        sum += to_float(x[i]) * to_float(w[a.transposed ? i : (int64_t)i * a.n]);
    T *c = (T *)a.c + blockIdx.z * a.c_stride + (int64_t)row * a.n + column;
    c->bits = (uint16_t)pack(T(), a.bias ? sum + to_float(((const T *)a.bias)[column]) : sum, 0);
}

const char *gpu_matmul_plain(const gpu_matmul *a, void *stream)
{
    const dim3 grid((a->n + 127) / 128, a->m, a->batch);
    if (a->m > 65535 || a->batch > 65535)
        return "the product is too large without a library: neither cuBLAS nor rocBLAS was found";
    if (a->m && a->n && a->batch && a->dtype == GPU_BF16)
        LAUNCH((matmul_plain<bf16>), grid, 128, (hipStream_t)stream, *a);
    else if (a->m && a->n && a->batch)
        LAUNCH((matmul_plain<f16>), grid, 128, (hipStream_t)stream, *a);
    return gpu_launched();
}
