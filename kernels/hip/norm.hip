/* RMSNorm of rows: alone, with a residual added before, quantised to FP8 after; gated, with a group of FP8 scales. */
#include "gpu.h"
#include "launch.h"

/* Contract RN-C: R(x rsqrt(mean(x^2) + eps) w) with one rounding; with a residual, ARN-C: z = R(x + res) is stored and
 * normalised. TWICE: RN-IR, the normalised row is rounded before the product with w. */
enum quant { NONE, STATIC, TOKEN, GROUP };

template <typename T, int VECS, bool RES, quant Q, fp8 F, bool TWICE>
__global__ void __launch_bounds__(1024) norm_rows(const T *x, const T *res, const T *w, float eps, float offset,
                                                  const float *scale, T *sum, void *y, T *norm, float *scales,
                                                  gpu_range range, int width, bool once)
{
    __shared__ float scratch[2][32];
    const size_t row = (size_t)blockIdx.x * width;
    float v[VECS][8], square = 0, top = 0;
    const bool early = VECS < 4; /* weights come with the row where there are registers for them */
    words beside[VECS] = {}, in[VECS] = {}, weights[VECS] = {};
    const float fixed = Q == STATIC ? *scale : 1.0f;
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        const int at = (i * blockDim.x + threadIdx.x) * 8;
        if (at < width) {
            in[i] = load(x + row + at, once);
            if (RES)
                beside[i] = load(res + row + at, once);
            if (early)
                weights[i] = load(w + at);
        }
    }
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        const int at = (i * blockDim.x + threadIdx.x) * 8;
        const words z = RES ? add<T>(in[i], beside[i]) : in[i];
        if (RES && at < width && sum)
            store(sum + row + at, z);
        widen<T>(z, v[i]);
#pragma unroll
        for (int k = 0; k < 8; k++)
            square += v[i][k] * v[i][k];
    }
    const float r = rsqrtf(sum_block(square, scratch[0]) / width + eps);
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        const int at = (i * blockDim.x + threadIdx.x) * 8;
        if (!early && at < width)
            weights[i] = load(w + at);
#pragma unroll
        for (int k = 0; k < 8; k++)
            v[i][k] *= r;
        if (TWICE && offset == 0) {
            in[i] = multiply<T>(narrow<T>(v[i]), weights[i]);
        } else {
            float weight[8];
            widen<T>(weights[i], weight);
#pragma unroll
            for (int k = 0; k < 8; k++)
                v[i][k] = (TWICE ? rounded<T>(v[i][k]) : v[i][k]) * (weight[k] + offset);
            in[i] = narrow<T>(v[i]);
        }
        widen<T>(in[i], v[i]);
        top = fmaxf(top, top_of(v[i]));
    }
    float inverse = 1.0f / fixed;
    if (Q == TOKEN) {
        const float s = fmaxf(max_block(top, scratch[1]), range.floor) / range.limit;
        inverse = 1.0f / s;
        if (threadIdx.x == 0)
            scales[blockIdx.x] = s;
    }
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        const int at = (i * blockDim.x + threadIdx.x) * 8;
        if (Q != NONE) {
            if (norm && at < width)
                store(norm + row + at, narrow<T>(v[i]));
            if (Q == GROUP) {
                const float s = group_scale(top_of(v[i]), range);
                inverse = 1.0f / s;
                if (threadIdx.x % 16 == 0 && at < width)
                    scales[(row + at) / 128] = s;
            }
#pragma unroll
            for (int k = 0; k < 8; k++)
                v[i][k] = within<F>(v[i][k] * inverse, range.limit);
            store_fp8<F>(y, row + at, v[i], at < width);
        } else if (at < width) {
            store((T *)y + row + at, in[i]);
        }
    }
}

