/* The GPU kernels' own sources on the CPU, against sums in double; and three planted bugs, each of which must be found. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "dtype.h"
#include "gpu.h"
#include "launch.h"
#include "ranks.h"

static int failures, checks;

static void check(bool ok, const std::string &what)
{
    checks++;
    if (!ok) {
        failures++;
        printf("hipemu: %s\n", what.c_str());
    }
}

/* ----------------------------------------------------------------- tensors -- */

static uint32_t seed;
static float uniform(void) /* in [-2, 2) */
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(int32_t)seed * 0x1p-30f;
}

static int dtype; /* of the case at work */
static int format;

static uint16_t narrow16(float f) { return dtype == GPU_BF16 ? sld_f32_to_bf16(f) : sld_f32_to_f16(f); }
static float wide16(uint16_t u) { return dtype == GPU_BF16 ? sld_bf16_to_f32(u) : sld_f16_to_f32(u); }
static double round16(double x) { return wide16(narrow16((float)x)); }
static double from8(uint8_t u) { return format == GPU_E4M3FN ? sld_f8e4m3fn_to_f32(u) : sld_f8e4m3fnuz_to_f32(u); }
static double max8(void) { return format == GPU_E4M3FN ? 448 : 240; }
static gpu_range range_of(int f) { return {1e-10f, f == GPU_E4M3FN ? 448.0f : 240.0f}; }

/* 16-bit numbers on the device, and what they are. */
struct numbers {
    std::vector<double> v;
    uint16_t *p;
    explicit numbers(size_t n) : v(n), p((uint16_t *)hipemu_alloc(n * 2, 0))
    {
        for (size_t i = 0; i < n; i++)
            v[i] = wide16(p[i] = narrow16(uniform()));
    }
};

template <typename T> static T *given(const std::vector<T> &v)
{
    T *p = (T *)hipemu_alloc(v.size() * sizeof(T), 0);
    memcpy(p, v.data(), v.size() * sizeof(T));
    return p;
}

/* Memory that a launch writes: fresh for each order of threads. */
struct result { size_t bytes; void *p; std::vector<uint8_t> first; };

/* Launches in each order and with two fills; what differs was raced for or not written. NULL or what is wrong. */
static std::string launch(std::vector<result *> results, const std::function<const char *()> &go)
{
    for (int order = 0; order < HIPEMU_ORDERS; order++) {
        hipemu_order_now = (hipemu_order)order;
        for (result *r : results)
            r->p = hipemu_alloc(r->bytes, order % 2 ? 0x5a : 0xa5);
        const char *error = go();
        if (error)
            return error;
        for (result *r : results)
            if (!order)
                r->first.assign((uint8_t *)r->p, (uint8_t *)r->p + r->bytes);
            else if (r->bytes && memcmp(r->p, r->first.data(), r->bytes))
                return "a result depends on the order of threads, or was not written";
    }
    return "";
}

static std::string name_of(const char *what, int a, int b)
{
    return std::string(what) + " " + std::to_string(a) + " x " + std::to_string(b) + (dtype == GPU_BF16 ? " bf16" : " f16") +
           (format == GPU_E4M3FN ? " e4m3fn" : " e4m3fnuz");
}

/* 16-bit results within one rounding and a little of f32. */
static bool near16(const void *p, const std::vector<double> &want, double slack = 1e-5)
{
    const double eps = dtype == GPU_BF16 ? 0x1p-8 : 0x1p-11;
    for (size_t i = 0; i < want.size(); i++)
        if (!(fabs(wide16(((const uint16_t *)p)[i]) - want[i]) <= eps * 1.01 * fabs(want[i]) + slack))
            return false;
    return true;
}

/* FP8 results: half a step of three mantissa bits, and what the 16 bits before it take. */
static bool near8(const void *p, const std::vector<double> &want, const float *scales, size_t group)
{
    for (size_t i = 0; i < want.size(); i++) {
        double s = scales[i / group], x = want[i] / s;
        x = x > max8() ? max8() : x < -max8() ? -max8() : x;
        if (!(fabs(from8(((const uint8_t *)p)[i]) - x) <= fabs(x) * (0x1p-4 + 0x1.2p-7) + 0x1p-9))
            return false;
    }
    return true;
}

static double silu64(double x) { return x / (1 + exp(-x)); }

/* ------------------------------------------------------------------- cases -- */

