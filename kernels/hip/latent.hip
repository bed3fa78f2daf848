/* Latent attention of a decode step: a tile of the cache's rows is read once, for scores and for sums, by sixteen heads. A
 * block takes one part of a token's sequence; a second kernel joins parts, a third multiplies by the weights of values. */
#include "gpu.h"
#include "launch.h"
#include "mma.h"
#include "parts.h"

enum { THREADS = 256, WAVES = THREADS / LANES, LATENT = 512, ROW = 576, HEADS = 16, TILE = 32, PAD = 16, BLOCKS_A_UNIT = 2 };
/* Waves share the dims of scores, and where there are more of them the tokens; and the latents of sums. */
enum { SPLIT = 4, STEPS = ROW / 16 / SPLIT, COLUMNS = TILE / N / (WAVES / SPLIT), SUMS = LATENT / WAVES / N };

DEVICE float scale_of(const gpu_latent &a, int which)
{
    return a.fixed[which] * (a.scale[which] ? *a.scale[which] : 1.0f);
}

DEVICE parts parts_of(const gpu_latent &a, int token)
{
    const int64_t most = (int64_t)a.table_width * a.block_size;
    const int sequence = token < a.n_tokens ? a.sequence[token] : -1;
    const int len = sequence >= 0 && sequence < a.sequences ? a.length[token] : 0;
    return parts_between(0, len < most ? len : (int)most, a.partitions);
}

/* ------------------------------------------------------------------- rows -- */

/* Where piece `piece` of a token's row begins; NULL: the sequence has no such token. */
template <int CACHE> DEVICE const void *piece_at(const gpu_latent &a, const span &s, const int32_t *table, int token, int piece)
{
    const int bs = (int)a.block_size, column = a.shift >= 0 ? token >> a.shift : token / bs;
    const int64_t block = token < s.to ? table[column] : -1;
    const int64_t at = block * a.strides[0] + (token - column * bs) * a.strides[1] + piece * (CACHE ? 16 : 8);
    return block >= 0 && block < a.blocks ? (const char *)a.cache + at * (CACHE ? 1 : 2) : NULL;
}

/* TILE rows from token `first` on; zeros behind the span. */
template <typename T, int CACHE>
DEVICE void load_rows(const gpu_latent &a, const span &s, const int32_t *table, int first, T (*rows)[ROW + PAD])
{
    enum { X = CACHE ? 16 : 8, EACH = ROW / X, LOADS = TILE * EACH / THREADS + (TILE * EACH % THREADS != 0) };
    words raw[CACHE ? LOADS : 1];
#pragma unroll
    for (int k = 0; k < LOADS; k++) {
        const int i = k * THREADS + threadIdx.x;
        const void *from = i < TILE * EACH ? piece_at<CACHE>(a, s, table, first + i / EACH, i % EACH) : NULL;
        if (!CACHE)
            copy_across(&rows[i / EACH][i % EACH * X], from ? from : a.cache, from != NULL);
        else
            raw[CACHE ? k : 0] = from ? load(from) : words{{0, 0, 0, 0}};
    }
#pragma unroll
    for (int k = 0; k < LOADS && CACHE; k++) {
        const int i = k * THREADS + threadIdx.x;
        uint32_t pairs[X / 2];
        pairs_of<T, CACHE>(raw[CACHE ? k : 0], pairs);
#pragma unroll
        for (int j = 0; j < X / 2 && i < TILE * EACH; j += 4)
            *(words *)&rows[i / EACH][i % EACH * X + 2 * j] = words{{pairs[j], pairs[j + 1], pairs[j + 2], pairs[j + 3]}};
    }
    copies_arrive();
}

/* ----------------------------------------------------------------- scores -- */

/* Two neighbours of the queries. */
template <typename T> DEVICE uint32_t query_pair(const gpu_latent &a, int64_t at)
{
    if (!a.q_fp8)
        return *(const uint32_t *)((const T *)a.q + at);
    const uint32_t two = *(const uint16_t *)((const uint8_t *)a.q + at);
    return a.q_fp8 == 1 + E4M3FN ? fp8_pair<T, E4M3FN>(two) : fp8_pair<T, E4M3FNUZ>(two);
}

