/* Attention over a paged cache against one softmax in double: layouts, dtypes, groups of heads, windows, soft caps, sinks,
 * scales for each token; sequences in one part and in several, blocks in no order, NaN wherever nothing is written. */
#include <algorithm>

#include "cases.h"

struct attention_of_rows {
    int heads, n_kv, dim, block, fp8;
    bool shuffled;
    int window;
    float soft_cap;
    bool sinks, by_token, alone; /* alone: no memory to work in */
    float scale = 0.125f;
};

static std::vector<int32_t> lens;
static int strangers = 1; /* the last rows are of no sequence */
static int rows(void) { return (int)lens.size() + strangers; }

/* A cache in which each sequence has its blocks, and what it holds: by slot, head and dim. */
struct stored {
    int width, blocks;
    int64_t each;
    std::vector<int32_t> tables;
    std::vector<double> kv[2];
    uint8_t *data[2];
    float *scales[2];
};

static int64_t index_of(const attention_of_rows &s, const stored &c, int which, int64_t slot, int h, int d)
{
    const int64_t block = slot / s.block, off = slot % s.block, x = s.fp8 ? 16 : 8;
    const int64_t base = block * c.each + (int64_t)h * s.dim * s.block;
    return !s.shuffled ? slot * s.n_kv * s.dim + h * s.dim + d
           : which     ? base + off / x * s.dim * x + d * x + off % x : base + d / x * s.block * x + off * x + d % x;
}

static void store_token(const attention_of_rows &s, stored &c, int64_t slot)
{
    for (int which = 0; which < 2; which++)
        for (int e = 0; e < s.n_kv * s.dim; e++) {
            const int64_t at = index_of(s, c, which, slot, e / s.dim, e % s.dim);
            const float v = uniform();
            const size_t own = (size_t)((slot / s.block * s.n_kv + e / s.dim) * s.block + slot % s.block);
            if (s.fp8)
                c.data[which][at] = format == GPU_E4M3FN ? sld_f32_to_f8e4m3fn(v) : sld_f32_to_f8e4m3fnuz(v);
            else
                ((uint16_t *)c.data[which])[at] = narrow16(v);
            if (e % s.dim == 0)
                c.scales[which][own] = uniform() / 4 + 0.75f;
            c.kv[which][(size_t)(slot * s.n_kv * s.dim + e)] =
                !s.fp8 ? wide16(((uint16_t *)c.data[which])[at])
                       : from8(c.data[which][at]) * (s.by_token ? c.scales[which][own] : which ? 2.0f : 0.5f);
        }
}

static stored fill_cache(const attention_of_rows &s)
{
    const int sequences = (int)lens.size(), width = *std::max_element(lens.begin(), lens.end()) / s.block + 1;
    stored c = {width, sequences * width + 3, (int64_t)s.block * s.n_kv * s.dim, std::vector<int32_t>(sequences * width, -1), {}, {}, {}};
    for (int which = 0; which < 2; which++) {
        c.data[which] = (uint8_t *)hipemu_alloc((size_t)(c.blocks * c.each) * (s.fp8 ? 1 : 2), 0xff);
        c.scales[which] = (float *)hipemu_alloc((size_t)c.blocks * s.n_kv * s.block * 4, 0xff);
        c.kv[which].resize((size_t)(c.blocks * c.each));
    }
    for (int i = 0; i < sequences; i++) /* behind the window tokens are forgotten, and their blocks given away */
        for (int t = s.window && lens[i] > s.window ? lens[i] - s.window : 0; t < lens[i]; t++) {
            const int block = 1 + (i * width + t / s.block) * 11 % (sequences * width);
            c.tables[i * width + t / s.block] = block;
            store_token(s, c, (int64_t)block * s.block + t % s.block);
        }
    return c;
}

