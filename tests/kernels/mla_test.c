/* Latent attention as engines write it, against the ops that rules make of it: rotation and cache write joined, queries
 * made ready by an op of their own, and both. By the reference kernels the same bits, by the fast ones within a rounding;
 * every row comes back, also those that no slot names. */
#include <stdio.h>

#include "graph.h"
#include "latent.h"
#include "launch.h"

Suite *mla_suite(void);

typedef struct shape {
    latent_dims d;
    bool neox;
    int64_t prompt, skip;  /* see latent_new */
} shape;

#define BF SLD_BF16
#define F8 SLD_F8E4M3FN
#define UZ SLD_F8E4M3FNUZ
static const shape shapes[] = {
    /* tokens, heads, plain, rope, latent, value, block, batch, cache, queries, scales */
    {{5, 16, 128, 64, 512, 128, 16, BF, BF, BF, 1, 1}, false, 2, 0},
    {{32, 2, 128, 64, 512, 128, 16, BF, SLD_U8, F8, 0.03f, 0.05f}, false, 9, 2},
    {{4, 8, 32, 16, 48, 24, 16, BF, SLD_U8, F8, 1, 1}, true, 1, 0},
    {{4, 4, 32, 16, 48, 24, 64, BF, BF, BF, 1, 1}, false, 4, 0},
    {{17, 4, 32, 16, 48, 24, 3, SLD_F16, UZ, UZ, 7, 0.1f}, true, 5, 4},
    {{33, 3, 33, 10, 130, 7, 5, SLD_F16, SLD_U8, F8, 0.03f, 0.02f}, false, 33, 0},
    {{7, 4, 32, 16, 48, 24, 16, BF, BF, BF, 1, 1}, false, 3, 1},
    {{1, 4, 32, 16, 48, 24, 16, SLD_F32, SLD_F32, SLD_F32, 1, 1}, false, 0, 0},
    {{0, 4, 32, 16, 48, 24, 16, BF, BF, BF, 1, 1}, false, 0, 0},
    {{256, 2, 64, 32, 128, 64, 16, BF, SLD_U8, F8, 0.5f, 0.5f}, false, 100, 3},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, N_INPUTS = 6, N_OUTPUTS = 3 };

/* Which rules are on, and the ops that they leave besides views. */
typedef struct mode { const char *name, *options, *ops; bool watched; } mode;

static const mode modes[] = {
    {"write", "lift_mla_queries=off", "mla_rope_cache paged_mla_attention ", false},
    {"queries", "fuse_rope_kvcache_cat_mla=off",
     "rotary_embedding concat mla_kv_cache_update mla_latent_queries paged_latent_attention ", false},
    {"two", "fuse_mla_decode_queries=off", "mla_rope_cache mla_latent_queries paged_latent_attention ", false},
    {"one", "", "mla_decode_queries paged_latent_attention ", false},
    {"two, read", "", "mla_rope_cache mla_latent_queries paged_latent_attention ", true},
};
enum { N_MODES = sizeof modes / sizeof *modes };

