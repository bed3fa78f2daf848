/* Attention over a paged cache against one softmax over all tokens in double, computed here: all kernels, layouts, dtypes
 * and groups of heads, ragged and empty sequences. Then which kernel is bound, and what is refused. */
#include "caches.h"
#include "launch.h"

Suite *paged_suite(void);

enum { SEQUENCES = 7, WIDTH = 80, BLOCKS = 300 };

typedef struct shape {
    int64_t hq, hk, d, block;
    uint8_t dtype, cache;     /* cache SLD_DTYPE_NONE: that of the batch */
    const char *kernels;      /* of the CPU that must compute it: letters of assembly, general, fallback */
    float scale[2];
    bool by_token;            /* scales for each token */
    const char *attrs;        /* further ones */
    float softmax_scale, soft_cap;
    int64_t window, queries;  /* queries 0: one row a sequence */
    bool sinks;
} shape;

#define ONE .scale = {1, 1}
static const shape shapes[] = {
    {8, 1, 128, 16, SLD_BF16, 0, "agf", ONE},
    {16, 1, 128, 16, SLD_F16, 0, "agf", ONE},
    {4, 4, 128, 16, SLD_F16, 0, "agf", ONE},
    {32, 8, 128, 16, SLD_BF16, 0, "agf", ONE},
    {8, 2, 128, 16, SLD_F16, SLD_F8E4M3FN, "gf", .scale = {0.03f, 7}},
    {8, 2, 128, 16, SLD_BF16, SLD_F8E4M3FNUZ, "gf", .scale = {7, 0.03f}},
    {8, 1, 128, 16, SLD_F16, SLD_F8E4M3FN, "a", ONE, .by_token = true, .attrs = ", scales = token"},
    {16, 2, 128, 16, SLD_BF16, SLD_F8E4M3FNUZ, "a", ONE, .by_token = true, .attrs = ", scales = token"},
    {16, 1, 64, 32, SLD_F16, 0, "gf", ONE},
    {8, 1, 64, 64, SLD_BF16, SLD_F8E4M3FN, "gf", ONE},
    {4, 1, 256, 16, SLD_F16, 0, "gf", ONE},
    {3, 3, 80, 48, SLD_F16, 0, "gf", ONE},
    {40, 2, 128, 16, SLD_F16, 0, "f", ONE},                          /* twenty heads read the same keys */
    {4, 2, 32, 16, SLD_F16, SLD_F8E4M3FN, "f", .scale = {0.5f, 2}},
    {4, 2, 24, 8, SLD_BF16, 0, "f", ONE},
    {8, 2, 128, 16, SLD_F16, 0, "gf", ONE, .attrs = ", scale = 0.25", .softmax_scale = 0.25f},
    {8, 2, 128, 16, SLD_F16, 0, "f", ONE, .attrs = ", window = 40", .window = 40},
    {8, 2, 64, 16, SLD_F16, 0, "f", ONE, .attrs = ", soft_cap = 1.5", .soft_cap = 1.5f},
    {8, 2, 64, 16, SLD_BF16, 0, "f", ONE, .attrs = ", sinks = true", .sinks = true},
    {8, 2, 128, 16, SLD_F16, 0, "f", ONE, .attrs = ", queries = 3", .queries = 3},
    {8, 1, 64, 16, SLD_BF16, SLD_F8E4M3FNUZ, "f", .scale = {0.5f, 2}, 
     .attrs = ", queries = 0, window = 3, sinks = true, soft_cap = 2.0",
     .queries = 4, .window = 3, .sinks = true, .soft_cap = 2},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* ------------------------------------------------------------------ operands -- */

static uint32_t state;

static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state / 4294967296.0 * 2 - 1;
}

/* A batch: sequences with blocks anywhere in the cache, and numbers that all layouts hold alike. */
typedef struct batch {
    const shape *s;
    int32_t tables[SEQUENCES * WIDTH], starts[SEQUENCES + 1], *lens; /* lens end where a block of memory does */
    float sinks[64], *token_scales[2];
    int64_t rows;             /* the last two belong to no sequence */
    uint16_t *q;
    float *kv[2];             /* what the cache holds, by slot, head and dim */
    test_cache cache;
} batch;

static size_t numbers_of(const shape *s)
{
    return (size_t)(BLOCKS * s->block * s->hk * s->d);
}

