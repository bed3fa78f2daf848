/* Attention of a decode step over a paged cache, both products on the matrix cores. A block takes the heads of queries
 * that read one head of keys, and one partition of a sequence; a second kernel joins the partitions. Where the fragments
 * of a product leave open which of its inner numbers a lane holds, it holds those that lie together in memory. */
#include "gpu.h"
#include "launch.h"
#include "mma.h"

enum { THREADS = 128, WAVES = THREADS / LANES, PART = 256, HEADS = 16, PAD = 8, TILE = 32 };

/* Fours of the inner numbers: which a lane holds, and element e of a fragment of `a` in its own four. */
DEVICE int own_four(int l) { return k_b(l, 0) / (B == 4 && N == 8 ? 2 : 4); }
DEVICE int in_four(int e) { return A == 8 ? e / 4 * 2 + e % 2 : e; }

/* ------------------------------------------------------------------- cache -- */

template <fp8 F> DEVICE float fp8_value(uint32_t b)
{
    const bool nan = F == E4M3FN ? (b & 0x7f) == 0x7f : b == 0x80;
    const float x = from_bits((b & 0x7f) << 20) * (F == E4M3FN ? 0x1p120f : 0x1p119f);
    return nan ? NAN : b & 0x80 ? -x : x;
}

/* 16 bytes of the cache as pairs of T: four of them, or eight of FP8, which T holds exactly. */
template <typename T, fp8 F> DEVICE uint32_t pair_of(uint32_t two)
{
    return pack(T(), fp8_value<F>(two & 0xff), fp8_value<F>(two >> 8 & 0xff));
}
template <typename T, int CACHE> DEVICE void pairs_of(words raw, uint32_t *to)
{
    const fp8 F = CACHE == 1 + E4M3FN ? E4M3FN : E4M3FNUZ;
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (!CACHE)
            to[i] = raw.w[i];
        else
            to[2 * i] = pair_of<T, F>(raw.w[i] & 0xffff), to[2 * i + 1] = pair_of<T, F>(raw.w[i] >> 16);
}

/* Of the two the launch has set one to 1: a choice between them would put the arguments into memory. */
DEVICE float scale_of(const gpu_paged &c, int which)
{
    return c.fixed[which] * (c.scale[which] ? *c.scale[which] : 1.0f);
}

/* Where a token of the block's sequence lies; false behind its end, or where the table is wrong. */
struct place { int64_t block; int off; };
DEVICE bool find_token(const gpu_attention &a, int sequence, int len, int token, place *p)
{
    const int bs = (int)a.cache.block_size, i = a.cache.shift >= 0 ? token >> a.cache.shift : token / bs;
    p->off = token - i * bs;
    p->block = token < len ? a.tables[(int64_t)sequence * a.table_width + i] : -1;
    return p->block >= 0 && p->block < a.cache.blocks;
}

template <int CACHE> DEVICE words load_cache(const gpu_attention &a, int which, int64_t at)
{
    return load((const char *)a.cache.data[which] + at * (CACHE ? 1 : 2));
}

/* Piece p of the key of a token. */
template <int CACHE, int D> DEVICE words key_piece(const gpu_attention &a, place t, int head, int p)
{
    const int x = CACHE ? 16 : 8;
    const int64_t *s = a.cache.strides[0];
    const int bs = (int)a.cache.block_size;
    return load_cache<CACHE>(a, 0, a.cache.shuffled
        ? t.block * s[0] + (int64_t)head * D * bs + ((int64_t)p * bs + t.off) * x
        : t.block * s[0] + t.off * s[1] + head * s[2] + p * x);
}

/* ------------------------------------------------------------------ scores -- */

