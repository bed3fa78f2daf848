/* Multi-head latent attention, the query and cache side of a decode step in one launch: the absorbed product on the
 * matrix cores, both rotations, concatenation, FP8 and the cache row. */
#include "gpu.h"
#include "launch.h"
#include "mma.h"

enum { NOPE = 128, ROT = 64, LATENT = 512, ROW = LATENT + ROT, HEAD = NOPE + ROT, COLUMNS = 64, THREADS = 128 };

/* ---------------------------------------------------------------- rotation -- */

/* Pairs of neighbours turn by the table's row; sixteen of 64 elements a thread, quantised. */
template <typename T, fp8 F> DEVICE words rotated(const void *from, const T *row, int part, float inverse)
{
    float v[16], c[8], s[8], o[16];
    widen<T>(load((const T *)from + part * 16), v);
    widen<T>(load((const T *)from + part * 16 + 8), v + 8);
    widen<T>(load(row + part * 8), c);
    widen<T>(load(row + 32 + part * 8), s);
#pragma unroll
    for (int i = 0; i < 8; i++) {
        o[2 * i] = rounded<T>(v[2 * i] * c[i] - v[2 * i + 1] * s[i]);
        o[2 * i + 1] = rounded<T>(v[2 * i + 1] * c[i] + v[2 * i] * s[i]);
    }
#pragma unroll
    for (int i = 0; i < 16; i++)
        o[i] *= inverse;
    return narrow_fp8<F>(o);
}

/* What needs no product, sixteen elements an item: of each token 4 a head, 4 of the key, 32 of the latent. */
template <typename T, fp8 F> DEVICE void copy_parts(const gpu_mla &a, int64_t item, float inverse)
{
    const int each = a.heads * 4 + 36;
    const int64_t token = item / each;
    int part = (int)(item - token * each);
    if (token >= a.tokens)
        return;
    const T *row = (const T *)a.table + a.positions[token] * ROT;
    uint8_t *out = (uint8_t *)a.out, *cache = (uint8_t *)a.cache;
    if (part < a.heads * 4) {
        const int64_t head = token * a.heads + part / 4;
        part %= 4;
        store(out + head * ROW + LATENT + part * 16,
              rotated<T, F>((const T *)a.q + head * HEAD + NOPE, row, part, inverse));
        return;
    }
    const int64_t slot = a.slots[token];
    part -= a.heads * 4;
    if (slot < 0)
        return;
    if (part < 4) {
        store(cache + slot * ROW + LATENT + part * 16,
              rotated<T, F>((const T *)a.k_pe + token * ROT, row, part, inverse));
        return;
    }
    float v[16];
    part -= 4;
    const T *from = (const T *)a.kv_c + token * LATENT + part * 16;
    widen<T>(load(from), v), widen<T>(load(from + 8), v + 8);
#pragma unroll
    for (int i = 0; i < 16; i++)
        v[i] *= inverse;
    store(cache + slot * ROW + part * 16, narrow_fp8<F>(v));
}

/* --------------------------------------------------------- absorbed product -- */

/* blockIdx.x: 64 columns of the latent; behind them, the copies. blockIdx.y: ROWS tokens. blockIdx.z: head. A wave
 * takes 16 columns (CDNA: two waves share them by rows). */
