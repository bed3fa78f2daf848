/* Layers of models at their true widths on a GPU, decode: the graph as an engine has it and fused, both captured, beside
 * each other and checked against the reference kernels.  Eight layers with weights of their own follow one another, so that
 * weights come from memory.  Prints microseconds a layer.
 *
 * Usage: layers [TOKENS...]   default 1 16 64; --check leaves the times out and takes one layer */
#include "layer_caches.h"

const sld_ruleset *sld_ruleset_solder(void);

enum { LAYERS = LAYERS_MAX, LENGTH = 4096, OUTPUTS = 64, INPUTS = 128 };
/* Tokens of a sequence where layers are measured, and where they are compared with the reference. */
enum { CONTEXT = 4096, SHORT = 300 };

typedef struct model { const char *name; void (*write)(FILE *f, int tokens, int layers); cache_kind cache; } model;

/* ------------------------------------------------------------------- graphs -- */

/* Sum and norm, projection, heads, cache, attention if it has any, projection, sum and norm: what a layer has beside
 * experts. */
static void heads_layer(FILE *f, int tokens, int i, int hidden, int hq, int hk, bool normed, bool attends)
{
    int q = hq * 128, k = hk * 128;
    fprintf(f, "input %%w1_%d : bf16[%d]\ninput %%w2_%d : bf16[%d]\ninput %%qkv_%d : bf16[%d, %d]\ninput %%o_%d : bf16[%d, %d]\n",
            i, hidden, i, hidden, i, hidden, q + 2 * k, i, q, hidden);
    fprintf(f, "%%r%da = add(%%h%d, %%r%d)\n%%y%da = rms_norm(%%r%da, %%w1_%d; eps = 1e-06)\n", i, i, i, i, i, i);
    fprintf(f, "%%x%d = matmul(%%y%da, %%qkv_%d)\n", i, i, i);
    fprintf(f, "%%q%d, %%k%d, %%v%d = split(%%x%d; sizes = [%d, %d, %d], axis = -1)\n", i, i, i, i, q, k, k);
    if (normed) {
        fprintf(f, "input %%wq_%d : bf16[128]\ninput %%wk_%d : bf16[128]\n", i, i);
        for (int part = 0; part < 2; part++) {
            char c = "qk"[part];
            int n = part ? hk : hq;
            fprintf(f, "%%%c%da = reshape(%%%c%d; shape = [%d, %d, 128])\n", c, i, c, i, tokens, n);
            fprintf(f, "%%%c%db = rms_norm(%%%c%da, %%w%c_%d; eps = 1e-06)\n", c, i, c, i, c, i);
            fprintf(f, "%%%c%dc = reshape(%%%c%db; shape = [%d, %d])\n", c, i, c, i, tokens, n * 128);
        }
    }
    const char *last = normed ? "c" : "";
    fprintf(f, "%%q%dd, %%k%dd = rotary_embedding(%%p, %%q%d%s, %%k%d%s, %%t; head_size = 128, neox = true)\n", i, i, i, last, i, last);
    fprintf(f, "%%k%de = reshape(%%k%dd; shape = [%d, %d, 128])\n%%v%de = reshape(%%v%d; shape = [%d, %d, 128])\n", i, i, tokens, hk,
            i, i, tokens, hk);
    fprintf(f, "%%d%d, %%c%d = kv_cache_update(%%k%de, %%v%de; layer = \"l%d\", layout = nhd, block = %d, to = bf16)\n", i, i, i, i,
            i, BLOCK);
    if (attends) {
        fprintf(f, "%%q%de = reshape(%%q%dd; shape = [%d, %d, 128])\n", i, i, tokens, hq);
        fprintf(f, "%%a%d = decode_attention(%%q%de, %%c%d; layer = \"l%d\", layout = nhd)\n", i, i, i, i);
        fprintf(f, "%%a%da = reshape(%%a%d; shape = [%d, %d])\n", i, i, tokens, q);
    }
    fprintf(f, "%%o%d = matmul(%s%d%s, %%o_%d)\n", i, attends ? "%a" : "%q", i, attends ? "a" : "d", i);
    fprintf(f, "%%r%d = add(%%o%d, %%r%da)\n%%h%d = rms_norm(%%r%d, %%w2_%d; eps = 1e-06)\n", i + 1, i, i, i + 1, i + 1, i);
}