/* scores[head][token of the partition], each wave N tokens at a time; -INFINITY behind the end. */
template <typename T, int CACHE, int D>
DEVICE void score(const gpu_attention &a, int sequence, int kv, int first, int len, float (*scores)[PART + PAD])
{
    enum { X = CACHE ? 16 : 8, STEPS = X / 4, PIECES = D / (4 * X) };
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES, four = own_four(lane), group = a.heads / a.n_kv;
    const float by = a.scale * (CACHE ? scale_of(a.cache, 0) : 1.0f);
    uint32_t q[PIECES * STEPS][A / 2];
#pragma unroll
    for (int k = 0; k < PIECES * STEPS; k++)
#pragma unroll
        for (int e = 0; e < A; e += 2) {
            const int row = row_a(lane, e), d = (four + k / STEPS * 4) * X + k % STEPS * 4 + in_four(e);
            const T *from = (const T *)a.q + ((int64_t)sequence * a.heads + kv * group + row) * D + d;
            q[k][e / 2] = row < group ? *(const uint32_t *)from : 0;
        }
    for (int tile = wave * N; tile < PART; tile += WAVES * N) {
        place t;
        const bool live = find_token(a, sequence, len, first + tile + column_b(lane, 0), &t);
        words raw[PIECES];
        float c[C] = {};
#pragma unroll
        for (int j = 0; j < PIECES; j++)
            raw[j] = live ? key_piece<CACHE, D>(a, t, kv, four + j * 4) : words{{0, 0, 0, 0}};
#pragma unroll
        for (int j = 0; j < PIECES; j++) {
            uint32_t pairs[2 * STEPS];
            pairs_of<T, CACHE>(raw[j], pairs);
#pragma unroll
            for (int k = 0; k < STEPS; k++)
                multiply(T(), c, q[j * STEPS + k], pairs + 2 * k);
        }
#pragma unroll
        for (int e = 0; e < C; e++) {
            const int token = tile + column_c(lane, e);
            scores[row_c(lane, e)][token] = first + token < len ? c[e] * by : -INFINITY;
        }
    }
}

/* Scores become weights, rounded to T, of the largest; a warp takes every fourth head. */
template <typename T>
DEVICE void weigh(float (*scores)[PART + PAD], T (*weights)[PART + PAD], int group, float *most, float *sums)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = THREADS / 32;
    for (int h = warp; h < HEADS; h += warps) {
        float m = -INFINITY, sum = 0;
        for (int t = lane; t < PART; t += 32)
            m = fmaxf(m, scores[h][t]);
        m = max_lanes<32>(m);
        for (int t = 2 * lane; t < PART; t += 64) {
            const float x = h < group ? expf(scores[h][t] - m) : 0, y = h < group ? expf(scores[h][t + 1] - m) : 0;
            sum += x + y;
            *(uint32_t *)&weights[h][t] = pack(T(), x, y);
        }
        sum = sum_lanes<32>(sum);
        if (lane == 0)
            most[h] = m, sums[h] = sum;
    }
}

/* ------------------------------------------------------------------ values -- */

/* The weights of four tokens, from `token` on. */
template <typename T> DEVICE void weights_at(T (*weights)[PART + PAD], int lane, int token, uint32_t *fa)
{
#pragma unroll
    for (int e = 0; e < A; e += 2)
        fa[e / 2] = *(const uint32_t *)&weights[row_a(lane, e)][token + in_four(e)];
}

/* A wave takes D / WAVES dims. Values in pieces of X tokens of one dim. */
template <typename T, int CACHE, int D, int TILES>
DEVICE void add_shuffled(const gpu_attention &a, int sequence, int kv, int first, int len, T (*weights)[PART + PAD],
                         float (*c)[C])
{
    enum { X = CACHE ? 16 : 8, STEPS = X / 4 };
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES, bs = (int)a.cache.block_size;
    const int end = len - first < PART ? len - first : PART;
    for (int base = 0; base < end; base += 4 * X) {
        const int token = base + own_four(lane) * X, left = end - token;
        place t;
        const bool live = find_token(a, sequence, len, first + token, &t);
        const int64_t at = t.block * a.cache.strides[1][0] + (int64_t)kv * D * bs + (int64_t)(t.off / X) * D * X;
        words raw[TILES];
#pragma unroll
        for (int n = 0; n < TILES; n++)
            raw[n] = live ? load_cache<CACHE>(a, 1, at + (int64_t)((wave * TILES + n) * N + column_b(lane, 0)) * X)
                          : words{{0, 0, 0, 0}};
        uint32_t pairs[TILES][2 * STEPS];
#pragma unroll
        for (int n = 0; n < TILES; n++) {
            pairs_of<T, CACHE>(raw[n], pairs[n]);
#pragma unroll
            for (int i = 0; i < 2 * STEPS; i++) /* what no token has written may be anything */
                pairs[n][i] &= (2 * i < left ? 0xffffu : 0) | (2 * i + 1 < left ? 0xffff0000u : 0);
        }
#pragma unroll
        for (int k = 0; k < STEPS; k++) {
            uint32_t fa[A / 2];
            weights_at(weights, lane, token + 4 * k, fa);
#pragma unroll
            for (int n = 0; n < TILES; n++)
                multiply(T(), c[n], fa, pairs[n] + 2 * k);
        }
    }
}

