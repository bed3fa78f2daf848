/* Latent attention of a decode step: queries made ready, cache rows, attention, against sums in double. */
#include "cases.h"

/* ---- queries and rows ---- */

enum { ROW = 592 /* elements from row to row of the cache, which has room between them */ };
struct mla_shape { int tokens, heads; bool absorbed, neox, q_fp8, cache_fp8, alone; }; /* alone: without keys and a cache */

static std::vector<double> turned(const mla_shape &s, const double *from, const double *row)
{
    std::vector<double> y(64);
    for (int i = 0; i < 32; i++) {
        const int a = s.neox ? i : 2 * i, b = s.neox ? i + 32 : 2 * i + 1;
        y[a] = round16(from[a] * row[i] - from[b] * row[32 + i]);
        y[b] = round16(from[b] * row[i] + from[a] * row[32 + i]);
    }
    return y;
}

/* Where terms cancel, a sum in another order rounds the other way. */
static bool near_cells(const void *p, size_t at, bool fp8, const std::vector<double> &want, float scale)
{
    return fp8 ? near8((const uint8_t *)p + at, want, &scale, want.size())
               : near16((const uint16_t *)p + at, want, dtype == GPU_BF16 ? 0x1p-5 : 0x1p-8);
}

static gpu_mla mla_launch(const mla_shape &s, const numbers &q, const numbers &w, const numbers &c, const numbers &k,
                          const numbers &table)
{
    gpu_mla a = {};
    a.q = q.p, a.w_uk = s.absorbed ? w.p : NULL, a.kv_c = s.alone ? NULL : c.p, a.k_pe = s.alone ? NULL : k.p, a.table = table.p, a.length = 5;
    for (int i = 0; i < 2; i++) { /* one of the scales lies on the device */
        const float scale = i ? 0.5f : 0.25f;
        a.fixed[i] = i == s.tokens % 2 ? 9 : scale, a.scale[i] = i == s.tokens % 2 ? given<float>({scale}) : NULL;
    }
    a.strides[0] = 16 * ROW, a.strides[1] = ROW, a.blocks = (s.tokens + 15) / 16, a.block_size = s.alone ? 0 : 16, a.n_slots = s.tokens;
    a.tokens = s.tokens, a.heads = s.heads, a.neox = s.neox, a.dtype = dtype;
    a.q_fp8 = s.q_fp8 ? 1 + format : 0, a.cache_fp8 = s.cache_fp8 ? 1 + format : 0;
    return a;
}

static void mla_case(mla_shape s)
{
    const int L = 5, width = s.absorbed ? 576 : 192;
    numbers q((size_t)s.tokens * s.heads * 192), w((size_t)s.heads * 128 * 512), c((size_t)s.tokens * 512),
        k((size_t)s.tokens * 64), table(L * 64);
    std::vector<int64_t> positions(s.tokens), slots(s.tokens);
    for (int t = 0; t < s.tokens; t++)
        positions[t] = (t * 3 + 1) % L, slots[t] = t == 2 ? -1 : t;
    gpu_mla a = mla_launch(s, q, w, c, k, table);
    if (s.tokens > 18) /* a slot behind the cache, and a token for which there is none */
        slots[3] = a.blocks * 16, slots.pop_back();
    a.positions = given(positions), a.slots = given(slots), a.n_slots = (int64_t)slots.size();
    const size_t row = ROW * (s.cache_fp8 ? 1 : 2), cells = (size_t)a.blocks * 16;
    result out = {(size_t)s.tokens * s.heads * width * (s.q_fp8 ? 1 : 2), NULL, {}}, pe = {s.alone ? 0 : (size_t)s.tokens * 128, NULL, {}};
    uint8_t *cache = NULL;
    std::string error = launch({&out, &pe}, [&] {
        cache = (uint8_t *)hipemu_alloc(cells * row, 0x11);
        a.cache = s.alone ? NULL : cache, a.out = out.p, a.pe = s.alone ? NULL : pe.p;
        return gpu_mla_decode(&a, NULL);
    });
    const std::string name = name_of("mla_decode", s.tokens, s.heads) + (s.absorbed ? "" : " as it is") + (s.neox ? " neox" : "");
    check(error.empty(), name + ": " + error);
    for (int t = 0; t < s.tokens && error.empty(); t++) {
        const double *cosines = &table.v[positions[t] * 64];
        for (int h = 0; h < s.heads; h++) {
            const double *x = &q.v[((size_t)t * s.heads + h) * 192];
            std::vector<double> want(x, x + 128), rope = turned(s, x + 128, cosines);
            if (s.absorbed) {
                want.assign(512, 0.0);
                for (int i = 0; i < 128; i++)
                    for (int j = 0; j < 512; j++)
                        want[j] += x[i] * w.v[((size_t)h * 128 + i) * 512 + j];
                for (double &y : want) /* twice */
                    y = s.q_fp8 ? round16(y) : y;
            }
            want.insert(want.end(), rope.begin(), rope.end());
            check(near_cells(out.p, ((size_t)t * s.heads + h) * width, s.q_fp8, want, 0.25f),
                  name + ": token " + std::to_string(t) + ", head " + std::to_string(h) + " is wrong");
        }
        if (s.alone)
            continue;
        std::vector<double> want(c.v.begin() + t * 512, c.v.begin() + (t + 1) * 512), rope = turned(s, &k.v[t * 64], cosines);
        check(near_cells(pe.p, (size_t)t * 64, false, rope, 1), name + ": the key of token " + std::to_string(t) + " is wrong");
        want.insert(want.end(), rope.begin(), rope.end());
        if (t < (int)slots.size() && slots[t] >= 0 && slots[t] < (int64_t)cells)
            check(near_cells(cache, slots[t] * ROW, s.cache_fp8, want, 0.5f), name + ": the cache row of token " + std::to_string(t) + " is wrong");
        else
            for (size_t i = 0; i < row; i++)
                check(cache[t * row + i] == 0x11, name + ": a slot was written that no token names");
    }
}

