/* Sums over ranks that write into each other's memory, alone or with residual, RMSNorm and quantisation: one stage
 * (every row goes to every rank) and two (parts of rows to the rank that sums them, sums to every rank). What arrives is
 * seen by the words themselves, so that no barrier of ranks and no second access stands between sender and receiver. */
#include "gpu.h"
#include "reduce.h"

#if defined(__CUDACC__) /* an array in it can be indexed without a copy */
#define BY_VALUE const __grid_constant__
#else
#define BY_VALUE const
#endif

const uint32_t EMPTY = 0xffffffff, NOT_A_NUMBER = 0x7fff7fff; /* two elements each, both not numbers in either dtype */
const uint32_t LOOKS = 1024;                                  /* between two looks at whether somebody gave up */

/* ---------------------------------------------------- words between ranks -- */

/* Relaxed accesses of the scope of the system: a word comes whole, in any order with others. */
DEVICE void put(words *to, words x)
{
#if defined(__CUDA_ARCH__)
    asm volatile("st.relaxed.sys.global.v4.u32 [%0], {%1,%2,%3,%4};"
                 :: "l"(to), "r"(x.w[0]), "r"(x.w[1]), "r"(x.w[2]), "r"(x.w[3]) : "memory");
#else
    __atomic_store_n((uint64_t *)to->w, x.w[0] | (uint64_t)x.w[1] << 32, __ATOMIC_RELAXED);
    __atomic_store_n((uint64_t *)to->w + 1, x.w[2] | (uint64_t)x.w[3] << 32, __ATOMIC_RELAXED);
#endif
}
DEVICE words peek(const words *from)
{
    words x;
#if defined(__CUDA_ARCH__)
    asm volatile("ld.relaxed.sys.global.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(x.w[0]), "=r"(x.w[1]), "=r"(x.w[2]), "=r"(x.w[3]) : "l"(from) : "memory");
#else
    const uint64_t a = __atomic_load_n((const uint64_t *)from->w, __ATOMIC_RELAXED);
    const uint64_t b = __atomic_load_n((const uint64_t *)from->w + 1, __ATOMIC_RELAXED);
    x.w[0] = (uint32_t)a, x.w[1] = (uint32_t)(a >> 32), x.w[2] = (uint32_t)b, x.w[3] = (uint32_t)(b >> 32);
#endif
    return x;
}

DEVICE words all_words(uint32_t u) { return {{u, u, u, u}}; }

DEVICE bool empty(words x) { return x.w[0] == EMPTY || x.w[1] == EMPTY || x.w[2] == EMPTY || x.w[3] == EMPTY; }

DEVICE void send(words *to, words x)
{
#pragma unroll
    for (int i = 0; i < 4; i++)
        x.w[i] = x.w[i] == EMPTY ? NOT_A_NUMBER : x.w[i];
    put(to, x);
}

/* After `looks` in vain: whether to leave it at that, because a rank is missing. In emulation others get their turn. */
DEVICE bool give_up(const gpu_ranks &r, uint32_t looks, int from)
{
#if !defined(__CUDACC__) && !defined(__HIPCC__)
    hipemu_yield();
#endif
    if (looks % LOOKS)
        return false;
    volatile uint32_t *missing = &r.state->missing;
    if (looks >= r.patience && !*missing)
        *missing = (uint32_t)from + 1;
    return *missing != 0;
}

/* What the other ranks sent to places that lie `apart`; x[r.rank] is ours already. All are asked for before any is
 * looked at. */
template <int W> DEVICE void receive(const gpu_ranks &r, words *at, uint32_t apart, words *x)
{
    int late;
    uint32_t looks = 0;
    do {
        late = -1;
#pragma unroll
        for (int k = 0; k < W; k++)
            if (k != r.rank && k < r.world)
                x[k] = peek(at + k * apart);
#pragma unroll
        for (int k = 0; k < W; k++)
            late = k != r.rank && k < r.world && empty(x[k]) ? k : late;
    } while (late >= 0 && !give_up(r, ++looks, late));
#pragma unroll
    for (int k = 0; k < W; k++)
        if (k != r.rank && k < r.world)
            put(at + k * apart, all_words(EMPTY));
}

/* R(sum in the order of ranks). */
template <typename T, int W> DEVICE words sum_of(const gpu_ranks &r, const words *x)
{
    float sum[8] = {};
#pragma unroll
    for (int k = 0; k < W; k++) {
        float v[8];
        widen<T>(x[k], v);
#pragma unroll
        for (int i = 0; i < 8; i++)
            sum[i] += k < r.world ? v[i] : 0.0f;
    }
    return narrow<T>(sum);
}

/* Where this launch's half of a window begins, in words. */
DEVICE size_t half_of_window(const gpu_ranks &r)
{
    const uint32_t launches = *(volatile uint32_t *)&r.state->launches;
    return launches % 2 ? (size_t)(r.bytes / 32) : 0;
}

/* Once this block knows its half and has sent what others wait for: the last block to come here counts the launch. */
DEVICE void count_launch(const gpu_ranks &r)
{
    __syncthreads();
    if (threadIdx.x == 0 && atomicAdd(&r.state->blocks_begun, 1u) == gridDim.x - 1) {
        r.state->blocks_begun = 0;
        r.state->launches++;
    }
}

/* ------------------------------------------------ what is done with a row -- */

/* Of a block whose threads hold so many vectors each: what the registers of a multiprocessor are enough for. */
constexpr int most_threads(int vecs) { return vecs == 1 ? 896 : 512; }

/* Of a row, a thread has the vectors i * blockDim.x + threadIdx.x; none of a tensor that is missing. */
DEVICE words load_vector(const void *p, size_t row, int width, int i)
{
    const int at = (i * blockDim.x + threadIdx.x) * 8;
    return p && at < width ? load((const uint16_t *)p + row * width + at) : all_words(0);
}
DEVICE void store_vector(void *p, size_t row, int width, int i, words x)
{
    const int at = (i * blockDim.x + threadIdx.x) * 8;
    if (p && at < width)
        store((uint16_t *)p + row * width + at, x);
}

template <int VECS> struct share { words v[VECS]; };

template <int VECS> DEVICE share<VECS> share_of(const void *p, size_t row, int width)
{
    share<VECS> s;
#pragma unroll
    for (int i = 0; i < VECS; i++)
        s.v[i] = load_vector(p, row, width, i);
    return s;
}

/* What else a row takes: asked for before the sums have come (EARLY) where registers are enough for it. */
template <int VECS> struct operands { share<VECS> res, w; };

template <int VECS> DEVICE operands<VECS> operands_of(const gpu_reduce &a, size_t row)
{
    return {share_of<VECS>(a.res, row, a.width), share_of<VECS>(a.w, 0, a.width)};
}

DEVICE void store_scale(const gpu_reduce &a, size_t row, int group, float s)
{
    const size_t groups = a.width / 128, m = a.columns;
    a.scales[m ? (row / m * groups + group) * m + row % m : row * groups + group] = s;
}

template <fp8 F, int VECS> DEVICE void quantise(const gpu_reduce &a, int row, float (*v)[8], float *scratch)
{
    float s = a.quant == GPU_STATIC ? *a.scale : a.range.floor;
    if (a.quant == GPU_TOKEN) {
#pragma unroll
        for (int i = 0; i < VECS; i++)
            s = fmaxf(s, top_of(v[i]));
        s = max_block(s, scratch) / a.range.limit;
        if (threadIdx.x == 0)
            a.scales[row] = s;
    }
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        const int at = (i * blockDim.x + threadIdx.x) * 8;
        if (a.quant == GPU_GROUP) {
            s = group_scale(top_of(v[i]), a.range);
            if (threadIdx.x % 16 == 0 && at < a.width)
                store_scale(a, row, at / 128, s);
        }
        const float inverse = 1.0f / s;
#pragma unroll
        for (int k = 0; k < 8; k++)
            v[i][k] = within<F>(a.quant == GPU_GROUP ? quotient(v[i][k], s, inverse) : v[i][k] * inverse, a.range.limit);
        store_fp8<F>(a.y, (size_t)row * a.width + at, v[i], at < a.width);
    }
}