/* watched: turned queries and keys are read by others as well. */
static char *chain(const shape *s, bool watched)
{
    char *text = NULL;
    size_t len;
    const latent_dims *d = &s->d;
    const char *t = sld_dtype_name(d->dtype);
    long long n = d->tokens, h = d->heads, dim = d->plain + d->rope;
    bool f8 = d->cache != d->dtype;
    FILE *f = open_memstream(&text, &len);
    fprintf(f, "solder 1\ninput %%q : %s[%lld, %lld]\ninput %%kv : %s[%lld, %lld]\ninput %%pe : %s[%lld, %lld]\n", t, n,
            h * dim, t, n, (long long)d->latent, t, n, (long long)d->rope);
    fprintf(f, "input %%p : i64[%lld]\ninput %%t : %s[%lld, %lld]\ninput %%scale : f32[1]\n", n, t,
            (long long)s->prompt + 25, (long long)d->rope);
    fprintf(f, "%%h = reshape(%%q; shape = [%lld, %lld, %lld])\n"
               "%%a = slice(%%h; axes = [-1], starts = [%lld], ends = [%lld], steps = [1])\n%%b = identity(%%a)\n"
               "%%c = unsqueeze(%%pe; axes = [1])\n%%d = identity(%%c)\n", n, h, dim, (long long)d->plain, dim);
    fprintf(f, "%%b1, %%d1 = rotary_embedding(%%p, %%b, %%d, %%t; head_size = %lld, neox = %s)\n"
               "%%e = slice(%%h; axes = [-1], starts = [%lld], ends = [%lld], steps = [1])\n"
               "%%f = expand(%%b1; shape = [%lld, %lld, %lld])\n%%g = reshape(%%q; shape = [%lld, %lld, %lld])\n"
               "%%w = slice_scatter(%%g, %%f; axis = -1, start = %lld)\n",
            (long long)d->rope, s->neox ? "true" : "false", (long long)d->plain, dim, n, h, (long long)d->rope, n, h, dim,
            (long long)d->plain);
    fprintf(f, "%%done = mla_kv_cache_update(%%kv, %%d1, %%scale; layer = \"l0\", cache = \"%s\")\n"
               "const %%zero : %s[] = 0\n%%o = full(%%zero; shape = [%lld, %lld])\n", f8 ? "fp8" : "auto", t, n, (long long)(h * d->value));
    fprintf(f, "%%y = paged_mla_attention(%%w, %%kv, %%d1, %%o, %%done; layer = \"l0\")\noutput y = %%y\n");
    if (watched)
        fprintf(f, "output q = %%w\noutput pe = %%d1\n");
    fclose(f);
    return text;
}

static void fill(sld_graph *g, const latent_batch *b, sld_tensor *in)
{
    uint32_t state = 88172645u;
    for (uint32_t k = 0; k < g->inputs.n; k++) {
        in[k] = launch_tensor(g, g->inputs.at[k]);
        size_t n = kern_numel(&in[k]);
        in[k].data = malloc(n * kern_size(in[k].dtype) + 1);
        if (in[k].dtype == SLD_I64)
            memcpy(in[k].data, b->positions, n * sizeof *b->positions);
        else
            latent_fill(&in[k], n, 1, &state);
    }
    ((float *)in[5].data)[0] = b->d.scale;
}

static sld_graph *parse(sld_ctx *ctx, const char *text)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    ck_assert_msg(g != NULL, "%s\n%s", sld_error(ctx), text);
    return g;
}

static void set_all(sld_settings *s, const char *options)
{
    char *copy = strdup(options), *save;
    for (char *o = strtok_r(copy, ", ", &save); o; o = strtok_r(NULL, ", ", &save)) {
        char *value = strchr(o, '=');
        *value++ = 0;
        ck_assert_int_eq(sld_settings_set(s, o, value, "test"), SLD_OK);
    }
    free(copy);
}

/* Fused, with options; ops: what must be left. */
static sld_graph *fused(sld_ctx *ctx, const char *text, const latent_dims *d, const char *options, const char *ops)
{
    sld_graph *g = parse(ctx, text);
    sld_settings *s = sld_settings_new(ctx, g->rules);
    set_all(s, options);
    if (d->queries == UZ)
        set_all(s, "mla_f8_fnuz_queries=on");
    ck_assert_int_eq(sld_settings_resolve(s, SLD_TARGET_CPU, NULL, NULL), SLD_OK);
    const sld_fuse_options decode = {.target = SLD_TARGET_CPU, .tokens = {1, 256}, .settings = s};
    ck_assert_int_eq(sld_fuse(g, &decode, NULL), SLD_OK);
    sld_settings_free(s);
    char left[300] = "";
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        const char *op = sld_node_op(g, n)->name;
        if (!sld__is_view(g, n) && strcmp(op, "slice") && strcmp(op, "full"))
            snprintf(left + strlen(left), sizeof left - strlen(left), "%s ", op);
    }
    ck_assert_msg(!strcmp(left, ops), "%s: %s, not %s", options, left, ops);
    return g;
}

typedef struct ran { sld_tensor out[N_OUTPUTS]; latent_batch batch; sld_plan *plan; } ran;

