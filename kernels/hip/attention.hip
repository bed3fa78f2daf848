/* Attention of a decode step over a paged cache, both products on the matrix cores. A block takes the heads of queries
 * that read one head of keys, and one part of a sequence, PART tokens at a time with the largest score so far (Milakov
 * and Gimelshein 2018); where a sequence has several parts, a second kernel joins them. Where the fragments of a product
 * leave open which of its inner numbers a lane holds, it holds those that lie together in memory. */
#include "gpu.h"
#include "launch.h"
#include "mma.h"
#include "parts.h"

enum { THREADS = 128, WAVES = THREADS / LANES, PART = 256, HEADS = 16, PAD = 8, TILE = 32 };
enum { BLOCKS_A_UNIT = 4 }; /* so many blocks are at work on a compute unit at once */

/* ------------------------------------------------------------------- cache -- */

/* One of the two is 1. */
DEVICE float scale_of(const gpu_paged &c, int which)
{
    return c.fixed[which] * (c.scale[which] ? *c.scale[which] : 1.0f);
}

/* The tokens of its sequence that a row sees. */
DEVICE parts parts_of(const gpu_attention &a, int row)
{
    const int64_t most = (int64_t)a.table_width * a.cache.block_size;
    const int len = row < a.sequences ? a.lens[row] : 0, end = len < most ? len : (int)most;
    const int live = a.window && end > a.window ? end - a.window : 0;
    return parts_between(live, end, a.partitions);
}

/* Where a token lies; false outside the span, or where the table is wrong. */
struct place { int64_t block; int off; };
DEVICE bool find_token(const gpu_attention &a, const span &s, int token, place *p)
{
    const int bs = (int)a.cache.block_size, i = a.cache.shift >= 0 ? token >> a.cache.shift : token / bs;
    p->off = token - i * bs;
    p->block = token < s.to && token >= s.live ? a.tables[(int64_t)s.row * a.table_width + i] : -1;
    return p->block >= 0 && p->block < a.cache.blocks;
}

/* What the code of a token is multiplied by, where each has a scale. */
DEVICE float token_scale(const gpu_attention &a, int which, const span &s, int kv, int token)
{
    place t;
    const bool live = a.token_scales[which] && find_token(a, s, token, &t);
    return live ? a.token_scales[which][(t.block * a.n_kv + kv) * a.cache.block_size + t.off] : 1.0f;
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

/* scores[head][token from `first` on], each wave N tokens at a time; -INFINITY outside the span. ODD: soft caps, scales
 * for each token. */
template <typename T, int CACHE, int D, bool ODD>
DEVICE void score(const gpu_attention &a, const span &s, int kv, int first, int n, float (*scores)[PART + PAD])
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
            const T *from = (const T *)a.q + ((int64_t)s.row * a.heads + kv * group + row) * D + d;
            q[k][e / 2] = row < group ? *(const uint32_t *)from : 0;
        }
    for (int tile = wave * N; tile < n; tile += WAVES * N) {
        place t;
        const bool live = find_token(a, s, first + tile + column_b(lane, 0), &t);
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
            const int at = tile + column_c(lane, e), token = first + at;
            float x = c[e] * by;
            if (ODD) {
                x *= token_scale(a, 0, s, kv, token);
                x = a.soft_cap > 0 ? a.soft_cap * tanhf(x / a.soft_cap) : x;
            }
            scores[row_c(lane, e)][at] = token < s.to && token >= s.live ? x : -INFINITY;
        }
    }
}

/* n scores become weights, rounded to T, of the largest so far; a warp takes every fourth head. Of heads that are not there
 * the weights may be anything: each has a row of the product for itself. */
template <typename T, bool ODD>
DEVICE void weigh(const gpu_attention &a, const span &s, int kv, int first, int n, float (*scores)[PART + PAD],
                  T (*weights)[PART + PAD], softmax *state)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = THREADS / 32, group = a.heads / a.n_kv;
    for (int h = warp; h < group; h += warps) {
        float m = state->most[h], sum = 0;
#pragma unroll 2 /* more would spill */
        for (int t = lane; t < n; t += 32)
            m = fmaxf(m, scores[h][t]);
        m = max_lanes<32>(m);
        const float base = base_of(m);
        for (int t = 2 * lane; t < n; t += 64) {
            float x = expf(scores[h][t] - base), y = expf(scores[h][t + 1] - base);
            sum += x + y;
            if (ODD && a.token_scales[1])
                x *= token_scale(a, 1, s, kv, first + t), y *= token_scale(a, 1, s, kv, first + t + 1);
            *(uint32_t *)&weights[h][t] = pack(T(), x, y);
        }
        sum = sum_lanes<32>(sum);
        if (lane == 0) {
            const float by = expf(state->most[h] - base);
            state->by[h] = by, state->most[h] = m, state->sums[h] = state->sums[h] * by + sum;
        }
    }
}