static void fill_sequences(batch *b)
{
    static const int32_t lens[SEQUENCES] = {1, 0, 255, 256, 257, 17, 513};
    const shape *s = b->s;
    uint8_t taken[BLOCKS] = {0};
    for (int i = 0; i < SEQUENCES; i++) {
        b->lens[i] = lens[i] < WIDTH * (int32_t)s->block ? lens[i] : WIDTH * (int32_t)s->block;
        int32_t rows = s->queries && b->lens[i] ? 1 + i % (int32_t)s->queries : 1;
        b->starts[i + 1] = b->starts[i] + (rows < b->lens[i] || !b->lens[i] ? rows : b->lens[i]);
        for (int k = 0; k < WIDTH; k++) {
            bool used = k * s->block < b->lens[i];
            int32_t block = used ? (int32_t)((uniform() + 1) / 2 * BLOCKS) % BLOCKS : -1;
            while (used && taken[block])
                block = (block + 1) % BLOCKS;
            b->tables[i * WIDTH + k] = block;
            if (used)
                taken[block] = 1;
        }
    }
    b->rows = b->starts[SEQUENCES] + 2;
}

static batch batch_new(const shape *s)
{
    batch b = {.s = s, .lens = malloc(SEQUENCES * sizeof *b.lens)};
    uint8_t dtype = s->cache ? s->cache : s->dtype;
    uint16_t cell;
    sld_tensor one = {.dtype = dtype, .data = &cell};
    state = 2463534242u;
    fill_sequences(&b);
    for (int w = 0; w < 2; w++) {
        b.kv[w] = malloc(numbers_of(s) * sizeof(float));
        for (size_t i = 0; i < numbers_of(s); i++) {
            kern_put(&one, 0, 2 * uniform());
            b.kv[w][i] = (float)kern_get(&one, 0);
        }
        b.token_scales[w] = malloc((size_t)(BLOCKS * s->hk * s->block) * sizeof(float));
        for (int64_t i = 0; i < BLOCKS * s->hk * s->block; i++)
            b.token_scales[w][i] = (float)(uniform() + 1.5);
    }
    sld_tensor q = {.dtype = s->dtype, .data = b.q = malloc((size_t)(b.rows * s->hq * s->d) * 2)};
    for (size_t i = 0; i < (size_t)(b.rows * s->hq * s->d); i++)
        kern_put(&q, i, uniform());
    for (int i = 0; i < 64; i++)
        b.sinks[i] = (float)(3 * uniform());
    return b;
}

static void batch_free(batch *b)
{
    for (int w = 0; w < 2; w++) {
        free(b->kv[w]);
        free(b->token_scales[w]);
    }
    free(b->q);
    free(b->lens);
}

/* The numbers in a cache of this layout. Slots of no sequence hold NaN, which must not show. */
static void lay_out(batch *b, uint8_t layout)
{
    const shape *s = b->s;
    b->cache = test_cache_new(layout, s->cache ? s->cache : s->dtype, BLOCKS, s->block, s->hk, s->d);
    sld_cache *c = &b->cache.c;
    memset(b->cache.memory, 0xff, b->cache.bytes);
    for (int w = 0; w < 2; w++) {
        sld_tensor cells = {.dtype = c->dtype, .data = c->data[w]};
        for (int i = 0; i < SEQUENCES; i++)
            for (int32_t t = 0; t < b->lens[i]; t++) {
                int64_t slot = b->tables[i * WIDTH + t / s->block] * s->block + t % s->block;
                for (size_t h = 0; h < (size_t)s->hk; h++)
                    for (size_t d = 0; d < (size_t)s->d; d++)
                        kern_put(&cells, cache_at(c, w, slot, h, d),
                                 (double)b->kv[w][((size_t)slot * (size_t)s->hk + h) * (size_t)s->d + d]);
            }
        c->scale[w] = &s->scale[w];
        c->token_scales[w] = s->by_token ? b->token_scales[w] : NULL;
    }
    c->tables = b->tables, c->table_width = WIDTH, c->lens = b->lens, c->sequences = SEQUENCES, c->starts = b->starts;
    c->softmax_scale = s->softmax_scale, c->soft_cap = s->soft_cap, c->window = s->window;
    c->sinks = s->sinks ? b->sinks : NULL;
}

/* ---------------------------------------------------------------- the oracle -- */

