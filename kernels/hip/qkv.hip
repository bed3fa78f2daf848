/* QK-norm, rotary embedding and the write to the KV cache, each alone or all at once. */
#include "gpu.h"
#include "launch.h"

/* Heads of 128, sixteen lanes each with eight elements; HEADS of one token a lane. Rotation pairs element i with i + 64
 * (neox): lane l with lane l + 8. Norm RN-C, rotation in f32 with one rounding: the contract of the fused kernel. */
template <typename T, int HEADS> __global__ void __launch_bounds__(128) qkv_heads(gpu_qkv a)
{
    const int all = a.n_q + 2 * a.n_kv, lane = threadIdx.x % 16;
    const int first = (blockIdx.y * blockDim.x + threadIdx.x) / 16 * HEADS;
    const int64_t token = blockIdx.x;
    words raw[HEADS] = {};
#pragma unroll
    for (int h = 0; h < HEADS; h++)
        if (first + h < all)
            raw[h] = load((const T *)a.qkv + (token * all + first + h) * 128 + lane * 8);
    words turn[2] = {}, wq = {}, wk = {};
    if (a.table) {
        const T *row = (const T *)a.table + a.positions[token] * 128 + lane % 8 * 8;
        turn[0] = load(row), turn[1] = load(row + 64);
    }
    const int64_t slot = a.slots ? a.slots[token] : token;
    if (a.wq)
        wq = load((const T *)a.wq + lane * 8), wk = load((const T *)a.wk + lane * 8);
    float c[8], s[8];
    widen<T>(turn[0], c), widen<T>(turn[1], s);
#pragma unroll
    for (int h = 0; h < HEADS; h++) {
        const int head = first + h;
        const bool is_q = head < a.n_q, is_k = !is_q && head < a.n_q + a.n_kv;
        float v[8], w[8], square = 0;
        widen<T>(raw[h], v);
        if (a.wq) {
#pragma unroll
            for (int k = 0; k < 8; k++)
                square += v[k] * v[k];
            const float r = rsqrtf(sum_lanes<16>(square) / 128 + a.eps);
            widen<T>(is_q ? wq : wk, w);
#pragma unroll
            for (int k = 0; k < 8; k++)
                v[k] = rounded<T>(v[k] * r * w[k]);
        }
        if (a.table) {
#pragma unroll
            for (int k = 0; k < 8; k++) {
                const float other = FROM_LANE(v[k], 8);
                v[k] = v[k] * c[k] + (lane < 8 ? -other : other) * s[k];
            }
        }
        const int64_t row = is_q ? token : slot;
        T *to = (T *)(is_q ? a.q : is_k ? a.k : a.v);
        const int before = is_q ? 0 : is_k ? a.n_q : a.n_q + a.n_kv;
        if (head < all && row >= 0 && to)
            store(to + (row * (is_q ? a.n_q : a.n_kv) + head - before) * 128 + lane * 8,
                  is_q || is_k ? narrow<T>(v) : raw[h]);
    }
}

template <typename T> static void qkv_of(const gpu_qkv *a, hipStream_t s)
{
    const int heads = a->tokens > 2048 ? 5 : 1, lanes = (a->n_q + 2 * a->n_kv + heads - 1) / heads * 16, threads = 128;
    const dim3 blocks(a->tokens, (lanes + threads - 1) / threads);
    if (heads == 5)
        LAUNCH((qkv_heads<T, 5>), blocks, threads, s, *a);
    else
        LAUNCH((qkv_heads<T, 1>), blocks, threads, s, *a);
}

const char *gpu_qk_norm_rope_cache(const gpu_qkv *a, void *stream)
{
    if (!a->wq != !a->wk)
        return "norms of q and k go together";
    if (a->tokens)
        a->dtype == GPU_BF16 ? qkv_of<bf16>(a, (hipStream_t)stream) : qkv_of<f16>(a, (hipStream_t)stream);
    return gpu_launched();
}

/* Rows of k and v to their slots; v_stride: elements from one token's v to the next. */
template <typename T> __global__ void cache_rows(gpu_cache a)
{
    const int vectors = a.width / 8, part = blockIdx.y * blockDim.x + threadIdx.x, at = part % vectors * 8;
    const int64_t token = blockIdx.x;
    if (part >= 2 * vectors || a.slots[token] < 0)
        return;
    if (part < vectors)
        store((T *)a.k_cache + a.slots[token] * a.width + at, load((const T *)a.k + token * a.width + at));
    else
        store((T *)a.v_cache + a.slots[token] * a.width + at, load((const T *)a.v + token * a.v_stride + at));
}

const char *gpu_cache_write(const gpu_cache *a, void *stream)
{
    const int threads = 128;
    const dim3 blocks(a->tokens, (a->width / 4 + threads - 1) / threads);
    if (a->width % 8 || a->v_stride % 8)
        return "widths must be multiples of 8";
    if (a->tokens && a->dtype == GPU_BF16)
        LAUNCH((cache_rows<bf16>), blocks, threads, (hipStream_t)stream, *a);
    else if (a->tokens)
        LAUNCH((cache_rows<f16>), blocks, threads, (hipStream_t)stream, *a);
    return gpu_launched();
}
