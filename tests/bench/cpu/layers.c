/* What stands between the projections of a layer and its attention, at the widths of real models: fused beside the chain
 * of ops that an engine writes, and beside memcpy of as many bytes as the fused graph moves, all in turns in one run on
 * as many threads. Prints a table; times are the best of all rounds.
 *
 * Usage: layers THREADS [WORD]   only the rows whose name holds WORD */
#include "cache.h"
#include "turns.h"

/* T: tokens. The dims of the caches and of the layer's weights. */
typedef struct row {
    const char *name, *text;
    uint8_t layout, cache;
    int64_t heads, head_size;
    bool latent;
} row;

#define QWEN(F) \
    "input %x : " F "[T, 5120]\ninput %wq : " F "[128]\ninput %wk : " F "[128]\ninput %p : i64[T]\ninput %t : " F "[512, 128]\n" \
    "%q, %k, %v = split(%x; sizes = [4096, 512, 512], axis = -1)\n" \
    "%q1 = reshape(%q; shape = [T, 32, 128])\n%q2 = rms_norm(%q1, %wq; eps = 1e-06)\n%q3 = reshape(%q2; shape = [T, 4096])\n" \
    "%k1 = reshape(%k; shape = [T, 4, 128])\n%k2 = rms_norm(%k1, %wk; eps = 1e-06)\n%k3 = reshape(%k2; shape = [T, 512])\n" \
    "%q4, %k4 = rotary_embedding(%p, %q3, %k3, %t; head_size = 128, neox = true)\n"
#define LLAMA(F) \
    "input %x : " F "[T, 2560]\ninput %p : i64[T]\ninput %t : " F "[512, 128]\n" \
    "%q, %k, %v = split(%x; sizes = [2048, 256, 256], axis = -1)\n" \
    "%q4, %k4 = rotary_embedding(%p, %q, %k, %t; head_size = 128, neox = true)\n"
#define CACHED(HQ, HK) \
    "%q5 = reshape(%q4; shape = [T, " HQ ", 128])\n%k5 = reshape(%k4; shape = [T, " HK ", 128])\n" \
    "%v5 = reshape(%v; shape = [T, " HK ", 128])\n%done, %cache = kv_cache_update(%k5, %v5; layer = \"l\")\n" \
    "output q = %q5\noutput k = %k5\noutput v = %v5\noutput done = %done\n"
#define ALONE "output q = %q4\noutput k = %k4\noutput v = %v\n"
#define LATENT \
    "input %q : bf16[T, 3072]\ninput %kv : bf16[T, 512]\ninput %pe : bf16[T, 64]\ninput %p : i64[T]\ninput %t : bf16[512, 64]\n" \
    "input %scale : f32[1]\n%h = reshape(%q; shape = [T, 16, 192])\n" \
    "%a = slice(%h; axes = [-1], starts = [128], ends = [192], steps = [1])\n%c = unsqueeze(%pe; axes = [1])\n" \
    "%b1, %c1 = rotary_embedding(%p, %a, %c, %t; head_size = 64, neox = false)\n" \
    "%g = reshape(%q; shape = [T, 16, 192])\n%w = slice_scatter(%g, %b1; axis = -1, start = 128)\n" \
    "%done = mla_kv_cache_update(%kv, %c1, %scale; layer = \"l\", cache = \"fp8\")\noutput done = %done\n"
#define WRITE LATENT "output w = %w\noutput c = %c1\n"
#define QUERIES LATENT "%r = mla_latent_queries(%w; layer = \"l\", latent = 512, rope = 64, to = f8e4m3fn)\noutput r = %r\n"
#define NORMS \
    "input %x : bf16[T, 2112]\ninput %wq : bf16[1536]\ninput %wk : bf16[512]\n" \
    "%q, %k, %pe = split(%x; sizes = [1536, 512, 64], axis = -1)\n%q1 = rms_norm(%q, %wq; eps = 1e-06)\n" \
    "%k1 = rms_norm(%k, %wk; eps = 1e-06)\noutput q = %q1\noutput k = %k1\noutput pe = %pe\n"