/* ------------------------------------------------------------------ values -- */

/* What a lane has asked for, of rows of values or of pieces of the shuffled layout. */
template <int N> struct some { words raw[N]; };
template <int CACHE, int D> constexpr int ROW_PIECES = TILE * D / (CACHE ? 16 : 8) / THREADS;

/* Pairs of tokens from `low` on, and before `high`; what no token has written may be anything. */
template <int N2> DEVICE void keep_pairs(uint32_t *pairs, int low, int high)
{
#pragma unroll
    for (int i = 0; i < N2; i++)
        pairs[i] &= (2 * i < high && 2 * i >= low ? 0xffffu : 0) | (2 * i + 1 < high && 2 * i + 1 >= low ? 0xffff0000u : 0);
}

/* A wave takes D / WAVES dims. Values in pieces of X tokens of one dim; the next ones are on their way meanwhile. */
template <int CACHE, int D, int TILES> DEVICE some<TILES> fetch_pieces(const gpu_attention &a, const span &s, int kv, int first)
{
    enum { X = CACHE ? 16 : 8 };
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES, bs = (int)a.cache.block_size;
    const int token = first + own_four(lane) * X;
    some<TILES> f;
    place t;
    const bool live = find_token(a, s, token > s.live ? token : s.live, &t);
    const int64_t from = t.block * a.cache.strides[1][0] + (int64_t)kv * D * bs + (int64_t)(t.off / X) * D * X;
#pragma unroll
    for (int k = 0; k < TILES; k++)
        f.raw[k] = live ? load_cache<CACHE>(a, 1, from + (int64_t)((wave * TILES + k) * N + column_b(lane, 0)) * X)
                        : words{{0, 0, 0, 0}};
    return f;
}

template <typename T, int CACHE, int D, int TILES>
DEVICE void add_shuffled(const gpu_attention &a, const span &s, int kv, int first, int n, T (*weights)[PART + PAD],
                         some<TILES> next, float (*c)[C])
{
    enum { X = CACHE ? 16 : 8, STEPS = X / 4 };
    const int lane = threadIdx.x % LANES;
    for (int base = 0; base < n; base += 4 * X) {
        const int at = base + own_four(lane) * X, token = first + at;
        const some<TILES> now = next;
        if (base + 4 * X < n)
            next = fetch_pieces<CACHE, D, TILES>(a, s, kv, first + base + 4 * X);
        uint32_t pairs[TILES][2 * STEPS];
        const bool whole = token >= s.live && token + X <= s.to;
#pragma unroll
        for (int k = 0; k < TILES; k++) {
            pairs_of<T, CACHE>(now.raw[k], pairs[k]);
            if (!whole)
                keep_pairs<2 * STEPS>(pairs[k], s.live - token, s.to - token);
        }
#pragma unroll
        for (int k = 0; k < STEPS; k++) {
            uint32_t fa[A / 2];
            weights_at(weights, lane, at + 4 * k, fa);
#pragma unroll
            for (int i = 0; i < TILES; i++)
                multiply(T(), c[i], fa, pairs[i] + 2 * k);
        }
    }
}

/* Values in rows: through shared memory, TILE tokens at a time; the next ones are on their way meanwhile. */
template <int CACHE, int D>
DEVICE some<ROW_PIECES<CACHE, D>> fetch_rows(const gpu_attention &a, const span &s, int kv, int first)
{
    enum { X = CACHE ? 16 : 8, EACH = TILE * D / X / THREADS };
    const int64_t *by = a.cache.strides[1];
    some<ROW_PIECES<CACHE, D>> f;
#pragma unroll
    for (int k = 0; k < EACH; k++) {
        const int i = k * THREADS + threadIdx.x;
        place t;
        f.raw[k] = find_token(a, s, first + i / (D / X), &t)
                       ? load_cache<CACHE>(a, 1, t.block * by[0] + t.off * by[1] + kv * by[2] + i % (D / X) * X)
                       : words{{0, 0, 0, 0}};
    }
    return f;
}