static double stored(const batch *b, int which, int64_t slot, size_t h, size_t d)
{
    const shape *s = b->s;
    double scale = s->cache ? s->scale[which] : 1;
    if (s->by_token)
        scale = b->token_scales[which][(slot / s->block * s->hk + (int64_t)h) * s->block + slot % s->block];
    return scale * b->kv[which][((size_t)slot * (size_t)s->hk + h) * (size_t)s->d + d];
}

/* One head of one row, which sees tokens [from, to) of a sequence. */
static void want_head(const batch *b, int sequence, int64_t row, size_t head, int64_t from, int64_t to, double *out)
{
    const shape *s = b->s;
    sld_tensor q = {.dtype = s->dtype, .data = b->q};
    double *scores = calloc((size_t)to + 1, sizeof *scores), max = s->sinks ? b->sinks[head] : -INFINITY, sum;
    size_t kv = head / (size_t)(s->hq / s->hk), dim = (size_t)s->d;
    for (int64_t t = from; t < to; t++) {
        int64_t slot = b->tables[sequence * WIDTH + t / s->block] * s->block + t % s->block;
        for (size_t d = 0; d < dim; d++)
            scores[t] += kern_get(&q, ((size_t)row * (size_t)s->hq + head) * dim + d) * stored(b, CACHE_KEY, slot, kv, d);
        scores[t] *= s->softmax_scale ? (double)s->softmax_scale : 1 / sqrt((double)s->d);
        scores[t] = s->soft_cap ? (double)s->soft_cap * tanh(scores[t] / (double)s->soft_cap) : scores[t];
        max = scores[t] > max ? scores[t] : max;
    }
    sum = s->sinks ? exp(b->sinks[head] - max) : 0;
    memset(out, 0, dim * sizeof *out);
    for (int64_t t = from; t < to; t++) {
        int64_t slot = b->tables[sequence * WIDTH + t / s->block] * s->block + t % s->block;
        double weight = exp(scores[t] - max);
        sum += weight;
        for (size_t d = 0; d < dim; d++)
            out[d] += weight * stored(b, CACHE_VALUE, slot, kv, d);
    }
    for (size_t d = 0; d < dim && from < to; d++)
        out[d] /= sum;
    free(scores);
}

static double *want(const batch *b)
{
    const shape *s = b->s;
    double *all = calloc((size_t)(b->rows * s->hq * s->d), sizeof *all);
    for (int i = 0; i < SEQUENCES; i++)
        for (int64_t row = b->starts[i]; row < b->starts[i + 1]; row++)
            for (size_t h = 0; h < (size_t)s->hq; h++) {
                int64_t to = b->lens[i] - (b->starts[i + 1] - 1 - row), from = s->window && to > s->window ? to - s->window : 0;
                want_head(b, i, row, h, from, to > 0 ? to : 0, all + (row * s->hq + (int64_t)h) * s->d);
            }
    return all;
}

/* ------------------------------------------------------------------- running -- */

static const char *const layouts[] = {"nhd", "hnd", "packed", "shuffle"};

/* decode_attention, or the engine's own attention of any layout; to: the dtype of quantised results. */
static launched parse_as(const shape *s, int64_t rows, uint8_t layout, bool engine, const char *to)
{
    char text[700], inputs[200], attrs[200] = "";
    const char *t = sld_dtype_name(s->dtype);
    if (engine)
        snprintf(inputs, sizeof inputs, "input %%c : %s[%lld, %lld, %lld]\ninput %%v : %s[%lld, %lld, %lld]\ninput %%u : %s[0]", t,
                 (long long)rows, (long long)s->hk, (long long)s->d, t, (long long)rows, (long long)s->hk, (long long)s->d, t);
    else
        snprintf(inputs, sizeof inputs, "input %%c : %s[0, %d, %lld, %lld, %lld]", sld_dtype_name(s->cache ? s->cache : s->dtype),
                 layout + 1, (long long)s->block, (long long)s->hk, (long long)s->d);
    if (!engine)
        snprintf(attrs, sizeof attrs, ", layout = %s%s", layouts[layout], s->attrs ? s->attrs : "");
    snprintf(text, sizeof text, "input %%q : %s[%lld, %lld, %lld]\n%s\n%s%%o = %s_attention%s(%%q, %%c%s%s; layer = \"l0\"%s%s%s)", t,
             (long long)rows, (long long)s->hq, (long long)s->d, inputs, to ? "const %by : f32[] = 0.01\n" : "",
             engine ? "paged" : "decode", to ? "_static_quant" : "", engine ? ", %v, %u" : "", to ? ", %by" : "", attrs,
             to ? ", to = " : "", to ? to : "");
    return launch_parse(text);
}