static gpu_attention launch_of(const attention_of_rows &s, const stored &c)
{
    gpu_attention a = {};
    a.tables = given(c.tables), a.lens = given(lens), a.scale = s.scale, a.soft_cap = s.soft_cap, a.window = s.window;
    a.rows = rows(), a.sequences = (int)lens.size(), a.heads = s.heads, a.n_kv = s.n_kv, a.dim = s.dim, a.table_width = c.width;
    a.dtype = dtype;
    a.cache.blocks = c.blocks, a.cache.block_size = s.block, a.cache.shuffled = s.shuffled;
    a.cache.fp8 = s.fp8 ? 1 + format : 0;
    a.work_bytes = s.alone ? 0 : 16 * (s.dim + 2) * (s.heads / s.n_kv) * (int64_t)hipemu_units / 4; /* of a quarter of the units */
    for (int which = 0; which < 2; which++) {
        const int64_t strides[3] = {c.each, (int64_t)s.n_kv * s.dim, s.dim};
        const bool scaled = s.fp8 && !s.by_token, told = scaled && which == s.shuffled; /* by the device's memory */
        const float scale = which ? 2.0f : 0.5f;
        a.cache.data[which] = c.data[which], a.cache.fixed[which] = scaled && !told ? scale : 1.0f;
        a.cache.scale[which] = told ? given<float>({scale}) : NULL;
        a.token_scales[which] = s.by_token ? c.scales[which] : NULL;
        memcpy(a.cache.strides[which], strides, sizeof strides);
    }
    return a;
}

/* One head of a row. */
static std::vector<double> wanted(const attention_of_rows &s, const stored &c, const double *q, int sequence, int h, const float *sink)
{
    const int len = sequence < (int)lens.size() ? lens[sequence] : 0, from = s.window && len > s.window ? len - s.window : 0;
    std::vector<double> weights(len), want(s.dim, 0.0);
    double most = sink ? *sink : -INFINITY, sum = 0;
    auto at = [&](int which, int t, int d) {
        const int64_t slot = (int64_t)c.tables[sequence * c.width + t / s.block] * s.block + t % s.block;
        return c.kv[which][(size_t)((slot * s.n_kv + h / (s.heads / s.n_kv)) * s.dim + d)];
    };
    for (int t = from; t < len; t++) {
        for (int d = 0; d < s.dim; d++)
            weights[t] += q[d] * at(0, t, d) * s.scale;
        weights[t] = s.soft_cap > 0 ? s.soft_cap * tanh(weights[t] / s.soft_cap) : weights[t];
        most = std::max(most, weights[t]);
    }
    for (int t = from; t < len; t++) {
        sum += weights[t] = exp(weights[t] - most);
        for (int d = 0; d < s.dim; d++)
            want[d] += weights[t] * at(1, t, d);
    }
    sum += sink ? exp(*sink - most) : 0;
    for (double &w : want)
        w = len ? w / sum : 0;
    return want;
}

static void attention_case(attention_of_rows s)
{
    const stored c = fill_cache(s);
    numbers q((size_t)rows() * s.heads * s.dim);
    std::vector<float> logits(s.heads);
    for (float &x : logits)
        x = uniform() * 3;
    gpu_attention a = launch_of(s, c);
    result out = {q.v.size() * 2, NULL, {}};
    a.q = q.p, a.sinks = s.sinks ? given(logits) : NULL;
    std::string error = launch({&out}, [&] {
        a.out = out.p, a.work = (float *)hipemu_alloc((size_t)a.work_bytes, 0xff);
        return gpu_decode_attention(&a, NULL);
    });
    const std::string name = name_of(s.shuffled ? "attention of a shuffled cache" : "attention", s.heads, s.dim) +
                             (s.fp8 ? " fp8" : "") + (s.window ? " window" : "") + (s.by_token ? " scales of tokens" : "");
    check(error.empty(), name + ": " + error);
    const double eps = dtype == GPU_BF16 ? 0x1p-8 : 0x1p-11;
    for (int row = 0; row < rows() && error.empty(); row++)
        for (int h = 0; h < s.heads; h++) {
            const size_t at = ((size_t)row * s.heads + h) * s.dim;
            const std::vector<double> want = wanted(s, c, &q.v[at], row, h, s.sinks ? &logits[h] : NULL);
            double size = 0, off = 0;
            for (int d = 0; d < s.dim; d++) { /* weights are rounded to 16 bits as well, that of one token for all dims: in norm */
                const double got = wide16(((uint16_t *)out.p)[at + d]);
                size += want[d] * want[d], off += (got - want[d]) * (got - want[d]);
            }
            check(off <= 1.5 * eps * eps * size + 1e-12, name + ": row " + std::to_string(row) + ", head " + std::to_string(h) +
                                                       " is off by " + std::to_string(sqrt(off / (size + 1e-30))));
        }
}

