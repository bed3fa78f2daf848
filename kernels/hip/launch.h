/* Launches of the GPU kernels, in C.  Pointers are device memory, dense and 16-byte aligned unless a comment says
 * otherwise; a launch returns at once, on the given stream (hipStream_t, cudaStream_t), and never waits for the device,
 * so all of them may be captured.  They answer NULL, or a constant text that says what is not covered. */
#ifndef SLD_HIP_LAUNCH_H
#define SLD_HIP_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gpu_dtype { GPU_BF16, GPU_F16 } gpu_dtype;
typedef enum gpu_fp8 { GPU_E4M3FN, GPU_E4M3FNUZ } gpu_fp8;
typedef enum gpu_quant { GPU_NONE, GPU_STATIC, GPU_TOKEN, GPU_GROUP } gpu_quant; /* groups: of 128 */

/* How values become FP8: the scale of a token or group is max(largest magnitude, floor) / limit, a static one is given;
 * what is stored is clamped to the limit. */
typedef struct gpu_range {
    float floor, limit;
    float inverse;        /* 1 / limit, set by the launch */
} gpu_range;

/* Root mean square norm of rows (Zhang and Sennrich 2019): y = x rsqrt(mean(x^2) + eps) w; with res, of R(x + res). */
typedef struct gpu_norm {
    const void *x, *res;  /* [rows, width]; res may be NULL */
    const void *w;        /* [width] */
    const float *scale;   /* GPU_STATIC: one, on the device; q = FP8(y / scale) */
    void *sum;            /* [rows, width]: R(x + res); may be x or res; NULL: not wanted */
    void *y;              /* [rows, width], of the dtype or of FP8 */
    void *norm;           /* [rows, width]: what is quantised; NULL: not wanted */
    float *scales;        /* GPU_TOKEN: [rows]; GPU_GROUP: [rows, width / 128] */
    gpu_range range;
    float eps, offset;    /* the weight is w + offset */
    int32_t rows, width, dtype, fp8, quant, twice; /* twice: rounded before the product with w, too */
} gpu_norm;
const char *gpu_rms_norm(const gpu_norm *a, void *stream);

/* Gated norm of heads of 128: y = R(x rsqrt(mean(x^2) + eps) w silu(z)); with quant each head is a group. */
typedef struct gpu_gated {
    const void *x, *z;    /* [heads, 128] */
    const void *w;        /* [128] */
    void *y;              /* [heads, 128] */
    void *norm;           /* [heads, 128]: what is quantised; NULL: not wanted */
    float *scales;        /* [heads] */
    gpu_range range;
    float eps;
    int32_t heads, dtype, fp8, quant;
} gpu_gated;
const char *gpu_gated_norm(const gpu_gated *a, void *stream);

/* Rows [a | c | rest]: root mean square norms of a and of c, the rest as it is. */
typedef struct gpu_dual_norm {
    const void *x;        /* [rows, a + c + rest] */
    const void *w[2];     /* [a], [c] */
    void *y[3];           /* [rows, a], [rows, c], [rows, rest] */
    float eps[2];
    int32_t rows, a, c, rest, dtype;
} gpu_dual_norm;
const char *gpu_norm_twice(const gpu_dual_norm *d, void *stream);

/* silu(g) u of rows [gate | up], quantised. */
typedef struct gpu_act {
    const void *x;        /* [rows, 2 width] */
    void *y;              /* [rows, width] */
    void *product;        /* [rows, width]: what is quantised; NULL: not wanted */
    float *scales;        /* GPU_STATIC: one, read; GPU_GROUP: [rows, width / 128] */
    gpu_range range;
    int32_t rows, width, dtype, fp8, quant;
} gpu_act;
const char *gpu_silu_mul(const gpu_act *a, void *stream);

/* x to FP8: with one scale of the device (group 0), or in groups of 128. */
typedef struct gpu_cast {
    const void *x;
    void *y;
    float *scales;        /* group 0: one, read; else [n / 128], written */
    gpu_range range;
    int64_t n;
    int32_t dtype, fp8, group;
} gpu_cast;
const char *gpu_quantise(const gpu_cast *a, void *stream);