/* Residual, norm and quantisation of a row z that is summed; the norm is that of the sum before it is rounded. */
template <typename T, int VECS, bool EARLY>
DEVICE void finish(const gpu_reduce &a, size_t row, const share<VECS> &z, const operands<VECS> &o, float (*scratch)[32])
{
    float v[VECS][8], b[8], square = 0;
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        if (!a.w)
            store_vector(a.y, row, a.width, i, z.v[i]);
        widen<T>(z.v[i], v[i]);
        widen<T>(EARLY ? o.res.v[i] : load_vector(a.res, row, a.width, i), b);
#pragma unroll
        for (int k = 0; k < 8; k++) {
            v[i][k] = a.res ? v[i][k] + b[k] : v[i][k];
            square += v[i][k] * v[i][k];
        }
        store_vector(a.sum, row, a.width, i, narrow<T>(v[i]));
    }
    if (!a.w)
        return;
    const float r = rsqrtf(sum_block(square, scratch[0]) / a.width + a.eps);
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        widen<T>(EARLY ? o.w.v[i] : load_vector(a.w, 0, a.width, i), b);
#pragma unroll
        for (int k = 0; k < 8; k++)
            v[i][k] = v[i][k] * r * (b[k] + a.offset);
        const words y = narrow<T>(v[i]);
        store_vector(a.quant ? a.norm : a.y, row, a.width, i, y);
        if (!a.unrounded)
            widen<T>(y, v[i]);
    }
    if (a.quant && a.fp8 == GPU_E4M3FN)
        quantise<E4M3FN, VECS>(a, row, v, scratch[1]);
    else if (a.quant)
        quantise<E4M3FNUZ, VECS>(a, row, v, scratch[1]);
}