/* The wave's dims of the block's heads. */
template <typename T> DEVICE void load_queries(const gpu_latent &a, int token, int first, uint32_t (*q)[A / 2])
{
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES;
#pragma unroll
    for (int k = 0; k < STEPS; k++)
#pragma unroll
        for (int e = 0; e < A; e += 2) {
            const int head = first + row_a(lane, e), d = (wave % SPLIT * STEPS + k) * 16 + own_four(lane) * 4 + in_four(e);
            q[k][e / 2] = head < a.heads ? query_pair<T>(a, ((int64_t)token * a.heads + head) * ROW + d) : 0;
        }
}

template <typename T>
DEVICE void score(const uint32_t (*q)[A / 2], T (*rows)[ROW + PAD], float (*partial)[HEADS][TILE + 1])
{
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES, dims = wave % SPLIT, first = wave / SPLIT * COLUMNS;
    float c[COLUMNS][C] = {};
#pragma unroll
    for (int k = 0; k < STEPS; k++)
#pragma unroll
        for (int i = 0; i < COLUMNS; i++) {
            const T *at = &rows[(first + i) * N + column_b(lane, 0)][(dims * STEPS + k) * 16 + own_four(lane) * 4];
            const two_words b = *(const two_words *)at;
            multiply(T(), c[i], q[k], b.w);
        }
#pragma unroll
    for (int i = 0; i < COLUMNS; i++)
#pragma unroll
        for (int e = 0; e < C; e++)
            partial[dims][row_c(lane, e)][(first + i) * N + column_c(lane, e)] = c[i][e];
}

/* In a row of weights tokens stand so that the four of a lane are four apart in the tile, which spreads its rows over the
 * banks of shared memory. */
DEVICE int place_of(int token) { return token / 16 * 16 + token % 4 * 4 + token % 16 / 4; }

template <typename T>
DEVICE void weigh(float (*partial)[HEADS][TILE + 1], T (*weights)[TILE + 8], softmax *state, int live, float by)
{
    const int lane = threadIdx.x % 32;
    for (int h = threadIdx.x / 32; h < HEADS; h += THREADS / 32) {
        float x = 0;
#pragma unroll
        for (int k = 0; k < SPLIT; k++)
            x += partial[k][h][lane];
        x = lane < live ? x * by : -INFINITY;
        const float before = state->most[h], most = fmaxf(before, max_lanes<32>(x)), base = base_of(most), w = expf(x - base);
        const float sum = sum_lanes<32>(w);
        weights[h][place_of(lane)].bits = (uint16_t)pack(T(), w, 0);
        if (lane == 0)
            state->by[h] = expf(before - base), state->most[h] = most, state->sums[h] = state->sums[h] * expf(before - base) + sum;
    }
}

template <typename T> DEVICE void add(T (*weights)[TILE + 8], T (*rows)[ROW + PAD], float (*c)[C])
{
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES;
#pragma unroll
    for (int k = 0; k < TILE; k += 16) {
        uint32_t fa[A / 2];
        const int t = k + own_four(lane);
        weights_at(weights, lane, k + own_four(lane) * 4, fa);
#pragma unroll
        for (int i = 0; i < SUMS; i++) {
            const int d = (wave * SUMS + i) * N + column_b(lane, 0);
            const uint32_t fb[2] = {rows[t][d].bits | (uint32_t)rows[t + 4][d].bits << 16,
                                    rows[t + 8][d].bits | (uint32_t)rows[t + 12][d].bits << 16};
            multiply(T(), c[i], fa, fb);
        }
    }
}

/* ---------------------------------------------------------------- kernels -- */

DEVICE float *part_at(const gpu_latent &a, int token, int head, int part)
{
    float *parts = (float *)((uint16_t *)a.work + (int64_t)a.tokens * a.heads * LATENT);
    return parts + (((int64_t)token * a.heads + head) * a.partitions + part) * (LATENT + 2);
}

template <typename T> DEVICE T *latents_of(const gpu_latent &a, int token, int head)
{
    return (T *)a.work + ((int64_t)token * a.heads + head) * LATENT;
}

