/* QK-norm, rotary embedding and the write to a paged KV cache, each alone or all at once. */
#include "gpu.h"

/* ------------------------------------------------------------------ cache -- */

/* Choices between two places here and below: an index that is known late would put the arguments into memory. */
DEVICE int64_t stride_of(const gpu_paged &c, int which, int i) { return which ? c.strides[1][i] : c.strides[0][i]; }

/* Where the heads of a slot begin, in a cache that is not shuffled. USUAL: its blocks are a power of two. */
template <bool USUAL> DEVICE int64_t slot_at(const gpu_paged &c, int which, int64_t slot)
{
    const int64_t block = USUAL || c.shift >= 0 ? slot >> c.shift : slot / c.block_size;
    return block * stride_of(c, which, 0) + (slot - block * c.block_size) * stride_of(c, which, 1);
}

/* Where eight elements of a head of `dim` go, the first of them d: their index, and how far they stand apart. */
DEVICE int64_t cache_at(const gpu_paged &c, int which, int64_t slot, int head, int dim, int d, int *apart)
{
    *apart = 1;
    if (!c.shuffled)
        return slot_at<false>(c, which, slot) + head * stride_of(c, which, 2) + d;
    const int64_t block = c.shift >= 0 ? slot >> c.shift : slot / c.block_size;
    const int off = (int)(slot - block * c.block_size), x = c.fp8 ? 16 : 8; /* elements of 16 bytes */
    const int64_t base = block * stride_of(c, which, 0) + (int64_t)head * dim * c.block_size;
    if (which == 0)
        return base + ((int64_t)(d / x) * c.block_size + off) * x + d % x;
    *apart = x;
    return base + (int64_t)(off / x) * dim * x + (int64_t)d * x + off % x;
}

template <fp8 F> DEVICE two_words narrow_scaled(const float *v, float scale)
{
    const float inverse = 1.0f / scale;
    float q[8];
#pragma unroll
    for (int k = 0; k < 8; k++)
        q[k] = quotient(v[k], scale, inverse);
    return two_words{{fp8_pack<F>(q[0], q[1], q[2], q[3]), fp8_pack<F>(q[4], q[5], q[6], q[7])}};
}

/* Eight elements: as they are in raw, and as floats. */
DEVICE void to_cache(const gpu_paged &c, int which, int64_t slot, int head, int dim, int d, words raw, const float *v)
{
    void *const data = which ? c.data[1] : c.data[0];
    const float *const on_device = which ? c.scale[1] : c.scale[0];
    const float fixed = which ? c.fixed[1] : c.fixed[0];
    int apart;
    const int64_t at = cache_at(c, which, slot, head, dim, d, &apart);
    if (!c.fp8 && apart == 1) {
        store((uint16_t *)data + at, raw);
    } else if (!c.fp8) {
#pragma unroll
        for (int k = 0; k < 8; k++)
            ((uint16_t *)data)[at + k * apart] = (uint16_t)(raw.w[k / 2] >> k % 2 * 16);
    } else {
        const float scale = fixed * (on_device ? *on_device : 1.0f);
        const two_words q = c.fp8 == 1 + E4M3FN ? narrow_scaled<E4M3FN>(v, scale) : narrow_scaled<E4M3FNUZ>(v, scale);
        if (apart == 1)
            store((uint8_t *)data + at, q);
        else
#pragma unroll
            for (int k = 0; k < 8; k++)
                ((uint8_t *)data)[at + k * apart] = (uint8_t)(q.w[k / 4] >> k % 4 * 8);
    }
}

/* The slot of a token, negative where nothing is written. */
DEVICE int64_t slot_of(const gpu_paged &c, int64_t token)
{
    const int64_t slot = c.data[0] && token < c.n_slots ? c.slots[token] : -1;
    return slot < c.blocks * c.block_size ? slot : -1;
}

/* NULL, or what 16-byte accesses forbid. */
static const char *check_cache(const gpu_paged *c, int dim)
{
    const int x = c->fp8 ? 16 : 8;
    if (!c->data[0])
        return NULL;
    if (c->shuffled && (c->block_size % x || dim % x))
        return "blocks or heads do not divide into the pieces of the shuffled layout";
    for (int which = 0; which < 2; which++)
        for (int i = 0; i < (c->shuffled ? 1 : 3); i++)
            if (c->strides[which][i] % 8)
                return "the strides of the cache must be multiples of 8 elements";
    return NULL;
}

/* --------------------------------------------------------- heads of a row -- */

/* A lane's part of a row of the rotation's table [cos | sin]. neox: lanes hold pairs i and i + R / 2, and eight elements;
 * otherwise pairs 2 i and 2 i + 1 stand in one lane, which has four, for each pair. */