/* -------------------------------------------------------------- one stage -- */

/* A window: [from rank][row][vector]. */
template <int W, int VECS> DEVICE void send_row(const gpu_ranks &r, const gpu_reduce &a, size_t half, size_t row)
{
    const share<VECS> x = share_of<VECS>(a.x, row, a.width);
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        const int vector = i * blockDim.x + threadIdx.x;
        if (vector < a.width / 8)
#pragma unroll(W * VECS <= 4 ? W : 1) /* else the addresses take too many registers */
            for (int k = 0; k < W; k++)
                if (k != r.rank && k < r.world)
                    send((words *)r.windows[k] + half + ((size_t)r.rank * a.rows + row) * (a.width / 8) + vector, x.v[i]);
    }
}

template <typename T, int W, int VECS>
DEVICE share<VECS> receive_row(const gpu_ranks &r, const gpu_reduce &a, words *window, size_t row)
{
    share<VECS> z = share_of<VECS>(a.x, row, a.width);
    const size_t vectors = a.width / 8;
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        const size_t vector = i * blockDim.x + threadIdx.x;
        words x[W];
#pragma unroll
        for (int k = 0; k < W; k++)
            x[k] = z.v[i];
        if (vector < vectors) {
            receive<W>(r, window + row * vectors + vector, (uint32_t)(a.rows * vectors), x);
            z.v[i] = sum_of<T, W>(r, x);
        }
    }
    return z;
}

template <typename T, int W, int VECS>
__global__ void __launch_bounds__(most_threads(VECS), 1) one_stage(BY_VALUE gpu_ranks r, BY_VALUE gpu_reduce a, words *own)
{
    const bool EARLY = W * VECS <= 4;
    __shared__ float scratch[2][2][32]; /* in turn: some may still read the last row's */
    const size_t half = half_of_window(r);
    send_row<W, VECS>(r, a, half, blockIdx.x);
    count_launch(r);
#pragma unroll 1
    for (int row = blockIdx.x; row < a.rows; row += gridDim.x) {
        if (row + (int)gridDim.x < a.rows)
            send_row<W, VECS>(r, a, half, row + gridDim.x);
        operands<VECS> o = EARLY ? operands_of<VECS>(a, row) : operands<VECS>();
        const share<VECS> z = receive_row<T, W, VECS>(r, a, own + half, row);
        finish<T, VECS, EARLY>(a, row, z, o, scratch[row / gridDim.x % 2]);
    }
}