static void heads_model(FILE *f, int tokens, int layers, int hidden, int hq, int hk, bool normed, bool attends)
{
    fprintf(f, "solder 1\ninput %%h0 : bf16[%d, %d]\ninput %%r0 : bf16[%d, %d]\ninput %%p : i64[%d]\ninput %%t : bf16[%d, 128]\n",
            tokens, hidden, tokens, hidden, tokens, LENGTH);
    for (int i = 0; i < layers; i++)
        heads_layer(f, tokens, i, hidden, hq, hk, normed, attends);
    fprintf(f, "output h = %%h%d\noutput r = %%r%d\n", layers, layers);
}

/* DeepSeek's latent attention, an eighth of the heads: norms of both latents, rotation as engines write it, attention. */
static void latent_layer(FILE *f, int tokens, int i, bool f8)
{
    fprintf(f, "input %%w1_%d : bf16[7168]\ninput %%w2_%d : bf16[7168]\ninput %%wq_%d : bf16[1536]\ninput %%wk_%d : bf16[512]\n", i, i, i, i);
    fprintf(f, "input %%down_%d : bf16[7168, 2112]\ninput %%up_%d : bf16[1536, 3072]\ninput %%o_%d : bf16[2048, 7168]\n", i, i, i);
    fprintf(f, "%%r%da = add(%%h%d, %%r%d)\n%%y%da = rms_norm(%%r%da, %%w1_%d; eps = 1e-06)\n", i, i, i, i, i, i);
    fprintf(f, "%%x%d = matmul(%%y%da, %%down_%d)\n", i, i, i);
    fprintf(f, "%%q%d, %%k%d, %%e%d = split(%%x%d; sizes = [1536, 512, 64], axis = -1)\n", i, i, i, i);
    fprintf(f, "%%q%da = rms_norm(%%q%d, %%wq_%d; eps = 1e-06)\n%%k%da = rms_norm(%%k%d, %%wk_%d; eps = 1e-06)\n", i, i, i, i, i, i);
    fprintf(f, "%%q%db = matmul(%%q%da, %%up_%d)\n%%q%dc = reshape(%%q%db; shape = [%d, 16, 192])\n", i, i, i, i, i, tokens);
    fprintf(f, "%%e%da = reshape(%%e%d; shape = [%d, 1, 64])\n", i, i, tokens);
    fprintf(f, "%%q%dd = slice(%%q%dc; axes = [-1], starts = [128], ends = [192], steps = [1])\n", i, i);
    fprintf(f, "%%q%de, %%e%db = rotary_embedding(%%p, %%q%dd, %%e%da, %%t; head_size = 64, neox = false)\n", i, i, i, i);
    fprintf(f, "%%q%df = slice(%%q%dc; axes = [-1], starts = [0], ends = [128], steps = [1])\n", i, i);
    fprintf(f, "%%q%dg = concat(%%q%df, %%q%de; axis = -1)\n", i, i, i);
    fprintf(f, "%%d%d = mla_kv_cache_update(%%k%da, %%e%db, %%s; layer = \"l%d\", cache = \"%s\")\n", i, i, i, i, f8 ? "fp8" : "auto");
    fprintf(f, "%%a%d = paged_mla_attention(%%q%dg, %%k%da, %%e%db, %%b, %%d%d; layer = \"l%d\")\n", i, i, i, i, i, i);
    fprintf(f, "%%o%d = matmul(%%a%d, %%o_%d)\n", i, i, i);
    fprintf(f, "%%r%d = add(%%o%d, %%r%da)\n%%h%d = rms_norm(%%r%d, %%w2_%d; eps = 1e-06)\n", i + 1, i, i, i + 1, i + 1, i);
}