template <typename T> DEVICE void load_turn(const T *row, int lane, int rotated, bool neox, words *c, words *s)
{
    const int at = neox ? lane % (rotated / 16) * 8 : lane * 8 < rotated ? lane * 4 : 0;
    if (neox) {
        *c = load(row + at), *s = load(row + rotated / 2 + at);
    } else {
        const two_words a = *(const two_words *)(row + at), b = *(const two_words *)(row + rotated / 2 + at);
        c->w[0] = a.w[0], c->w[1] = a.w[1], s->w[0] = b.w[0], s->w[1] = b.w[1];
    }
}

/* As eight floats; what is subtracted has a negative sine. */
template <typename T> DEVICE void widen_turn(words cosines, words sines, int lane, int rotated, bool neox, float *c, float *s)
{
    if (neox)
        widen<T>(cosines, c), widen<T>(sines, s);
#pragma unroll
    for (int k = 0; k < 8; k++) {
        if (!neox)
            c[k] = half_of<T>(cosines.w[k / 4], k / 2 % 2), s[k] = half_of<T>(sines.w[k / 4], k / 2 % 2);
        if (neox ? lane * 8 < rotated / 2 : k % 2 == 0)
            s[k] = -s[k];
    }
}

/* Every lane calls it: those behind the rotated dims keep what they have. */
DEVICE void turn(float *v, const float *c, const float *s, int lane, int rotated, bool neox)
{
    float other[8];
#pragma unroll
    for (int k = 0; k < 8; k++) {
        if (neox)
            other[k] = FROM_LANE(v[k], rotated / 16);
        else
            other[k] = v[k ^ 1];
    }
#pragma unroll
    for (int k = 0; k < 8; k++)
        if (lane * 8 < rotated)
            v[k] = v[k] * c[k] + other[k] * s[k];
}

template <typename T> constexpr int BLOCKS = 8; /* of several heads a lane, at once on a unit, without a spill */
template <> constexpr int BLOCKS<f16> = 7;

/* USUAL: a cache not shuffled, not FP8, its blocks a power of two; whole heads turn, in halves. Heads of LANES * 8, eight
 * elements a lane; HEADS of one token a lane. The norm is rounded, then the rotation. What all heads share is done once: at
 * many tokens the units have as much to do as the memory. */
template <typename T, int LANES, int HEADS, bool USUAL>
__global__ void BOUNDS(128, !USUAL ? 5 : HEADS > 1 ? BLOCKS<T> : 10) qkv_heads(gpu_qkv a)
{
    const int dim = LANES * 8, rotated = USUAL ? dim : a.rotated, all = a.n_q + 2 * a.n_kv, lane = threadIdx.x % LANES;
    const int first = (blockIdx.y * blockDim.x + threadIdx.x) / LANES * HEADS;
    const int64_t token = blockIdx.x;
    const bool once = HEADS > 1 || a.tokens >= 64; /* measured: faster from there on, at all sizes */
    const T *row = (const T *)a.qkv + (token * all + first) * dim + lane * 8;
    words raw[HEADS] = {};
#pragma unroll
    for (int h = 0; h < HEADS; h++)
        if (first + h < all)
            raw[h] = load(row + h * dim, once);
    /* What does not wait for another load comes first. */
    const int64_t position = a.table ? a.positions[token] : 0, slot = slot_of(a.cache, token);
    words wq = {}, wk = {}, cosines = {}, sines = {};
    if (a.wq)
        wq = load((const T *)a.wq + lane * 8), wk = load((const T *)a.wk + lane * 8);
    if (a.table) {
        const int64_t at = position < 0 ? 0 : position < a.length ? position : a.length - 1;
        load_turn<T>((const T *)a.table + at * rotated, lane, rotated, USUAL || a.neox, &cosines, &sines);
    }
    const bool kept = USUAL && slot >= 0;
    const int64_t key = kept ? slot_at<true>(a.cache, 0, slot) : 0, value = kept ? slot_at<true>(a.cache, 1, slot) : 0;
    float c[8], s[8], w[8];
    widen_turn<T>(cosines, sines, lane, rotated, USUAL || a.neox, c, s);
#pragma unroll
    for (int h = 0; h < HEADS; h++) {
        const int head = first + h;
        const bool is_q = head < a.n_q, is_k = !is_q && head < a.n_q + a.n_kv;
        float v[8], square = 0;
        widen<T>(raw[h], v);
        if (a.wq) {
            if (h == 0 || head == a.n_q) {
                widen<T>(is_q ? wq : wk, w);
#pragma unroll
                for (int k = 0; k < 8; k++)
                    w[k] += a.offset;
            }
#pragma unroll
            for (int k = 0; k < 8; k++)
                square += v[k] * v[k];
            const float r = rsqrtf(sum_lanes<LANES>(square) / dim + (is_q ? a.eps : a.eps_k));
#pragma unroll
            for (int k = 0; k < 8; k++)
                v[k] = v[k] * r * w[k];
            widen<T>(narrow<T>(v), v);
        }
        if (a.table)
            turn(v, c, s, lane, rotated, USUAL || a.neox);
        words out = raw[h];
        if (is_q || is_k)
            out = narrow<T>(v);
        const int at = head - (is_q ? 0 : is_k ? a.n_q : a.n_q + a.n_kv);
        T *to = (T *)(is_q ? a.q : is_k ? a.k : a.v);
        if (head < all && to)
            store(to + (token * (is_q ? a.n_q : a.n_kv) + at) * dim + lane * 8, out);
        if (head >= all || is_q || slot < 0)
            continue;
        if (USUAL) {
            uint16_t *const kept_in = (uint16_t *)(is_k ? a.cache.data[0] : a.cache.data[1]) + (is_k ? key : value);
            store(kept_in + at * stride_of(a.cache, !is_k, 2) + lane * 8, out);
        } else {
            float exact[8];
            widen<T>(out, exact);
            to_cache(a.cache, !is_k, slot, at, dim, lane * 8, out, exact);
        }
    }
}

