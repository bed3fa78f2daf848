/* See blas.h. Functions are declared as the libraries' headers have them, which need not be here. */
#include "blas.h"
#include "library.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Both count dims by columns: a product of rows is that of the transposed operands in the other order. */
typedef int cublas_gemm(void *handle, int op_a, int op_b, int m, int n, int k, const void *alpha, const void *a, int a_type,
                        int lda, long long stride_a, const void *b, int b_type, int ldb, long long stride_b,
                        const void *beta, void *c, int c_type, int ldc, long long stride_c, int batch, int compute, int algo);
typedef int rocblas_gemm(void *handle, int op_a, int op_b, int m, int n, int k, const void *alpha, const void *a, int a_type,
                         int lda, int64_t stride_a, const void *b, int b_type, int ldb, int64_t stride_b, const void *beta,
                         const void *c, int c_type, int ldc, int64_t stride_c, void *d, int d_type, int ldd,
                         int64_t stride_d, int batch, int compute, int algo, int32_t solution, uint32_t flags);
/* cublasLt, for a bias: cublasGemm rounds the product before it adds to it. */
typedef int lt_describe(void **product, int compute, int scale), lt_set(void *product, int what, const void *value, size_t bytes),
    lt_layout(void **layout, int type, uint64_t rows, uint64_t columns, int64_t ld), lt_destroy(void *described),
    lt_multiply(void *handle, void *product, const void *alpha, const void *a, void *a_layout, const void *b, void *b_layout,
                const void *beta, const void *c, void *c_layout, void *d, void *d_layout, const void *algo, void *work,
                size_t bytes, void *stream);
typedef int on_handle(void **handle), on_handle_value(void *handle), set_stream(void *handle, void *stream);
typedef int set_mode(void *handle, int mode);

typedef struct library {
    on_handle *create;
    on_handle_value *destroy;
    set_stream *set;
    set_mode *mode; /* cuBLAS' alone */
    cublas_gemm *cublas;
    lt_describe *describe;
    lt_set *set_of;
    lt_layout *layout;
    lt_destroy *forget, *forget_layout;
    lt_multiply *multiply;
    rocblas_gemm *rocblas;
} library;

enum { STREAMS = 64,
       WHOLE_SUMS = 16 }; /* CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION: no sum is rounded before the result is */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { void *stream, *handle; } handles[STREAMS];

static void *symbol(void *from, const char *name) { return from ? dlsym(from, name) : NULL; }

static void load(library *l)
{
#if defined(SLD_GPU_CUDA)
    static const char *const names[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so", NULL};
    void *from = first_of(names);
    *(void **)&l->create = symbol(from, "cublasCreate_v2");
    *(void **)&l->destroy = symbol(from, "cublasDestroy_v2");
    *(void **)&l->set = symbol(from, "cublasSetStream_v2");
    *(void **)&l->mode = symbol(from, "cublasSetMathMode");
    *(void **)&l->cublas = symbol(from, "cublasGemmStridedBatchedEx");
    *(void **)&l->describe = symbol(from, "cublasLtMatmulDescCreate"); /* of a library that it brings along */
    *(void **)&l->set_of = symbol(from, "cublasLtMatmulDescSetAttribute");
    *(void **)&l->layout = symbol(from, "cublasLtMatrixLayoutCreate");
    *(void **)&l->forget = symbol(from, "cublasLtMatmulDescDestroy");
    *(void **)&l->forget_layout = symbol(from, "cublasLtMatrixLayoutDestroy");
    *(void **)&l->multiply = symbol(from, "cublasLtMatmul");
#elif defined(SLD_GPU_ROCM)
    static const char *const names[] = {"librocblas.so.5", "librocblas.so.4", "librocblas.so.0", "librocblas.so", NULL};
    void *from = first_of(names);
    *(void **)&l->create = symbol(from, "rocblas_create_handle");
    *(void **)&l->destroy = symbol(from, "rocblas_destroy_handle");
    *(void **)&l->set = symbol(from, "rocblas_set_stream");
    *(void **)&l->rocblas = symbol(from, "rocblas_gemm_strided_batched_ex");
#else
    static const char *const names[] = {NULL};
    *(void **)&l->create = symbol(first_of(names), "");
#endif
}

static library *blas(void)
{
    static library l;
    static bool tried;
    if (!tried)
        load(&l);
    tried = true;
    return l.create && l.set && l.destroy && (l.cublas || l.rocblas) ? &l : NULL;
}

void blas_open(void *stream)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; blas() && i < STREAMS; i++)
        if (!handles[i].handle) {
            if (!blas()->create(&handles[i].handle) && !blas()->set(handles[i].handle, stream))
                handles[i].stream = stream;
            if (handles[i].handle && blas()->mode)
                blas()->mode(handles[i].handle, WHOLE_SUMS);
            break;
        }
    pthread_mutex_unlock(&lock);
}

