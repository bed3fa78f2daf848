/* Latent attention of a decode step: queries made ready, cache rows, attention, against sums in double. */
#include "cases.h"

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

/* ---- attention ---- */

struct latent_shape { int heads, value, block, q_fp8, cache_fp8; bool alone; };

static const std::vector<int32_t> lengths = {1, 0, 97, 300}, sequence_of = {2, 0, 3, 0};
enum { TOKENS = 5, SEQUENCES = 4, MOST = 310 }; /* the last token attends to nothing */

/* Numbers of a tensor that is FP8 or of 16 bits; where NaN fills what is not written. */
struct cells {
    bool fp8;
    uint8_t *p;
    std::vector<double> v;
    cells(size_t n, bool fp8) : fp8(fp8), p((uint8_t *)hipemu_alloc(n * (fp8 ? 1 : 2), 0xff)), v(n) {}
    void set(size_t at, float x, double scale)
    {
        if (fp8)
            p[at] = format == GPU_E4M3FN ? sld_f32_to_f8e4m3fn(x) : sld_f32_to_f8e4m3fnuz(x);
        else
            ((uint16_t *)p)[at] = narrow16(x);
        v[at] = fp8 ? from8(p[at]) * scale : wide16(((uint16_t *)p)[at]);
    }
};

static std::vector<double> latent_wanted(const latent_shape &s, const cells &q, const cells &cache, const std::vector<int32_t> &tables,
                                         const numbers &values, int token, int h)
{
    const int len = token < (int)lengths.size() ? lengths[token] : 0, width = MOST / s.block + 1;
    std::vector<double> weights(len), latent(512, 0.0), want(s.value, 0.0);
    double most = -INFINITY, sum = 0;
    auto row = [&](int t) {
        return &cache.v[((size_t)tables[sequence_of[token] * width + t / s.block] * s.block + t % s.block) * 576];
    };
    for (int t = 0; t < len; t++) {
        for (int d = 0; d < 576; d++)
            weights[t] += q.v[((size_t)token * s.heads + h) * 576 + d] * row(t)[d] * 0.03;
        most = fmax(most, weights[t]);
    }
    for (int t = 0; t < len; t++) {
        sum += weights[t] = exp(weights[t] - most);
        for (int d = 0; d < 512; d++)
            latent[d] += weights[t] * row(t)[d];
    }
    for (int d = 0; d < 512 && len; d++)
        for (int v = 0; v < s.value; v++)
            want[v] += latent[d] / sum * values.v[((size_t)h * 512 + d) * s.value + v];
    return want;
}

static void latent_case(latent_shape s)
{
    const int width = MOST / s.block + 1, blocks = SEQUENCES * width + 3;
    cells q((size_t)TOKENS * s.heads * 576, s.q_fp8), cache((size_t)blocks * s.block * 576, s.cache_fp8);
    numbers values((size_t)s.heads * 512 * s.value);
    std::vector<int32_t> tables(SEQUENCES * width, -1);
    const float scale[2] = {s.q_fp8 ? 0.5f : 1, s.cache_fp8 ? 2.0f : 1};
    for (size_t i = 0; i < q.v.size(); i++)
        q.set(i, uniform(), scale[0]);
    for (size_t i = 0; i < lengths.size(); i++)
        for (int t = 0; t < lengths[i]; t++) {
            const int at = sequence_of[i] * width + t / s.block, block = 1 + at * 11 % (SEQUENCES * width);
            tables[at] = block;
            for (int d = 0; d < 576 && (i != 3 || t >= lengths[1]); d++)
                cache.set(((size_t)block * s.block + t % s.block) * 576 + d, uniform(), scale[1]);
        }
    gpu_latent a = {};
    a.q = q.p, a.values = values.p, a.cache = cache.p, a.tables = given(tables), a.sequence = given(sequence_of);
    a.length = given(lengths), a.fixed[0] = scale[0], a.softmax_scale = 0.03f, a.scale[1] = given<float>({scale[1]});
    a.work_bytes = (int64_t)TOKENS * s.heads * 1024 + (s.alone ? 0 : 65792 * 3);
    a.strides[0] = s.block * 576, a.strides[1] = 576, a.blocks = blocks, a.block_size = s.block;
    a.tokens = TOKENS, a.n_tokens = (int)lengths.size(), a.heads = s.heads, a.value = s.value, a.sequences = SEQUENCES;
    a.table_width = width, a.dtype = dtype, a.q_fp8 = s.q_fp8 ? 1 + format : 0, a.cache_fp8 = s.cache_fp8 ? 1 + format : 0;
    result out = {(size_t)TOKENS * s.heads * s.value * 2, NULL, {}};
    std::string error = launch({&out}, [&] {
        a.out = out.p, a.work = hipemu_alloc((size_t)a.work_bytes, 0xff);
        return gpu_latent_attention(&a, NULL);
    });
    const std::string name = name_of("latent attention", s.heads, s.value) + (s.q_fp8 ? " fp8 queries" : "") + (s.cache_fp8 ? " fp8" : "");
    check(error.empty(), name + ": " + error);
    const double eps = dtype == GPU_BF16 ? 0x1p-8 : 0x1p-11;
    for (int t = 0; t < TOKENS && error.empty(); t++)
        for (int h = 0; h < s.heads; h++) {
            const std::vector<double> want = latent_wanted(s, q, cache, tables, values, t, h);
            double size = 0, off = 0;
            for (int d = 0; d < s.value; d++) { /* weights and latents are rounded on the way: in norm */
                const double x = wide16(((uint16_t *)out.p)[((size_t)t * s.heads + h) * s.value + d]) - want[d];
                size += want[d] * want[d], off += x * x;
            }
            check(off <= 4 * eps * eps * size + 1e-12, name + ": token " + std::to_string(t) + ", head " + std::to_string(h) +
                                                           " is off by " + std::to_string(sqrt(off / (size + 1e-30))));
        }
}

void latent_cases(void)
{
    mla_case(1, 2);
    mla_case(19, 1);
    mla_case(66, 1);
    if (format == GPU_E4M3FN) {
        latent_case({16, 128, 16, 0, 0, false});
        latent_case({18, 32, 7, 0, 0, true});
        latent_case({4, 64, 64, 1, 1, false});
    } else {
        latent_case({3, 32, 16, 0, 1, true});
        latent_case({16, 32, 1, 1, 1, false});
    }
}