/* The sums of a block, as parts or, of a whole sequence, as latents. */
template <typename T> DEVICE void finish(const gpu_latent &a, const span &s, const softmax &state, float (*c)[C])
{
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES, first = blockIdx.y * HEADS;
    const float by = scale_of(a, 1);
#pragma unroll
    for (int i = 0; i < SUMS; i++)
#pragma unroll
        for (int e = 0; e < C; e++) {
            const int h = row_c(lane, e), d = (wave * SUMS + i) * N + column_c(lane, e);
            if (first + h >= a.heads)
                continue;
            if (a.partitions > 1)
                part_at(a, s.row, first + h, blockIdx.x)[d] = c[i][e] * by;
            else
                latents_of<T>(a, s.row, first + h)[d].bits =
                    (uint16_t)pack(T(), s.from < s.to ? c[i][e] * by / state.sums[h] : 0, 0);
        }
    if (a.partitions > 1 && (int)threadIdx.x < HEADS && first + (int)threadIdx.x < a.heads) {
        float *end = part_at(a, s.row, first + threadIdx.x, blockIdx.x) + LATENT;
        end[0] = state.most[threadIdx.x], end[1] = state.sums[threadIdx.x];
    }
}

template <typename T, int CACHE> __global__ void BOUNDS(THREADS, BLOCKS_A_UNIT) latent_attend(gpu_latent a)
{
    __shared__ __attribute__((aligned(16))) T rows[TILE][ROW + PAD];
    __shared__ __attribute__((aligned(16))) T weights[HEADS][TILE + 8];
    __shared__ float partial[SPLIT][HEADS][TILE + 1];
    __shared__ softmax state;
    const span s = span_of(parts_of(a, blockIdx.z), blockIdx.z, blockIdx.x);
    if (s.from >= s.to && blockIdx.x > 0)
        return;
    if ((int)threadIdx.x < HEADS)
        state.most[threadIdx.x] = -INFINITY, state.sums[threadIdx.x] = 0;
    const int32_t *table = a.tables + (s.from < s.to ? (int64_t)a.sequence[s.row] * a.table_width : 0);
    const float by = a.softmax_scale * scale_of(a, 0) * scale_of(a, 1);
    uint32_t q[STEPS][A / 2];
    float c[SUMS][C] = {};
    load_queries<T>(a, s.row, blockIdx.y * HEADS, q);
    for (int first = s.from; first < s.to; first += TILE) {
        __syncthreads();
        load_rows<T, CACHE>(a, s, table, first, rows);
        __syncthreads();
        score<T>(q, rows, partial);
        __syncthreads();
        weigh<T>(partial, weights, &state, s.to - first, by);
        __syncthreads();
        const int lane = threadIdx.x % LANES;
#pragma unroll
        for (int i = 0; i < SUMS; i++)
#pragma unroll
            for (int e = 0; e < C; e++)
                c[i][e] *= state.by[row_c(lane, e)];
        add<T>(weights, rows, c);
    }
    finish<T>(a, s, state, c);
}

template <typename T> __global__ void __launch_bounds__(JOINERS) latent_join(gpu_latent a)
{
    const int token = blockIdx.x / a.heads, head = blockIdx.x % a.heads, at = blockIdx.y * 64;
    join_parts<T, LATENT>(part_at(a, token, head, 0), count_parts(parts_of(a, token)), NULL, at,
                          latents_of<T>(a, token, head) + at);
}

/* ------------------------------------------------------ weights of values -- */

enum { VALUES = 32, PROJECTORS = 128, PARTS = PROJECTORS / LANES, LATENTS = LATENT / PARTS };

