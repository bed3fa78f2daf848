/* The GPU kernels' own sources on the CPU, against sums in double; and three planted bugs, each of which must be found. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "ranks.h"

static double silu64(double x) { return x / (1 + exp(-x)); }

/* ------------------------------------------------------------------- cases -- */

static void norm_case(int rows, int width, bool res, int quant, bool twice = false)
{
    const size_t n = (size_t)rows * width;
    numbers x(n), r(n), w(width);
    const float offset = rows == 3 ? 1 : 0;
    std::vector<double> z = x.v, y(n);
    result out = {quant ? n : 2 * n, NULL, {}}, sum = {res ? 2 * n : 0, NULL, {}}, scales = {4 * (quant == GPU_TOKEN ? rows : quant == GPU_GROUP ? n / 128 : 0), NULL, {}};
    before normed(n, rows, quant);
    float *scale = given<float>({0.05f});
    std::string error = launch({&out, &sum, &scales, &normed.r}, [&] {
        gpu_norm a = {x.p, res ? r.p : NULL, w.p, scale, sum.p, out.p, normed.place(), (float *)scales.p, range_of(format), 0.25f, offset, rows, width, dtype, format,
                      quant, twice};
        return gpu_rms_norm(&a, NULL);
    });
    for (int i = 0; i < rows; i++) {
        double square = 0;
        for (int k = i * width; k < (i + 1) * width; k++) {
            z[k] = res ? round16(x.v[k] + r.v[k]) : x.v[k];
            square += z[k] * z[k];
        }
        for (int k = i * width; k < (i + 1) * width; k++)
            y[k] = z[k] / sqrt(square / width + 0.25) * (w.v[k - i * width] + offset);
        for (int k = i * width; twice && k < (i + 1) * width; k++) /* the product rounds what it takes to 16 bits */
            y[k] = round16(z[k] / sqrt(square / width + 0.25)) * (w.v[k - i * width] + offset);
    }
    std::string name = name_of(res ? "add_rms_norm" : "rms_norm", rows, width) + " quantiser " + std::to_string(quant);
    check(error.empty(), name + ": " + error);
    const float *by = quant == GPU_STATIC ? scale : (float *)scales.p;
    const size_t group = quant == GPU_STATIC ? n : quant == GPU_GROUP ? 128 : width;
    if (error.empty())
        check((quant ? near8(out.p, y, by, group) : near16(out.p, y, 1e-5, twice ? 2 : 1)) && (!res || near16(sum.p, z)) &&
              normed.right(y, out.p, by, group, quant != GPU_STATIC, twice ? 2 : 1), name + ": wrong numbers");
}

/* Norms of the first a and of the next c elements of a row; what is behind them stays. */
static void twice_case(int rows, int a, int c, int rest)
{
    const int width = a + c + rest, widths[3] = {a, c, rest};
    numbers x((size_t)rows * width), wa(a), wc(c);
    result y[3] = {{2u * rows * a, NULL, {}}, {2u * rows * c, NULL, {}}, {2u * rows * rest, NULL, {}}};
    std::string error = launch({&y[0], &y[1], &y[2]}, [&] {
        gpu_dual_norm d = {x.p, {wa.p, wc.p}, {y[0].p, y[1].p, y[2].p}, {0.25f, 0.5f}, rows, a, c, rest, dtype};
        return gpu_norm_twice(&d, NULL);
    });
    const std::string name = name_of("norm_twice", rows, width);
    check(error.empty(), name + ": " + error);
    for (int which = 0, from = 0; which < 3 && error.empty(); from += widths[which++]) {
        std::vector<double> want;
        for (int row = 0; row < rows; row++) {
            const double *v = &x.v[(size_t)row * width + from];
            double square = 0;
            for (int k = 0; k < widths[which]; k++)
                square += v[k] * v[k];
            const double by = 1 / sqrt(square / widths[which] + (which ? 0.5 : 0.25));
            for (int k = 0; k < widths[which]; k++)
                want.push_back(which == 2 ? v[k] : v[k] * by * (which ? wc : wa).v[k]);
        }
        check(near16(y[which].p, want), name + ": wrong numbers in part " + std::to_string(which));
    }
}

