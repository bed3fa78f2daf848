/* What kernels share on the device: 16-bit and FP8 elements, 16-byte accesses, sums over lanes and blocks.  One source
 * builds with hipcc, with nvcc, and for the emulation on the CPU.  Lanes that work together are 8, 16 or 32 neighbours,
 * so that waves of 64 and warps of 32 do the same. */
#ifndef SLD_GPU_H
#define SLD_GPU_H

#include <stdint.h>

#include "launch.h"

#if defined(__CUDACC__)
#include "cuda_names.h"
#elif defined(__HIPCC__)
#include <hip/hip_runtime.h>
#else
#include "dtype.h"
#include "hipemu.h"
#endif

#define DEVICE static __device__ __forceinline__

/* Kernels of THREADS, so many blocks of which are to be at work on a compute unit at once; HIP counts that in waves, and
 * chooses well by itself. */
#if defined(__CUDACC__)
#define BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)
#else
#define BOUNDS(threads, blocks) __launch_bounds__(threads)
#endif

/* LAUNCH((kernel<...>), grid, threads, stream, arguments...) */
#if defined(__CUDACC__) || defined(__HIPCC__)
#define LAUNCH(kernel, grid, threads, stream, ...) (kernel)<<<(grid), (threads), 0, (stream)>>>(__VA_ARGS__)
#else
#define LAUNCH(kernel, grid, threads, stream, ...) hipemu_call((stream), (grid), (threads), kernel, __VA_ARGS__)
#endif

/* ---------------------------------------------------------------- elements -- */

struct bf16 { uint16_t bits; };
struct f16 { uint16_t bits; };