/* a + b, elementwise. */
typedef struct gpu_sum { const void *a, *b; void *y; int64_t n; int32_t dtype; } gpu_sum;
const char *gpu_add(const gpu_sum *a, void *stream);

/* A paged cache of keys (0) and values (1), as sld_cache describes it, in numbers of elements: of the dtype, or of FP8,
 * which holds x / scale. */
typedef struct gpu_paged {
    void *data[2];            /* NULL: there is none */
    const int64_t *slots;     /* of each token, on the device; outside the cache: it is not written */
    const float *scale[2];    /* on the device; NULL: `fixed` */
    int64_t strides[2][3];    /* from block to block, offset to offset, head to head; shuffled: only the first counts */
    int64_t blocks, block_size, n_slots;
    float fixed[2];
    int32_t shuffled;         /* keys [block, head, D/x, offset, x], values [block, head, offset/x, D, x] */
    int32_t fp8;              /* 0: the dtype; 1 + gpu_fp8 */
    int32_t shift;            /* set by the launch */
} gpu_paged;

/* Heads of a row [q | k | v]: norm of q and k, rotation of their first dims, and what goes to the cache. Parts can be
 * left out, so that the same code makes the primitives. */
typedef struct gpu_qkv {
    const void *qkv;      /* [tokens, (n_q + 2 n_kv) dim] */
    const void *wq, *wk;  /* [dim]; NULL: no norm */
    const int64_t *positions;  /* [tokens]; outside the table: its first or last row */
    const void *table;    /* [length, rotated]: cos | sin; NULL: no rotation */
    void *q;              /* [tokens, n_q, dim]; NULL: not wanted, as the next */
    void *k, *v;          /* [tokens, n_kv, dim] */
    gpu_paged cache;
    float eps, eps_k, offset; /* weights are w + offset */
    int32_t tokens, n_q, n_kv, dim, rotated, length, neox, dtype; /* dim: 64, 128, 256; not neox: pairs (2i, 2i + 1) */
} gpu_qkv;
const char *gpu_qk_norm_rope_cache(const gpu_qkv *a, void *stream);

/* Heads of k and v to their slots of the cache. */
typedef struct gpu_cache {
    const void *k, *v;        /* [tokens, heads, dim]; v: tokens v_stride elements apart */
    gpu_paged cache;
    int64_t v_stride;
    int32_t tokens, heads, dim, dtype;
} gpu_cache;
const char *gpu_cache_write(const gpu_cache *a, void *stream);

/* Attention of a decode step over a paged cache, of which slots are not read: row i of the sequence i. A block outside the
 * cache counts as zeros. */
typedef struct gpu_attention {
    const void *q;            /* [rows, heads, dim] */
    void *out;                /* the same; zeros of empty sequences, and of rows behind the last */
    gpu_paged cache;
    const int32_t *tables;    /* [sequences, table_width]: the blocks of each */
    const int32_t *lens;      /* [sequences] */
    const float *token_scales[2]; /* of an FP8 cache: [blocks, n_kv, block_size]; NULL: those of the cache hold */
    const float *sinks;       /* [heads]: a logit that has no value; NULL: none */
    float *work;              /* of parts of sequences that other blocks take: dim + 2 for each, row and head */
    int64_t work_bytes;       /* 16 (dim + 2) heads / n_kv for each compute unit are all that is used */
    float scale, soft_cap;    /* soft_cap 0: none */
    int32_t rows, sequences, heads, n_kv, dim, table_width, window, dtype; /* dim: 64, 128; window 0: all tokens */
    int32_t partitions;       /* set by the launch */
} gpu_attention;
const char *gpu_decode_attention(const gpu_attention *a, void *stream);