static ran run(sld_graph *g, sld_target target, const sld_tensor *in, const shape *s)
{
    const void *inputs[N_INPUTS];
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = in[i].data;
    ran r = {.batch = latent_new(s->d, s->prompt, s->skip), .plan = sld_plan_new(g, target, NULL)};
    ck_assert_msg(r.plan != NULL, "%s", sld_error(g->ctx));
    sld_plan_set_caches(r.plan, latent_lend(&r.batch));
    ck_assert_msg(shared_run(g->ctx, r.plan, inputs, r.out, g->outputs.n, r.batch.cache.memory, r.batch.cache.bytes) == SLD_OK,
                  "%s", sld_error(g->ctx));
    return r;
}

static void end(ran *r)
{
    latent_free(&r->batch);
    sld_plan_free(r->plan);
}

static double tolerance(const shape *s)
{
    return s->d.dtype == BF ? 1e-2 : s->d.dtype == SLD_F16 ? 2e-3 : 1e-5;
}

static void compare_results(const ran *got, const ran *want, uint32_t n_out, const shape *s, bool exact, const char *what)
{
    for (uint32_t k = 0; k < n_out; k++) {
        double sum = 0, tol = exact ? 0 : k || s->d.queries == s->d.dtype ? tolerance(s) : 1e-2;
        for (size_t i = 0; i < kern_numel(&want->out[k]); i++) {
            sum += fabs(kern_get(&want->out[k], i));
            if (!launch_agree(&got->out[k], &want->out[k], i, tol, tol))
                ck_abort_msg("%s: result %u, element %zu: %g, not %g", what, k, i, kern_get(&got->out[k], i),
                             kern_get(&want->out[k], i));
        }
        ck_assert(sum > 0 || !s->d.tokens || (s->skip == 1 && !k));
    }
}

/* All of the cache, what no slot names as well. */
static void compare_caches(const ran *got, const ran *want, const shape *s, bool exact, const char *what)
{
    bool f8 = s->d.cache != s->d.dtype;
    sld_tensor a = {.dtype = s->d.cache, .data = got->batch.cache.memory};
    sld_tensor b = {.dtype = s->d.cache, .data = want->batch.cache.memory};
    size_t apart = 0, n = got->batch.cache.bytes / kern_size(s->d.cache);
    for (size_t i = 0; i < n; i++) {
        int x = ((uint8_t *)a.data)[i], y = ((uint8_t *)b.data)[i];
        double tol = exact ? 0 : tolerance(s);
        if (f8 ? abs(x - y) > !exact : !launch_agree(&a, &b, i, tol, tol))
            ck_abort_msg("%s: cache, element %zu", what, i);
        apart += f8 && x != y;
    }
    ck_assert_uint_le(apart * 1000, n);
}

static void joined_is_the_chain(const shape *s)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    for (int watched = 0; watched < 2; watched++) {
        char *text = chain(s, watched);
        sld_graph *g = parse(ctx, text);
        sld_tensor in[N_INPUTS];
        latent_batch b = latent_new(s->d, s->prompt, s->skip);
        fill(g, &b, in);
        latent_free(&b);
        ran want = run(g, SLD_TARGET_REF, in, s);
        for (int m = 0; m < N_MODES; m++) {
            if (modes[m].watched != watched)
                continue;
            sld_graph *f = fused(ctx, text, &s->d, modes[m].options, modes[m].ops);
            for (sld_target target = SLD_TARGET_REF; target <= SLD_TARGET_CPU; target++) {
                ran got = run(f, target, in, s);
                compare_results(&got, &want, watched ? 3 : 1, s, target == SLD_TARGET_REF, modes[m].name);
                compare_caches(&got, &want, s, target == SLD_TARGET_REF, modes[m].name);
                end(&got);
            }
            sld_graph_free(f);
        }
        end(&want);
        for (uint32_t i = 0; i < g->inputs.n; i++)
            free(in[i].data);
        sld_graph_free(g);
        free(text);
    }
    sld_ctx_free(ctx);
}

START_TEST(shape_by_shape)
{
    joined_is_the_chain(&shapes[_i]);
}
END_TEST

/* What the tests of a serving engine combine: numbers of tokens, heads, both rotations, both kinds of caches, and all rows
 * or half of them with a place in the cache. At DeepSeek's widths with few rows, and with ACCEPTANCE=1 with all. */
