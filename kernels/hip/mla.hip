/* Multi-head latent attention, the query and cache side of a decode step in one launch: the absorbed product on the
 * matrix cores, both rotations, concatenation, FP8 and the cache row; or what of this there is to do. */
#include "gpu.h"
#include "launch.h"
#include "mma.h"

enum { NOPE = 128, ROT = 64, LATENT = 512, ROW = LATENT + ROT, HEAD = NOPE + ROT, COLUMNS = 64, THREADS = 128 };

/* ------------------------------------------------------------------- parts -- */

/* 1 / the scale of queries (0) or of the cache (1). Of the two the launch has set one to 1: a choice between them would
 * put the arguments into memory. */
DEVICE float inverse_of(const gpu_mla &a, int which)
{
    return 1.0f / (a.fixed[which] * (a.scale[which] ? *a.scale[which] : 1.0f));
}

/* Sixteen elements: of T, which they are exactly, or of FP8. */
template <typename T> DEVICE void store_part(void *to, int64_t at, int kind, float *v, float inverse)
{
    if (!kind) {
        store((T *)to + at, narrow<T>(v)), store((T *)to + at + 8, narrow<T>(v + 8));
        return;
    }
#pragma unroll
    for (int i = 0; i < 16; i++)
        v[i] *= inverse;
    store((uint8_t *)to + at, kind == 1 + E4M3FN ? narrow_fp8<E4M3FN>(v) : narrow_fp8<E4M3FNUZ>(v));
}

template <typename T> DEVICE void load_part(const void *from, int64_t at, float *v)
{
    widen<T>(load((const T *)from + at), v), widen<T>(load((const T *)from + at + 8), v + 8);
}

/* Part `part` of the four of 64 elements from `at` on, in v, turned by a row [cos | sin] of the table, that of position p:
 * neighbours as pairs, or halves. */
template <typename T> DEVICE void turn_part(const gpu_mla &a, const void *from, int64_t at, int64_t p, int part, float *v)
{
    float c[16], s[16], y[16];
    const T *row = (const T *)a.table + (p < 0 ? 0 : p < a.length ? p : a.length - 1) * ROT;
    if (a.neox) {
        load_part<T>(row, part % 2 * 16, c), load_part<T>(row, ROT / 2 + part % 2 * 16, s);
        load_part<T>(from, at + (part ^ 2) * 16, y);
#pragma unroll
        for (int i = 0; i < 16; i++)
            v[i] = rounded<T>(v[i] * c[i] + (part < 2 ? -y[i] : y[i]) * s[i]);
        return;
    }
    widen<T>(load(row + part * 8), c), widen<T>(load(row + ROT / 2 + part * 8), s);
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const float x = v[2 * i], z = v[2 * i + 1];
        v[2 * i] = rounded<T>(x * c[i] - z * s[i]);
        v[2 * i + 1] = rounded<T>(z * c[i] + x * s[i]);
    }
}

/* Where the row of a slot lies in the cache, negative when it is not written. */
DEVICE int64_t row_of(const gpu_mla &a, int64_t slot)
{
    if (slot < 0)
        return -1;
    const int64_t block = a.shift >= 0 ? slot >> a.shift : slot / a.block_size;
    return block >= a.blocks ? -1 : block * a.strides[0] + (slot - block * a.block_size) * a.strides[1];
}

/* Parts of a head that need no product: the turned ones, or all. */
DEVICE int head_parts(const gpu_mla &a) { return !a.out ? 0 : a.w_uk ? ROT / 16 : HEAD / 16; }
DEVICE int key_parts(const gpu_mla &a) { return !a.k_pe ? 0 : a.cache ? ROW / 16 : ROT / 16; }
DEVICE int token_parts(const gpu_mla &a) { return a.heads * head_parts(a) + key_parts(a); }

/* What needs no product, sixteen elements an item: of each token parts of heads, of the key, of the latent. Lanes side by side
 * have some of each, so all take one way, on which loads wait for no more than they must. */
template <typename T> DEVICE void copy_part(const gpu_mla &a, int64_t item)
{
    const int each = token_parts(a), of_head = head_parts(a);
    const int64_t token = item >> 32 ? item / each : (uint32_t)item / (uint32_t)each;
    if (token >= a.tokens)
        return;
    const int64_t slot = a.cache && token < a.n_slots ? a.slots[token] : -1, position = a.table ? a.positions[token] : 0;
    const float inverse[2] = {inverse_of(a, 0), inverse_of(a, 1)};
    int part = (int)(item - token * each);
    const bool query = part < a.heads * of_head;
    const int64_t head = token * a.heads + (query ? part / of_head : 0);
    part = query ? part % of_head + (a.w_uk ? NOPE / 16 : 0) : part - a.heads * of_head;
    const int turned = query ? part - NOPE / 16 : part < ROT / 16 ? part : -1; /* negative: it is none of those that turn */
    const void *from = query ? a.q : turned < 0 ? a.kv_c : a.k_pe;
    const int64_t at = query ? head * HEAD + part * 16 : turned < 0 ? token * LATENT + (part - ROT / 16) * 16 : token * ROT + part * 16;
    float v[16];
    load_part<T>(from, at, v);
    if (turned >= 0 && a.table)
        turn_part<T>(a, from, at - turned * 16, position, turned, v);
    if (query) {
        store_part<T>(a.out, a.w_uk ? head * ROW + LATENT - NOPE + part * 16 : head * HEAD + part * 16, a.q_fp8, v, inverse[0]);
        return;
    }
    const int64_t row = row_of(a, slot);
    if (turned >= 0 && a.pe)
        store_part<T>(a.pe, at, 0, v, 1);
    if (row >= 0)
        store_part<T>(a.cache, row + (turned < 0 ? part * 16 - ROT : LATENT + part * 16), a.cache_fp8, v, inverse[1]);
}