/* What the kernels do not take is refused. */
static void refusals(void)
{
    static const struct { const char *why; void (*spoil)(gpu_attention *a); } bad[] = {
        {"multiples of 16 bytes", [](gpu_attention *a) { a->cache.strides[0][0]++; }},
        {"multiples of 16 bytes", [](gpu_attention *a) { a->cache.strides[1][0]++; }},
        {"heads must be of 64 or 128", [](gpu_attention *a) { a->dim = 96; }},
        {"up to 16 heads", [](gpu_attention *a) { a->n_kv = 0; }},
        {"up to 16 heads", [](gpu_attention *a) { a->n_kv = 3; }},
        {"up to 16 heads", [](gpu_attention *a) { a->heads = 17; }},
        {"blocks do not divide", [](gpu_attention *a) { a->cache.block_size = 0; }},
        {"blocks do not divide", [](gpu_attention *a) { a->cache.block_size = 12; }},
        {"scales for each token", [](gpu_attention *a) { a->token_scales[0] = (const float *)a; }},
        {"scales for each token", [](gpu_attention *a) { a->token_scales[0] = a->token_scales[1] = (const float *)a; }},
    };
    const attention_of_rows s = {8, 1, 128, 16, 0, true, 0, 0, false, false, true};
    const stored c = fill_cache(s);
    for (const auto &t : bad) {
        gpu_attention a = launch_of(s, c);
        t.spoil(&a);
        a.rows = 0;
        const char *error = gpu_decode_attention(&a, NULL);
        check(error && strstr(error, t.why), std::string("attention is not refused: ") + t.why);
    }
    gpu_attention none = launch_of(s, c);
    none.rows = 0;
    check(!gpu_decode_attention(&none, NULL), "attention of no rows is refused");
}

void attention_cases(void)
{
    lens = {0, 1, 40, 600};
    refusals();
    if (format == GPU_E4M3FN) {
        attention_case({8, 1, 128, 16, 0, true, 0, 0, false, false, false});
        attention_case({8, 1, 128, 16, 0, true, 0, 0, false, false, true, 8}); /* e to the power of a score may be infinite */
        attention_case({2, 1, 64, 16, 0, false, 0, 0, false, false, false, 0}); /* all have one weight: sums are large */
        attention_case({16, 1, 64, 48, 0, true, 0, 0, false, false, true});
        attention_case({6, 2, 128, 20, 0, false, 0, 0, false, false, false});
        attention_case({2, 1, 64, 1, 0, false, 0, 0, false, false, true});
        attention_case({8, 1, 128, 16, 1, true, 0, 0, false, false, true});
        attention_case({6, 2, 64, 32, 1, false, 0, 0, false, false, false});
        attention_case({8, 1, 64, 16, 0, true, 45, 0, true, false, false});
        attention_case({4, 1, 128, 20, 0, false, 301, 3.0f, false, false, true});
        attention_case({4, 4, 64, 16, 0, false, 0, 0, true, false, true});
    } else {
        attention_case({6, 2, 64, 32, 1, true, 130, 0, false, true, false});
        attention_case({2, 2, 128, 20, 1, false, 0, 2.0f, true, true, true});
        attention_case({2, 2, 128, 20, 1, false, 0, 0, false, false, false});
    }
    if (dtype == GPU_BF16 && format == GPU_E4M3FN) {
        lens = {8900}, strangers = 0;
        hipemu_units = 300; /* more parts than threads that join them */
        attention_case({1, 1, 128, 16, 0, false, 0, 0, true, false, false});
        hipemu_units = 12, strangers = 1;
    }
}
