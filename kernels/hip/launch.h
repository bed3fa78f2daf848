/* Launches of the GPU kernels, in C.  Pointers are device memory, dense and 16-byte aligned unless a comment says
 * otherwise; a launch returns at once, on the given stream (hipStream_t, cudaStream_t), and never waits for the device,
 * so all of them may be captured.  They answer NULL, or a constant text that says what is not covered. */
#ifndef SLD_HIP_LAUNCH_H
#define SLD_HIP_LAUNCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gpu_dtype { GPU_BF16, GPU_F16 } gpu_dtype;
typedef enum gpu_fp8 { GPU_E4M3FN, GPU_E4M3FNUZ } gpu_fp8;
typedef enum gpu_quant { GPU_NONE, GPU_STATIC, GPU_TOKEN } gpu_quant;

/* Root mean square norm of rows (Zhang and Sennrich 2019): y = x rsqrt(mean(x^2) + eps) w; with res, of R(x + res). */
typedef struct gpu_norm {
    const void *x, *res;  /* [rows, width]; res may be NULL */
    const void *w;        /* [width] */
    const float *scale;   /* GPU_STATIC: one, on the device; q = FP8(y / scale) */
    void *sum;            /* [rows, width]: R(x + res); may be x or res */
    void *y;              /* [rows, width], of the dtype or of FP8 */
    float *scales;        /* GPU_TOKEN: [rows] */
    float eps;
    int32_t rows, width, dtype, fp8, quant, twice; /* twice: rounded before the product with w, too */
} gpu_norm;
const char *gpu_rms_norm(const gpu_norm *a, void *stream);

/* Gated norm of heads of 128: y = R(x rsqrt(mean(x^2) + eps) w silu(z)); with quant each head is a group. */
typedef struct gpu_gated {
    const void *x, *z;    /* [heads, 128] */
    const void *w;        /* [128] */
    void *y;              /* [heads, 128] */
    float *scales;        /* [heads] */
    float eps;
    int32_t heads, dtype, fp8, quant;
} gpu_gated;
const char *gpu_gated_norm(const gpu_gated *a, void *stream);

/* silu(g) u of rows [gate | up]; with quant, in groups of 128. */
typedef struct gpu_act {
    const void *x;        /* [rows, 2 width] */
    void *y;              /* [rows, width] */
    float *scales;        /* [rows, width / 128] */
    int32_t rows, width, dtype, fp8, quant;
} gpu_act;
const char *gpu_silu_mul(const gpu_act *a, void *stream);

/* x to FP8: with one scale of the device (group 0), or in groups of 128. */
typedef struct gpu_cast {
    const void *x;
    void *y;
    float *scales;        /* group 0: one, read; else [n / 128], written */
    int64_t n;
    int32_t dtype, fp8, group;
} gpu_cast;
const char *gpu_quantise(const gpu_cast *a, void *stream);

/* a + b, elementwise. */
typedef struct gpu_sum { const void *a, *b; void *y; int64_t n; int32_t dtype; } gpu_sum;
const char *gpu_add(const gpu_sum *a, void *stream);

/* Heads of 128 of a row [q | k | v]: norm of q and k, rotation, and what goes to the cache. Parts can be left out, so
 * that the same code makes the primitives: q, k, v NULL are not touched. */
typedef struct gpu_qkv {
    const void *qkv;      /* [tokens, (n_q + 2 n_kv) 128] */
    const void *wq, *wk;  /* [128]; NULL: no norm */
    const int64_t *positions;  /* [tokens] */
    const int64_t *slots; /* [tokens]; negative: not written to the cache */
    const void *table;    /* [L, 128]: cos | sin; NULL: no rotation */
    void *q;              /* [tokens, n_q, 128] */
    void *k, *v;          /* [slots, n_kv, 128] when slots is given, else [tokens, n_kv, 128] */
    float eps;
    int32_t tokens, n_q, n_kv, dtype;
} gpu_qkv;
const char *gpu_qk_norm_rope_cache(const gpu_qkv *a, void *stream);

/* Rows of k and v to their slots of the cache. */
typedef struct gpu_cache {
    const void *k, *v;        /* [tokens, width]; v: rows v_stride elements apart */
    const int64_t *slots;     /* [tokens]; negative: skipped */
    void *k_cache, *v_cache;  /* [slots, width] */
    int64_t v_stride;
    int32_t tokens, width, dtype;
} gpu_cache;
const char *gpu_cache_write(const gpu_cache *a, void *stream);

/* Multi-head latent attention, one decode step: q = FP8([q_nope W_uk | rope(q_pe)] / scale), cache row =
 * FP8([kv_c | rope(k_pe)] / scale). Interleaved rotation; 128 + 64 dims a head, latent 512. */
typedef struct gpu_mla {
    const void *q;        /* [tokens, heads, 192] */
    const void *w_uk;     /* [heads, 128, 512] */
    const void *kv_c;     /* [tokens, 512] */
    const void *k_pe;     /* [tokens, 64] */
    const int64_t *positions, *slots; /* [tokens] */
    const void *table;    /* [L, 64]: cos | sin */
    const float *scale;   /* one, on the device */
    void *out;            /* [tokens, heads, 576] FP8 */
    void *cache;          /* [slots, 576] FP8 */
    int32_t tokens, heads, dtype, fp8;
} gpu_mla;
const char *gpu_mla_decode(const gpu_mla *a, void *stream);

/* The last launch's error, or NULL. */
const char *gpu_launched(void);

#ifdef __cplusplus
}
#endif
#endif