static void twice_refusals(void)
{
    static const struct { int a, c, rest; bool good; } all[] = {
        {8, 8, 8, true}, {4096, 4088, 8, true}, {4, 8, 8, false}, {8, 4, 8, false}, {8, 8, 4, false}, {4096, 4096, 8, false},
    };
    for (const auto &s : all) {
        gpu_dual_norm d = {};
        d.a = s.a, d.c = s.c, d.rest = s.rest;
        check(!gpu_norm_twice(&d, NULL) == s.good, name_of("norm_twice of other widths", s.a, s.c));
    }
}

static void gated_case(int heads, int quant)
{
    const size_t n = (size_t)heads * 128;
    numbers x(n), z(n), w(128);
    std::vector<double> y(n);
    result out = {quant ? n : 2 * n, NULL, {}}, scales = {4u * (quant ? heads : 0), NULL, {}};
    before normed(n, heads, quant);
    std::string error = launch({&out, &scales, &normed.r}, [&] {
        gpu_gated a = {x.p, z.p, w.p, out.p, normed.place(), (float *)scales.p, range_of(format), 0.25f, heads, dtype, format, quant};
        return gpu_gated_norm(&a, NULL);
    });
    for (int h = 0; h < heads; h++) {
        double square = 0;
        for (int k = 0; k < 128; k++)
            square += x.v[h * 128 + k] * x.v[h * 128 + k];
        for (int k = 0; k < 128; k++)
            y[h * 128 + k] = x.v[h * 128 + k] / sqrt(square / 128 + 0.25) * w.v[k] * silu64(z.v[h * 128 + k]);
    }
    check(error.empty(), name_of("gated_norm", heads, quant) + ": " + error);
    if (error.empty())
        check((quant ? near8(out.p, y, (float *)scales.p, 128) : near16(out.p, y)) &&
              normed.right(y, out.p, (float *)scales.p, 128, true), name_of("gated_norm", heads, quant) + ": wrong numbers");
}

static void silu_case(int rows, int width, int quant)
{
    const size_t n = (size_t)rows * width;
    numbers x(2 * n);
    std::vector<double> y(n);
    result out = {quant ? n : 2 * n, NULL, {}}, scales = {quant == GPU_GROUP ? 4 * n / 128 : 0, NULL, {}};
    before gated(n, rows, quant);
    float *scale = given<float>({0.05f});
    std::string error = launch({&out, &scales, &gated.r}, [&] {
        gpu_act a = {x.p, out.p, gated.place(), quant == GPU_STATIC ? scale : (float *)scales.p, range_of(format), rows, width, dtype, format, quant};
        return gpu_silu_mul(&a, NULL);
    });
    for (size_t i = 0; i < n; i++)
        y[i] = round16(silu64(x.v[i / width * 2 * width + i % width])) * x.v[i / width * 2 * width + width + i % width];
    check(error.empty(), name_of("silu_mul", rows, width) + ": " + error);
    if (error.empty())
        check(quant ? near8(out.p, y, quant == GPU_STATIC ? scale : (float *)scales.p, quant == GPU_STATIC ? n : 128) &&
                          gated.right(y, out.p, quant == GPU_STATIC ? scale : (float *)scales.p, quant == GPU_STATIC ? n : 128, quant == GPU_GROUP)
                    : near16(out.p, y), name_of("silu_mul", rows, width) + ": wrong numbers");
}

static void cast_case(int n, int group)
{
    numbers x(n);
    float *scale = given<float>({0.03f});
    result out = {(size_t)n, NULL, {}}, scales = {group ? 4u * n / 128 : 0, NULL, {}};
    std::string error = launch({&out, &scales}, [&] {
        gpu_cast a = {x.p, out.p, group ? (float *)scales.p : scale, range_of(format), n, dtype, format, group};
        return gpu_quantise(&a, NULL);
    });
    check(error.empty(), name_of("quantise", n, group) + ": " + error);
    if (error.empty())
        check(quantised(x.v, out.p, group ? (float *)scales.p : scale, group ? 128 : n, group), name_of("quantise", n, group) + ": wrong numbers");
}