START_TEST(engine_matrix)
{
    static const int64_t tokens[] = {1, 4, 5, 16, 32, 64, 256, 2048}, heads[] = {16, 2, 8};
    bool all = getenv("ACCEPTANCE") != NULL;
    int64_t n = tokens[_i];
    for (int k = 0; k < 24 && (all || n <= 256); k += all ? 1 : 7) {
        bool f8 = k & 2, wide = all || (n == 5 && k < 14);
        shape s = {{n, heads[k / 8], 32, 16, 48, 24, 16, BF, f8 ? SLD_U8 : BF, f8 ? F8 : BF, 1, 1}, k & 1, 0, k & 4 && n > 1 ? 2 : 0};
        if (wide)
            s.d.plain = 128, s.d.rope = 64, s.d.latent = 512, s.d.value = 128;
        joined_is_the_chain(&s);
    }
}
END_TEST

/* Attention that quantises what it gives, for queries that are ready or not: the bits of the chain. */
START_TEST(quantised)
{
    static const char *const quants[] = {
        "const %by : f32[] = 0.004\n%z = static_quant(%y, %by; to = f8e4m3fn)\noutput z = %z\n",
        "%z, %k = group_quant(%y; group = 16, to = f8e4m3fnuz, pow2 = true)\noutput z = %z\noutput k = %k\n"};
    static const char *const ops[2][2] = {
        {"mla_decode_queries paged_latent_attention_static_quant ", "mla_decode_queries paged_latent_attention_group_quant "},
        {"mla_rope_cache paged_mla_attention_static_quant ", "mla_rope_cache paged_mla_attention_group_quant "}};
    const shape *s = &shapes[2 + _i / 4];
    char *plain = chain(s, false), text[4000];
    snprintf(text, sizeof text, "%.*s%s", (int)(strstr(plain, "output y") - plain), plain, quants[_i & 1]);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(ctx, text);
    sld_graph *f = fused(ctx, text, &s->d, _i & 2 ? "fuse_attn_quant=on,lift_mla_queries=off" : "fuse_attn_quant=on",
                         ops[_i / 2 & 1][_i & 1]);
    sld_tensor in[N_INPUTS];
    latent_batch b = latent_new(s->d, s->prompt, s->skip);
    fill(g, &b, in);
    latent_free(&b);
    ran want = run(g, SLD_TARGET_REF, in, s), got = run(f, SLD_TARGET_REF, in, s);
    compare_results(&got, &want, 1 + (_i & 1), s, true, "quantised");
    end(&got);
    end(&want);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(in[i].data);
    sld_graph_free(g);
    sld_graph_free(f);
    sld_ctx_free(ctx);
    free(plain);
}
END_TEST

/* ---------------------------------------------------------------- against heads -- */

/* YaRN (Peng et al. 2023) as DeepSeek has it: the frequency of pair i, and what cosines and sines are multiplied by. */
typedef struct yarn { double base, factor, original, fast, slow, mscale, mscale_all; } yarn;

static double yarn_correction(const yarn *y, double turns, double dims)
{
    return dims * log(y->original / (turns * 2 * M_PI)) / (2 * log(y->base));
}

static double yarn_frequency(const yarn *y, int64_t i, double dims)
{
    double low = fmax(floor(yarn_correction(y, y->fast, dims)), 0);
    double high = fmin(ceil(yarn_correction(y, y->slow, dims)), dims - 1);
    double ramp = fmin(fmax(((double)i - low) / (high - low + (low == high ? 0.001 : 0)), 0), 1);
    double plain = pow(y->base, -2 * (double)i / dims);
    return plain / y->factor * ramp + plain * (1 - ramp);
}

static double yarn_get(const yarn *y, double m)
{
    return y->factor > 1 ? 0.1 * m * log(y->factor) + 1 : 1;
}

static const yarn yarns[] = {
    {1e4, 40, 4096, 32, 1, 1, 1},       /* DeepSeek-V3 */
    {5e4, 32, 4096, 1, 1, 1, 1},        /* Kimi-K2: a ramp of one step */
    {1e4, 40, 4096, 32, 1, 1, 0.707},   /* both scales apart */
    {1e4, 1, 4096, 32, 1, 0.5, 2},      /* not stretched */
};