static const row rows[] = {
    {"Qwen3-30B-A3B: norms, rotation, cache", QWEN("bf16") CACHED("32", "4"), SLD_CACHE_NHD, SLD_BF16, 4, 128, false},
    {"the same, f8 cache", QWEN("bf16") CACHED("32", "4"), SLD_CACHE_NHD, SLD_F8E4M3FN, 4, 128, false},
    {"the same, shuffled cache", QWEN("bf16") CACHED("32", "4"), SLD_CACHE_SHUFFLE, SLD_BF16, 4, 128, false},
    {"Qwen3-30B-A3B, f32: norms, rotation", QWEN("f32") ALONE, 0, 0, 0, 0, false},
    {"Llama-3.3-70B TP 4: rotation, cache", LLAMA("bf16") CACHED("16", "2"), SLD_CACHE_NHD, SLD_BF16, 2, 128, false},
    {"DeepSeek-V3 TP 8: norms of latents", NORMS, 0, 0, 0, 0, false},
    {"DeepSeek-V3 TP 8: rotation, cache", WRITE, SLD_CACHE_LATENT, SLD_F8E4M3FN, 1, 576, true},
    {"DeepSeek-V3 TP 8: rotation, cache, queries", QUERIES, SLD_CACHE_LATENT, SLD_F8E4M3FN, 1, 576, true},
};

static const int tokens[] = {1, 16, 256};

enum { TABLE = 512, BLOCK = 16, HEADS = 16, PLAIN = 128, LATENT_DIMS = 512, OUTPUTS = 4, INPUTS = 8 };

typedef struct side {
    sld_graph *g;
    sld_plan *plan;
    sld_cache cache;
    size_t cache_bytes;
    sld_latent latent;
    int64_t *slots;
    sld_traffic traffic;
    sld_tensor out[OUTPUTS];
    double best;
} side;

static const sld_cache *find(void *cache, const char *layer)
{
    return strcmp(layer, "l") ? NULL : cache;
}

/* A cache of two halves, of one more block than the tokens need; slots in blocks from the last to the first. */
static void lend(side *s, const row *r, int n, const void *weights)
{
    int64_t b = BLOCK, h = r->heads, d = r->head_size, blocks = n / b + 2;
    size_t half = (size_t)(blocks * b * h * d) * kern_size(r->cache);
    s->cache = (sld_cache){.layout = r->layout, .dtype = r->cache, .blocks = blocks, .block_size = b, .heads = h,
                           .head_size = d, .n_slots = n};
    s->cache_bytes = r->latent ? half : 2 * half;
    s->cache.data[0] = calloc(1, 2 * half);
    s->cache.data[1] = (char *)s->cache.data[0] + half;
    for (int i = 0; i < 2; i++)
        memcpy(s->cache.strides[i], (int64_t[]){b * h * d, h * d, d}, sizeof s->cache.strides[i]);
    s->slots = malloc((size_t)n * sizeof *s->slots);
    for (int64_t i = 0; i < n; i++)
        s->slots[i] = (blocks - 1 - i / b) * b + i % b;
    s->cache.slots = s->slots;
    s->latent = (sld_latent){.query_dtype = SLD_F8E4M3FN, .heads = HEADS, .plain = PLAIN, .latent = LATENT_DIMS, .keys = weights};
    s->cache.latent = &s->latent;
    sld_plan_set_caches(s->plan, (sld_caches){find, &s->cache});
}

/* Elements of results and bytes of the cache that differ; nothing but neighbours may. */
static size_t apart(const side *a, const side *b)
{
    size_t n = 0;
    for (uint32_t k = 0; k < a->g->outputs.n; k++)
        for (size_t i = 0; i < kern_numel(&a->out[k]); i++) {
            double x = kern_get(&a->out[k], i), y = kern_get(&b->out[k], i);
            need(fabs(x - y) <= (kern_size(a->out[k].dtype) == 1 ? 0.126 : 1e-2) * (fabs(x) + 0.01), "results differ");
            n += x != y;
        }
    for (size_t i = 0; i < a->cache_bytes; i++)
        n += ((char *)a->cache.data[0])[i] != ((char *)b->cache.data[0])[i];
    return n;
}