/* ---- attention ---- */

struct latent_shape { int heads, value, block, q_fp8, cache_fp8; bool alone; float scale = 0.03f; int tokens = 5; /* the last attend to nothing */ };

static const std::vector<int32_t> lengths = {1, 0, 97, 300}, sequence_of = {2, 0, 3, 0};
enum { SEQUENCES = 4, MOST = 310 };

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
            weights[t] += q.v[((size_t)token * s.heads + h) * 576 + d] * row(t)[d] * s.scale;
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
    cells q((size_t)s.tokens * s.heads * 576, s.q_fp8), cache((size_t)blocks * s.block * 576, s.cache_fp8);
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
    std::vector<int32_t> sequences = sequence_of, lens = lengths;
    if (!s.alone) /* of a sequence that is not there */
        sequences.push_back(SEQUENCES), lens.push_back(5);
    gpu_latent a = {};
    a.q = q.p, a.values = values.p, a.cache = cache.p, a.tables = given(tables), a.sequence = given(sequences);
    a.length = given(lens), a.softmax_scale = s.scale;
    for (int i = 0; i < 2; i++) { /* one of the scales lies on the device */
        const bool there = i == s.alone;
        a.fixed[i] = there ? 9 : scale[i], a.scale[i] = there ? given<float>({scale[i]}) : NULL;
    }
    a.work_bytes = (int64_t)s.tokens * s.heads * (1024 + (s.alone ? 0 : 3 * 2056 + 1600)); /* three parts of a sequence */
    a.strides[0] = s.block * 576, a.strides[1] = 576, a.blocks = blocks, a.block_size = s.block;
    a.tokens = s.tokens, a.n_tokens = (int)lens.size(), a.heads = s.heads, a.value = s.value, a.sequences = SEQUENCES;
    a.table_width = width, a.dtype = dtype, a.q_fp8 = s.q_fp8 ? 1 + format : 0, a.cache_fp8 = s.cache_fp8 ? 1 + format : 0;
    result out = {(size_t)s.tokens * s.heads * s.value * 2, NULL, {}};
    std::string error = launch({&out}, [&] {
        a.out = out.p, a.work = hipemu_alloc((size_t)a.work_bytes, 0xff);
        return gpu_latent_attention(&a, NULL);
    });
    const std::string name = name_of("latent attention", s.heads, s.value) + (s.q_fp8 ? " fp8 queries" : "") + (s.cache_fp8 ? " fp8" : "");
    check(error.empty(), name + ": " + error);
    const double eps = dtype == GPU_BF16 ? 0x1p-8 : 0x1p-11;
    for (int t = 0; t < s.tokens && error.empty(); t++)
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

void mla_cases(void)
{
    mla_case({1, 2, true, false, true, true, false});
    mla_case({66, 1, true, false, true, true, false});
    if (format == GPU_E4M3FN) {
        mla_case({19, 1, true, true, false, false, false});
        mla_case({67, 2, false, true, false, true, false});
        mla_case({5, 2, true, false, true, false, true});
    } else {
        mla_case({67, 1, true, false, false, true, false});
        mla_case({5, 3, false, false, false, false, false});
    }
}

/* Rows of the cache are read by 16 bytes. */
static void strides_refused(void)
{
    for (int i = -1; i < 2; i++) {
        gpu_latent a = {};
        a.value = 32, a.block_size = 16;
        if (i >= 0)
            a.strides[i] = 4;
        check(!gpu_latent_attention(&a, NULL) == (i < 0), "strides of a cache of latents that are odd are not refused");
    }
}

void latent_cases(void)
{
    strides_refused();
    if (format == GPU_E4M3FN) {
        latent_case({16, 128, 16, 0, 0, false});
        latent_case({16, 32, 16, 0, 0, true, 4, 18}); /* e to the power of a score may be infinite */
        latent_case({18, 32, 7, 0, 0, true});
        latent_case({4, 64, 64, 1, 1, false});
    } else {
        latent_case({3, 32, 16, 0, 1, true});
        latent_case({16, 32, 1, 1, 1, false});
    }
}