/* x as a head or key at a position: pairs turned by the angle, and scaled. */
static void turn(const yarn *y, bool neox, int64_t position, int64_t r, const double *x, double *out)
{
    double m = yarn_get(y, y->mscale) / yarn_get(y, y->mscale_all);
    for (int64_t i = 0; i < r / 2; i++) {
        int64_t a = neox ? i : 2 * i, b = neox ? i + r / 2 : 2 * i + 1;
        double angle = (double)position * yarn_frequency(y, i, (double)r);
        out[a] = m * (x[a] * cos(angle) - x[b] * sin(angle));
        out[b] = m * (x[b] * cos(angle) + x[a] * sin(angle));
    }
}

/* One head's attention as the definition has it: keys and values of each row are made from its latent. */
static void head_attention(const latent_batch *b, const sld_tensor *q, size_t token, size_t h, const yarn *y, bool neox,
                           double *out)
{
    const latent_dims *d = &b->d;
    size_t plain = (size_t)d->plain, rope = (size_t)d->rope, n = (size_t)d->latent, dims = (size_t)d->value;
    size_t at = (token * (size_t)d->heads + h) * (plain + rope), rows = (size_t)b->length[token];
    double x[64], turned[64], scores[64], total = 0;
    sld_tensor cells = {.dtype = d->cache, .data = b->cache.memory};
    size_t starts[64];
    for (size_t i = 0; i < rope; i++)
        x[i] = kern_get(q, at + plain + i);
    turn(y, neox, b->positions[token], d->rope, x, turned);
    for (size_t j = 0; j < rows; j++) {
        int64_t block = b->blocks[b->sequence[token] * b->latent.width + (int64_t)j / d->block];
        starts[j] = ((size_t)block * (size_t)d->block + j % (size_t)d->block) * (n + rope);
        double dot = 0;
        for (size_t i = 0; i < plain; i++) {
            double key = 0;
            for (size_t c = 0; c < n; c++)
                key += kern_get(&b->keys, (h * plain + i) * n + c) * kern_get(&cells, starts[j] + c);
            dot += kern_get(q, at + i) * key;
        }
        for (size_t i = 0; i < rope; i++)
            dot += turned[i] * kern_get(&cells, starts[j] + n + i);
        scores[j] = exp(dot * b->latent.softmax_scale);
        total += scores[j];
    }
    for (size_t v = 0; v < dims; v++) {
        out[v] = 0;
        for (size_t j = 0; j < rows; j++)
            for (size_t c = 0; c < n; c++)
                out[v] += scores[j] / total * kern_get(&cells, starts[j] + c) * kern_get(&b->values, (h * n + c) * dims + v);
    }
}

START_TEST(yarn_attention_of_heads)
{
    const yarn *y = &yarns[_i / 2];
    const shape s = {{9, 3, 16, 32, 24, 12, 4, SLD_F32, SLD_F32, SLD_F32, 1, 1}, _i % 2, 4, 0};
    double m = yarn_get(y, y->mscale) / yarn_get(y, y->mscale_all), want[64];
    sld_ctx *ctx = sld_ctx_new(NULL);
    char *text = chain(&s, false);
    sld_graph *g = fused(ctx, text, &s.d, "", modes[3].ops);
    latent_batch b = latent_new(s.d, s.prompt, 0);
    sld_tensor in[N_INPUTS], out[1];
    fill(g, &b, in);
    for (int64_t p = 0; p < b.table; p++)
        for (int64_t i = 0; i < s.d.rope / 2; i++) {
            double angle = (double)p * yarn_frequency(y, i, (double)s.d.rope);
            kern_put(&in[4], (size_t)(p * s.d.rope + i), m * cos(angle));
            kern_put(&in[4], (size_t)(p * s.d.rope + s.d.rope / 2 + i), m * sin(angle));
        }
    b.latent.softmax_scale *= yarn_get(y, y->mscale_all) * yarn_get(y, y->mscale_all);
    const void *inputs[N_INPUTS];
    for (uint32_t i = 0; i < N_INPUTS; i++)
        inputs[i] = in[i].data;
    sld_plan *plan = sld_plan_new(g, SLD_TARGET_CPU, NULL);
    sld_plan_set_caches(plan, latent_lend(&b));
    ck_assert_int_eq(sld_plan_run(plan, inputs, out), SLD_OK);
    for (size_t i = 0; i < (size_t)(s.d.tokens * s.d.heads); i++) {
        head_attention(&b, &in[0], i / (size_t)s.d.heads, i % (size_t)s.d.heads, y, s.neox, want);
        for (size_t v = 0; v < (size_t)s.d.value; v++)
            ck_assert_msg(fabs(kern_get(&out[0], i * (size_t)s.d.value + v) - want[v]) < 2e-6, "head %zu, %zu: %g, not %g", i,
                          v, kern_get(&out[0], i * (size_t)s.d.value + v), want[v]);
    }
    for (uint32_t i = 0; i < N_INPUTS; i++)
        free(in[i].data);
    latent_free(&b);
    sld_plan_free(plan);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    free(text);
}
END_TEST