/* ------------------------------------------------------------- two stages -- */

/* A window: [from rank][row][vector of this rank's part], then [row][vector]. A block's rows are taken W at a time, so
 * that their parts keep all threads busy. */
struct parts {
    size_t half, sums;    /* where this launch's half begins, and the sums */
    int vectors, each;    /* of a row, of a part */
};

DEVICE parts parts_of(const gpu_ranks &r, const gpu_reduce &a)
{
    parts p;
    p.vectors = a.width / 8;
    p.each = (p.vectors + r.world - 1) / r.world;
    p.half = half_of_window(r);
    p.sums = p.half + (size_t)r.world * a.rows * p.each;
    return p;
}

/* Row i of this block. */
DEVICE int row_of(int i) { return blockIdx.x + i * gridDim.x; }

template <int VECS> DEVICE void send_parts(const gpu_ranks &r, const gpu_reduce &a, const parts &p, int row)
{
    const share<VECS> x = share_of<VECS>(a.x, row, a.width);
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        const int vector = i * blockDim.x + threadIdx.x, owner = vector / p.each;
        if (vector < p.vectors && owner != r.rank)
            send((words *)r.windows[owner] + p.half + ((size_t)r.rank * a.rows + row) * p.each + vector - owner * p.each, x.v[i]);
    }
}

/* Rows `first` to `last` of this block, this rank's part. */
template <typename T, int W>
DEVICE void sum_parts(const gpu_ranks &r, const gpu_reduce &a, const parts &p, words *own,
                      int first, int last)
{
    words *window = own + p.half;
#pragma unroll 1
    for (int i = threadIdx.x; i < (last - first) * p.each; i += blockDim.x) {
        const size_t row = row_of(first + i / p.each);
        const int at = i % p.each, vector = r.rank * p.each + at;
        if (vector >= p.vectors)
            continue;
        words x[W];
        const words mine = load((const uint16_t *)a.x + row * a.width + vector * 8);
#pragma unroll
        for (int k = 0; k < W; k++)
            x[k] = mine;
        receive<W>(r, window + row * p.each + at, (uint32_t)a.rows * p.each, x);
        const words z = sum_of<T, W>(r, x);
#pragma unroll(W <= 4 ? W : 1)
        for (int k = 0; k < W; k++)
            if (k < r.world)
                send((words *)r.windows[k] + p.sums + row * p.vectors + vector, z);
    }
}

template <int VECS> DEVICE share<VECS> receive_sums(const gpu_ranks &r, const parts &p, words *own, int row)
{
    share<VECS> z;
#pragma unroll
    for (int i = 0; i < VECS; i++) {
        const int vector = i * blockDim.x + threadIdx.x;
        words *at = own + p.sums + (size_t)row * p.vectors + vector;
        z.v[i] = all_words(0);
        if (vector < p.vectors) {
            uint32_t looks = 0;
            do
                z.v[i] = peek(at);
            while (empty(z.v[i]) && !give_up(r, ++looks, vector / p.each));
            put(at, all_words(EMPTY));
        }
    }
    return z;
}