static void norm_case(int rows, int width, bool res, int quant)
{
    const size_t n = (size_t)rows * width;
    numbers x(n), r(n), w(width);
    std::vector<double> z = x.v, y(n);
    result out = {quant ? n : 2 * n, NULL, {}}, sum = {res ? 2 * n : 0, NULL, {}}, scales = {4 * (quant == GPU_TOKEN ? rows : quant == GPU_GROUP ? n / 128 : 0), NULL, {}};
    float *scale = given<float>({0.05f});
    std::string error = launch({&out, &sum, &scales}, [&] {
        gpu_norm a = {x.p, res ? r.p : NULL, w.p, scale, sum.p, out.p, NULL, (float *)scales.p, range_of(format), 1e-6f, 0, rows, width, dtype, format,
                      quant, 0};
        return gpu_rms_norm(&a, NULL);
    });
    for (int i = 0; i < rows; i++) {
        double square = 0;
        for (int k = i * width; k < (i + 1) * width; k++) {
            z[k] = res ? round16(x.v[k] + r.v[k]) : x.v[k];
            square += z[k] * z[k];
        }
        for (int k = i * width; k < (i + 1) * width; k++)
            y[k] = z[k] / sqrt(square / width + 1e-6) * w.v[k - i * width];
    }
    std::string name = name_of(res ? "add_rms_norm" : "rms_norm", rows, width) + " quantiser " + std::to_string(quant);
    check(error.empty(), name + ": " + error);
    if (error.empty())
        check((quant ? near8(out.p, y, quant == GPU_STATIC ? scale : (float *)scales.p, quant == GPU_STATIC ? n : quant == GPU_GROUP ? 128 : width)
                     : near16(out.p, y)) && (!res || near16(sum.p, z)), name + ": wrong numbers");
}

static void gated_case(int heads, int quant)
{
    const size_t n = (size_t)heads * 128;
    numbers x(n), z(n), w(128);
    std::vector<double> y(n);
    result out = {quant ? n : 2 * n, NULL, {}}, scales = {4u * (quant ? heads : 0), NULL, {}};
    std::string error = launch({&out, &scales}, [&] {
        gpu_gated a = {x.p, z.p, w.p, out.p, NULL, (float *)scales.p, range_of(format), 1e-6f, heads, dtype, format, quant};
        return gpu_gated_norm(&a, NULL);
    });
    for (int h = 0; h < heads; h++) {
        double square = 0;
        for (int k = 0; k < 128; k++)
            square += x.v[h * 128 + k] * x.v[h * 128 + k];
        for (int k = 0; k < 128; k++)
            y[h * 128 + k] = x.v[h * 128 + k] / sqrt(square / 128 + 1e-6) * w.v[k] * silu64(z.v[h * 128 + k]);
    }
    check(error.empty(), name_of("gated_norm", heads, quant) + ": " + error);
    if (error.empty())
        check(quant ? near8(out.p, y, (float *)scales.p, 128) : near16(out.p, y), name_of("gated_norm", heads, quant) + ": wrong numbers");
}