/* ---------------------------------------------------------------------- refusals -- */

typedef struct bad { const char *error; void (*spoil)(latent_batch *b); } bad;

static void spoil_layout(latent_batch *b) { b->cache.c.layout = SLD_CACHE_NHD; }
static void spoil_auto(latent_batch *b) { b->cache.c.dtype = SLD_U8; }
static void spoil_dtype(latent_batch *b) { b->cache.c.dtype = SLD_F32; }
static void spoil_slot(latent_batch *b) { b->slots[1] = b->cache.c.blocks * b->cache.c.block_size; }
static void spoil_position(latent_batch *b) { b->positions[2] = b->table; }
static void spoil_queries(latent_batch *b) { b->latent.query_dtype = F8; }
static void spoil_heads(latent_batch *b) { b->latent.heads++; }
static void spoil_keys(latent_batch *b) { b->latent.keys = NULL; }
static void spoil_length(latent_batch *b) { b->length[0] = 1000; }
static void spoil_sequence(latent_batch *b) { b->sequence[0] = -1; }
static void spoil_sequence_behind(latent_batch *b) { b->sequence[0] = (int32_t)b->latent.sequences; }
/* Of the one token that attends to anything. */
static void spoil_block(latent_batch *b)
{
    for (int64_t i = 0; i < b->latent.n_tokens; i++)
        b->length[i] = i == 0;
    b->blocks[b->sequence[0] * b->latent.width] = -1;
}
static void spoil_values(latent_batch *b) { b->latent.values = NULL; }

static const bad bads[] = {
    {"the cache does not hold latent rows", spoil_layout},
    {"the cache has another dtype than the op says", spoil_auto},
    {"the cache has another dtype than the op says", spoil_dtype},
    {"a slot lies behind the cache", spoil_slot},
    {"a position lies outside the table", spoil_position},
    {"the layer takes queries in another dtype", spoil_queries},
    {"the layer's weights have other heads", spoil_heads},
    {"the layer lends no weights for latent queries", spoil_keys},
    {"a token attends to a row that its sequence has not", spoil_length},
    {"a token attends to a row that its sequence has not", spoil_sequence},
    {"a token attends to a row that its sequence has not", spoil_sequence_behind},
    {"a token attends to a row that its sequence has not", spoil_block},
    {"the layer lends nothing for latent attention", spoil_values},
};
enum { N_BADS = sizeof bads / sizeof *bads };

START_TEST(bad_layers_are_refused)
{
    const shape *s = &shapes[3];
    char *text = chain(s, false);
    sld_ctx *ctx = sld_ctx_new(NULL);
    for (int m = 2; m <= 3; m++)
        for (sld_target target = SLD_TARGET_REF; target <= SLD_TARGET_CPU; target++) {
            sld_graph *g = fused(ctx, text, &s->d, modes[m].options, modes[m].ops);
            latent_batch b = latent_new(s->d, s->prompt, 0);
            sld_tensor in[N_INPUTS], out[1];
            const void *inputs[N_INPUTS];
            bads[_i].spoil(&b);
            fill(g, &b, in);
            for (uint32_t i = 0; i < g->inputs.n; i++)
                inputs[i] = in[i].data;
            sld_plan *p = sld_plan_new(g, target, NULL);
            ck_assert_int_eq(sld_plan_run(p, inputs, out), SLD_ERR_KERNEL);
            ck_assert(strstr(sld_error(ctx), "the engine has no cache for the layer") || strstr(sld_error(ctx), "outside"));
            sld_plan_set_caches(p, latent_lend(&b));
            ck_assert_int_eq(sld_plan_run(p, inputs, out), SLD_ERR_KERNEL);
            ck_assert_msg(strstr(sld_error(ctx), bads[_i].error) != NULL, "%s", sld_error(ctx));
            sld_plan_free(p);
            for (uint32_t i = 0; i < g->inputs.n; i++)
                free(in[i].data);
            latent_free(&b);
            sld_graph_free(g);
        }
    sld_ctx_free(ctx);
    free(text);
}
END_TEST

