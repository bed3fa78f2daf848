/* What stands between projections and attention in graphs of a serving engine: how often it fuses, and why not. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

Suite *attention_suite(void);
const sld_ruleset *sld_ruleset_solder(void);

static uint32_t rule_index(const char *name)
{
    const sld_ruleset *r = sld_ruleset_solder();
    for (uint32_t i = 0; i < r->n_rules; i++)
        if (!strcmp(r->rules[i].name, name))
            return i;
    ck_abort_msg("no rule %s", name);
}

/* --------------------------------------------------------------- whole graphs -- */

typedef struct engine { const char *file, *rule; sld_bucket tokens; uint32_t fired; } engine;

static const engine engines[] = {
    {"qwen3_30b_tp1", "qk_norm_rope_kvcache", {1, 256}, 48},
    {"qwen3_30b_tp1", "qk_norm_rotary", {1, 256}, 0},
    {"qwen3_30b_tp1", "qk_norm_rope_kvcache", {257, 8192}, 0},
    {"qwen3_30b_tp1", "qk_norm_rotary", {257, 8192}, 48},
    {"qwen3_30b_tp1", "qk_norm_rope_kvcache", {1, 257}, 0},
    {"qwen3_next_fp8_tp2", "qk_norm_rope_kvcache", {1, 256}, 4},
    {"llama70b_fp8_tp4", "rope_kvcache", {1, 256}, 80},
    {"llama70b_fp8_tp4", "rope_kvcache", {257, 8192}, 0},
    {"llama70b_fp8_tp4", "qk_norm_rope_kvcache", {1, 256}, 0},
    {"deepseek_v3_tp8", "mla_rope_kvcache", {1, 256}, 8},
    {"deepseek_v3_tp8", "mla_rope_kvcache", {257, 8192}, 0},
    {"deepseek_v3_tp8", "mla_rope_kvcache", {1, 257}, 0},
    {"deepseek_v3_tp8", "mla_dual_rms_norm", {1, 256}, 8},
};
enum { N_ENGINES = sizeof engines / sizeof *engines };

static sld_graph *import_engine(sld_ctx *ctx, const char *file)
{
    const char *dir = getenv("SOLDER_MODELS");
    char path[400];
    snprintf(path, sizeof path, "%s/engine/%s.fx.json.gz", dir ? dir : "tests/models", file);
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), path);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    return g;
}

START_TEST(engine_counts)
{
    const engine *e = &engines[_i];
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = import_engine(ctx, e->file);
    sld_rule_stats *stats = calloc(g->rules->n_rules, sizeof *stats);
    const sld_fuse_options options = {.target = SLD_TARGET_CPU, .tokens = e->tokens, .tokens_dim = "s77"};
    ck_assert_int_eq(sld_fuse(g, &options, stats), SLD_OK);
    ck_assert_int_eq(sld_graph_verify(g), SLD_OK);
    ck_assert_uint_eq(stats[rule_index(e->rule)].fired, e->fired);
    free(stats);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}
END_TEST

/* The same counts as a build of an engine asks for them. */
START_TEST(counts_are_expected)
{
    static const char *const runs[] = {
        "qwen3_30b_tp1.fx.json.gz --tokens 1..256 --expect qk_norm_rope_kvcache=48",
        "qwen3_next_fp8_tp2.fx.json.gz --tokens 1..256 --expect qk_norm_rope_kvcache=4",
        "llama70b_fp8_tp4.fx.json.gz --tokens 1..256 --expect rope_kvcache=80",
        "llama70b_fp8_tp4.fx.json.gz --tokens 1..256 --opt fuse_attn_quant=on --expect paged_attention_static_quant=80",
        "deepseek_v3_tp8.fx.json.gz --tokens 1..256 --expect mla_decode_queries=8 --expect mla_dual_rms_norm=8",
        "deepseek_v3_tp8.fx.json.gz --tokens 1..257 --expect mla_decode_queries=8",
    };
    const char *solder = getenv("SOLDER_BIN"), *dir = getenv("SOLDER_MODELS");
    char command[600];
    if (!solder)
        return (void)fprintf(stderr, "skipped: SOLDER_BIN is not set\n");
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        snprintf(command, sizeof command, "%s fuse %s/engine/%s >/dev/null 2>&1", solder, dir ? dir : "tests/models", runs[i]);
        ck_assert_msg((system(command) != 0) == (i + 1 == sizeof runs / sizeof *runs), "%s", command);
    }
}
END_TEST

/* The cache in pieces of 16 bytes: how often attention of a decode step reads it, by which kernel; the fused write, which
 * writes it as often. */