/* The scale of an infinite number is infinite: what lies beside it becomes 0, and itself no number. */
static void infinite_case(void)
{
    numbers x(256);
    ((uint16_t *)x.p)[130] = dtype == GPU_BF16 ? 0x7f80 : 0x7c00;
    result out = {256, NULL, {}}, scales = {8, NULL, {}};
    std::string error = launch({&out, &scales}, [&] {
        gpu_cast a = {x.p, out.p, (float *)scales.p, range_of(format), 256, dtype, format, 128};
        return gpu_quantise(&a, NULL);
    });
    check(error.empty(), "quantise infinity: " + error);
    for (int i = 128; i < 256 && error.empty(); i++) {
        const double y = from8(((uint8_t *)out.p)[i]);
        check(i == 130 ? std::isnan(y) : y == 0, "quantise infinity: element " + std::to_string(i) + " is " + std::to_string(y));
    }
}

static void add_case(int n)
{
    numbers a(n), b(n);
    std::vector<double> y(n);
    result out = {2u * n, NULL, {}};
    std::string error = launch({&out}, [&] {
        gpu_sum s = {a.p, b.p, out.p, n, dtype};
        return gpu_add(&s, NULL);
    });
    for (int i = 0; i < n; i++)
        y[i] = a.v[i] + b.v[i];
    check(error.empty() && near16(out.p, y), name_of("add", n, 1) + ": " + error);
}

/* What one head of a row becomes. */
typedef struct shape { int dim, rotated; bool neox; } shape;
static std::vector<double> head_of(const numbers &qkv, shape s, size_t head, const numbers *w, double eps, double offset, const numbers &table,
                                   int64_t position)
{
    std::vector<double> v(s.dim), y;
    double square = 0;
    for (int k = 0; k < s.dim; k++)
        square += pow(v[k] = qkv.v[head * s.dim + k], 2);
    for (int k = 0; w && k < s.dim; k++)
        v[k] = round16(v[k] / sqrt(square / s.dim + eps) * (w->v[k] + offset));
    y = v;
    for (int k = 0; k < s.rotated / 2; k++) {
        double c = table.v[position * s.rotated + k], sn = table.v[position * s.rotated + s.rotated / 2 + k];
        int a = s.neox ? k : 2 * k, b = s.neox ? k + s.rotated / 2 : 2 * k + 1;
        y[a] = v[a] * c - v[b] * sn;
        y[b] = v[b] * c + v[a] * sn;
    }
    return y;
}

/* A cache of `tokens` slots in blocks of 16, and where its elements lie. */
typedef struct places { int layout, fp8; } places; /* layout: 0 token by token, 1 head by head, 2 shuffled */
static gpu_paged paged(places s, int tokens, int heads, int dim, const int64_t *slots, const float *scale)
{
    gpu_paged c = {};
    const int64_t bs = 16, block = bs * heads * dim;
    c.blocks = (tokens + bs - 1) / bs, c.block_size = bs, c.n_slots = tokens, c.slots = slots;
    for (int which = 0; which < 2; which++) {
        c.data[which] = hipemu_alloc(c.blocks * block * (s.fp8 ? 1 : 2), 0x11);
        c.strides[which][0] = block;
        c.strides[which][1] = s.layout == 0 ? heads * dim : dim;
        c.strides[which][2] = s.layout == 0 ? dim : bs * dim;
        c.scale[which] = which ? scale : NULL;
        c.fixed[which] = 0.5f;
    }
    c.shuffled = s.layout == 2;
    c.fp8 = s.fp8 ? 1 + format : 0;
    return c;
}

static size_t cache_index(const gpu_paged &c, int which, int64_t slot, int head, int dim, int d)
{
    const int64_t block = slot / 16, off = slot % 16, x = c.fp8 ? 16 : 8, at = block * c.strides[which][0];
    if (!c.shuffled)
        return at + off * c.strides[which][1] + head * c.strides[which][2] + d;
    return at + head * dim * 16 + (which ? off / x * dim * x + d * x + off % x : (d / x * 16 + off) * x + d % x);
}

/* A norm that rounds the other way at a tie, where the two terms of a rotation cancel. */
static double turned16(void) { return dtype == GPU_BF16 ? 0x1p-6 : 0x1p-9; }

