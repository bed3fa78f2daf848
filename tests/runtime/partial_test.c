/* Why a rule did not fire: faults planted in the example models are what is shown, and patterns as data match
 * where the compiled matchers do. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fuse.h"
#include "partial.h"

Suite *partial_suite(void);
const sld_ruleset *sld_ruleset_solder(void);

static sld_ctx *ctx;

static void setup(void)
{
    ctx = sld_ctx_new(NULL);
    ck_assert_ptr_nonnull(ctx);
}

static void teardown(void)
{
    sld_ctx_free(ctx);
}

static sld_graph *load(const char *file)
{
    const char *dir = getenv("SOLDER_MODELS");
    char path[400];
    snprintf(path, sizeof path, "%s/%s", dir ? dir : "tests/models", file);
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), path);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    return g;
}

static uint32_t rule_index(const char *name)
{
    const sld_ruleset *r = sld_ruleset_solder();
    for (uint32_t i = 0; i < r->n_rules; i++)
        if (!strcmp(r->rules[i].name, name))
            return i;
    ck_abort_msg("no rule %s", name);
    return 0;
}

/* ------------------------------------------------------------ planted faults -- */

/* The text of a model, nodes without their types, so that lines can be changed. */
static char *text_of(const char *file)
{
    char *text = NULL;
    size_t n;
    sld_graph *g = load(file);
    FILE *f = open_memstream(&text, &n);
    ck_assert_int_eq(sld_text_print(g, f, 0), SLD_OK);
    fclose(f);
    sld_graph_free(g);
    char *to = text;
    for (char *line = text; *line;) {
        size_t whole = strcspn(line, "\n") + 1, kept = whole - 1;
        char *type = *line == '%' ? strstr(line, ") : ") : NULL;
        if (type && type < line + whole)
            kept = (size_t)(type + 1 - line);
        memmove(to, line, kept);
        to[kept] = '\n';
        to += kept + 1;
        line += whole;
    }
    *to = 0;
    return text;
}

/* The line that starts with `at` becomes `with`. */
static char *plant(const char *text, const char *at, const char *with)
{
    size_t n = strlen(text) + strlen(with) + 2;
    char *out = malloc(n);
    const char *line = text;
    while (line && strncmp(line, at, strlen(at))) {
        line = strchr(line, '\n');
        line = line && line[1] ? line + 1 : NULL;
    }
    ck_assert_msg(line != NULL, "no line starts with '%s' in:\n%s", at, text);
    snprintf(out, n, "%.*s%s%s", (int)(line - text), text, with, strchr(line, '\n'));
    return out;
}

static char *explanation(const char *text, const char *rule, const char *node, sld_node *matched)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "planted", text, strlen(text));
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    ck_assert_int_eq(sld_fuse(g, NULL, NULL), SLD_OK);
    char *told = NULL;
    size_t n;
    FILE *f = open_memstream(&told, &n);
    sld_value v = node ? sld_value_find(g, node) : 0;
    ck_assert_msg(!node || v, "no %s", node);
    ck_assert_int_eq(sld_explain(g, rule_index(rule), v ? sld_producer(g, v) : 0, f, matched), SLD_OK);
    fclose(f);
    sld_graph_free(g);
    return told;
}