template <typename T, int CACHE, int D> DEVICE void put_rows(const some<ROW_PIECES<CACHE, D>> &f, T (*rows)[D + PAD])
{
    enum { X = CACHE ? 16 : 8, EACH = TILE * D / X / THREADS };
#pragma unroll
    for (int k = 0; k < EACH; k++) {
        const int i = k * THREADS + threadIdx.x;
        uint32_t pairs[X / 2];
        pairs_of<T, CACHE>(f.raw[k], pairs);
#pragma unroll
        for (int j = 0; j < X / 2; j += 4)
            *(words *)&rows[i / (D / X)][i % (D / X) * X + 2 * j] =
                words{{pairs[j], pairs[j + 1], pairs[j + 2], pairs[j + 3]}};
    }
}

template <typename T, int CACHE, int D, int TILES>
DEVICE void add_rows(const gpu_attention &a, const span &s, int kv, int first, int n, T (*weights)[PART + PAD],
                     T (*rows)[D + PAD], some<ROW_PIECES<CACHE, D>> next, float (*c)[C])
{
    const int lane = threadIdx.x % LANES, wave = threadIdx.x / LANES;
    for (int base = 0; base < n; base += TILE) {
        __syncthreads();
        put_rows<T, CACHE, D>(next, rows);
        __syncthreads();
        if (base + TILE < n)
            next = fetch_rows<CACHE, D>(a, s, kv, first + base + TILE);
#pragma unroll 1 /* four blocks find room on a unit then */
        for (int k = 0; k < TILE; k += 16) {
            uint32_t fa[A / 2];
            const int four = k + own_four(lane) * 4;
            weights_at(weights, lane, base + four, fa);
#pragma unroll
            for (int i = 0; i < TILES; i++) {
                const int d = (wave * TILES + i) * N + column_b(lane, 0);
                const uint32_t fb[2] = {rows[four][d].bits | (uint32_t)rows[four + 1][d].bits << 16,
                                        rows[four + 2][d].bits | (uint32_t)rows[four + 3][d].bits << 16};
                multiply(T(), c[i], fa, fb);
            }
        }
    }
}

/* ----------------------------------------------------------------- kernels -- */

/* Of each row, head and part in the work: D sums of values, the largest score and the sum of weights. */
DEVICE float *part_at(const gpu_attention &a, int64_t row, int head, int part, int dim)
{
    return a.work + ((row * a.heads + head) * a.partitions + part) * (dim + 2);
}

template <typename T, int CACHE, int D, bool SHUFFLED, bool ODD>
__global__ void BOUNDS(THREADS, ODD && !SHUFFLED ? BLOCKS_A_UNIT - 1 : BLOCKS_A_UNIT) attend(gpu_attention a)
{
    enum { TILES = D / WAVES / N };
    __shared__ __attribute__((aligned(16))) float scores[HEADS][PART + PAD];
    __shared__ __attribute__((aligned(16))) T weights[HEADS][PART + PAD];
    __shared__ softmax state;
    const int kv = blockIdx.y, group = a.heads / a.n_kv, lane = threadIdx.x % LANES, wave = threadIdx.x / LANES;
    const float by = CACHE ? scale_of(a.cache, 1) : 1.0f;
    const span s = span_of(parts_of(a, blockIdx.z), blockIdx.z, blockIdx.x);
    if (s.from >= s.to && blockIdx.x > 0)
        return;
    if ((int)threadIdx.x < HEADS)
        state.most[threadIdx.x] = -INFINITY, state.sums[threadIdx.x] = 0;
    float c[TILES][C] = {};
    for (int first = s.from; first < s.to; first += PART) {
        const int left = s.to - first, n = left < PART ? (left + STEP - 1) / STEP * STEP : PART;
        some<SHUFFLED ? TILES : ROW_PIECES<CACHE, D>> values; /* asked for while scores are made */
        if constexpr (SHUFFLED)
            values = fetch_pieces<CACHE, D, TILES>(a, s, kv, first);
        else
            values = fetch_rows<CACHE, D>(a, s, kv, first);
        __syncthreads();
        score<T, CACHE, D, ODD>(a, s, kv, first, n, scores);
        __syncthreads();
        weigh<T, ODD>(a, s, kv, first, n, scores, weights, &state);
        __syncthreads();
#pragma unroll
        for (int i = 0; i < TILES; i++)
#pragma unroll
            for (int e = 0; e < C; e++)
                c[i][e] *= state.by[row_c(lane, e)];
        if constexpr (SHUFFLED)
            add_shuffled<T, CACHE, D, TILES>(a, s, kv, first, n, weights, values, c);
        else
            add_rows<T, CACHE, D, TILES>(a, s, kv, first, n, weights, (T(*)[D + PAD])scores, values, c);
    }
    const bool some = s.from < s.to;
#pragma unroll
    for (int i = 0; i < TILES; i++)
#pragma unroll
        for (int e = 0; e < C; e++) {
            const int h = row_c(lane, e), d = (wave * TILES + i) * N + column_c(lane, e), head = kv * group + h;
            if (h >= group)
                continue;
            const float v = c[i][e] * by;
            if (a.partitions > 1)
                part_at(a, s.row, head, blockIdx.x, D)[d] = v;
            else
                ((T *)a.out)[((int64_t)s.row * a.heads + head) * D + d].bits =
                    (uint16_t)pack(T(), some ? v / (state.sums[h] + sink_beside(a.sinks ? &a.sinks[head] : NULL, state.most[h])) : 0, 0);
        }
    if (a.partitions > 1 && (int)threadIdx.x < group) {
        float *end = part_at(a, s.row, kv * group + threadIdx.x, blockIdx.x, D) + D;
        end[0] = state.most[threadIdx.x], end[1] = state.sums[threadIdx.x];
    }
}

