/* Products of matrix fragments: instructions of the matrix cores, and what they do lane by lane for the emulation. */
#ifndef SLD_MMA_H
#define SLD_MMA_H

#include "gpu.h"

/* c += a b for 16 rows, K columns of a and N columns of b. Which element a lane holds: row_a/k_a, k_b/column_b,
 * row_c/column_c, for element e. */
#if defined(__HIP_DEVICE_COMPILE__) && (defined(__gfx90a__) || defined(__gfx940__) || defined(__gfx942__))
enum { LANES = 64, K = 16, N = 16, A = 4, B = 4, C = 4 };
DEVICE int row_a(int l, int) { return l % 16; }
DEVICE int k_a(int l, int e) { return l / 16 * 4 + e; }
DEVICE int k_b(int l, int e) { return l / 16 * 4 + e; }
DEVICE int column_b(int l, int) { return l % 16; }
DEVICE int row_c(int l, int e) { return l / 16 * 4 + e; }
DEVICE int column_c(int l, int) { return l % 16; }
typedef short short4v __attribute__((ext_vector_type(4)));
typedef _Float16 half4v __attribute__((ext_vector_type(4)));
typedef float float4v __attribute__((ext_vector_type(4)));
template <typename V> DEVICE V four(const uint32_t *x)
{
    return __builtin_bit_cast(V, (uint64_t)x[1] << 32 | x[0]);
}
DEVICE void add_to(float *c, float4v z)
{
    c[0] = z[0], c[1] = z[1], c[2] = z[2], c[3] = z[3];
}
DEVICE void multiply(bf16, float *c, const uint32_t *a, const uint32_t *b)
{
    add_to(c, __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(four<short4v>(a), four<short4v>(b),
                                                        float4v{c[0], c[1], c[2], c[3]}, 0, 0, 0));
}
DEVICE void multiply(f16, float *c, const uint32_t *a, const uint32_t *b)
{
    add_to(c, __builtin_amdgcn_mfma_f32_16x16x16f16(four<half4v>(a), four<half4v>(b), float4v{c[0], c[1], c[2], c[3]},
                                                    0, 0, 0));
}
#else
enum { LANES = 32, K = 16, N = 8, A = 8, B = 4, C = 4 };
DEVICE int row_a(int l, int e) { return l / 4 + e / 2 % 2 * 8; }
DEVICE int k_a(int l, int e) { return l % 4 * 2 + e % 2 + e / 4 * 8; }
DEVICE int k_b(int l, int e) { return l % 4 * 2 + e % 2 + e / 2 * 8; }
DEVICE int column_b(int l, int) { return l / 4; }
DEVICE int row_c(int l, int e) { return l / 4 + e / 2 * 8; }
DEVICE int column_c(int l, int e) { return l % 4 * 2 + e % 2; }
#if defined(__CUDA_ARCH__)
#define MULTIPLY(T, NAME) \
    DEVICE void multiply(T, float *c, const uint32_t *a, const uint32_t *b) \
    { \
        asm("mma.sync.aligned.m16n8k16.row.col.f32." NAME "." NAME ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, " \
            "{%0,%1,%2,%3};" : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) \
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])); \
    }
MULTIPLY(bf16, "bf16")
MULTIPLY(f16, "f16")
#elif defined(__CUDACC__) || defined(__HIPCC__)
template <typename T> DEVICE void multiply(T, float *, const uint32_t *, const uint32_t *) {} /* the host's pass */
#else
/* As the instruction does it, lane by lane. */
template <typename T> DEVICE void multiply(T, float *c, const uint32_t *a, const uint32_t *b)
{
    const int l = threadIdx.x % 32;
    struct { float a[A], b[B]; } own, all[32];
    for (int e = 0; e < A; e++)
        own.a[e] = half_of<T>(a[e / 2], e % 2);
    for (int e = 0; e < B; e++)
        own.b[e] = half_of<T>(b[e / 2], e % 2);
    hipemu_gather(&own, sizeof own, all);
    for (int e = 0; e < C; e++)
        for (int k = 0; k < K; k++)
            c[e] += all[row_c(l, e) % 8 * 4 + k % 8 / 2].a[k / 8 * 4 + row_c(l, e) / 8 * 2 + k % 2] *
                    all[column_c(l, e) * 4 + k % 8 / 2].b[k / 8 * 2 + k % 2];
}
#endif
#endif

/* Fours of the inner numbers: which a lane holds, and element e of a fragment of `a` in its own four. */
DEVICE int own_four(int l) { return k_b(l, 0) / (B == 4 && N == 8 ? 2 : 4); }
DEVICE int in_four(int e) { return A == 8 ? e / 4 * 2 + e % 2 : e; }

/* Weights of four tokens, from `token` on. */
template <typename T, int WIDTH> DEVICE void weights_at(T (*weights)[WIDTH], int lane, int token, uint32_t *fa)
{
#pragma unroll
    for (int e = 0; e < A; e += 2)
        fa[e / 2] = *(const uint32_t *)&weights[row_a(lane, e)][token + in_four(e)];
}

#endif