template <typename T> __global__ void __launch_bounds__(THREADS) mla_parts(gpu_mla a)
{
    copy_part<T>(a, (int64_t)blockIdx.x * THREADS + threadIdx.x);
}

/* --------------------------------------------------------- absorbed product -- */

template <typename T, int KIND> struct element_of { typedef uint8_t type; };
template <typename T> struct element_of<T, 0> { typedef uint16_t type; };

/* blockIdx.x: 64 columns of the latent; behind them, the copies. blockIdx.y: ROWS tokens. blockIdx.z: head. A wave
 * takes 16 columns (CDNA: two waves share them by rows). */
template <typename T, int KIND, int TILES>
__global__ void __launch_bounds__(THREADS) mla_decode(gpu_mla a)
{
    enum { PAD = 8 };
    __shared__ __attribute__((aligned(16))) uint16_t w[NOPE][COLUMNS + PAD];
    __shared__ __attribute__((aligned(16))) uint16_t x[16 * TILES][NOPE + PAD];
    if (blockIdx.x >= LATENT / COLUMNS) {
        const int64_t block = ((int64_t)(blockIdx.x - LATENT / COLUMNS) * gridDim.y + blockIdx.y) * gridDim.z + blockIdx.z;
        copy_part<T>(a, block * THREADS + threadIdx.x);
        return;
    }
    const int head = blockIdx.z, first = blockIdx.y * 16 * TILES, column = blockIdx.x * COLUMNS;
    const float inverse = KIND ? inverse_of(a, 0) : 1.0f;
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
#pragma unroll(TILES == 1 ? NOPE / K : 2)
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
    typedef typename element_of<T, KIND>::type element;
    element *tile = (element *)x; /* [16 TILES][COLUMNS] of results take the place of what was read */
#pragma unroll
    for (int t = 0; t < TILES; t++)
#pragma unroll
        for (int n = 0; n < mine; n++)
#pragma unroll
            for (int e = 0; e < C; e++) {
                const uint32_t v = pack(T(), c[t][n][e], 0);
                tile[(t * 16 + row_c(lane, e)) * COLUMNS + (wave * mine + n) * N + column_c(lane, e)] =
                    KIND == 0              ? (element)v
                    : KIND == 1 + E4M3FN   ? (element)fp8_pack<E4M3FN>(half_of<T>(v, 0) * inverse, 0, 0, 0)
                                           : (element)fp8_pack<E4M3FNUZ>(half_of<T>(v, 0) * inverse, 0, 0, 0);
            }
    __syncthreads();
    const int each = 16 / sizeof(element);
    for (int at = threadIdx.x; at < 16 * TILES * COLUMNS / each; at += THREADS) {
        const int row = at / (COLUMNS / each), token = first + row, d = at % (COLUMNS / each) * each;
        if (token < a.tokens)
            store((element *)a.out + ((size_t)token * a.heads + head) * ROW + column + d, *(const words *)&tile[row * COLUMNS + d]);
    }
}

template <typename T, int KIND> static void mla_of(const gpu_mla *a, hipStream_t s)
{
    const int tiles = a->tokens > 64 ? 4 : 1, items = a->tokens * (a->heads * (ROT / 16) + ROW / 16);
    const int rows = (a->tokens + 16 * tiles - 1) / (16 * tiles);
    const int copies = (items + THREADS * rows * a->heads - 1) / (THREADS * rows * a->heads);
    const dim3 grid(LATENT / COLUMNS + copies, rows, a->heads);
    if (tiles == 4)
        LAUNCH((mla_decode<T, KIND, 4>), grid, THREADS, s, *a);
    else
        LAUNCH((mla_decode<T, KIND, 1>), grid, THREADS, s, *a);
}

template <typename T> static void mla_with(const gpu_mla *a, hipStream_t s)
{
    const int64_t items = (int64_t)a->tokens * ((a->out ? a->heads * (HEAD / 16) : 0) + ROW / 16);
    if (!a->w_uk)
        LAUNCH((mla_parts<T>), (unsigned)((items + THREADS - 1) / THREADS), THREADS, s, *a);
    else if (!a->q_fp8)
        mla_of<T, 0>(a, s);
    else
        a->q_fp8 == 1 + E4M3FN ? mla_of<T, 1 + E4M3FN>(a, s) : mla_of<T, 1 + E4M3FNUZ>(a, s);
}

const char *gpu_mla_decode(const gpu_mla *a, void *stream)
{
    gpu_mla b = *a;
    const int x = a->cache_fp8 ? 16 : 8;
    if (a->cache && (a->block_size < 1 || a->strides[0] % x || a->strides[1] % x))
        return "the strides of the cache must be multiples of 16 bytes";
    for (int i = 0; i < 2; i++)
        b.fixed[i] = a->scale[i] ? 1.0f : a->fixed[i];
    b.shift = shift_of(a->block_size);
    if (a->tokens)
        a->dtype == GPU_BF16 ? mla_with<bf16>(&b, (hipStream_t)stream) : mla_with<f16>(&b, (hipStream_t)stream);
    return gpu_launched();
}