static launched parse(const shape *s, int64_t rows, uint8_t layout)
{
    return parse_as(s, rows, layout, false, NULL);
}

static const sld_kernel_row *row_named(const char *name)
{
    const sld_ruleset *r = sld_ruleset_solder();
    for (uint32_t i = 0; i < r->n_kernels; i++)
        if (!strcmp(r->kernels[i].name, name))
            return &r->kernels[i];
    ck_abort_msg("no kernel %s", name);
}

/* One kernel on one layout; its results are freed with the launch. */
static const char *run(launched *l, const batch *b, const char *kernel)
{
    char why[300];
    sld_caches caches = {test_cache_find, (void *)&b->cache.c};
    const sld_kernel_row *row = row_named(kernel);
    l->g->units = 1;
    ck_assert_msg(sld_kernel_covers(l->g, sld_first_node(l->g), row, NULL, why, sizeof why), "%s", why);
    launch_prepare(l);
    l->in[0].data = b->q;
    l->args.caches = &caches;
    l->out[0] = launch_tensor(l->g, sld_result(l->g, sld_first_node(l->g), 0));
    l->out[0].data = malloc(kern_numel(&l->out[0]) * kern_size(b->s->dtype));
    memset(l->out[0].data, 0xa5, kern_numel(&l->out[0]) * kern_size(b->s->dtype));
    const char *error = row->fn(&l->args);
    if (!error)
        shared_launch(l->ctx, row->fn, &l->args, kernel);
    return error;
}

/* Within one rounding to the dtype, and what sums in float lose. */
static void compare(const sld_tensor *got, const double *wanted, const char *kernel, const char *layout)
{
    double half = launch_eps(got->dtype) / 2, sum = 0;
    for (size_t i = 0; i < kern_numel(got); i++) {
        bool nan = isnan(wanted[i]);
        sum += nan ? 0 : fabs(wanted[i]);
        ck_assert_msg(nan ? isnan(kern_get(got, i)) : fabs(kern_get(got, i) - wanted[i]) <= half * 1.02 * fabs(wanted[i]) + 3e-5,
                      "%s, %s: element %zu is %g, not %g", kernel, layout, i, kern_get(got, i), wanted[i]);
    }
    ck_assert_double_gt(sum, 0);
}

START_TEST(as_one_softmax)
{
    static const struct { char letter; const char *name; } kernels[] = {
        {'r', "sld_ref_decode_attention"}, {'a', "sld_cpu_decode_attention_assembly"},
        {'g', "sld_cpu_decode_attention_general"}, {'f', "sld_cpu_decode_attention_fallback"}};
    const shape *s = &shapes[_i];
    batch b = batch_new(s);
    double *wanted = want(&b);
    size_t bytes = (size_t)(b.rows * s->hq * s->d) * 2;
    for (int k = 0; k < 4; k++) {
        void *first = NULL; /* layouts give the same bits */
        for (uint8_t layout = SLD_CACHE_NHD; layout <= SLD_CACHE_SHUFFLE; layout++) {
            bool assembly = kernels[k].letter == 'a';
            if ((k && !strchr(s->kernels, kernels[k].letter)) || (assembly && layout != SLD_CACHE_SHUFFLE))
                continue;
            lay_out(&b, layout);
            launched l = parse(s, b.rows, layout);
            const char *error = run(&l, &b, kernels[k].name);
            ck_assert_msg(!error, "%s: %s", kernels[k].name, error);
            compare(&l.out[0], wanted, kernels[k].name, layouts[layout]);
            if (first)
                ck_assert_mem_eq(first, l.out[0].data, bytes);
            else
                first = memcpy(malloc(bytes), l.out[0].data, bytes);
            free(l.out[0].data);
            launch_free(&l);
            free(b.cache.memory);
        }
        free(first);
    }
    free(wanted);
    batch_free(&b);
}
END_TEST