static void silu_case(int rows, int width, int quant)
{
    const size_t n = (size_t)rows * width;
    numbers x(2 * n);
    std::vector<double> y(n);
    result out = {quant ? n : 2 * n, NULL, {}}, scales = {quant == GPU_GROUP ? 4 * n / 128 : 0, NULL, {}};
    float *scale = given<float>({0.05f});
    std::string error = launch({&out, &scales}, [&] {
        gpu_act a = {x.p, out.p, NULL, quant == GPU_STATIC ? scale : (float *)scales.p, range_of(format), rows, width, dtype, format, quant};
        return gpu_silu_mul(&a, NULL);
    });
    for (size_t i = 0; i < n; i++)
        y[i] = round16(silu64(x.v[i / width * 2 * width + i % width])) * x.v[i / width * 2 * width + width + i % width];
    check(error.empty(), name_of("silu_mul", rows, width) + ": " + error);
    if (error.empty())
        check(quant ? near8(out.p, y, quant == GPU_STATIC ? scale : (float *)scales.p, quant == GPU_STATIC ? n : 128) : near16(out.p, y), name_of("silu_mul", rows, width) + ": wrong numbers");
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
        check(near8(out.p, x.v, group ? (float *)scales.p : scale, group ? 128 : n), name_of("quantise", n, group) + ": wrong numbers");
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
static std::vector<double> head_of(const numbers &qkv, shape s, size_t head, const numbers *w, const numbers &table,
                                   int64_t position)
{
    std::vector<double> v(s.dim), y;
    double square = 0;
    for (int k = 0; k < s.dim; k++)
        square += pow(v[k] = qkv.v[head * s.dim + k], 2);
    for (int k = 0; w && k < s.dim; k++)
        v[k] = round16(v[k] / sqrt(square / s.dim + 1e-6) * w->v[k]);
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
    int64_t *at = given(positions), *to = given(slots);
    float *scale = given<float>({0.25f});
    const size_t row = 2u * s.dim * tokens;
    result q = {row * n_q, NULL, {}}, k = {row * n_kv, NULL, {}}, v = {row * n_kv, NULL, {}};
    gpu_paged c = {};
    std::string error = launch({&q, &k, &v}, [&] {
        c = paged(st, tokens, n_kv, s.dim, to, scale);
        gpu_qkv a = {qkv.p, wq.p, wk.p, at, table.p, q.p, k.p, v.p, c, 1e-6f, 1e-6f, 0, tokens, n_q, n_kv, s.dim, s.rotated, L,
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
            std::vector<double> want = is_q || is_k ? head_of(qkv, s, (size_t)t * all + h, is_q ? &wq : &wk, table, positions[t])
                                                    : head_of(qkv, kept, (size_t)t * all + h, NULL, table, 0);
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

static void mla_case(int tokens, int heads)
{
    const int L = 5;
    numbers q((size_t)tokens * heads * 192), w((size_t)heads * 128 * 512), c((size_t)tokens * 512), k((size_t)tokens * 64),
        table(L * 64);
    std::vector<int64_t> positions(tokens), slots(tokens);
    for (int t = 0; t < tokens; t++)
        positions[t] = (t * 3 + 1) % L, slots[t] = t == 2 ? -1 : t;
    int64_t *at = given(positions), *to = given(slots);
    float *scale = given<float>({0.25f});
    result out = {(size_t)tokens * heads * 576, NULL, {}};
    uint8_t *cache = NULL;
    std::string error = launch({&out}, [&] {
        cache = (uint8_t *)hipemu_alloc((size_t)tokens * 576, 0x11);
        gpu_mla a = {q.p, w.p, c.p, k.p, at, to, table.p, scale, out.p, cache, tokens, heads, dtype, format};
        return gpu_mla_decode(&a, NULL);
    });
    const std::string name = name_of("mla_decode", tokens, heads);
    check(error.empty(), name + ": " + error);
    auto turned = [&](const double *from, int t) {
        std::vector<double> y(64);
        for (int i = 0; i < 32; i++) {
            double co = table.v[positions[t] * 64 + i], s = table.v[positions[t] * 64 + 32 + i];
            y[2 * i] = from[2 * i] * co - from[2 * i + 1] * s;
            y[2 * i + 1] = from[2 * i + 1] * co + from[2 * i] * s;
        }
        return y;
    };
    for (int t = 0; t < tokens && error.empty(); t++) {
        for (int h = 0; h < heads; h++) {
            const double *x = &q.v[((size_t)t * heads + h) * 192];
            std::vector<double> want(512, 0.0), rope = turned(x + 128, t);
            for (int i = 0; i < 128; i++)
                for (int j = 0; j < 512; j++)
                    want[j] += x[i] * w.v[((size_t)h * 128 + i) * 512 + j];
            for (double &y : want)
                y = round16(y);
            want.insert(want.end(), rope.begin(), rope.end());
            check(near8((uint8_t *)out.p + ((size_t)t * heads + h) * 576, want, scale, 576),
                  name + ": token " + std::to_string(t) + ", head " + std::to_string(h) + " is wrong");
        }
        std::vector<double> row(c.v.begin() + t * 512, c.v.begin() + (t + 1) * 512), rope = turned(&k.v[t * 64], t);
        row.insert(row.end(), rope.begin(), rope.end());
        if (slots[t] >= 0)
            check(near8(cache + slots[t] * 576, row, scale, 576), name + ": the cache row of token " + std::to_string(t) + " is wrong");
        else
            for (int i = 0; i < 576; i++)
                check(cache[t * 576 + i] == 0x11, name + ": a slot was written that no token names");
    }
}

static void cache_case(int tokens)
{
    numbers k((size_t)tokens * 256), v((size_t)tokens * 384);
    std::vector<int64_t> slots(tokens);
    for (int t = 0; t < tokens; t++)
        slots[t] = tokens - 1 - t;
    int64_t *to = given(slots);
    gpu_paged c = {};
    std::string error = launch({}, [&] {
        c = paged({2, 0}, tokens, 2, 128, to, NULL);
        gpu_cache a = {k.p, v.p, c, 384, tokens, 2, 128, dtype};
        return gpu_cache_write(&a, NULL);
    });
    bool same = error.empty();
    for (int i = 0; same && i < tokens * 256; i++) {
        const int t = i / 256, head = i / 128 % 2, d = i % 128;
        same = ((uint16_t *)c.data[0])[cache_index(c, 0, slots[t], head, 128, d)] == k.p[i] &&
               ((uint16_t *)c.data[1])[cache_index(c, 1, slots[t], head, 128, d)] == v.p[t * 384 + i % 256];
    }
    check(same, name_of("cache_write", tokens, 256) + ": " + error);
}

/* ---- attention over a paged cache, one softmax in double ---- */

struct attention_of_rows { int heads, n_kv, dim, block, fp8; bool shuffled; };

static void attention_case(attention_of_rows s)
{
    const std::vector<int32_t> lens = {0, 1, 40, 257};
    const int sequences = (int)lens.size(), width = 270 / s.block + 1, blocks = sequences * width + 3, x = s.fp8 ? 16 : 8;
    const int64_t each = (int64_t)s.block * s.n_kv * s.dim;
    numbers q((size_t)sequences * s.heads * s.dim);
    std::vector<int32_t> tables(sequences * width, -1);
    std::vector<double> kv[2];
    const float scale[2] = {s.fp8 ? 0.5f : 1, s.fp8 ? 2.0f : 1};
    uint8_t *data[2];
    auto place = [&](int which, int64_t slot, int h, int d) {
        int64_t block = slot / s.block, off = slot % s.block, base = block * each + (int64_t)h * s.dim * s.block;
        return !s.shuffled ? slot * s.n_kv * s.dim + h * s.dim + d
               : which     ? base + off / x * s.dim * x + d * x + off % x : base + d / x * s.block * x + off * x + d % x;
    };
    for (int which = 0; which < 2; which++) {
        data[which] = (uint8_t *)hipemu_alloc((size_t)(blocks * each) * (s.fp8 ? 1 : 2), 0xff); /* NaN where nothing is written */
        kv[which].resize((size_t)(blocks * each));
    }
    for (int i = 0; i < sequences; i++)
        for (int t = 0; t < lens[i]; t++) {
            const int block = 1 + (i * width + t / s.block) * 11 % (sequences * width); /* in no order */
            tables[i * width + t / s.block] = block;
            for (int which = 0; which < 2; which++)
                for (int e = 0; e < s.n_kv * s.dim; e++) {
                    const int64_t slot = (int64_t)block * s.block + t % s.block, at = place(which, slot, e / s.dim, e % s.dim);
                    const float v = uniform();
                    if (s.fp8)
                        data[which][at] = format == GPU_E4M3FN ? sld_f32_to_f8e4m3fn(v) : sld_f32_to_f8e4m3fnuz(v);
                    else
                        ((uint16_t *)data[which])[at] = narrow16(v);
                    kv[which][(size_t)(slot * s.n_kv * s.dim + e)] =
                        (s.fp8 ? from8(data[which][at]) : wide16(((uint16_t *)data[which])[at])) * scale[which];
                }
        }
    int32_t *table = given(tables), *len = given(lens);
    result out = {q.v.size() * 2, NULL, {}};
    float *work = (float *)hipemu_alloc((size_t)sequences * s.heads * 2 * (s.dim + 2) * 4, 0xff);
    std::string error = launch({&out}, [&] {
        gpu_attention a = {};
        a.q = q.p, a.out = out.p, a.tables = table, a.lens = len, a.work = work, a.scale = 0.125f, a.sequences = sequences;
        a.heads = s.heads, a.n_kv = s.n_kv, a.dim = s.dim, a.table_width = width, a.longest = 257, a.dtype = dtype;
        a.cache.blocks = blocks, a.cache.block_size = s.block, a.cache.shuffled = s.shuffled;
        a.cache.fp8 = s.fp8 ? 1 + format : 0;
        for (int which = 0; which < 2; which++) {
            const int64_t strides[3] = {each, (int64_t)s.n_kv * s.dim, s.dim};
            a.cache.data[which] = data[which], a.cache.fixed[which] = scale[which];
            memcpy(a.cache.strides[which], strides, sizeof strides);
        }
        return gpu_decode_attention(&a, NULL);
    });
    const std::string name = name_of(s.shuffled ? "attention of a shuffled cache" : "attention", s.heads, s.dim) + (s.fp8 ? " fp8" : "");
    check(error.empty(), name + ": " + error);
    const double eps = dtype == GPU_BF16 ? 0x1p-8 : 0x1p-11;
    for (int i = 0; i < sequences && error.empty(); i++)
        for (int h = 0; h < s.heads; h++) {
            const size_t row = ((size_t)i * s.heads + h) * s.dim;
            const int head = h / (s.heads / s.n_kv);
            std::vector<double> weights(lens[i]), want(s.dim, 0.0);
            double most = -INFINITY, sum = 0, size = 0, off = 0;
            auto at = [&](int which, int t, int d) {
                const int64_t slot = (int64_t)tables[i * width + t / s.block] * s.block + t % s.block;
                return kv[which][(size_t)((slot * s.n_kv + head) * s.dim + d)];
            };
            for (int t = 0; t < lens[i]; t++) {
                for (int d = 0; d < s.dim; d++)
                    weights[t] += q.v[row + d] * at(0, t, d) * 0.125;
                most = std::max(most, weights[t]);
            }
            for (int t = 0; t < lens[i]; t++) {
                sum += weights[t] = exp(weights[t] - most);
                for (int d = 0; d < s.dim; d++)
                    want[d] += weights[t] * at(1, t, d);
            }
            for (int d = 0; d < s.dim; d++) { /* weights are rounded to 16 bits as well: in norm */
                const double w = lens[i] ? want[d] / sum : 0, got = wide16(((uint16_t *)out.p)[row + d]);
                size += w * w, off += (got - w) * (got - w);
            }
            check(off <= eps * eps * size + 1e-12, name + ": sequence " + std::to_string(i) + ", head " + std::to_string(h) +
                                                       " is off by " + std::to_string(sqrt(off / (size + 1e-30))));
        }
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

int main(void)
{
    conversions();
    for (dtype = GPU_BF16; dtype <= GPU_F16; dtype++)
        for (format = GPU_E4M3FN; format <= GPU_E4M3FNUZ; format++) {
            for (int quant = GPU_NONE; quant <= GPU_TOKEN; quant++)
                for (int res = 0; res < 2; res++) {
                    norm_case(1, 16, res, quant);
                    norm_case(3, 2080, res, quant);
                    norm_case(2, 8208, res, quant);
                }
            norm_case(1, 20480, true, GPU_TOKEN);
            norm_case(3, 2176, true, GPU_GROUP);
            norm_case(2, 8192, false, GPU_GROUP);
            silu_case(2, 1152, GPU_STATIC);
            for (int quant = 0; quant < 2; quant++) {
                gated_case(1, quant);
                gated_case(37, quant);
                silu_case(1, 128, quant ? GPU_GROUP : GPU_NONE);
                silu_case(3, 1152, quant ? GPU_GROUP : GPU_NONE);
                cast_case(128, quant * 128);
                cast_case(1280, quant * 128);
            }
            add_case(8);
            add_case(2056);
            qkv_case(1, 4, 1, {128, 128, true}, {0, 0});
            qkv_case(3, 7, 2, {128, 64, true}, {1, 1});
            qkv_case(19, 2, 1, {64, 16, true}, {2, 0});
            qkv_case(3, 5, 2, {64, 64, false}, {2, 1});
            qkv_case(2, 3, 1, {256, 128, false}, {1, 0});
            cache_case(3);
            mla_case(1, 2);
            mla_case(19, 1);
            mla_case(66, 1);
            if (format == GPU_E4M3FN) {
                attention_case({8, 1, 128, 16, 0, true});
                attention_case({16, 1, 64, 48, 0, true});
                attention_case({6, 2, 128, 20, 0, false});
                attention_case({8, 1, 128, 16, 1, true});
                attention_case({6, 2, 64, 32, 1, false});
            } else {
                attention_case({6, 2, 64, 32, 1, true});
                attention_case({2, 2, 128, 20, 1, false});
            }
            hipemu_free_all();
        }
    planted();
    hipemu_free_all();
    failures += ranks_failures(&checks);
    printf("GPU kernels in emulation: %d checks, %d failures\n", checks, failures);
    return failures != 0;
}