static void spoil_latent(latent_batch *b) { b->latent.latent = b->cache.c.head_size + 1; }
static void spoil_width(latent_batch *b) { b->latent.value++; }
/* What no query asks for may be nowhere. */
static void spoil_behind(latent_batch *b) { b->latent.n_tokens++, b->length[b->latent.n_tokens - 1] = 1000; }

/* What asks for more than that attends to nothing. */
static void spoil_fewer(latent_batch *b) { b->latent.n_tokens--; }

/* One op over a layer, whose error it gives. */
static void alone(const char *node, latent_dims d, sld_target target, const bad *t)
{
    launched l = launch_parse(node);
    latent_batch b = latent_new(d, 1, 0);
    sld_caches caches = latent_lend(&b);
    t->spoil(&b);
    launch_prepare(&l);
    for (uint32_t i = 0; i < l.args.n_in; i++)
        l.in[i].data = calloc(kern_numel(&l.in[i]), kern_size(l.in[i].dtype));
    l.args.caches = &caches;
    launch_run(&l, target);
    ck_assert_msg(!l.error == !t->error && (!l.error || !strcmp(l.error, t->error)), "%s", l.error);
    for (size_t i = 0, n = l.error ? 0 : kern_numel(&l.out[0]); i < n; i++)
        ck_assert_msg((int64_t)i / l.out[0].dims[1] < b.latent.n_tokens ? isfinite(kern_get(&l.out[0], i)) : kern_get(&l.out[0], i) == 0,
                      "element %zu of %zu", i, n);
    for (uint32_t i = 0; i < l.args.n_in; i++)
        free(l.in[i].data);
    launch_free_results(&l);
    launch_free(&l);
    latent_free(&b);
}

/* Attention that no op stands before which would have refused the layer. */
START_TEST(attention_alone)
{
    static const bad alike[] = {
        {"the layer lends nothing for latent attention", spoil_layout}, {"the layer lends nothing for latent attention", spoil_values},
        {"the layer's weights have other heads", spoil_heads},          {"the layer's weights have other heads", spoil_latent},
        {"the layer's weights have other heads", spoil_width},          {"a token attends to a row that its sequence has not", spoil_length},
        {NULL, spoil_behind},                                           {NULL, spoil_fewer},
        {"the layer takes other queries", spoil_queries},
    };
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
        alone("input %q : bf16[4, 4, 64]\ninput %o : bf16[4, 96]\ninput %u : bf16[0]\n"
              "%y = paged_latent_attention(%q, %o, %u; layer = \"l0\")", shapes[3].d, SLD_TARGET_REF, &alike[i]);
    static const bad raw[] = {{"the layer lends no weights for latent queries", spoil_keys},
                              {"the cache has neither the dtype of the batch nor f8", spoil_dtype}, {NULL, spoil_fewer}};
    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++)
        alone("input %q : bf16[4, 4, 48]\ninput %kv : bf16[4, 48]\ninput %pe : bf16[4, 1, 16]\ninput %o : bf16[4, 96]\ninput %u : bf16[0]\n"
              "%y = paged_mla_attention(%q, %kv, %pe, %o, %u; layer = \"l0\")", shapes[3].d, SLD_TARGET_REF, &raw[i]);
    /* The widest rows. */
    alone("input %q : bf16[1, 1, 4096]\ninput %o : bf16[1, 8]\ninput %u : bf16[0]\n%y = paged_latent_attention(%q, %o, %u; layer = \"l0\")",
          (latent_dims){1, 1, 8, 0, 4096, 8, 16, BF, BF, BF, 1, 1}, SLD_TARGET_REF, &(bad){NULL, spoil_behind});
}
END_TEST

/* The engine has more slots than the batch has tokens. */
static void spoil_slots(latent_batch *b) { b->cache.c.n_slots++; }