/* All kernels of a batch whose numbers are unusual. */
static const shape plain = {8, 2, 128, 16, SLD_BF16, 0, "agf", ONE};
static void as_wanted(batch *b)
{
    static const char *const kernels[] = {"sld_ref_decode_attention", "sld_cpu_decode_attention_assembly",
                                          "sld_cpu_decode_attention_general", "sld_cpu_decode_attention_fallback"};
    double *wanted = want(b);
    lay_out(b, SLD_CACHE_SHUFFLE);
    for (int k = 0; k < 4; k++) {
        launched l = parse(&plain, b->rows, SLD_CACHE_SHUFFLE);
        ck_assert_ptr_null(run(&l, b, kernels[k]));
        compare(&l.out[0], wanted, kernels[k], "shuffle");
        free(l.out[0].data);
        launch_free(&l);
    }
    free(wanted);
    free(b->cache.memory);
    batch_free(b);
}

/* What the first n tokens of a sequence hold. */
static void hold(batch *b, int which, int sequence, size_t n, float x)
{
    for (size_t t = 0; t < n; t++) {
        size_t slot = (size_t)b->tables[sequence * WIDTH + (int)t / 16] * 16 + t % 16;
        for (size_t i = 0; i < (size_t)(plain.hk * plain.d); i++)
            b->kv[which][slot * (size_t)(plain.hk * plain.d) + i] = x;
    }
}

/* The first 300 tokens of the longest sequence have scores of -inf: more than a kernel takes at a time, and no say. */
START_TEST(keys_without_a_say)
{
    batch b = batch_new(&plain);
    for (size_t i = 0; i < (size_t)(b.rows * plain.hq * plain.d); i++)
        b.q[i] &= 0x7fff; /* nothing below 0 */
    hold(&b, 0, SEQUENCES - 1, 300, -INFINITY);
    as_wanted(&b);
}
END_TEST

/* Scores whose powers of e are no numbers, unless the largest is subtracted. */
START_TEST(large_scores)
{
    batch b = batch_new(&plain);
    for (size_t i = 0; i < (size_t)(b.rows * plain.hq * plain.d); i++)
        b.q[i] = (uint16_t)(b.q[i] + (9 << 7));
    as_wanted(&b);
}
END_TEST

/* The sequence after one of NaN has a result of its own. */
START_TEST(beside_nan)
{
    batch b = batch_new(&plain);
    hold(&b, 1, 4, 257, NAN);
    as_wanted(&b);
}
END_TEST

/* Codes of what decode_attention gives: the same by the reference kernel, neighbours by the others. */
static void check_codes(const sld_tensor *got, const sld_tensor *plain, uint8_t from, bool exact)
{
    double top = got->dtype == SLD_F8E4M3FN ? 448 : 224;
    uint8_t code;
    sld_tensor one = {.dtype = got->dtype, .data = &code};
    for (size_t i = 0; i < kern_numel(got); i++) {
        double v = kern_rounded(from, kern_get(plain, i)) / (double)0.01f;
        kern_put(&one, 0, v > top ? top : v < -top ? -top : v);
        int apart = abs(code - ((const uint8_t *)got->data)[i]);
        ck_assert_msg(apart <= (exact ? 0 : 1), "element %zu: %02x, not %02x", i, ((const uint8_t *)got->data)[i], code);
    }
}

static void run_as(const batch *b, uint8_t layout, bool engine, const char *to, const char *kernel, const sld_tensor *plain,
                   const double *wanted)
{
    launched l = parse_as(b->s, b->rows, layout, engine, to);
    const char *error = run(&l, b, kernel);
    ck_assert_msg(!error, "%s: %s", kernel, error);
    if (to)
        check_codes(&l.out[0], plain, b->s->dtype, strstr(kernel, "sld_ref") != NULL);
    else
        compare(&l.out[0], wanted, kernel, layouts[layout]);
    free(l.out[0].data);
    launch_free(&l);
}

/* The engine's own attention, which knows no layout before it runs, and results of 8 bits. */
START_TEST(engine_and_codes)
{
    const shape *s = &shapes[_i];
    batch b = batch_new(s);
    double *wanted = want(&b);
    uint8_t layout = _i % 4;
    const char *to = _i % 2 ? "f8e4m3fn" : "f8e4m3fnuz";
    lay_out(&b, layout);
    launched plain = parse(s, b.rows, layout);
    ck_assert_ptr_null(run(&plain, &b, "sld_ref_decode_attention"));
    run_as(&b, layout, true, NULL, "sld_ref_paged_attention", NULL, wanted);
    run_as(&b, layout, true, NULL, "sld_cpu_paged_attention", NULL, wanted);
    run_as(&b, layout, true, to, "sld_ref_paged_attention_static_quant", &plain.out[0], NULL);
    run_as(&b, layout, true, to, "sld_cpu_paged_attention_static_quant", &plain.out[0], NULL);
    run_as(&b, layout, false, to, "sld_ref_decode_attention_static_quant", &plain.out[0], NULL);
    if (strchr(s->kernels, 'f'))
        run_as(&b, layout, false, to, "sld_cpu_decode_attention_static_quant_fallback", &plain.out[0], NULL);
    if (strchr(s->kernels, 'g'))
        run_as(&b, layout, false, to, "sld_cpu_decode_attention_static_quant_general", &plain.out[0], NULL);
    free(plain.out[0].data);
    launch_free(&plain);
    free(b.cache.memory);
    free(wanted);
    batch_free(&b);
}
END_TEST