template <typename T, int D> __global__ void __launch_bounds__(JOINERS) join(gpu_attention a)
{
    const int row = blockIdx.x / a.heads, head = blockIdx.x % a.heads, at = blockIdx.y * 64;
    join_parts<T, D>(part_at(a, row, head, 0, D), count_parts(parts_of(a, row)), a.sinks ? &a.sinks[head] : NULL, at,
                     (T *)a.out + (int64_t)blockIdx.x * D + at);
}

/* ----------------------------------------------------------------- launches -- */

template <typename T, int CACHE, int D, bool SHUFFLED> static void attend_of(const gpu_attention *a, hipStream_t s)
{
    const dim3 grid(a->partitions, a->n_kv, a->rows);
    if (a->soft_cap > 0 || a->token_scales[0])
        LAUNCH((attend<T, CACHE, D, SHUFFLED, true>), grid, THREADS, s, *a);
    else
        LAUNCH((attend<T, CACHE, D, SHUFFLED, false>), grid, THREADS, s, *a);
}

template <typename T, int CACHE, int D> static void attention_of(const gpu_attention *a, hipStream_t s)
{
    a->cache.shuffled ? attend_of<T, CACHE, D, true>(a, s) : attend_of<T, CACHE, D, false>(a, s);
    if (a->partitions > 1)
        LAUNCH((join<T, D>), dim3(a->rows * a->heads, D / 64), JOINERS, s, *a);
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

static const char *check_attention(const gpu_attention *a)
{
    const int x = a->cache.fp8 ? 16 : 8;
    if (a->dim != 64 && a->dim != 128)
        return "heads must be of 64 or 128";
    if (a->n_kv < 1 || a->heads % a->n_kv || a->heads / a->n_kv > HEADS)
        return "up to 16 heads of queries read one of keys";
    if (a->cache.block_size < 1 || (a->cache.shuffled && a->cache.block_size % x))
        return "blocks do not divide into the pieces of the shuffled layout";
    if (!a->token_scales[0] != !a->token_scales[1] || (a->token_scales[0] && !a->cache.fp8))
        return "scales for each token are those of keys and of values in FP8";
    for (int which = 0; which < 2; which++)
        for (int i = 0; i < (a->cache.shuffled ? 1 : 3); i++)
            if (a->cache.strides[which][i] % x)
                return "the strides of the cache must be multiples of 16 bytes";
    return NULL;
}

const char *gpu_decode_attention(const gpu_attention *a, void *stream)
{
    gpu_attention b = *a;
    const int units = compute_units();
    const char *bad = units ? check_attention(a) : "the device does not answer";
    b.cache = ready(a->cache);
    b.partitions = parts_for((int64_t)a->rows * a->n_kv, units * BLOCKS_A_UNIT, (int64_t)a->table_width * a->cache.block_size,
                             a->work_bytes / ((int64_t)a->rows * a->heads * (a->dim + 2) * 4 + 1));
    if (a->rows && !bad)
        a->dtype == GPU_BF16 ? attention_cache<bf16>(&b, (hipStream_t)stream) : attention_cache<f16>(&b, (hipStream_t)stream);
    return bad ? bad : gpu_launched();
}