typedef struct shuffled {
    const char *file, *options;
    sld_bucket tokens;
    int64_t units;
    const char *write;
    uint32_t fired;
    const char *kernel, *why; /* why: what the report says of the first rule of the family */
} shuffled;

#define ON "shuffle_kv_cache=on"
static const shuffled shuffles[] = {
    {"qwen3_30b_tp1", ON, {64, 128}, 304, "qk_norm_rope_kvcache", 48, "assembly", NULL},
    {"qwen3_30b_tp1", ON, {1, 128}, 304, "qk_norm_rope_kvcache", 48, "general", NULL},
    {"qwen3_30b_tp1", ON ",kv_block_size=64", {64, 128}, 304, "qk_norm_rope_kvcache", 48, "general", NULL},
    {"qwen3_30b_tp1", ON ",kv_cache_e4m3fnuz=on", {64, 128}, 304, "qk_norm_rope_kvcache", 48, "general", NULL},
    {"qwen3_30b_tp1", ON ",num_speculative_tokens=3", {64, 128}, 304, "qk_norm_rope_kvcache", 48, "fallback", NULL},
    {"llama70b_fp8_tp4", ON, {64, 128}, 304, "rope_kvcache", 80, "assembly", NULL},
    {"llama70b_fp8_tp4", ON ",kv_cache_e4m3fn=on", {64, 128}, 304, "rope_kvcache", 80, "general", NULL},
    {"qwen3_next_fp8_tp2", ON, {64, 128}, 304, "qk_norm_rope_kvcache", 4, "general", NULL},
    {"qwen3_30b_tp1", "shuffle_kv_cache=off", {64, 128}, 304, "qk_norm_rope_kvcache", 0, NULL, "option 'shuffle_kv_cache' is off"},
    {"qwen3_30b_tp1", ON, {257, 8192}, 304, "qk_norm_rotary", 0, NULL, "does not hold for tokens 257..8192"},
    {"qwen3_30b_tp1", ON ",kv_block_size=24", {64, 128}, 304, "qk_norm_rope_kvcache", 0, NULL, "kv_block_size = 24) does not hold"},
};
enum { N_SHUFFLES = sizeof shuffles / sizeof *shuffles };

