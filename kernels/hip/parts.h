/* What kernels of attention share: sequences in parts, softmax as it goes, parts joined. */
#ifndef SLD_HIP_PARTS_H
#define SLD_HIP_PARTS_H

#include "gpu.h"

enum { STEP = 64, JOINERS = 128 };

/* Tokens [live, end) of a sequence in parts of `each` from `begin` on; parts are alike, and begin where pieces of the
 * shuffled layout do. */
struct parts { int live, begin, end, each; };
DEVICE parts parts_between(int live, int end, int partitions)
{
    const int begin = live / STEP * STEP;
    return parts{live, begin, end, ((end - begin + partitions - 1) / partitions + STEP - 1) / STEP * STEP};
}
DEVICE int count_parts(const parts &p) { return p.end > p.begin ? (p.end - p.begin + p.each - 1) / p.each : 0; }

/* What a block attends to: tokens [from, to); below `live` there is none. */
struct span { int row, live, from, to; };
DEVICE span span_of(const parts &p, int row, int part)
{
    const int from = p.begin + part * p.each, to = from + p.each;
    return span{row, p.live, from < p.end ? from : p.end, to < p.end ? to : p.end};
}

/* Enough parts for so many blocks at once when `alone` blocks take a whole sequence each: at most `room`, none smaller than
 * STEP of `longest` tokens. */
static inline int parts_for(int64_t alone, int64_t blocks, int64_t longest, int64_t room)
{
    int64_t n = alone > 0 ? blocks / alone : 1;
    n = n < room ? n : room;
    n = n < (longest + STEP - 1) / STEP ? n : (longest + STEP - 1) / STEP;
    return n < 1 ? 1 : (int)n;
}

/* Of each head: the largest score so far, the sum of weights, and by what the last tile makes those before it smaller. */
struct softmax { float most[16], sums[16], by[16]; };

/* What scores are taken relative to: those of -inf have no say, also where all so far are. */
DEVICE float base_of(float most) { return most == -INFINITY ? 0.0f : most; }

/* The weight of a logit that has no value. */
DEVICE float sink_beside(const float *sink, float most) { return sink ? expf(*sink - most) : 0.0f; }

struct alignas(8) two { float x, y; };

/* 64 dims from `at` on of one head, to out. from: of each part D sums of values, the largest score and the sum of weights.
 * JOINERS threads, whose warps take parts in turn. */
template <typename T, int D> DEVICE void join_parts(const float *from, int n, const float *sink, int at, T *out)
{
    enum { WARPS = JOINERS / 32, EARLY = 16 };
    __shared__ float scratch[2][32], weights[JOINERS], sums[WARPS][64];
    const int id = threadIdx.x, lane = id % 32;
    float most = -INFINITY, sum = 0, v[2] = {0, 0};
    two early[EARLY]; /* asked for before the weights are known */
#pragma unroll
    for (int j = 0; j < EARLY; j++)
        if (id / 32 + j * WARPS < n)
            early[j] = *(const two *)&from[(id / 32 + j * WARPS) * (D + 2) + at + 2 * lane];
    for (int i = id; i < n; i += JOINERS)
        most = fmaxf(most, from[i * (D + 2) + D]);
    most = max_block(most, scratch[0]);
    const float base = base_of(most);
    for (int first = 0; first < n; first += JOINERS) {
        const int own = first + id, end = n - first < JOINERS ? n - first : JOINERS;
        __syncthreads();
        weights[id] = own < n ? expf(from[own * (D + 2) + D] - base) : 0;
        sum += own < n ? weights[id] * from[own * (D + 2) + D + 1] : 0;
        __syncthreads();
#pragma unroll
        for (int j = 0; j < 32; j++) {
            const int i = id / 32 + j * WARPS;
            if (i < end) {
                const two x = first == 0 && j < EARLY ? early[j % EARLY]
                                                      : *(const two *)&from[(first + i) * (D + 2) + at + 2 * lane];
                v[0] += weights[i] * x.x, v[1] += weights[i] * x.y;
            }
        }
    }
    sums[id / 32][2 * lane] = v[0], sums[id / 32][2 * lane + 1] = v[1];
    sum = sum_block(sum, scratch[1]) + sink_beside(sink, most);
    __syncthreads();
    const float inverse = n > 0 ? 1.0f / sum : 0;
    if (id < 32) {
#pragma unroll
        for (int w = 1; w < WARPS; w++)
            v[0] += sums[w][2 * lane], v[1] += sums[w][2 * lane + 1];
        ((uint32_t *)out)[lane] = pack(T(), v[0] * inverse, v[1] * inverse);
    }
}

#endif