template <typename T, bool RES, quant Q, fp8 F> static void rows(const gpu_norm *a, hipStream_t s)
{
    const int vectors = a->width / 8;
    const int vecs = vectors > 2048 ? 4 : vectors > 1024 ? 2 : 1;
    const int threads = ((vectors + vecs - 1) / vecs + 31) / 32 * 32;
#define ROWS(V, W) LAUNCH((norm_rows<T, V, RES, Q, F, W>), a->rows, threads, s, (const T *)a->x, (const T *)a->res, \
                          (const T *)a->w, a->eps, a->offset, a->scale, (T *)a->sum, a->y, (T *)a->norm, a->scales, \
                          ready(a->range), a->width, read_once(2LL * a->rows * a->width))
    if (a->twice)
        vecs == 4 ? ROWS(4, true) : vecs == 2 ? ROWS(2, true) : ROWS(1, true);
    else
        vecs == 4 ? ROWS(4, false) : vecs == 2 ? ROWS(2, false) : ROWS(1, false);
#undef ROWS
}

template <typename T, fp8 F> static void norm_of(const gpu_norm *a, hipStream_t s)
{
    if (a->quant == GPU_NONE)
        a->res ? rows<T, true, NONE, F>(a, s) : rows<T, false, NONE, F>(a, s);
    else if (a->quant == GPU_STATIC)
        a->res ? rows<T, true, STATIC, F>(a, s) : rows<T, false, STATIC, F>(a, s);
    else if (a->quant == GPU_TOKEN)
        a->res ? rows<T, true, TOKEN, F>(a, s) : rows<T, false, TOKEN, F>(a, s);
    else
        a->res ? rows<T, true, GROUP, F>(a, s) : rows<T, false, GROUP, F>(a, s);
}

const char *gpu_rms_norm(const gpu_norm *a, void *stream)
{
    hipStream_t s = (hipStream_t)stream;
    if (a->width % 16 || a->width > 32768 || a->rows < 0)
        return "the width must be a multiple of 16, at most 32768";
    if (a->quant == GPU_GROUP && a->width % 128)
        return "the width must be a multiple of the group";
    if (a->rows && a->dtype == GPU_BF16)
        a->fp8 == GPU_E4M3FN ? norm_of<bf16, E4M3FN>(a, s) : norm_of<bf16, E4M3FNUZ>(a, s);
    else if (a->rows)
        a->fp8 == GPU_E4M3FN ? norm_of<f16, E4M3FN>(a, s) : norm_of<f16, E4M3FNUZ>(a, s);
    return gpu_launched();
}

/* ------------------------------------------------------- gated, by heads -- */

/* Heads of 128: y = R(x rsqrt(mean(x^2) + eps) w silu(z)), each head a group of the quantiser. Sixteen lanes a head. */
template <typename T, bool QUANT, fp8 F>
__global__ void gated_heads(const T *x, const T *z, const T *w, float eps, void *y, T *norm, float *scales,
                            gpu_range range, int heads, bool once)
{
    const int head = (blockIdx.x * blockDim.x + threadIdx.x) / 16, lane = threadIdx.x % 16;
    const bool live = head < heads; /* all lanes take part in sums */
    const size_t at = (size_t)(live ? head : 0) * 128 + lane * 8;
    float v[8], gate[8], weight[8], square = 0;
    const words a = load(x + at, once), b = load(z + at, once), c = load(w + lane * 8);
    widen<T>(a, v), widen<T>(b, gate), widen<T>(c, weight);
#pragma unroll
    for (int k = 0; k < 8; k++) {
        square += v[k] * v[k];
        weight[k] *= silu(gate[k]);
    }
    const float r = rsqrtf(sum_lanes<16>(square) / 128 + eps);
#pragma unroll
    for (int k = 0; k < 8; k++)
        v[k] = v[k] * r * weight[k];
    const words normed = narrow<T>(v);
    if (QUANT) {
        widen<T>(normed, v);
        const float s = group_scale(top_of(v), range), inverse = about_inverse(s);
        if (live && norm)
            store(norm + at, normed);
        if (live && lane == 0)
            scales[head] = s;
#pragma unroll
        for (int k = 0; k < 8; k++)
            v[k] = within<F>(quotient(v[k], s, inverse), range.limit);
        store_fp8<F>(y, at, v, live);
    } else if (live) {
        store((T *)y + at, normed);
    }
}