/* What the op writes to the cache, and reads of weights, which the graph does not hold; less the rows of the table that
 * no token asks for. */
static size_t hidden_bytes(const side *s, const row *r, int n)
{
    bool queries = strstr(r->text, "mla_latent_queries") != NULL;
    size_t bytes = s->cache_bytes / (size_t)(s->cache.blocks ? s->cache.blocks * BLOCK : 1) * (size_t)n +
                   (queries ? (size_t)HEADS * PLAIN * LATENT_DIMS * 2 : 0);
    for (uint32_t i = 0; i < s->g->inputs.n; i++) {
        sld_value v = s->g->inputs.at[i];
        if (!strcmp(sld_value_name(s->g, v), "t"))
            bytes -= (size_t)(TABLE - n) * (size_t)sld_shape(s->g, v)[1] * kern_size((uint8_t)sld_dtype_of(s->g, v));
    }
    return bytes;
}

static void finish(side *s)
{
    free(s->cache.data[0]);
    free(s->slots);
    sld_plan_free(s->plan);
    sld_graph_free(s->g);
}

static void measure(sld_ctx *ctx, const sld_team *team, const row *r, int n)
{
    enum { ROUNDS = 15 };
    char *text = spell(r->text, n);
    side a = {.best = 1e9}, b = a;
    void *inputs[INPUTS] = {0};
    sld_tensor weights = {.dtype = SLD_BF16, .data = r->latent ? malloc(HEADS * PLAIN * LATENT_DIMS * 2) : NULL};
    fill(&weights, r->latent ? HEADS * PLAIN * LATENT_DIMS : 0);
    a.plan = make(ctx, team, text, false, &a.g, &a.traffic);
    b.plan = make(ctx, team, text, true, &b.g, &b.traffic);
    if (r->heads) {
        lend(&a, r, n, weights.data);
        lend(&b, r, n, weights.data);
    }
    for (uint32_t i = 0; i < a.g->inputs.n; i++) {
        sld_tensor t = input(a.g, a.g->inputs.at[i]);
        inputs[i] = t.data;
        if (t.dtype == SLD_F32 && kern_numel(&t) == 1)
            *(float *)t.data = 1;
    }
    size_t hidden = hidden_bytes(&b, r, n), bytes = b.traffic.bytes + hidden;
    char *from = block(bytes / 2), *to = block(bytes / 2);
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        int repeat = 1 + 512 / n;
        run(team, a.plan, inputs, a.out, repeat, &a.best);
        run(team, b.plan, inputs, b.out, repeat, &b.best);
        copy(team, to, from, bytes / 2, repeat, &best);
    }
    printf("| %s | %d | %u → %u | %.2f → %.2f | %.1f | %.1f | %.2f | %.2f | %.0f %% | %zu |\n", r->name, n, a.traffic.launches,
           b.traffic.launches, 1e-6 * (double)(a.traffic.bytes + hidden), 1e-6 * (double)bytes, 1e6 * a.best, 1e6 * b.best,
           a.best / b.best, (double)(a.traffic.bytes + hidden) / (double)bytes, 100 * best / b.best, apart(&a, &b));
    fflush(stdout);
    for (uint32_t i = 0; i < a.g->inputs.n; i++)
        free(inputs[i]);
    free(weights.data);
    free(from);
    free(to);
    free(text);
    finish(&a);
    finish(&b);
}

int main(int argc, char **argv)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_team *team = team_of(ctx, argc, argv);
    printf("| chain | tokens | launches | MB moved | unfused, us | fused, us | ratio | of bytes | of copy | apart |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof tokens / sizeof *tokens && (argc < 3 || strstr(rows[i].name, argv[2])); k++)
            measure(ctx, team, &rows[i], tokens[k]);
    sld_team_free(team);
    sld_ctx_free(ctx);
    return 0;
}