/* Values in rows: through shared memory, TILE tokens at a time. */
template <typename T, int CACHE, int D, int TILES>
DEVICE void add_rows(const gpu_attention &a, int sequence, int kv, int first, int len, T (*weights)[PART + PAD],
                     T (*rows)[D + PAD], float (*c)[C])
{
    enum { X = CACHE ? 16 : 8 };
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES;
    const int end = len - first < PART ? len - first : PART;
    const int64_t *s = a.cache.strides[1];
    for (int base = 0; base < end; base += TILE) {
        __syncthreads();
        for (int i = threadIdx.x; i < TILE * D / X; i += THREADS) {
            const int token = base + i / (D / X), d = i % (D / X) * X;
            place t;
            uint32_t pairs[X / 2];
            words raw = {{0, 0, 0, 0}};
            if (find_token(a, sequence, len, first + token, &t))
                raw = load_cache<CACHE>(a, 1, t.block * s[0] + t.off * s[1] + kv * s[2] + d);
            pairs_of<T, CACHE>(raw, pairs);
#pragma unroll
            for (int k = 0; k < X / 2; k += 4)
                *(words *)&rows[i / (D / X)][d + 2 * k] = words{{pairs[k], pairs[k + 1], pairs[k + 2], pairs[k + 3]}};
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < TILE; k += 16) {
            uint32_t fa[A / 2];
            const int four = k + own_four(lane) * 4;
            weights_at(weights, lane, base + four, fa);
#pragma unroll
            for (int n = 0; n < TILES; n++) {
                const int d = (wave * TILES + n) * N + column_b(lane, 0);
                const uint32_t fb[2] = {rows[four][d].bits | (uint32_t)rows[four + 1][d].bits << 16,
                                        rows[four + 2][d].bits | (uint32_t)rows[four + 3][d].bits << 16};
                multiply(T(), c[n], fa, fb);
            }
        }
    }
}

/* ----------------------------------------------------------------- kernels -- */

/* work: of each sequence, head and partition D sums of values, the largest score and the sum of weights. */
template <typename T, int CACHE, int D, bool SHUFFLED>
__global__ void __launch_bounds__(THREADS) attend(gpu_attention a)
{
    enum { TILES = D / WAVES / N };
    __shared__ __attribute__((aligned(16))) float scores[HEADS][PART + PAD];
    __shared__ __attribute__((aligned(16))) T weights[HEADS][PART + PAD];
    __shared__ float most[HEADS], sums[HEADS];
    const int part = blockIdx.x, kv = blockIdx.y, sequence = blockIdx.z, group = a.heads / a.n_kv, first = part * PART;
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES;
    const int64_t most_tokens = (int64_t)a.table_width * a.cache.block_size;
    const int len = a.lens[sequence] < most_tokens ? a.lens[sequence] : (int)most_tokens;
    if (first >= len && part > 0)
        return;
    score<T, CACHE, D>(a, sequence, kv, first, len, scores);
    __syncthreads();
    weigh<T>(scores, weights, group, most, sums);
    __syncthreads();
    float c[TILES][C] = {};
    if (SHUFFLED)
        add_shuffled<T, CACHE, D, TILES>(a, sequence, kv, first, len, weights, c);
    else
        add_rows<T, CACHE, D, TILES>(a, sequence, kv, first, len, weights, (T(*)[D + PAD])scores, c);
    const float by = CACHE ? scale_of(a.cache, 1) : 1.0f;
#pragma unroll
    for (int n = 0; n < TILES; n++)
#pragma unroll
        for (int e = 0; e < C; e++) {
            const int h = row_c(lane, e), d = (wave * TILES + n) * N + column_c(lane, e);
            const int64_t row = (int64_t)sequence * a.heads + kv * group + h;
            const float v = len > 0 ? c[n][e] * by : 0;
            if (h < group && a.partitions == 1)
                ((T *)a.out)[row * D + d].bits = (uint16_t)pack(T(), len > 0 ? v / sums[h] : 0, 0);
            else if (h < group)
                a.work[(row * a.partitions + part) * (D + 2) + d] = v;
        }
    if (a.partitions > 1 && (int)threadIdx.x < group) {
        float *end = a.work + (((int64_t)sequence * a.heads + kv * group + threadIdx.x) * a.partitions + part) * (D + 2) + D;
        end[0] = most[threadIdx.x], end[1] = sums[threadIdx.x];
    }
}