template <typename T, fp8 F> static void gated_of(const gpu_gated *a, hipStream_t s)
{
    const int threads = 128, blocks = (a->heads * 16 + threads - 1) / threads;
    if (a->quant)
        LAUNCH((gated_heads<T, true, F>), blocks, threads, s, (const T *)a->x, (const T *)a->z, (const T *)a->w, a->eps,
               a->y, (T *)a->norm, a->scales, ready(a->range), a->heads, read_once(256LL * a->heads));
    else
        LAUNCH((gated_heads<T, false, F>), blocks, threads, s, (const T *)a->x, (const T *)a->z, (const T *)a->w, a->eps,
               a->y, (T *)a->norm, a->scales, ready(a->range), a->heads, read_once(256LL * a->heads));
}

const char *gpu_gated_norm(const gpu_gated *a, void *stream)
{
    hipStream_t s = (hipStream_t)stream;
    if (a->heads && a->dtype == GPU_BF16)
        a->fp8 == GPU_E4M3FN ? gated_of<bf16, E4M3FN>(a, s) : gated_of<bf16, E4M3FNUZ>(a, s);
    else if (a->heads)
        a->fp8 == GPU_E4M3FN ? gated_of<f16, E4M3FN>(a, s) : gated_of<f16, E4M3FNUZ>(a, s);
    return gpu_launched();
}

/* ------------------------------------------------- two norms of one row -- */

/* The first `a` elements of a row and the next `c`, each with a norm of its own; the rest is copied. */
template <typename T> __global__ void __launch_bounds__(1024) norm_twice(gpu_dual_norm d)
{
    __shared__ float scratch[2][32];
    const int64_t row = blockIdx.x;
    const int at = threadIdx.x * 8, width = d.a + d.c + d.rest, which = at >= d.a + d.c ? 2 : at >= d.a;
    float v[8] = {}, w[8] = {}, square = 0;
    words x = {{0, 0, 0, 0}};
    if (at < width) {
        x = load((const T *)d.x + row * width + at);
        if (which < 2)
            widen<T>(which ? load((const T *)d.w[1] + at - d.a) : load((const T *)d.w[0] + at), w);
    }
    widen<T>(x, v);
#pragma unroll
    for (int k = 0; k < 8; k++)
        square += v[k] * v[k];
    const float sums[2] = {sum_block(which == 0 ? square : 0, scratch[0]), sum_block(which == 1 ? square : 0, scratch[1])};
    const float r = which ? rsqrtf(sums[1] / d.c + d.eps[1]) : rsqrtf(sums[0] / d.a + d.eps[0]);
#pragma unroll
    for (int k = 0; k < 8; k++)
        v[k] *= r * w[k];
    if (at < d.a)
        store((T *)d.y[0] + row * d.a + at, narrow<T>(v));
    else if (at < d.a + d.c)
        store((T *)d.y[1] + row * d.c + at - d.a, narrow<T>(v));
    else if (at < width)
        store((T *)d.y[2] + row * d.rest + at - d.a - d.c, x);
}

const char *gpu_norm_twice(const gpu_dual_norm *d, void *stream)
{
    const int width = d->a + d->c + d->rest, threads = (width / 8 + 31) / 32 * 32;
    if (d->a % 8 || d->c % 8 || d->rest % 8 || width > 8192)
        return "parts of a row must be multiples of 8, at most 8192 in all";
    if (d->rows && d->dtype == GPU_BF16)
        LAUNCH((norm_twice<bf16>), d->rows, threads, (hipStream_t)stream, *d);
    else if (d->rows)
        LAUNCH((norm_twice<f16>), d->rows, threads, (hipStream_t)stream, *d);
    return gpu_launched();
}