/* -------------------------------------------------------------------- binding -- */

typedef struct bound { shape s; uint8_t layout; int64_t rows, units; const char *kernel, *why; } bound;

#define SHAPE(HQ, HK, D, BLOCK, ...) {.hq = HQ, .hk = HK, .d = D, .block = BLOCK, .dtype = SLD_BF16, __VA_ARGS__}
#define PLAIN(...) SHAPE(32, 4, 128, 16, __VA_ARGS__)
static const bound bounds[] = {
    {PLAIN(.cache = 0), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_assembly", NULL},
    {PLAIN(.cache = 0), SLD_CACHE_SHUFFLE, 19, 304, "sld_cpu_decode_attention_general", "S * Hq > 2 * units, which does not hold with S = 19"},
    {PLAIN(.cache = 0), SLD_CACHE_SHUFFLE, 20, 0, "sld_cpu_decode_attention_general", "units not known"},
    {PLAIN(.cache = 0), SLD_CACHE_NHD, 20, 304, "sld_cpu_decode_attention_general", "layout == shuffle"},
    {PLAIN(.cache = SLD_F8E4M3FNUZ), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_general", "scales == token"},
    {PLAIN(.cache = SLD_F8E4M3FNUZ, .attrs = ", scales = token"), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_assembly", NULL},
    {PLAIN(.attrs = ", scale = 0.1"), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_general", "scale == 0"},
    {PLAIN(.attrs = ", queries = 2"), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_fallback", "queries == 1"},
    {PLAIN(.attrs = ", window = 128"), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_fallback", "window == 0"},
    {PLAIN(.attrs = ", soft_cap = 30.0"), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_fallback", "soft_cap == 0"},
    {PLAIN(.attrs = ", sinks = true"), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_fallback", "not sinks"},
    {SHAPE(32, 4, 128, 32, .cache = 0), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_general", "B == 16"},
    {SHAPE(32, 1, 128, 16, .cache = 0), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_fallback", "Hq <= 16 * Hk"},
    {SHAPE(32, 4, 48, 16, .cache = 0), SLD_CACHE_SHUFFLE, 20, 304, "sld_cpu_decode_attention_fallback", "D in {64"},
    {SHAPE(2, 1, 2048, 16, .cache = 0), SLD_CACHE_SHUFFLE, 20, 304, "sld_ref_decode_attention", "D <= 1024"},
    /* What nothing covers: the nearest kernel, and what it wants. */
    {SHAPE(2, 1, 8192, 16, .cache = 0), SLD_CACHE_SHUFFLE, 20, 304, NULL, "general wants D in {64, 80"},
    {{.hq = 4, .hk = 1, .d = 64, .block = 16, .dtype = SLD_F32, .cache = SLD_F8E4M3FN}, SLD_CACHE_SHUFFLE, 20, 304, NULL,
     "kernel sld_cpu_decode_attention_general wants dtype(q) in {f16, bf16}, which does not hold with q: f32[20, 4, 64]"},
    {SHAPE(4, 1, 64, 12, .cache = 0), SLD_CACHE_SHUFFLE, 20, 304, NULL,
     "kernel sld_cpu_decode_attention_general wants layout != shuffle or B % 16 == 0 and D % 16 == 0, which does not hold"},
};
enum { N_BOUNDS = sizeof bounds / sizeof *bounds };

START_TEST(kernels_are_bound)
{
    const bound *b = &bounds[_i];
    char why[600];
    launched l = parse(&b->s, b->rows, b->layout);
    sld_node n = sld_first_node(l.g);
    l.g->units = b->units;
    const sld_kernel_row *row = sld_bind(l.g, n, SLD_TARGET_CPU, NULL, why, sizeof why);
    ck_assert_msg(!row == !b->kernel, "%s", row ? row->name : why);
    if (row)
        ck_assert_str_eq(row->name, b->kernel);
    if (row && b->why) { /* of the kernels before it, the last says why not */
        const sld_kernel_row *before = row - 1;
        ck_assert(!sld_kernel_covers(l.g, n, before, NULL, why, sizeof why));
    }
    ck_assert_msg(!b->why || strstr(why, b->why), "not '%s': %s", b->why, why);
    launch_free(&l);
}
END_TEST

/* ------------------------------------------------------------------- refusals -- */

typedef struct refusal { const char *error; void (*spoil)(batch *b, sld_cache *c); } refusal;

static void spoil_layout(batch *b, sld_cache *c) { c->layout = SLD_CACHE_NHD; (void)b; }
static void spoil_block(batch *b, sld_cache *c) { c->block_size = 32; (void)b; }
static void spoil_dtype(batch *b, sld_cache *c) { c->dtype = SLD_F16; (void)b; }
static void spoil_heads(batch *b, sld_cache *c) { c->heads = 2; (void)b; }
static void spoil_table(batch *b, sld_cache *c) { b->tables[2 * WIDTH + 1] = BLOCKS; (void)c; }
static void spoil_table_below(batch *b, sld_cache *c) { b->tables[2 * WIDTH] = -1; (void)c; }
static void spoil_len(batch *b, sld_cache *c) { b->lens[3] = WIDTH * 16 + 1; (void)c; }
static void spoil_len_below(batch *b, sld_cache *c) { b->lens[3] = -1; (void)c; }
static void spoil_rows(batch *b, sld_cache *c) { b->starts[3]++; (void)c; }
static void spoil_rows_order(batch *b, sld_cache *c) { b->starts[3] = -1; (void)c; }
static void spoil_rows_end(batch *b, sld_cache *c) { b->starts[SEQUENCES] = 100; (void)c; }
static void spoil_scale(batch *b, sld_cache *c) { c->softmax_scale = 0.5f; (void)b; }
static void spoil_window(batch *b, sld_cache *c) { c->window = 128; (void)b; }
static void spoil_sinks(batch *b, sld_cache *c) { c->sinks = b->sinks; }
static void spoil_scales(batch *b, sld_cache *c) { c->token_scales[0] = c->token_scales[1] = b->token_scales[0]; }

static const refusal refusals[] = {
    {"the cache has another layout than the graph was compiled for", spoil_layout},
    {"the cache has blocks of another size than the graph was compiled for", spoil_block},
    {"the cache has another dtype than the graph was compiled for", spoil_dtype},
    {"the cache has other heads", spoil_heads},
    {"a block of a sequence lies outside the cache", spoil_table},
    {"a block of a sequence lies outside the cache", spoil_table_below},
    {"a sequence is longer than its table of blocks", spoil_len},
    {"a sequence is longer than its table of blocks", spoil_len_below},
    {"a sequence has more rows than the graph was compiled for", spoil_rows},
    {"the rows of a sequence lie outside the batch", spoil_rows_order},
    {"the rows of a sequence lie outside the batch", spoil_rows_end},
    {"the layer has another softmax scale, soft cap, window or sinks than the graph was compiled for", spoil_scale},
    {"the layer has another softmax scale, soft cap, window or sinks than the graph was compiled for", spoil_window},
    {"the layer has another softmax scale, soft cap, window or sinks than the graph was compiled for", spoil_sinks},
    {"the cache has scales of another shape than the graph was compiled for", spoil_scales},
};
enum { N_REFUSALS = sizeof refusals / sizeof *refusals };

START_TEST(bad_batches_are_refused)
{
    static const char *const kernels[] = {"sld_ref_decode_attention", "sld_cpu_decode_attention_assembly",
                                          "sld_cpu_decode_attention_general", "sld_cpu_decode_attention_fallback"};
    batch b = batch_new(&shapes[0]);
    lay_out(&b, SLD_CACHE_SHUFFLE);
    refusals[_i].spoil(&b, &b.cache.c);
    for (int k = 0; k < 4; k++) {
        launched l = parse(b.s, b.rows, SLD_CACHE_SHUFFLE);
        ck_assert_pstr_eq(run(&l, &b, kernels[k]), refusals[_i].error);
        free(l.out[0].data);
        launch_free(&l);
    }
    free(b.cache.memory);
    batch_free(&b);
}
END_TEST

/* Codes of rows without a token to see are those of 0 over the scale, 0 over 0 too. */
START_TEST(codes_of_rows_without_tokens)
{
    static const shape plain = {8, 2, 64, 16, SLD_BF16, 0, "gf", ONE};
    static const char *const kernels[] = {"sld_ref_decode_attention_static_quant", "sld_cpu_decode_attention_static_quant_general",
                                          "sld_cpu_decode_attention_static_quant_fallback"};
    for (int i = 0; i < 6; i++) {
        batch b = batch_new(&plain);
        lay_out(&b, SLD_CACHE_NHD);
        launched l = parse_as(&plain, b.rows, SLD_CACHE_NHD, false, "f8e4m3fn");
        *(float *)sld_const_of(l.g, sld_operand(l.g, sld_first_node(l.g), 2))->data = i / 3 ? 0 : 0.01f;
        ck_assert_ptr_null(run(&l, &b, kernels[i % 3]));
        ck_assert_uint_eq(((uint8_t *)l.out[0].data)[kern_numel(&l.out[0]) - 1] & 0x7f, i / 3 ? 0x7f : 0);
        free(l.out[0].data);
        launch_free(&l);
        free(b.cache.memory);
        batch_free(&b);
    }
}
END_TEST

/* The signature of the engine's own attention does not say that heads of queries divide. */
START_TEST(heads_that_do_not_divide_are_refused)
{
    static const shape odd[] = {{1, 2, 64, 16, SLD_BF16, 0, "", ONE}, {5, 2, 64, 16, SLD_BF16, 0, "", ONE}};
    static const char *const kernels[] = {"sld_ref_paged_attention", "sld_cpu_paged_attention"};
    for (int i = 0; i < 4; i++) {
        batch b = batch_new(&odd[i / 2]);
        lay_out(&b, SLD_CACHE_NHD);
        launched l = parse_as(b.s, b.rows, SLD_CACHE_NHD, true, NULL);
        ck_assert_pstr_eq(run(&l, &b, kernels[i % 2]), "query heads do not divide into key/value heads");
        free(l.out[0].data);
        launch_free(&l);
        free(b.cache.memory);
        batch_free(&b);
    }
}
END_TEST

/* ---------------------------------------------------------------- layouts as types -- */

/* A cache that is written in one layout, and read in another. */
START_TEST(layouts_are_types)
{
    static const char *const reads[][2] = {
        {"layout = shuffle", NULL},
        {"layout = nhd", "operand cache: expected C[0, layout, B, Hk, D] with layout = nhd"},
    };
    for (int i = 0; i < 2; i++) {
        char text[600];
        sld_ctx *ctx = sld_ctx_new(NULL);
        int n = snprintf(text, sizeof text,
                         "solder 1\ninput %%q : bf16[5, 8, 64]\ninput %%k : bf16[5, 2, 64]\n"
                         "%%d, %%c = kv_cache_update(%%k, %%k; layer = \"l0\", layout = shuffle, block = 16, to = f8e4m3fn)\n"
                         "%%o = decode_attention(%%q, %%c; layer = \"l0\", %s)\noutput o = %%o\n", reads[i][0]);
        sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "layouts", text, (size_t)n);
        ck_assert_msg(!g == (reads[i][1] != NULL), "%s", sld_error(ctx));
        ck_assert_msg(g || strstr(sld_error(ctx), reads[i][1]), "%s", sld_error(ctx));
        sld_graph_free(g);
        sld_ctx_free(ctx);
    }
}
END_TEST

Suite *paged_suite(void)
{
    Suite *s = suite_create("paged");
    TCase *t = tcase_create("attention");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, as_one_softmax, 0, N_SHAPES);
    tcase_add_test(t, keys_without_a_say);
    tcase_add_test(t, large_scores);
    tcase_add_test(t, beside_nan);
    tcase_add_loop_test(t, engine_and_codes, 0, N_SHAPES);
    tcase_add_loop_test(t, kernels_are_bound, 0, N_BOUNDS);
    tcase_add_loop_test(t, bad_batches_are_refused, 0, N_REFUSALS);
    tcase_add_test(t, codes_of_rows_without_tokens);
    tcase_add_test(t, heads_that_do_not_divide_are_refused);
    tcase_add_test(t, layouts_are_types);
    suite_add_tcase(s, t);
    return s;
}