template <typename T, fp8 F, int TILES>
__global__ void __launch_bounds__(THREADS) mla_decode(gpu_mla a)
{
    enum { PAD = 8 };
    __shared__ __attribute__((aligned(16))) uint16_t w[NOPE][COLUMNS + PAD];
    __shared__ __attribute__((aligned(16))) uint16_t x[16 * TILES][NOPE + PAD];
    const float inverse = 1.0f / *a.scale;
    if (blockIdx.x >= LATENT / COLUMNS) {
        const int64_t block = ((int64_t)(blockIdx.x - LATENT / COLUMNS) * gridDim.y + blockIdx.y) * gridDim.z + blockIdx.z;
        copy_parts<T, F>(a, block * THREADS + threadIdx.x, inverse);
        return;
    }
    const int head = blockIdx.z, first = blockIdx.y * 16 * TILES, column = blockIdx.x * COLUMNS;
    const T *from = (const T *)a.w_uk + (size_t)head * NOPE * LATENT + column;
#pragma unroll
    for (int i = 0; i < NOPE * COLUMNS / 8 / THREADS; i++) {
        const int at = i * THREADS + threadIdx.x;
        *(words *)&w[at / (COLUMNS / 8)][at % (COLUMNS / 8) * 8] =
            load(from + (size_t)(at / (COLUMNS / 8)) * LATENT + at % (COLUMNS / 8) * 8);
    }
#pragma unroll
    for (int i = 0; i < 16 * TILES * NOPE / 8 / THREADS; i++) {
        const int at = i * THREADS + threadIdx.x, row = at / (NOPE / 8), token = first + row;
        words q = {{0, 0, 0, 0}};
        if (token < a.tokens)
            q = load((const T *)a.q + ((size_t)token * a.heads + head) * HEAD + at % (NOPE / 8) * 8);
        *(words *)&x[row][at % (NOPE / 8) * 8] = q;
    }
    __syncthreads();
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES, waves = THREADS / LANES;
    const int mine = COLUMNS / waves / N; /* fragments of columns a wave */
    float c[TILES][COLUMNS / (THREADS / LANES) / N][C] = {};
#pragma unroll 2
    for (int k = 0; k < NOPE; k += K) {
        uint32_t fa[TILES][A / 2];
#pragma unroll
        for (int t = 0; t < TILES; t++)
#pragma unroll
            for (int e = 0; e < A; e += 2)
                fa[t][e / 2] = *(const uint32_t *)&x[t * 16 + row_a(lane, e)][k + k_a(lane, e)];
#pragma unroll
        for (int n = 0; n < mine; n++) {
            uint32_t fb[B / 2];
            const int at = (wave * mine + n) * N + column_b(lane, 0);
#pragma unroll
            for (int e = 0; e < B; e += 2)
                fb[e / 2] = w[k + k_b(lane, e)][at] | (uint32_t)w[k + k_b(lane, e + 1)][at] << 16;
#pragma unroll
            for (int t = 0; t < TILES; t++)
                multiply(T(), c[t][n], fa[t], fb);
        }
    }
    __syncthreads();
    uint8_t *tile = (uint8_t *)x; /* [16 TILES][COLUMNS] FP8 takes the place of what was read */
#pragma unroll
    for (int t = 0; t < TILES; t++)
#pragma unroll
        for (int n = 0; n < mine; n++)
#pragma unroll
            for (int e = 0; e < C; e++) {
                const float v = rounded<T>(c[t][n][e]) * inverse;
                tile[(t * 16 + row_c(lane, e)) * COLUMNS + (wave * mine + n) * N + column_c(lane, e)] =
                    (uint8_t)fp8_pack<F>(v, 0, 0, 0);
            }
    __syncthreads();
    for (int at = threadIdx.x; at < 16 * TILES * COLUMNS / 16; at += THREADS) {
        const int row = at / (COLUMNS / 16), token = first + row;
        if (token < a.tokens)
            store((uint8_t *)a.out + ((size_t)token * a.heads + head) * ROW + column + at % (COLUMNS / 16) * 16,
                  *(const words *)&tile[row * COLUMNS + at % (COLUMNS / 16) * 16]);
    }
}

template <typename T, fp8 F> static void mla_of(const gpu_mla *a, hipStream_t s)
{
    const int tiles = a->tokens > 64 ? 4 : 1;
    const int rows = (a->tokens + 16 * tiles - 1) / (16 * tiles), items = a->tokens * (a->heads * 4 + 36);
    const int copies = (items + THREADS * rows * a->heads - 1) / (THREADS * rows * a->heads);
    const dim3 grid(LATENT / COLUMNS + copies, rows, a->heads);
    if (tiles == 4)
        LAUNCH((mla_decode<T, F, 4>), grid, THREADS, s, *a);
    else
        LAUNCH((mla_decode<T, F, 1>), grid, THREADS, s, *a);
}

const char *gpu_mla_decode(const gpu_mla *a, void *stream)
{
    hipStream_t s = (hipStream_t)stream;
    if (a->tokens && a->dtype == GPU_BF16)
        a->fp8 == GPU_E4M3FN ? mla_of<bf16, E4M3FN>(a, s) : mla_of<bf16, E4M3FNUZ>(a, s);
    else if (a->tokens)
        a->fp8 == GPU_E4M3FN ? mla_of<f16, E4M3FN>(a, s) : mla_of<f16, E4M3FNUZ>(a, s);
    return gpu_launched();
}