START_TEST(slots_behind_the_batch)
{
    for (sld_target target = SLD_TARGET_REF; target <= SLD_TARGET_CPU; target++)
        alone("input %kv : bf16[4, 48]\ninput %pe : bf16[4, 1, 16]\ninput %s : f32[1]\n"
              "%d = mla_kv_cache_update(%kv, %pe, %s; layer = \"l0\", cache = \"auto\")", shapes[3].d, target, &(bad){NULL, spoil_slots});
}
END_TEST

/* Queries that are not numbers leave those of other tokens as they are. */
START_TEST(queries_beside_nan)
{
    const shape *s = &shapes[3];
    char *text = chain(s, false);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = fused(ctx, text, &s->d, modes[3].options, modes[3].ops);
    latent_batch b = latent_new(s->d, s->prompt, 0);
    sld_tensor in[N_INPUTS], out[N_OUTPUTS];
    const void *inputs[N_INPUTS];
    fill(g, &b, in);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = in[i].data;
    for (sld_target target = SLD_TARGET_REF; target <= SLD_TARGET_CPU; target++) {
        sld_plan *p = sld_plan_new(g, target, NULL);
        sld_plan_set_caches(p, latent_lend(&b));
        ck_assert_int_eq(sld_plan_run(p, inputs, out), SLD_OK);
        size_t bytes = kern_numel(&out[0]) * kern_size(out[0].dtype), own = bytes / (size_t)out[0].dims[0];
        size_t n = kern_numel(&in[0]) / (size_t)in[0].dims[0];
        char *others = memcpy(malloc(bytes), out[0].data, bytes), *q = memcpy(malloc(n * 8), in[0].data, n * kern_size(in[0].dtype));
        for (size_t i = 0; i < n; i++)
            kern_put(&in[0], i, NAN);
        ck_assert_int_eq(sld_plan_run(p, inputs, out), SLD_OK);
        ck_assert(isnan(kern_get(&out[0], 0)));
        ck_assert_mem_eq(others + own, (char *)out[0].data + own, bytes - own);
        memcpy(in[0].data, q, n * kern_size(in[0].dtype));
        free(others);
        free(q);
        sld_plan_free(p);
    }
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(in[i].data);
    latent_free(&b);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    free(text);
}
END_TEST

/* Queries are of a dtype that attention takes. */
START_TEST(queries_of_other_dtypes_are_refused)
{
    static const char *const dtypes[] = {"bf16", "f8e4m3fnuz", "bool", "i64"};
    for (int i = 0; i < 4; i++) {
        char text[300];
        sld_ctx *ctx = sld_ctx_new(NULL);
        int n = snprintf(text, sizeof text,
                         "solder 1\ninput %%q : bf16[2, 4, 24]\n"
                         "%%r = mla_latent_queries(%%q; layer = \"l0\", latent = 32, rope = 8, to = %s)\noutput r = %%r\n", dtypes[i]);
        sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "queries", text, (size_t)n);
        ck_assert_msg(!g == (i > 1), "%s: %s", dtypes[i], sld_error(ctx));
        ck_assert_msg(g || strstr(sld_error(ctx), "to in {f16, bf16, f32, f8e4m3fn, f8e4m3fnuz}"), "%s", sld_error(ctx));
        sld_graph_free(g);
        sld_ctx_free(ctx);
    }
}
END_TEST

Suite *mla_suite(void)
{
    Suite *s = suite_create("mla");
    TCase *t = tcase_create("caches");
    tcase_set_timeout(t, getenv("ACCEPTANCE") ? 900 : 60);
    tcase_add_loop_test(t, shape_by_shape, 0, N_SHAPES);
    tcase_add_loop_test(t, engine_matrix, 0, 8);
    tcase_add_loop_test(t, quantised, 0, 8);
    tcase_add_loop_test(t, yarn_attention_of_heads, 0, 2 * (int)(sizeof yarns / sizeof *yarns));
    tcase_add_loop_test(t, bad_layers_are_refused, 0, N_BADS);
    tcase_add_test(t, attention_alone);
    tcase_add_test(t, slots_behind_the_batch);
    tcase_add_test(t, queries_beside_nan);
    tcase_add_test(t, queries_of_other_dtypes_are_refused);
    suite_add_tcase(s, t);
    return s;
}