DEVICE float from_bits(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
DEVICE uint32_t to_bits(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }

DEVICE float to_float(bf16 x) { return from_bits((uint32_t)x.bits << 16); }

/* Two neighbours, rounded to nearest, ties to even; the first in the low half. */
#if defined(__CUDACC__)
DEVICE uint32_t pack(bf16, float a, float b)
{
    uint32_t r;
    asm("cvt.rn.bf16x2.f32 %0, %2, %1;" : "=r"(r) : "f"(a), "f"(b));
    return r;
}
DEVICE uint32_t pack(f16, float a, float b)
{
    uint32_t r;
    asm("cvt.rn.f16x2.f32 %0, %2, %1;" : "=r"(r) : "f"(a), "f"(b));
    return r;
}
DEVICE float to_float(f16 x)
{
    float r;
    asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(x.bits));
    return r;
}
#else
DEVICE uint16_t round_bf16(float f)
{
    uint32_t u = to_bits(f);
    return f != f ? 0x7fc0 : (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
DEVICE uint32_t pack(bf16, float a, float b) { return round_bf16(a) | (uint32_t)round_bf16(b) << 16; }
#if defined(__HIPCC__)
DEVICE uint16_t round_f16(float f) { _Float16 h = (_Float16)f; uint16_t u; memcpy(&u, &h, 2); return u; }
DEVICE float to_float(f16 x) { _Float16 h; memcpy(&h, &x.bits, 2); return (float)h; }
#else
DEVICE uint16_t round_f16(float f) { return sld_f32_to_f16(f); }
DEVICE float to_float(f16 x) { return sld_f16_to_f32(x.bits); }
#endif
DEVICE uint32_t pack(f16, float a, float b) { return round_f16(a) | (uint32_t)round_f16(b) << 16; }
#endif

template <typename T> DEVICE float half_of(uint32_t two, int which)
{
    T x;
    x.bits = (uint16_t)(which ? two >> 16 : two);
    return to_float(x);
}

/* A float rounded to T. */
template <typename T> DEVICE float rounded(float f) { return half_of<T>(pack(T(), f, 0), 0); }

/* Sums and products of pairs, rounded once. */
#if defined(__CUDA_ARCH__)
#define PAIRS(T, NAME, OP) \
    DEVICE uint32_t OP##_pairs(T, uint32_t a, uint32_t b) \
    { \
        uint32_t r; \
        asm(#OP ".rn." NAME " %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b)); \
        return r; \
    }
PAIRS(bf16, "bf16x2", add)
PAIRS(bf16, "bf16x2", mul)
PAIRS(f16, "f16x2", add)
PAIRS(f16, "f16x2", mul)
#else
template <typename T> DEVICE uint32_t add_pairs(T t, uint32_t a, uint32_t b)
{
    return pack(t, half_of<T>(a, 0) + half_of<T>(b, 0), half_of<T>(a, 1) + half_of<T>(b, 1));
}
template <typename T> DEVICE uint32_t mul_pairs(T t, uint32_t a, uint32_t b)
{
    return pack(t, half_of<T>(a, 0) * half_of<T>(b, 0), half_of<T>(a, 1) * half_of<T>(b, 1));
}
#endif

/* ------------------------------------------------------------------ FP8 -- */

enum fp8 { E4M3FN, E4M3FNUZ };

template <fp8 F> DEVICE float fp8_max() { return F == E4M3FN ? 448.0f : 240.0f; }

/* Nearest even, saturating; NaN stays NaN. In FNUZ the exponent's bias is 8 and there is no negative zero. */
template <fp8 F> DEVICE uint32_t fp8_bits(float f)
{
    const int bias = F == E4M3FN ? 7 : 8;
    if (f != f)
        return F == E4M3FN ? 0x7f : 0x80;
    uint32_t sign = to_bits(f) >> 31 << 7;
    float a = fabsf(f) < fp8_max<F>() ? fabsf(f) : fp8_max<F>();
    int e = (int)(to_bits(a) >> 23) - 127;
    e = e < 1 - bias ? 1 - bias : e;
    float step = from_bits((uint32_t)(e - 3 + 127) << 23); /* distance of neighbours */
    uint32_t n = (uint32_t)rintf(a / step);                /* exact: step is a power of two */
    uint32_t bits = n < 8 ? n : (n < 16 ? n - 8 : 0) | (uint32_t)(e + bias + (n == 16)) << 3;
    return bits || F == E4M3FN ? sign | bits : 0;
}

/* Four of them, the first in the lowest byte; what is too large becomes the largest. */
template <fp8 F> DEVICE uint32_t fp8_pack(float a, float b, float c, float d)
{
#if defined(__CUDA_ARCH__)
    if (F == E4M3FN) {
        uint16_t lo, hi;
        asm("cvt.rn.satfinite.e4m3x2.f32 %0, %2, %1;" : "=h"(lo) : "f"(a), "f"(b));
        asm("cvt.rn.satfinite.e4m3x2.f32 %0, %2, %1;" : "=h"(hi) : "f"(c), "f"(d));
        return lo | (uint32_t)hi << 16;
    }
#elif defined(__gfx940__) || defined(__gfx941__) || defined(__gfx942__)
    if (F == E4M3FNUZ) {
        const float m = fp8_max<F>();
        a = a > m ? m : a < -m ? -m : a, b = b > m ? m : b < -m ? -m : b;
        c = c > m ? m : c < -m ? -m : c, d = d > m ? m : d < -m ? -m : d;
        int r = __builtin_amdgcn_cvt_pk_fp8_f32(a, b, 0, false);
        return (uint32_t)__builtin_amdgcn_cvt_pk_fp8_f32(c, d, r, true);
    }
#endif
    return fp8_bits<F>(a) | fp8_bits<F>(b) << 8 | fp8_bits<F>(c) << 16 | fp8_bits<F>(d) << 24;
}

template <fp8 F> DEVICE float fp8_value(uint32_t b)
{
    const bool nan = F == E4M3FN ? (b & 0x7f) == 0x7f : b == 0x80;
    const float x = from_bits((b & 0x7f) << 20) * (F == E4M3FN ? 0x1p120f : 0x1p119f);
    return nan ? NAN : b & 0x80 ? -x : x;
}

/* Two as a pair of T, which holds them exactly. */
template <typename T, fp8 F> DEVICE uint32_t fp8_pair(uint32_t two)
{
#if defined(__CUDA_ARCH__)
    if (F == E4M3FN) {
        uint32_t halves;
        asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"((uint16_t)two));
        return pack(T(), half_of<f16>(halves, 0), half_of<f16>(halves, 1));
    }
#elif defined(__gfx940__) || defined(__gfx941__) || defined(__gfx942__)
    if (F == E4M3FNUZ) {
        const auto v = __builtin_amdgcn_cvt_pk_f32_fp8((int)two, false);
        return pack(T(), v[0], v[1]);
    }
#endif
    return pack(T(), fp8_value<F>(two & 0xff), fp8_value<F>(two >> 8 & 0xff));
}

/* --------------------------------------------------------------- accesses -- */

struct alignas(16) words { uint32_t w[4]; };
struct alignas(8) two_words { uint32_t w[2]; };

/* Elements as a cache holds them: kind 0: T, otherwise 1 + the format of FP8. 16 bytes are four pairs, or eight. */
template <typename T, int KIND> DEVICE void pairs_of(words raw, uint32_t *to)
{
    const fp8 F = KIND == 1 + E4M3FN ? E4M3FN : E4M3FNUZ;
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (!KIND)
            to[i] = raw.w[i];
        else
            to[2 * i] = fp8_pair<T, F>(raw.w[i] & 0xffff), to[2 * i + 1] = fp8_pair<T, F>(raw.w[i] >> 16);
}

DEVICE words load(const void *p) { return *(const words *)p; }

/* once: it need not stay in the cache, as nobody else reads it. What that does was measured: see read_once. */
DEVICE words load(const void *p, bool once)
{
#if defined(__CUDA_ARCH__)
    words x;
    if (once) {
        asm volatile("ld.global.L1::evict_first.v4.u32 {%0,%1,%2,%3}, [%4];"
                     : "=r"(x.w[0]), "=r"(x.w[1]), "=r"(x.w[2]), "=r"(x.w[3]) : "l"(p));
        return x;
    }
#else
    (void)once;
#endif
    return load(p);
}

/* Whether an operand of so many bytes had better be read so: on one H200, 1 to 8 % faster in between, up to 6 % slower outside. */
static inline bool read_once(int64_t bytes) { return bytes >= 512 << 10 && bytes <= 128 << 20; }

/* 16 bytes of memory to shared memory, or zeros; they are there after copies_arrive(). No register holds them meanwhile
 * where the device can do without. */
DEVICE void copy_across(void *to, const void *from, bool live)
{
#if defined(__CUDA_ARCH__)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :: "r"((uint32_t)__cvta_generic_to_shared(to)), "l"(from), "r"(live ? 16 : 0) : "memory");
#else
    *(words *)to = live ? load(from) : words{{0, 0, 0, 0}};
#endif
}
DEVICE void copies_arrive(void)
{
#if defined(__CUDA_ARCH__)
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

/* Results are read by another kernel, if at all: they make way in the cache for what is still to be read. */
DEVICE void store(void *p, words x)
{
#if defined(__CUDA_ARCH__)
    asm volatile("st.global.cs.v4.u32 [%0], {%1,%2,%3,%4};"
                 :: "l"(p), "r"(x.w[0]), "r"(x.w[1]), "r"(x.w[2]), "r"(x.w[3]) : "memory");
#else
    *(words *)p = x;
#endif
}

DEVICE void store(void *p, two_words x)
{
#if defined(__CUDA_ARCH__)
    asm volatile("st.global.cs.v2.u32 [%0], {%1,%2};" :: "l"(p), "r"(x.w[0]), "r"(x.w[1]) : "memory");
#else
    *(two_words *)p = x;
#endif
}

/* Eight elements as floats. */
template <typename T> DEVICE void widen(words x, float *to)
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        to[2 * i] = half_of<T>(x.w[i], 0);
        to[2 * i + 1] = half_of<T>(x.w[i], 1);
    }
}
template <typename T> DEVICE words narrow(const float *x)
{
    words r;
#pragma unroll
    for (int i = 0; i < 4; i++)
        r.w[i] = pack(T(), x[2 * i], x[2 * i + 1]);
    return r;
}
/* Eight sums, eight products. */
template <typename T> DEVICE words add(words a, words b)
{
#pragma unroll
    for (int i = 0; i < 4; i++)
        a.w[i] = add_pairs(T(), a.w[i], b.w[i]);
    return a;
}
template <typename T> DEVICE words multiply(words a, words b)
{
#pragma unroll
    for (int i = 0; i < 4; i++)
        a.w[i] = mul_pairs(T(), a.w[i], b.w[i]);
    return a;
}
/* Sixteen. */
template <fp8 F> DEVICE words narrow_fp8(const float *x)
{
    words r;
#pragma unroll
    for (int i = 0; i < 4; i++)
        r.w[i] = fp8_pack<F>(x[4 * i], x[4 * i + 1], x[4 * i + 2], x[4 * i + 3]);
    return r;
}

/* ------------------------------------------------------------- reductions -- */

#if defined(__CUDACC__)
#define FROM_LANE(x, mask) __shfl_xor_sync(0xffffffffu, (x), (mask), 32)
#define OF_LANE(x, lane) __shfl_sync(0xffffffffu, (x), (lane), 32)
#else
#define FROM_LANE(x, mask) __shfl_xor((x), (mask), 32)
#define OF_LANE(x, lane) __shfl((x), (lane), 32)
#endif

/* Clamped; NaN stays NaN. All formats but E4M3FN may be told to end below their own largest. */
template <fp8 F> DEVICE float within(float x, float limit)
{
    return F == E4M3FN ? x : x > limit ? limit : x < -limit ? -limit : x;
}

/* Eight elements, saturated. (Sixteen by every other lane take an exchange, and were 2 % slower on one H200.) */
template <fp8 F> DEVICE void store_fp8(void *y, size_t at, const float *v, bool live)
{
    if (live)
        store((uint8_t *)y + at, two_words{{fp8_pack<F>(v[0], v[1], v[2], v[3]), fp8_pack<F>(v[4], v[5], v[6], v[7])}});
}

/* Over N neighbouring lanes; all get the result. */
template <int N> DEVICE float sum_lanes(float x)
{
#pragma unroll
    for (int m = N / 2; m > 0; m /= 2)
        x += FROM_LANE(x, m);
    return x;
}
template <int N> DEVICE float max_lanes(float x)
{
#pragma unroll
    for (int m = N / 2; m > 0; m /= 2)
        x = fmaxf(x, FROM_LANE(x, m));
    return x;
}

/* 1 / x within a unit in the last place, for quotients. */
DEVICE float about_inverse(float x)
{
#if defined(__CUDA_ARCH__)
    float r;
    asm("rcp.approx.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
#else
    return 1.0f / x;
#endif
}

/* a / b, where inverse is about 1 / b: one step of Newton's makes it the nearest float but for rare ties. An infinite b leaves
 * nothing to mend, nor does an infinite quotient. */
DEVICE float quotient(float a, float b, float inverse)
{
    float q = a * inverse;
    return fmaf(inverse != 0 && fabsf(q) < INFINITY ? fmaf(-q, b, a) : 0, inverse, q);
}

/* Sixteen lanes: the scale of their group, whose largest magnitude is the largest `top`. The quotient is the nearest float, by
 * the same step. */
DEVICE float group_scale(float top, gpu_range range)
{
    top = fmaxf(max_lanes<16>(top), range.floor);
    const float q = top * range.inverse, s = fmaf(fmaf(-q, range.limit, top), range.inverse, q);
    return top < INFINITY ? s : top;
}

/* The largest magnitude of eight elements. */
DEVICE float top_of(const float *v)
{
    float top = 0;
#pragma unroll
    for (int k = 0; k < 8; k++)
        top = fmaxf(top, fabsf(v[k]));
    return top;
}

/* Over a block of at most 1024 threads, a multiple of 32. scratch: 32 floats of shared memory for this call alone. */
DEVICE float sum_block(float x, float *scratch)
{
    x = sum_lanes<32>(x);
    if (blockDim.x == 32)
        return x;
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = x;
    __syncthreads();
    return sum_lanes<32>(threadIdx.x % 32 < blockDim.x / 32 ? scratch[threadIdx.x % 32] : 0.0f);
}
DEVICE float max_block(float x, float *scratch)
{
    x = max_lanes<32>(x);
    if (blockDim.x == 32)
        return x;
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = x;
    __syncthreads();
    return max_lanes<32>(threadIdx.x % 32 < blockDim.x / 32 ? scratch[threadIdx.x % 32] : 0.0f);
}

/* --------------------------------------------------------------- launches -- */

static inline gpu_range ready(gpu_range r)
{
    r.inverse = 1.0f / r.limit;
    return r;
}

/* NULL for success. */
static inline const char *text_of(hipError_t e) { return e == hipSuccess ? NULL : hipGetErrorString(e); }

/* Compute units of the device that is at work, 0 when it does not answer. */
static inline int compute_units(void)
{
    int device, units;
    const bool known = hipGetDevice(&device) == hipSuccess &&
                       hipDeviceGetAttribute(&units, hipDeviceAttributeMultiprocessorCount, device) == hipSuccess;
    return known ? units : 0;
}

/* The power of two that n is, -1 when it is none. */
static inline int shift_of(int64_t n)
{
    int s = 0;
    while ((int64_t)1 << s < n)
        s++;
    return (int64_t)1 << s == n ? s : -1;
}

/* With what launches set. Of a scale on the device and a fixed one the other is 1: a choice would put arguments into memory. */
static inline gpu_paged ready(gpu_paged c)
{
    for (int which = 0; which < 2; which++)
        c.fixed[which] = c.scale[which] ? 1.0f : c.fixed[which];
    c.shift = shift_of(c.block_size);
    return c;
}

/* ------------------------------------------------------------ functions -- */

/* Within some units in the last place of a float: the result is rounded to 16 bits. */
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
DEVICE float silu(float x) { return __fdividef(x, 1.0f + __expf(-x)); }
#else
DEVICE float silu(float x) { return x / (1.0f + expf(-x)); }
#endif

#endif