static void latent_model(FILE *f, int tokens, int layers, bool f8)
{
    fprintf(f, "solder 1\ninput %%h0 : bf16[%d, 7168]\ninput %%r0 : bf16[%d, 7168]\ninput %%p : i64[%d]\ninput %%t : bf16[%d, 64]\n",
            tokens, tokens, tokens, LENGTH);
    fprintf(f, "input %%s : f32[1]\ninput %%b : bf16[%d, 2048]\n", tokens);
    for (int i = 0; i < layers; i++)
        latent_layer(f, tokens, i, f8);
    fprintf(f, "output h = %%h%d\noutput r = %%r%d\n", layers, layers);
}

static void qwen(FILE *f, int tokens, int layers) { heads_model(f, tokens, layers, 2048, 32, 4, true, false); }
static void qwen_attention(FILE *f, int tokens, int layers) { heads_model(f, tokens, layers, 2048, 32, 4, true, true); }
static void llama(FILE *f, int tokens, int layers) { heads_model(f, tokens, layers, 8192, 16, 2, false, false); }
static void deepseek(FILE *f, int tokens, int layers) { latent_model(f, tokens, layers, false); }
static void deepseek_f8(FILE *f, int tokens, int layers) { latent_model(f, tokens, layers, true); }

static const model models[] = {{"Qwen3-30B-A3B", qwen, {4, 128, SLD_CACHE_NHD, SLD_BF16}},
                               {"with attention", qwen_attention, {4, 128, SLD_CACHE_NHD, SLD_BF16}},
                               {"Llama-3.3-70B, a quarter", llama, {2, 128, SLD_CACHE_NHD, SLD_BF16}},
                               {"DeepSeek-V3, an eighth", deepseek, {16, 576, SLD_CACHE_LATENT, SLD_BF16}},
                               {"the same, FP8", deepseek_f8, {16, 576, SLD_CACHE_LATENT, SLD_F8E4M3FN}}};
enum { N_MODELS = sizeof models / sizeof *models };

/* -------------------------------------------------------------------- inputs -- */

static size_t count(const sld_graph *g, sld_value v)
{
    size_t n = 1;
    for (uint32_t k = 0; k < sld_rank(g, v); k++)
        n *= (size_t)sld_shape(g, v)[k];
    return n;
}

/* Weights of a product are small enough that sums stay where they are; norms' are about 1. */
static void *random_input(const sld_graph *g, sld_value v, uint32_t *seed)
{
    size_t n = count(g, v);
    bool positions = sld_dtype_of(g, v) == SLD_I64;
    if (sld_dtype_of(g, v) == SLD_F32)
        return memcpy(malloc(4), &(float){1.0f / 16}, 4); /* the scale of a cache */
    float scale = sld_rank(g, v) == 2 && n > 1 << 20 ? 1.7f / sqrtf((float)sld_shape(g, v)[0]) : 1;
    void *p = calloc(n + 1, positions ? 8 : 2);
    for (size_t i = 0; i < n; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        if (positions)
            ((int64_t *)p)[i] = *seed % LENGTH;
        else
            ((uint16_t *)p)[i] = sld_f32_to_bf16((float)(int32_t)*seed * 0x1p-31f * scale + (sld_rank(g, v) == 1));
    }
    return p;
}

/* -------------------------------------------------------------------- sides -- */

typedef struct side { sld_graph *g; sld_plan *plan; caches *c; sld_tensor out[OUTPUTS]; } side;

static sld_graph *parse(sld_ctx *ctx, const model *m, int tokens, int layers)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    m->write(f, tokens, layers);
    fclose(f);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), m->name, text, n);
    if (!g)
        die("layers: %s\n", sld_error(ctx));
    free(text);
    return g;
}