/* A thread for two dims of a head. */
template <typename T, int D> __global__ void __launch_bounds__(D / 2) join(gpu_attention a)
{
    const int64_t row = blockIdx.x;
    const int len = a.lens[row / a.heads], needed = (len + PART - 1) / PART, n = needed < a.partitions ? needed : a.partitions;
    const float *from = a.work + row * a.partitions * (D + 2);
    float most = -INFINITY, sum = 0, v[2] = {0, 0};
    for (int p = 0; p < n; p++)
        most = fmaxf(most, from[p * (D + 2) + D]);
    for (int p = 0; p < n; p++) {
        const float *at = from + p * (D + 2), by = expf(at[D] - most);
        sum += by * at[D + 1];
        v[0] += by * at[2 * threadIdx.x];
        v[1] += by * at[2 * threadIdx.x + 1];
    }
    const float inverse = n > 0 ? 1.0f / sum : 0;
    ((uint32_t *)a.out)[row * (D / 2) + threadIdx.x] = pack(T(), v[0] * inverse, v[1] * inverse);
}

/* ----------------------------------------------------------------- launches -- */

template <typename T, int CACHE, int D> static void attention_of(const gpu_attention *a, hipStream_t s)
{
    const dim3 grid(a->partitions, a->n_kv, a->sequences);
    if (a->cache.shuffled)
        LAUNCH((attend<T, CACHE, D, true>), grid, THREADS, s, *a);
    else
        LAUNCH((attend<T, CACHE, D, false>), grid, THREADS, s, *a);
    if (a->partitions > 1)
        LAUNCH((join<T, D>), a->sequences * a->heads, D / 2, s, *a);
}

template <typename T, int CACHE> static void attention_dim(const gpu_attention *a, hipStream_t s)
{
    a->dim == 64 ? attention_of<T, CACHE, 64>(a, s) : attention_of<T, CACHE, 128>(a, s);
}

template <typename T> static void attention_cache(const gpu_attention *a, hipStream_t s)
{
    a->cache.fp8 == 0 ? attention_dim<T, 0>(a, s)
    : a->cache.fp8 == 1 + E4M3FN ? attention_dim<T, 1 + E4M3FN>(a, s) : attention_dim<T, 1 + E4M3FNUZ>(a, s);
}

const char *gpu_decode_attention(const gpu_attention *a, void *stream)
{
    const int x = a->cache.fp8 ? 16 : 8;
    gpu_attention b = *a;
    if (a->dim != 64 && a->dim != 128)
        return "heads must be of 64 or 128";
    if (a->n_kv < 1 || a->heads % a->n_kv || a->heads / a->n_kv > HEADS)
        return "up to 16 heads of queries read one of keys";
    if (a->cache.block_size < 1 || (a->cache.shuffled && a->cache.block_size % x))
        return "blocks do not divide into the pieces of the shuffled layout";
    for (int which = 0; which < 2; which++) {
        for (int i = 0; i < (a->cache.shuffled ? 1 : 3); i++)
            if (a->cache.strides[which][i] % x)
                return "the strides of the cache must be multiples of 16 bytes";
        b.cache.fixed[which] = a->cache.scale[which] ? 1.0f : a->cache.fixed[which];
    }
    b.partitions = a->longest > PART ? (a->longest + PART - 1) / PART : 1;
    if (b.partitions > 1 && !a->work)
        return "sequences of more than 256 tokens want memory to work in";
    for (b.cache.shift = 0; (int64_t)1 << b.cache.shift < a->cache.block_size; b.cache.shift++)
        ;
    b.cache.shift = (int64_t)1 << b.cache.shift == a->cache.block_size ? b.cache.shift : -1;
    if (a->sequences)
        a->dtype == GPU_BF16 ? attention_cache<bf16>(&b, (hipStream_t)stream) : attention_cache<f16>(&b, (hipStream_t)stream);
    return gpu_launched();
}