template <typename T, int LANES, bool USUAL> static void qkv_of(const gpu_qkv *a, hipStream_t s)
{
    const int heads = a->tokens >= 512 ? 5 : 1, lanes = (a->n_q + 2 * a->n_kv + heads - 1) / heads * LANES, threads = 128;
    const dim3 blocks(a->tokens, (lanes + threads - 1) / threads);
    if (heads == 5)
        LAUNCH((qkv_heads<T, LANES, 5, USUAL>), blocks, threads, s, *a);
    else
        LAUNCH((qkv_heads<T, LANES, 1, USUAL>), blocks, threads, s, *a);
}

template <typename T> static void qkv_with(const gpu_qkv *a, hipStream_t s)
{
    const gpu_paged *c = &a->cache;
    const bool usual = a->neox && (a->rotated == a->dim || !a->table) && !c->shuffled && !c->fp8 && (c->shift >= 0 || !c->data[0]);
    if (usual)
        a->dim == 64 ? qkv_of<T, 8, true>(a, s) : a->dim == 128 ? qkv_of<T, 16, true>(a, s) : qkv_of<T, 32, true>(a, s);
    else
        a->dim == 64 ? qkv_of<T, 8, false>(a, s) : a->dim == 128 ? qkv_of<T, 16, false>(a, s) : qkv_of<T, 32, false>(a, s);
}

const char *gpu_qk_norm_rope_cache(const gpu_qkv *a, void *stream)
{
    gpu_qkv b = *a;
    const char *bad = check_cache(&a->cache, a->dim);
    if (!a->wq != !a->wk)
        return "norms of q and k go together";
    if (a->dim != 64 && a->dim != 128 && a->dim != 256)
        return "heads must be of 64, 128 or 256";
    if (a->table && (a->rotated > a->dim || a->rotated < 16 || shift_of(a->rotated) < 0))
        return "the rotated dims must be a power of two from 16 to the head's";
    b.cache = ready(a->cache);
    if (a->tokens && !bad)
        a->dtype == GPU_BF16 ? qkv_with<bf16>(&b, (hipStream_t)stream) : qkv_with<f16>(&b, (hipStream_t)stream);
    return bad ? bad : gpu_launched();
}

/* ------------------------------------------------------------ cache alone -- */

/* Eight elements of keys or values a thread. */
template <typename T> __global__ void cache_rows(gpu_cache a)
{
    const int vectors = a.heads * a.dim / 8, part = blockIdx.y * blockDim.x + threadIdx.x, which = part >= vectors;
    const int at = part % vectors * 8;
    const int64_t token = blockIdx.x, slot = slot_of(a.cache, token);
    if (part >= 2 * vectors || slot < 0)
        return;
    const words x = load((const T *)(which ? a.v : a.k) + token * (which ? a.v_stride : vectors * 8) + at);
    float v[8];
    widen<T>(x, v);
    to_cache(a.cache, which, slot, at / a.dim, a.dim, at % a.dim, x, v);
}

const char *gpu_cache_write(const gpu_cache *a, void *stream)
{
    const int threads = 128;
    const dim3 blocks(a->tokens, (a->heads * a->dim / 4 + threads - 1) / threads);
    gpu_cache b = *a;
    const char *bad = check_cache(&a->cache, a->dim);
    if (a->dim % 8 || a->v_stride % 8)
        return "widths must be multiples of 8";
    b.cache = ready(a->cache);
    if (a->tokens && !bad && a->dtype == GPU_BF16)
        LAUNCH((cache_rows<bf16>), blocks, threads, (hipStream_t)stream, b);
    else if (a->tokens && !bad)
        LAUNCH((cache_rows<f16>), blocks, threads, (hipStream_t)stream, b);
    return bad ? bad : gpu_launched();
}