static side start(sld_ctx *ctx, const model *m, int tokens, int layers, int context, sld_device *d, bool fused)
{
    side s = {.g = parse(ctx, m, tokens, layers)};
    const sld_fuse_options options = {.target = SLD_TARGET_HIP, .tokens = {1, 256}};
    if (fused && sld_fuse(s.g, &options, NULL))
        die("layers: %s\n", sld_error(ctx));
    s.plan = d ? sld_plan_new_on(s.g, d, NULL) : sld_plan_new(s.g, SLD_TARGET_REF, NULL);
    if (!s.plan)
        die("layers: %s\n", sld_error(ctx));
    s.c = make_caches(d, &m->cache, tokens, layers, context);
    sld_plan_set_caches(s.plan, (sld_caches){find_cache, s.c});
    return s;
}

static void run(side *s, void **inputs)
{
    if (sld_plan_run(s->plan, (const void *const *)inputs, s->out))
        die("layers: %s\n", sld_error(s->g->ctx));
}

static void finish(side *s)
{
    sld_plan_free(s->plan);
    drop_caches(s->c);
    sld_graph_free(s->g);
}

/* Median microseconds of a captured run. */
static double measure(side *s)
{
    enum { ROUNDS = 101 };
    double times[ROUNDS];
    void *kept[INPUTS] = {NULL};
    if (sld_plan_capture(s->plan))
        die("layers: %s\n", sld_error(s->g->ctx));
    for (int i = 0; i < ROUNDS; i++) {
        run(s, kept);
        times[i] = 1e6 * sld_plan_get_info(s->plan).seconds;
    }
    return median(times, ROUNDS);
}

/* Norm-relative distance of all outputs. */
static double distance(const side *a, const side *b)
{
    double diff = 0, norm = 0;
    for (uint32_t i = 0; i < a->g->outputs.n; i++)
        add_squares(a->out[i].data, b->out[i].data, count(a->g, a->g->outputs.at[i].value), &diff, &norm);
    return sqrt(diff / norm);
}

static void one(sld_device *d, const model *m, int tokens, bool only_check)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    void *inputs[INPUTS];
    uint32_t seed = 1;
    int layers = only_check ? 1 : LAYERS;
    int context = only_check ? SHORT : CONTEXT;
    side plain = start(ctx, m, tokens, layers, context, d, false), fused = start(ctx, m, tokens, layers, context, d, true);
    side small = start(ctx, m, tokens, 1, SHORT, d, true), oracle = start(ctx, m, tokens, 1, SHORT, NULL, false);
    for (uint32_t i = 0; i < plain.g->inputs.n; i++)
        inputs[i] = random_input(plain.g, plain.g->inputs.at[i], &seed);
    run(&small, inputs);
    run(&oracle, inputs);
    run(&plain, inputs);
    run(&fused, inputs);
    printf("%-26s %6d %9u %9u %9.1e %9.1e", m->name, tokens, sld_plan_get_info(plain.plan).n_launches / (unsigned)layers,
           sld_plan_get_info(fused.plan).n_launches / (unsigned)layers, distance(&small, &oracle), distance(&fused, &plain));
    if (!only_check) {
        double a = measure(&plain) / layers, b = measure(&fused) / layers;
        printf(" %9.2f %9.2f %9.2f", a, b, a / b);
    }
    puts("");
    for (uint32_t i = 0; i < plain.g->inputs.n; i++)
        free(inputs[i]);
    finish(&plain), finish(&fused), finish(&small), finish(&oracle);
    sld_ctx_free(ctx);
}

int main(int argc, char **argv)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    bool check = argc > 1 && !strcmp(argv[1], "--check");
    sld_device *d = sld_device_open(ctx, 0);
    if (!d)
        die("layers: %s\n", sld_error(ctx));
    printf("%s\n%-26s %6s %9s %9s %9s %9s %9s %9s %9s\n", sld_device_text(d), "layer", "tokens", "launches", "fused", "oracle",
           "unfused", "us", "us fused", "times");
    static const int tokens[] = {1, 16, 64};
    for (int k = 0; k < N_MODELS; k++)
        for (int i = 0; i < (argc > 1 + check ? argc - 1 - check : 3); i++)
            one(d, &models[k], argc > 1 + check ? atoi(argv[1 + check + i]) : tokens[i], check);
    sld_device_close(d);
    sld_ctx_free(ctx);
    return 0;
}