void blas_close(void *stream)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < STREAMS; i++)
        if (handles[i].handle && handles[i].stream == stream) {
            blas()->destroy(handles[i].handle);
            handles[i].handle = handles[i].stream = NULL;
        }
    pthread_mutex_unlock(&lock);
}

static void *handle_of(void *stream)
{
    void *found = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < STREAMS; i++)
        if (handles[i].handle && handles[i].stream == stream)
            found = handles[i].handle;
    pthread_mutex_unlock(&lock);
    return found;
}

/* With a bias, by cuBLAS: it is added before the result is rounded. */
static int multiply_beside(const library *l, void *handle, const gpu_matmul *a, int type, void *stream)
{
    enum { F32 = 0, COMPUTE_32F = 68, TRANSPOSE_A = 3, EPILOGUE = 7, BIAS_POINTER = 8 };
    const float one = 1, zero = 0;
    const int with_bias = 4;
    void *product = NULL, *x = NULL, *w = NULL, *y = NULL;
    int bad = l->describe(&product, COMPUTE_32F, F32) || l->set_of(product, TRANSPOSE_A, &a->transposed, sizeof a->transposed) ||
              l->set_of(product, EPILOGUE, &with_bias, sizeof with_bias) ||
              l->set_of(product, BIAS_POINTER, &a->bias, sizeof a->bias) ||
              l->layout(&w, type, (uint64_t)(a->transposed ? a->k : a->n), (uint64_t)(a->transposed ? a->n : a->k), a->transposed ? a->k : a->n) ||
              l->layout(&x, type, (uint64_t)a->k, (uint64_t)a->m, a->k) || l->layout(&y, type, (uint64_t)a->n, (uint64_t)a->m, a->n) ||
              l->multiply(handle, product, &one, a->b, w, a->a, x, &zero, a->c, y, a->c, y, NULL, NULL, 0, stream);
    void *layouts[] = {x, w, y};
    for (int i = 0; i < 3; i++)
        if (layouts[i])
            l->forget_layout(layouts[i]);
    if (product)
        l->forget(product);
    return bad;
}

/* The bias in each row of the result, for what adds a product to it. */
static const char *spread_bias(const gpu_matmul *a, void *stream)
{
    const gpu_move m = {.from = a->bias, .to = a->c, .rank = 2, .unit = 2, .dims = {a->m, a->n}, .from_strides = {0, 1},
                        .to_strides = {a->n, 1}};
    return gpu_move_strided(&m, stream);
}

const char *blas_matmul(const gpu_matmul *a, void *stream)
{
    const float one = 1, beta = a->bias ? 1 : 0;
    void *h = handle_of(stream);
    int bad = 0, ldb = a->transposed ? a->k : a->n, type = a->dtype == GPU_BF16 ? 14 : 2; /* CUDA_R_16BF, CUDA_R_16F */
    if (!h)
        return gpu_matmul_plain(a, stream);
    if (!a->m || !a->n || !a->batch)
        return NULL;
    if (a->bias && blas()->multiply && a->k)
        return multiply_beside(blas(), h, a, type, stream) ? "cuBLAS refused a product with a bias" : NULL;
    const char *why = a->bias ? spread_bias(a, stream) : NULL;
    if (why)
        return why;
    if (blas()->cublas) { /* 68: CUBLAS_COMPUTE_32F */
        bad = blas()->cublas(h, a->transposed, 0, a->n, a->m, a->k, &one, a->b, type, ldb, a->b_stride, a->a, type, a->k,
                             a->a_stride, &beta, a->c, type, a->n, a->c_stride, a->batch, 68, -1);
    } else {
        type = a->dtype == GPU_BF16 ? 168 : 150; /* rocblas_datatype_bf16_r, f16_r; 151: f32_r; 111, 112: transposed */
        bad = blas()->rocblas(h, 111 + a->transposed, 111, a->n, a->m, a->k, &one, a->b, type, ldb, a->b_stride, a->a, type,
                              a->k, a->a_stride, &beta, a->c, type, a->n, a->c_stride, a->c, type, a->n, a->c_stride,
                              a->batch, 151, 0, 0, 0);
    }
    return bad ? "the BLAS library refused a product" : NULL;
}