static bool cached_head(const gpu_paged &c, int which, int64_t slot, int head, const std::vector<double> &want)
{
    const int dim = (int)want.size();
    std::vector<uint16_t> wide(dim);
    std::vector<uint8_t> bytes(dim);
    const float scale = which ? 0.25f : 0.5f;
    for (int d = 0; d < dim; d++) {
        size_t at = cache_index(c, which, slot, head, dim, d);
        if (c.fp8)
            bytes[d] = ((uint8_t *)c.data[which])[at];
        else
            wide[d] = ((uint16_t *)c.data[which])[at];
    }
    return c.fp8 ? near8(bytes.data(), want, &scale, dim) : near16(wide.data(), want, turned16());
}

static void qkv_case(int tokens, int n_q, int n_kv, shape s, places st)
{
    const int all = n_q + 2 * n_kv, L = 9;
    numbers qkv((size_t)tokens * all * s.dim), wq(s.dim), wk(s.dim), table(L * s.rotated);
    std::vector<int64_t> positions(tokens), slots(tokens);
    for (int t = 0; t < tokens; t++) {
        positions[t] = (t * 5 + 2) % L;
        slots[t] = t == 1 ? -1 : tokens - 1 - t;
    }
    if (tokens == 19) /* outside the table: the row at its end */
        positions[2] = -2, positions[5] = L, positions[6] = INT64_MAX;
    int64_t *at = given(positions), *to = given(slots);
    for (int64_t &position : positions)
        position = std::min<int64_t>(std::max<int64_t>(position, 0), L - 1);
    float *scale = given<float>({0.25f});
    const float offset = tokens == 3 ? 1 : 0;
    const size_t row = 2u * s.dim * tokens;
    result q = {row * n_q, NULL, {}}, k = {row * n_kv, NULL, {}}, v = {row * n_kv, NULL, {}};
    gpu_paged c = {};
    std::string error = launch({&q, &k, &v}, [&] {
        c = paged(st, tokens, n_kv, s.dim, to, scale);
        gpu_qkv a = {qkv.p, wq.p, wk.p, at, table.p, q.p, k.p, v.p, c, 0.25f, 0.5f, offset, tokens, n_q, n_kv, s.dim, s.rotated, L,
                     s.neox, dtype};
        return gpu_qk_norm_rope_cache(&a, NULL);
    });
    const std::string name = name_of("qk_norm_rope_cache", tokens, n_q) + " heads of " + std::to_string(s.dim) + ", " +
                             std::to_string(s.rotated) + " turned, layout " + std::to_string(st.layout);
    check(error.empty(), name + ": " + error);
    for (int t = 0; t < tokens && error.empty(); t++)
        for (int h = 0; h < all; h++) {
            bool is_q = h < n_q, is_k = !is_q && h < n_q + n_kv;
            const shape kept = {s.dim, 0, false};
            std::vector<double> want = is_q || is_k ? head_of(qkv, s, (size_t)t * all + h, is_q ? &wq : &wk, is_q ? 0.25 : 0.5, offset, table, positions[t])
                                                    : head_of(qkv, kept, (size_t)t * all + h, NULL, 0, 0, table, 0);
            const uint16_t *got = (uint16_t *)(is_q ? q.p : is_k ? k.p : v.p) +
                                  (size_t)(t * (is_q ? n_q : n_kv) + (is_q ? h : (h - n_q) % n_kv)) * s.dim;
            bool same = is_q || is_k ? near16(got, want, turned16()) : !memcmp(got, qkv.p + ((size_t)t * all + h) * s.dim, 2 * s.dim);
            if (!is_q && slots[t] >= 0)
                same = same && cached_head(c, !is_k, slots[t], (h - n_q) % n_kv, want);
            check(same, name + ": token " + std::to_string(t) + ", head " + std::to_string(h) + " is wrong");
        }
    /* The slot that no token names keeps what it held. */
    for (int i = 0; tokens > 1 && error.empty() && i < s.dim; i++) {
        const uint8_t *p = (uint8_t *)c.data[0] + cache_index(c, 0, tokens - 2, 0, s.dim, i) * (c.fp8 ? 1 : 2);
        check(p[0] == 0x11, name + ": a slot was written that no token names");
    }
}