static sld_settings *settings_of(sld_ctx *ctx, const char *options)
{
    char text[200], *save = NULL;
    sld_settings *s = sld_settings_new(ctx, sld_ruleset_solder());
    snprintf(text, sizeof text, "%s", options);
    for (char *name = strtok_r(text, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        char *value = strchr(name, '=');
        *value++ = 0;
        ck_assert_int_eq(sld_settings_set(s, name, value, "test"), SLD_OK);
    }
    ck_assert_int_eq(sld_settings_resolve(s, SLD_TARGET_CPU, NULL, NULL), SLD_OK);
    return s;
}

/* All nodes of decode_attention launch that kernel; those that write, and they, agree on the type of the cache. */
static void check_readers(sld_graph *g, const shuffled *e)
{
    char name[80];
    uint32_t n = 0;
    snprintf(name, sizeof name, "sld_cpu_decode_attention_%s", e->kernel ? e->kernel : "");
    for (sld_node k = sld_first_node(g); k; k = sld_next_node(g, k)) {
        if (strcmp(sld_node_op(g, k)->name, "decode_attention"))
            continue;
        const sld_kernel_row *row = sld_bind(g, k, SLD_TARGET_CPU, NULL, NULL, 0);
        ck_assert_str_eq(row ? row->name : "none", name);
        sld_value cache = sld_operands(g, k)[1];
        ck_assert_int_eq(sld_shape(g, cache)[1], SLD_CACHE_SHUFFLE + 1);
        ck_assert_msg(strstr(sld_node_op(g, sld_producer(g, cache))->name, "rope_cache") != NULL, "written by another op");
        n++;
    }
    ck_assert_uint_eq(n, e->fired);
}

START_TEST(shuffled_caches)
{
    const shuffled *e = &shuffles[_i];
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = import_engine(ctx, e->file);
    sld_rule_stats *stats = calloc(g->rules->n_rules, sizeof *stats);
    sld_settings *settings = settings_of(ctx, e->options);
    const sld_fuse_options options = {.target = SLD_TARGET_CPU, .tokens = e->tokens, .tokens_dim = "s77", .settings = settings,
                                      .units = e->units};
    ck_assert_int_eq(sld_fuse(g, &options, stats), SLD_OK);
    ck_assert_int_eq(sld_graph_verify(g), SLD_OK);
    ck_assert(!e->fired || stats[rule_index(e->write)].fired == e->fired);
    check_readers(g, e);
    const char *reason = stats[rule_index("shuffled_attention_kv_cache_auto_16_1")].reason;
    ck_assert_msg(!e->why || strstr(reason, e->why), "not '%s': %s", e->why, reason);
    sld_settings_free(settings);
    free(stats);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}
END_TEST

/* ---------------------------------------------------------------- near misses -- */

/* A chain with one thing changed: in the text, `from` becomes `to`. why: what the report of the miss must say. */
typedef struct miss { const char *from, *to, *rule; uint32_t fired; const char *why; } miss;

static const char chain[] =
    "solder 1\ninput %x : bf16[5, 768]\ninput %wq : bf16[64]\ninput %wk : bf16[64]\ninput %p : i64[5]\n"
    "input %t : bf16[99, 64]\n%q, %k, %v = split(%x; sizes = [512, 128, 128], axis = -1)\n"
    "%q1 = reshape(%q; shape = [5, 8, 64])\n%q2 = rms_norm(%q1, %wq; eps = 1e-06)\n%q3 = reshape(%q2; shape = [5, 512])\n"
    "%k1 = reshape(%k; shape = [5, 2, 64])\n%k2 = rms_norm(%k1, %wk; eps = 1e-06)\n%k3 = reshape(%k2; shape = [5, 128])\n"
    "%q4, %k4 = rotary_embedding(%p, %q3, %k3, %t; head_size = 64, neox = true)\n"
    "%q5 = reshape(%q4; shape = [5, 8, 64])\n%k5 = reshape(%k4; shape = [5, 2, 64])\n%v5 = reshape(%v; shape = [5, 2, 64])\n"
    "%done, %cache = kv_cache_update(%k5, %v5; layer = \"l0\")\n%o = paged_attention(%q5, %k5, %v5, %done; layer = \"l0\")\n"
    "output o = %o\n";

#define ALL "qk_norm_rope_kvcache"
static const miss misses[] = {
    {"", "", ALL, 1, NULL},
    /* k and v flat, and the projection itself, have other readers */
    {"output o = %o\n", "output o = %o\noutput k = %k4\noutput v = %v\noutput x = %x\n", ALL, 1, NULL},
    /* normed queries have one */
    {"output o = %o\n", "output o = %o\noutput n = %q2\n", ALL, 0, "expected no reader outside the match"},
    {"output o = %o\n", "output o = %o\noutput n = %q2\n", "qk_norm_rotary", 0, "expected no reader outside the match"},
    /* the norm goes over the whole projection of the queries */
    {"%q1 = reshape(%q; shape = [5, 8, 64])\n%q2 = rms_norm(%q1, %wq; eps = 1e-06)\n%q3 = reshape(%q2; shape = [5, 512])\n",
     "input %wide : bf16[512]\n%q3 = rms_norm(%q, %wide; eps = 1e-06)\n", ALL, 0, "expected reshape, found"},
    /* keys are not normed */
    {"%k2 = rms_norm(%k1, %wk; eps = 1e-06)\n", "%k2 = neg(%k1)\n", ALL, 0, "expected rms_norm, found"},
    /* weights of two dtypes */
    {"%wk : bf16", "%wk : f32", ALL, 0, "expected"},
    /* queries stand behind keys */
    {"%q, %k, %v = split(%x; sizes = [512, 128, 128]", "%k, %v, %q = split(%x; sizes = [128, 128, 512]", ALL, 0, "expected"},
    /* without a cache: the smaller rule */
    {"%done, %cache = kv_cache_update(%k5, %v5; layer = \"l0\")\n", "input %done : bf16[0]\n", "qk_norm_rotary", 1, NULL},
    {"%done, %cache = kv_cache_update(%k5, %v5; layer = \"l0\")\n", "input %done : bf16[0]\n", ALL, 0, NULL},
    /* without norms: the other one */
    {"%q3 = reshape(%q2; shape = [5, 512])\n", "%q3 = reshape(%q; shape = [5, 512])\n", ALL, 0, "expected"},
};
enum { N_MISSES = sizeof misses / sizeof *misses };

/* The rotation as torch writes it, of which only the first dims of a head turn. */
static char *torch_chain(bool neox, bool partial)
{
    char *text = NULL;
    size_t len;
    int rd = partial ? 32 : 64, half = rd / 2;
    FILE *f = open_memstream(&text, &len);
    fprintf(f, "%.*s", (int)(strstr(chain, "%q4") - chain), chain);
    fprintf(f, "input %%table : bf16[99, %d]\n%%g = gather(%%table, %%p; axis = 0)\n"
               "%%c, %%s = split(%%g; sizes = [%d, %d], axis = -1)\n", rd, half, half);
    for (int i = 0; i < 2; i++) {
        char q = "qk"[i];
        int h = i ? 2 : 8;
        fprintf(f, "%%%ca = reshape(%%%c3; shape = [5, %d, 64])\n", q, q, h);
        fprintf(f, "%%%cc = unsqueeze(%%c; axes = [1])\n%%%cs = unsqueeze(%%s; axes = [1])\n", q, q);
        fprintf(f, "%%%cr = slice(%%%ca; axes = [-1], starts = [0], ends = [%d], steps = [1])\n"
                   "%%%cp = slice(%%%ca; axes = [-1], starts = [%d], ends = [64], steps = [1])\n", q, q, rd, q, q, rd);
        if (neox)
            fprintf(f, "%%%cx, %%%cy = split(%%%cr; sizes = [%d, %d], axis = -1)\n", q, q, q, half, half);
        else
            fprintf(f, "%%%cx = slice(%%%cr; axes = [-1], starts = [0], ends = [%d], steps = [2])\n"
                       "%%%cy = slice(%%%cr; axes = [-1], starts = [1], ends = [%d], steps = [2])\n", q, q, rd, q, q, rd);
        fprintf(f, "%%%c10 = mul(%%%cx, %%%cc)\n%%%c11 = mul(%%%cy, %%%cs)\n%%%c12 = sub(%%%c10, %%%c11)\n"
                   "%%%c13 = mul(%%%cy, %%%cc)\n%%%c14 = mul(%%%cx, %%%cs)\n%%%c15 = add(%%%c13, %%%c14)\n",
                q, q, q, q, q, q, q, q, q, q, q, q, q, q, q, q, q, q);
        if (neox)
            fprintf(f, "%%%c17 = concat(%%%c12, %%%c15; axis = -1)\n", q, q, q);
        else
            fprintf(f, "%%%c20 = unsqueeze(%%%c12; axes = [-1])\n%%%c21 = unsqueeze(%%%c15; axes = [-1])\n"
                       "%%%c22 = concat(%%%c20, %%%c21; axis = -1)\n%%%c17 = reshape(%%%c22; shape = [5, %d, %d])\n",
                    q, q, q, q, q, q, q, q, q, h, rd);
        fprintf(f, "%%%c18 = concat(%%%c17, %%%cp; axis = -1)\n%%%c4 = reshape(%%%c18; shape = [5, %d])\n", q, q, q, q, q,
                h * 64);
    }
    fprintf(f, "%s", strstr(chain, "%q5"));
    fclose(f);
    return text;
}

static char *edited(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    size_t n = strlen(text) + strlen(to) + 1;
    char *out = malloc(n);
    ck_assert_msg(at != NULL, "'%s' is not there", from);
    snprintf(out, n, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

START_TEST(near_misses)
{
    const miss *m = &misses[_i];
    char *text = edited(chain, m->from, m->to), *told = NULL;
    size_t len;
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    ck_assert_msg(g != NULL, "%s\n%s", sld_error(ctx), text);
    sld_rule_stats *stats = calloc(g->rules->n_rules, sizeof *stats);
    const sld_fuse_options options = {.target = SLD_TARGET_CPU, .tokens = {5, 5}};
    ck_assert_int_eq(sld_fuse(g, &options, stats), SLD_OK);
    uint32_t rule = rule_index(m->rule);
    ck_assert_msg(stats[rule].fired == m->fired, "%s fired %u times\n%s", m->rule, stats[rule].fired, text);
    FILE *f = open_memstream(&told, &len);
    sld_node matched;
    ck_assert_int_eq(sld_explain(g, rule, 0, f, &matched), SLD_OK);
    fclose(f);
    ck_assert_msg(!m->why || strstr(told, m->why), "not '%s':\n%s", m->why, told);
    free(told);
    free(stats);
    free(text);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}
END_TEST

START_TEST(rotation_as_torch_writes_it)
{
    char *text = torch_chain(_i & 1, _i & 2);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    ck_assert_msg(g != NULL, "%s\n%s", sld_error(ctx), text);
    sld_rule_stats *stats = calloc(g->rules->n_rules, sizeof *stats);
    const sld_fuse_options options = {.target = SLD_TARGET_CPU, .tokens = {5, 5}};
    ck_assert_int_eq(sld_fuse(g, &options, stats), SLD_OK);
    ck_assert_msg(stats[rule_index("qk_norm_rope_kvcache")].fired == 1, "%s", text);
    free(stats);
    free(text);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}
END_TEST

Suite *attention_suite(void)
{
    Suite *s = suite_create("attention");
    TCase *t = tcase_create("engine graphs");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, engine_counts, 0, N_ENGINES);
    tcase_add_test(t, counts_are_expected);
    tcase_add_loop_test(t, shuffled_caches, 0, N_SHUFFLES);
    tcase_add_loop_test(t, near_misses, 0, N_MISSES);
    tcase_add_loop_test(t, rotation_as_torch_writes_it, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