template <typename T, int W, int VECS>
__global__ void __launch_bounds__(most_threads(VECS), 1) two_stage(BY_VALUE gpu_ranks r, BY_VALUE gpu_reduce a, words *own)
{
    const bool EARLY = W * VECS <= 4;
    __shared__ float scratch[2][2][32];
    const parts p = parts_of(r, a);
    const int rows = (a.rows - blockIdx.x + gridDim.x - 1) / gridDim.x;
    int sent = 1, finished = 0;
    send_parts<VECS>(r, a, p, row_of(0));
    count_launch(r);
    for (int first = 0; first < rows; first += W) { /* ahead by W rows: sending, then summing, then the rest */
#pragma unroll 1
        for (; sent < rows && sent < first + 2 * W; sent++)
            send_parts<VECS>(r, a, p, row_of(sent));
        sum_parts<T, W>(r, a, p, own, first, first + W < rows ? first + W : rows);
        const int ready = first + W < rows ? first : rows;
#pragma unroll 1
        for (; finished < ready; finished++) {
            const int row = row_of(finished);
            operands<VECS> o = EARLY ? operands_of<VECS>(a, row) : operands<VECS>();
            const share<VECS> z = receive_sums<VECS>(r, p, own, row);
            finish<T, VECS, EARLY>(a, row, z, o, scratch[finished % 2]);
        }
    }
}

/* ---------------------------------------------------------------- launches -- */

template <typename T, int W, int VECS> static void reduce(const gpu_ranks &r, const gpu_reduce &a, int blocks, hipStream_t s)
{
    const int threads = ((a.width / 8 + VECS - 1) / VECS + 31) / 32 * 32;
    words *own = (words *)r.windows[r.rank];
    if (a.two_stage)
        LAUNCH((two_stage<T, W, VECS>), blocks, threads, s, r, a, own);
    else
        LAUNCH((one_stage<T, W, VECS>), blocks, threads, s, r, a, own);
}

template <typename T, int W> static void reduce(const gpu_ranks &r, const gpu_reduce &a, int blocks, hipStream_t s)
{
    const int vectors = a.width / 8;
    if (W <= 4 && vectors <= most_threads(1))
        reduce<T, W, W <= 4 ? 1 : 2>(r, a, blocks, s);
    else
        vectors <= 2 * most_threads(2) ? reduce<T, W, 2>(r, a, blocks, s) : reduce<T, W, 4>(r, a, blocks, s);
}

template <typename T> static void reduce(const gpu_ranks &r, const gpu_reduce &a, int blocks, hipStream_t s)
{
    if (r.world == 2)
        reduce<T, 2>(r, a, blocks, s);
    else
        r.world <= 4 ? reduce<T, 4>(r, a, blocks, s) : reduce<T, 8>(r, a, blocks, s);
}

int64_t gpu_reduce_window(const gpu_reduce *a, int32_t world)
{
    const int64_t vectors = a->width / 8, part = (vectors + world - 1) / world;
    return 32 * a->rows * (a->two_stage ? world * part + vectors : world * vectors);
}

static const char *refused(const gpu_ranks *r, const gpu_reduce *a)
{
    if (r->world < 2 || r->world > GPU_RANKS || r->rank < 0 || r->rank >= r->world)
        return "there must be 2 to 8 ranks";
    if (a->rows < 0 || a->width < 0 || a->width % (a->quant ? 16 : 8) || a->width > 16384)
        return "the width must be a multiple of 8, of 16 for FP8, at most 16384";
    if (!a->width)
        return NULL;
    if (a->quant == GPU_GROUP && a->width % 128)
        return "the width must be a multiple of the group of 128";
    if (a->quant && !a->w)
        return "what is quantised is a norm";
    return gpu_reduce_window(a, r->world) > r->bytes ? "the rows do not fit the windows of the ranks" : NULL;
}

/* Blocks wait for those of other ranks: all of them must be on the device at once, or those of the lower rows first. */
const char *gpu_all_reduce(const gpu_ranks *r, const gpu_reduce *a, void *stream)
{
    const int units = compute_units();
    const char *why = refused(r, a);
    if (why || !a->rows || !a->width)
        return why;
    if (!units)
        return "the device does not answer";
    gpu_ranks ranks = *r;
    gpu_reduce b = *a;
    b.range = ready(a->range);
    ranks.patience = r->patience ? r->patience : 1u << 24;
    const int blocks = a->rows < units ? a->rows : units;
    if (a->dtype == GPU_BF16)
        reduce<bf16>(ranks, b, blocks, (hipStream_t)stream);
    else
        reduce<f16>(ranks, b, blocks, (hipStream_t)stream);
    return gpu_launched();
}