static void qkv_refusals(void)
{
    static const struct { int dim, rotated; bool one_norm, good; } all[] = {
        {128, 64, false, true}, {64, 16, false, true}, {96, 64, false, false}, {128, 256, false, false}, {128, 8, false, false},
        {128, 48, false, false}, {128, 64, true, false},
    };
    for (const auto &s : all) {
        gpu_qkv a = {};
        a.dim = s.dim, a.rotated = s.rotated, a.table = &a, a.wq = s.one_norm ? &a : NULL;
        check(!gpu_qk_norm_rope_cache(&a, NULL) == s.good, "heads of " + std::to_string(s.dim) + ", " + std::to_string(s.rotated) + " turned");
    }
}

static void cache_refusals(void)
{
    static const struct { int dim, stride; bool good; } all[] = {{64, 128, true}, {12, 128, false}, {64, 132, false}};
    for (const auto &s : all) {
        gpu_cache a = {};
        a.dim = s.dim, a.v_stride = s.stride, a.cache.block_size = 16;
        check(!gpu_cache_write(&a, NULL) == s.good, "a cache of heads of " + std::to_string(s.dim));
    }
}

static void cache_case(int tokens, int heads)
{
    const int width = heads * 128, stride = width + 128;
    numbers k((size_t)tokens * width), v((size_t)tokens * stride);
    std::vector<int64_t> slots(tokens);
    for (int t = 0; t < tokens; t++)
        slots[t] = tokens - 1 - t;
    int64_t *to = given(slots);
    gpu_paged c = {};
    std::string error = launch({}, [&] {
        c = paged({2, 0}, tokens, heads, 128, to, NULL);
        gpu_cache a = {k.p, v.p, c, stride, tokens, heads, 128, dtype};
        return gpu_cache_write(&a, NULL);
    });
    bool same = error.empty();
    for (int i = 0; same && i < tokens * width; i++) {
        const int t = i / width, head = i / 128 % heads, d = i % 128;
        same = ((uint16_t *)c.data[0])[cache_index(c, 0, slots[t], head, 128, d)] == k.p[i] &&
               ((uint16_t *)c.data[1])[cache_index(c, 1, slots[t], head, 128, d)] == v.p[t * stride + i % width];
    }
    check(same, name_of("cache_write", tokens, width) + ": " + error);
}

/* Every number of a format is the nearest to itself, and so is all between as runtime/dtype.h has it. */
static void conversions(void)
{
    for (uint64_t u = 0; u <= UINT32_MAX; u += 65521) {
        float f = from_bits((uint32_t)u);
        uint8_t fn = (uint8_t)fp8_bits<E4M3FN>(f), fnuz = (uint8_t)fp8_bits<E4M3FNUZ>(f);
        bool nan = f != f;
        check((nan ? fn % 128 == 127 : fn == sld_f32_to_f8e4m3fn(f)), "fp8_bits<E4M3FN> of " + std::to_string(f));
        check((nan ? fnuz == 0x80 : fnuz == sld_f32_to_f8e4m3fnuz(f)), "fp8_bits<E4M3FNUZ> of " + std::to_string(f));
        check(nan || (uint16_t)pack(bf16(), f, 0) == sld_f32_to_bf16(f), "pack(bf16) of " + std::to_string(f));
        check(nan || (uint16_t)pack(f16(), f, 0) == sld_f32_to_f16(f), "pack(f16) of " + std::to_string(f));
    }
}

/* ------------------------------------------------------------ planted bugs -- */

__global__ void reverse_without_barrier(const int *x, int *y)
{
    __shared__ int tile[64];
    tile[threadIdx.x] = x[threadIdx.x];
    y[threadIdx.x] = tile[63 - threadIdx.x];
}
__global__ void leave_one(int *y)
{
    if (threadIdx.x != 5)
        y[threadIdx.x] = 1;
}
__global__ void one_too_many(int *y) { y[threadIdx.x + 1] = 1; }