/* What stands behind FAILS begins with `fails`. Without a node the whole graph is searched. */
static const struct planted {
    const char *file, *at, *with, *rule, *node, *fails;
} plants[] = {
    {"qwen3/model.onnx", "%mean = ", "%mean = mean(%pow_1; axes = [-2])", "rms_norm", NULL,
     "expected axes = [-1], found axes = [-2] in %mean"},
    {"qwen3/model.onnx", "%add_9 = ", "%add_9 = sub(%embedding, %linear_3)", "add_rms_norm", "mul_14",
     "expected add, found %add_9 = sub(%embedding, %linear_3)"},
    {"qwen3/model.onnx", "%mul_15 = ", "%mul_15 = mul(%silu, %linear_5)\n%other = neg(%silu)\noutput other = %other",
     "silu_mul", NULL, "expected no reader outside the match, found %silu read by %other = neg(%silu)"},
    {"llama_sdpa/model.onnx", "%slice_5 = ", "%slice_5 = slice(%transpose_1; axes = [-1], starts = [7], ends = [15], "
     "steps = [1])", "rope_neox", NULL, "expected ends = [R] with R = 16, found ends = [15] in %slice_5"},
    {"qwen3/model.onnx", "%val_187 = ", "%val_187 = softmax(%add_8; axis = -2)", "attention", "val_187",
     "expected axis = -1, found axis = -2 in %val_187"},
    {"qwen3/model.onnx", "%unsqueeze_19 = ", "%unsqueeze_19 = unsqueeze(%transpose_3; axes = [1])", "grouped_heads",
     NULL, "expected shape = [B, Hk, 1, L, D]"},
    {"deepseek_v3/model.onnx", "%slice_7 = ", "%slice_7 = slice(%split_with_sizes_split_1; axes = [-1], starts = [0], "
     "ends = [8], steps = [2])", "rope_gptj_neox", NULL, "expected starts = [1], found starts = [0]"},
    {"gemma3_text/model.onnx", "const %val_263 ", "const %val_263 : f32[] = 0.05", "gelu_tanh", "val_268",
     "expected the constant 0.044715, found constant %val_263 : f32[] = 0.05"},
    {"llama/model.onnx", "%mul_3 = ", "%mul_3 = mul(%mul_2, %embedding)", "rms_norm", "mul_3",
     "expected G[H] with H = 64, found %embedding : f32[1, 8, 64]"},
    {"qwen3/model.onnx", "%mul_10 = ", "%mul_10 = mul(%transpose_2, %unsqueeze_17)", "qk_norm_rope", "matmul_2",
     "expected cos = %unsqueeze_16, found"},
    {"qwen3/model.onnx", "%add_3 = ", "input %rows : f32[1, 8, 1]\n%add_3 = add(%mean, %rows)", "rms_norm", NULL,
     "expected a constant of one element, found input %rows : f32[1, 8, 1]"},
    {"qwen3/model.onnx", "%add_9 = ", "input %row : f32[64]\n%add_9 = add(%embedding, %row)", "add_rms_norm", "mul_14",
     "expected F[*B, H] with *B = [1, 8], H = 64, found %row : f32[64]"},
    {"gpt_neox/model.onnx", "%slice_5 = ", "%slice_5 = slice(%split_split_0; axes = [-1], starts = [3], ends = [15], "
     "steps = [1])", "rope_partial", NULL, "expected starts = [R] with R = 4, found starts = [3] in %slice_5"},
    {"qwen3_moe/model.fx.json.gz", "%slice_2 = ", "%slice_2 = slice(%transpose_1; axes = [-1], starts = [4], ends = [12], "
     "steps = [1])", "rope_neox", NULL, "expected starts = [0], found starts = [4] in %slice_2"},
    {"deepseek_v3/model_moe.fx.json.gz", "%softmax = ", "%softmax = softmax(%add_8; axis = -2)", "attention", NULL,
     "expected axis = -1, found axis = -2 in %"},
    {"deepseek_v3/model.fx.json.gz", "%mul_22 = ", "%mul_22 = mul(%linear_5, %linear_6)", "silu_mul", "mul_22",
     "expected silu, found %linear_5 = "},
    {"engine/qwen3_30b_tp1.fx.json.gz", "%view_10 = ", "%view_10 = reshape(%split; shape = [s77, 4, 128])",
     "qk_norm_rope_kvcache", "unified_kv_cache_update", "expected v0 = %split_1, found"},
    {"engine/llama70b_fp8_tp4.fx.json.gz", "%view_3 = ", "%view_3 = reshape(%split; shape = [s77, 2, 128])",
     "rope_kvcache", "unified_kv_cache_update", "expected rotary_embedding, found %clone, %clone_1, %split_1 = split("},
    {"engine/deepseek_v3_tp8.fx.json.gz", "%all_reduce = ", "%all_reduce = neg(%mm_2)",
     "all_reduce_add_rms_norm_any_width", "fused_add_rms_norm.0", "expected all_reduce, found %all_reduce = neg(%mm_2)"},
    {"engine/qwen3_next_fp8_tp2.fx.json.gz", "%rsqrt = ", "%rsqrt = sqrt(%add_32)", "rms_norm", "mul_29",
     "expected rsqrt, found %rsqrt = sqrt(%add_32)"},
};