/* Attention over rows [latent | rotated dims] of a cache, 512 + 64 elements, which all heads share:
 * out = R(softmax(scale q rows^T) latents) values. Scales of FP8 are on the device, or `fixed` where that is NULL. */
typedef struct gpu_latent {
    const void *q;            /* [tokens, heads, 576], of the dtype or FP8 */
    const void *values;       /* [heads, 512, value]; value: a multiple of 32 */
    const void *cache;        /* rows, of the dtype or FP8 */
    void *out;                /* [tokens, heads, value]; zeros of tokens that attend to nothing */
    const int32_t *tables;    /* [sequences, table_width]: blocks */
    const int32_t *sequence, *length; /* [n_tokens]: of each token; those behind attend to nothing */
    const float *scale[2];    /* of queries, of the cache */
    void *work;               /* [tokens, heads, 512] of the dtype, then parts of 514 floats for each token and head */
    int64_t work_bytes;       /* 65,792 bytes of parts for each compute unit are all that is used */
    int64_t strides[2], blocks, block_size; /* from block to block, row to row */
    float fixed[2], softmax_scale;
    int32_t tokens, n_tokens, heads, value, sequences, table_width, dtype, q_fp8, cache_fp8; /* fp8: 0, or 1 + gpu_fp8 */
    int32_t shift, partitions; /* set by the launch */
} gpu_latent;
const char *gpu_latent_attention(const gpu_latent *a, void *stream);

/* Multi-head latent attention, one decode step: out = [q_nope W_uk | rope(q_pe)], cache row = [kv_c | rope(k_pe)], both of
 * the dtype or FP8 of it over a scale. 128 + 64 dims a head, latent 512. Scales are on the device, or `fixed` where that is
 * NULL. */
typedef struct gpu_mla {
    const void *q;        /* [tokens, heads, 192] */
    const void *w_uk;     /* [heads, 128, 512]; NULL: no product, out is q with its last dims turned */
    const void *kv_c;     /* [tokens, 512] */
    const void *k_pe;     /* [tokens, 64]; NULL: there are only queries */
    const int64_t *positions, *slots; /* [tokens], [n_slots]; outside the table: its first or last row; outside the cache: not written */
    const void *table;    /* [length, 64]: cos | sin; NULL: nothing turns */
    const float *scale[2];/* of out, of the cache */
    void *out;            /* [tokens, heads, 576], or 192 without w_uk; NULL: not wanted */
    void *pe;             /* [tokens, 64]: keys as they are turned; NULL: not wanted */
    void *cache;          /* NULL: not written */
    int64_t strides[2], blocks, block_size, n_slots; /* from block to block, row to row */
    float fixed[2];
    int32_t tokens, heads, length, neox, dtype, q_fp8, cache_fp8; /* not neox: pairs (2i, 2i + 1); fp8: 0, or 1 + gpu_fp8 */
    int32_t shift;        /* set by the launch */
} gpu_mla;
const char *gpu_mla_decode(const gpu_mla *a, void *stream);

/* From one strided place to another; numbers of elements. */
typedef struct gpu_move {
    const void *from;
    void *to;
    int64_t dims[8], from_strides[8], to_strides[8];
    int32_t rank, unit;   /* bytes of an element: 1, 2, 4, 8 */
} gpu_move;
const char *gpu_move_strided(const gpu_move *a, void *stream);
const char *gpu_copy(void *to, const void *from, size_t bytes, void *stream);

/* c [m, n] = a [m, k] b [k, n], or b [n, k] when transposed, rounded with the bias in it. Strides in elements from one of the
 * batch to the next; with a bias there is one. */
typedef struct gpu_matmul {
    const void *a, *b, *bias; /* bias: [n], NULL: none */
    void *c;
    int64_t a_stride, b_stride, c_stride;
    int32_t m, n, k, batch, transposed, dtype;
} gpu_matmul;
const char *gpu_matmul_plain(const gpu_matmul *a, void *stream);

/* The last launch's error, or NULL. */
const char *gpu_launched(void);

#ifdef __cplusplus
}
#endif
#endif