static void planted(void)
{
    std::vector<int> numbers(64);
    for (int i = 0; i < 64; i++)
        numbers[i] = i + 100;
    int *x = given(numbers);
    result y = {256, NULL, {}};
    check(!launch({&y}, [&] { LAUNCH((reverse_without_barrier), 1, 64, NULL, x, (int *)y.p); return (const char *)NULL; }).empty(),
          "a missing barrier is not found");
    check(!launch({&y}, [&] { LAUNCH((leave_one), 1, 64, NULL, (int *)y.p); return (const char *)NULL; }).empty(),
          "a result that is not written is not found");
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        launch({&y}, [&] { LAUNCH((one_too_many), 1, 64, NULL, (int *)y.p); return (const char *)NULL; });
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    check(status != 0, "an access behind the end is not found");
}

/* ---------------------------------------------------------------- all cases -- */

static void norm_cases(void)
{
    for (int quant = GPU_NONE; quant <= GPU_TOKEN; quant++)
        for (int res = 0; res < 2; res++) {
            norm_case(1, 16, res, quant);
            norm_case(3, 2080, res, quant);
            norm_case(2, 8208, res, quant);
        }
    norm_case(1, 20496, true, GPU_TOKEN);
    norm_case(3, 2176, true, GPU_GROUP);
    norm_case(2, 8192, false, GPU_GROUP);
    for (int width = 1024; width <= 2 * 8192; width *= 4) {
        norm_case(1, width, false, GPU_NONE, true);
        norm_case(1, width, true, GPU_GROUP, true);
    }
    norm_case(3, 1024, false, GPU_NONE, true);
    twice_case(3, 1536, 512, 64);
    twice_case(2, 16, 8, 8);
    for (int quant = 0; quant < 2; quant++) {
        gated_case(1, quant);
        gated_case(37, quant);
        gated_case(4, quant);
    }
}

static void act_cases(void)
{
    silu_case(3, 1152, GPU_STATIC);
    for (int quant = 0; quant < 2; quant++) {
        silu_case(1, 128, quant ? GPU_GROUP : GPU_NONE);
        silu_case(3, 1152, quant ? GPU_GROUP : GPU_NONE);
        cast_case(128, quant * 128);
        cast_case(1280, quant * 128);
    }
    infinite_case();
    add_case(8);
    add_case(2056);
}

static void qkv_cases(void)
{
    qkv_case(1, 4, 1, {128, 128, true}, {0, 0});
    qkv_case(3, 7, 2, {128, 64, true}, {1, 1});
    qkv_case(19, 2, 1, {64, 16, true}, {2, 0});
    qkv_case(3, 5, 2, {64, 64, false}, {2, 1});
    qkv_case(2, 3, 1, {256, 128, false}, {1, 0});
    if (format == GPU_E4M3FN) /* several heads a lane */
        qkv_case(512, 7, 2, {64, 64, true}, {0, 0});
    cache_case(3, 2);
    cache_case(2, 8);
    cache_case(0, 2);
}

static void ranks_cases(void) { failures += ranks_failures(&checks); }

/* Which source of kernels they run, and whether for each dtype and format. */
static const struct { const char *source; void (*run)(void); bool each; } cases[] = {
    {"device", conversions, false},    {"device", planted, false},  {"move", move_cases, true}, {"norm", twice_refusals, false}, {"norm", norm_cases, true},
    {"act", act_cases, true},          {"qkv", qkv_refusals, false}, {"qkv", cache_refusals, false}, {"qkv", qkv_cases, true}, {"mla", mla_cases, true},
    {"attention", attention_cases, true}, {"latent", latent_cases, true}, {"reduce", ranks_cases, false},
};

/* hipemu_test [SOURCE]: those of one source, where the first failure is the last. */
int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    first_ends = only != NULL;
    for (const auto &c : cases)
        for (dtype = GPU_BF16; dtype <= GPU_F16 && (!only || !strcmp(only, c.source)); dtype++)
            for (format = GPU_E4M3FN; format <= GPU_E4M3FNUZ; format++)
                if (c.each || (dtype == GPU_BF16 && format == GPU_E4M3FN)) {
                    c.run();
                    hipemu_free_all();
                }
    printf("GPU kernels in emulation: %d checks, %d failures\n", checks, failures);
    return failures != 0;
}