START_TEST(planted_fault_is_shown)
{
    const struct planted *p = &plants[_i];
    char *text = text_of(p->file), *wrong = plant(text, p->at, p->with);
    sld_node matched;
    char *told = explanation(wrong, p->rule, p->node, &matched);
    char fails[300];
    snprintf(fails, sizeof fails, "\n  FAILS     %s", p->fails);
    ck_assert_msg(strstr(told, fails) != NULL, "%s", told);
    free(told);
    free(wrong);
    free(text);
}
END_TEST

/* --------------------------------------------------------- patterns as data -- */

/* Refused matches; a target without kernels refuses all that builds something. */
typedef struct found { uint32_t rule; sld_node nodes[32]; uint32_t n; bool walked; } found;
typedef struct all { found *at; uint32_t n; } all;

static void note(void *user, const sld_fuse_event *e)
{
    all *a = user;
    ck_assert_uint_le(e->n, 32);
    a->at = realloc(a->at, (a->n + 1) * sizeof *a->at);
    a->at[a->n] = (found){.rule = e->rule, .n = e->n};
    memcpy(a->at[a->n++].nodes, e->nodes, e->n * sizeof *e->nodes);
}

/* Whether the matcher found a match of the same nodes, but for context, that the walk met. */
static bool is_found(all *a, const sld_partial *m)
{
    bool there = false;
    for (uint32_t i = 0; i < a->n; i++) {
        uint32_t same = 0;
        for (uint32_t k = 0; k < a->at[i].n; k++)
            for (uint32_t j = 0; j < m->pattern->n_nodes; j++)
                same += m->nodes[j] == a->at[i].nodes[k];
        if (a->at[i].rule == m->pattern->rule && same == a->at[i].n)
            there = a->at[i].walked = true;
    }
    return there;
}

static void check_agreement(sld_graph *g, const char *file)
{
    const sld_ruleset *r = g->rules;
    all a = {NULL, 0};
    sld_fuse_options options = {.target = SLD_TARGET_HIP};
    ck_assert_int_eq(sld_fuse(g, &options, NULL), SLD_OK);
    options.told = note;
    options.user = &a;
    ck_assert_int_eq(sld_fuse(g, &options, NULL), SLD_OK);
    sld_walker *w = sld__walker_new(g);
    for (uint32_t i = 0; i < r->n_patterns; i++)
        for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
            const sld_partial *m = sld__walk(w, &r->patterns[i], n, 0);
            ck_assert_msg(!m || is_found(&a, m), "%s: rule %s matches as data only, at %s", file,
                          r->rules[r->patterns[i].rule].name, sld_value_name(g, sld_result(g, n, 0)));
        }
    for (uint32_t i = 0; i < a.n; i++)
        ck_assert_msg(a.at[i].walked, "%s: rule %s matches as code only, at %s", file, r->rules[a.at[i].rule].name,
                      sld_value_name(g, sld_result(g, a.at[i].nodes[0], 0)));
    ck_assert(a.n > 0 || !strstr(file, "onnx"));
    sld__walker_free(w);
    free(a.at);
}

static const char *const models[] = {
    "qwen3/model.onnx", "llama_sdpa/model.onnx", "deepseek_v3/model.onnx", "gemma3_text/model.onnx",
    "gpt_neox/model.onnx", "qwen3_f16/model.onnx", "qwen3_next/model.onnx", "llama/model.fx.json.gz#raw",
    "deepseek_v3/model_moe.fx.json.gz#core_aten", "qwen3_moe/model.fx.json.gz#raw",
    "engine/qwen3_30b_tp1.fx.json.gz", "engine/llama70b_fp8_tp4.fx.json.gz", "engine/deepseek_v3_tp8.fx.json.gz",
    "engine/qwen3_next_fp8_tp2.fx.json.gz",
};

START_TEST(data_and_code_agree)
{
    sld_graph *g = load(models[_i]);
    check_agreement(g, models[_i]); /* nothing that builds is rewritten: the graph as it was imported */
    ck_assert_int_eq(sld_fuse(g, NULL, NULL), SLD_OK);
    sld_graph_free(g);
}
END_TEST

Suite *partial_suite(void)
{
    Suite *s = suite_create("partial");
    TCase *t = tcase_create("partial");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, planted_fault_is_shown, 0, (int)(sizeof plants / sizeof *plants));
    tcase_add_loop_test(t, data_and_code_agree, 0, (int)(sizeof models / sizeof *models));
    suite_add_tcase(s, t);
    return s;
}