/* 32 columns of a head for 16 tokens; each wave sums over a part of the latents. */
template <typename T> __global__ void __launch_bounds__(PROJECTORS) latent_values(gpu_latent a)
{
    __shared__ __attribute__((aligned(16))) T w[LATENT][VALUES + 8];
    __shared__ float sums[PARTS][16][VALUES];
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES, four = own_four(lane) * 4;
    const int head = blockIdx.z, first = blockIdx.y * 16, column = blockIdx.x * VALUES;
    const T *from = (const T *)a.values + (int64_t)head * LATENT * a.value + column;
#pragma unroll 8
    for (int i = threadIdx.x; i < LATENT * VALUES / 8; i += PROJECTORS)
        *(words *)&w[i / (VALUES / 8)][i % (VALUES / 8) * 8] = load(from + (int64_t)(i / (VALUES / 8)) * a.value + i % (VALUES / 8) * 8);
    __syncthreads();
    float c[VALUES / N][C] = {};
#pragma unroll 2
    for (int k = wave * LATENTS; k < (wave + 1) * LATENTS; k += 16) {
        uint32_t fa[A / 2];
#pragma unroll
        for (int e = 0; e < A; e += 2) {
            const int token = first + row_a(lane, e);
            fa[e / 2] = token < a.tokens ? *(const uint32_t *)&latents_of<T>(a, token, head)[k + four + in_four(e)] : 0;
        }
#pragma unroll
        for (int i = 0; i < VALUES / N; i++) {
            const int d = i * N + column_b(lane, 0), l = k + four;
            const uint32_t fb[2] = {w[l][d].bits | (uint32_t)w[l + 1][d].bits << 16,
                                    w[l + 2][d].bits | (uint32_t)w[l + 3][d].bits << 16};
            multiply(T(), c[i], fa, fb);
        }
    }
#pragma unroll
    for (int i = 0; i < VALUES / N; i++)
#pragma unroll
        for (int e = 0; e < C; e++)
            sums[wave][row_c(lane, e)][i * N + column_c(lane, e)] = c[i][e];
    __syncthreads();
    const int row = threadIdx.x / 8, at = threadIdx.x % 8 * 4;
    float v[4] = {};
#pragma unroll
    for (int p = 0; p < PARTS; p++)
#pragma unroll
        for (int k = 0; k < 4; k++)
            v[k] += sums[p][row][at + k];
    if (first + row < a.tokens)
        *(two_words *)((T *)a.out + ((int64_t)(first + row) * a.heads + head) * a.value + column + at) =
            two_words{{pack(T(), v[0], v[1]), pack(T(), v[2], v[3])}};
}

/* --------------------------------------------------------------- launches -- */

template <typename T> static void latent_of(const gpu_latent *a, hipStream_t s)
{
    const dim3 grid(a->partitions, (a->heads + HEADS - 1) / HEADS, a->tokens);
    if (!a->cache_fp8)
        LAUNCH((latent_attend<T, 0>), grid, THREADS, s, *a);
    else if (a->cache_fp8 == 1 + E4M3FN)
        LAUNCH((latent_attend<T, 1 + E4M3FN>), grid, THREADS, s, *a);
    else
        LAUNCH((latent_attend<T, 1 + E4M3FNUZ>), grid, THREADS, s, *a);
    if (a->partitions > 1)
        LAUNCH((latent_join<T>), dim3(a->tokens * a->heads, LATENT / 64), JOINERS, s, *a);
    LAUNCH((latent_values<T>), dim3(a->value / VALUES, (a->tokens + 15) / 16, a->heads), PROJECTORS, s, *a);
}

const char *gpu_latent_attention(const gpu_latent *a, void *stream)
{
    gpu_latent b = *a;
    const int units = compute_units();
    const int64_t rows = (int64_t)a->tokens * a->heads, room = a->work_bytes - rows * LATENT * 2;
    if (!units)
        return "the device does not answer";
    if (a->value % VALUES || a->value <= 0 || a->block_size < 1)
        return "values must be multiples of 32, and blocks not empty";
    for (int i = 0; i < 2; i++)
        if (a->strides[i] % (a->cache_fp8 ? 16 : 8))
            return "the strides of the cache must be multiples of 16 bytes";
    if (room < 0)
        return "there is too little memory to work in";
    for (int i = 0; i < 2; i++)
        b.fixed[i] = a->scale[i] ? 1.0f : a->fixed[i];
    b.shift = shift_of(a->block_size);
    b.partitions = parts_for((int64_t)a->tokens * ((a->heads + HEADS - 1) / HEADS), units * BLOCKS_A_UNIT,
                             (int64_t)a->table_width * a->block_size, room / (rows * (LATENT + 2) * 4 + 1));
    if (rows)
        a->dtype == GPU_BF16 ? latent_of<bf16>(&b, (hipStream_t)stream) : latent_of<f16>(&b, (hipStream_t)stream);
    return gpu_launched();
}
