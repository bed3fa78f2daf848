/* The shipped rules on graphs: counts on the example models, what must not fire, order and
 * cycles, and that fusing keeps a graph valid. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

Suite *fuse_suite(void);
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

static uint32_t fired(const sld_rule_stats *stats, const char *rule)
{
    const sld_ruleset *r = sld_ruleset_solder();
    for (uint32_t i = 0; i < r->n_rules; i++)
        if (!strcmp(r->rules[i].name, rule))
            return stats[i].fired;
    ck_abort_msg("no rule %s", rule);
}

/* Fuses and checks that the graph still verifies and that a second run finds nothing to report. */
static sld_rule_stats *fuse(sld_graph *g)
{
    sld_rule_stats *stats = calloc(g->rules->n_rules, sizeof *stats),
                   *again = calloc(g->rules->n_rules, sizeof *again);
    ck_assert_msg(sld_fuse(g, NULL, stats) == SLD_OK, "%s", sld_error(ctx));
    ck_assert_msg(sld_graph_verify(g) == SLD_OK, "%s", sld_error(ctx));
    ck_assert_int_eq(sld_fuse(g, NULL, again), SLD_OK);
    for (uint32_t i = 0; i < g->rules->n_rules; i++)
        ck_assert_msg(!again[i].fired, "%s fires again", g->rules->rules[i].name);
    free(again);
    return stats;
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

static sld_graph *parse(const char *text)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "test", text, strlen(text));
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    return g;
}

/* ----------------------------------------------------------------- models -- */

typedef struct expected {
    const char *file;
    uint32_t nodes;
    struct {
        const char *rule;
        uint32_t n;
    } rules[10];
} expected;

#define QWEN3                                                                                                        \
    {                                                                                                                \
        {"rms_norm", 9}, {"add_rms_norm", 4}, {"silu_mul", 2}, {"rope_neox", 4}, {"attention", 2},                   \
            {"grouped_heads", 2},                                                                                    \
        {                                                                                                            \
            "qk_norm_rope", 2                                                                                        \
        }                                                                                                            \
    }
#define QWEN3_F16                                                                                                    \
    {                                                                                                                \
        {"rms_norm_rounded_once", 9}, {"add_rms_norm_rounded_once", 4}, {"silu_mul", 2}, {"rope_neox", 4},           \
            {"attention", 2}, {"grouped_heads", 2},                                                                  \
        {                                                                                                            \
            "qk_norm_rope", 2                                                                                        \
        }                                                                                                            \
    }
#define LLAMA                                                                                                        \
    {                                                                                                                \
        {"rms_norm", 5}, {"add_rms_norm", 4}, {"silu_mul", 2}, {"rope_neox", 4}, {"attention", 2},                   \
        {                                                                                                            \
            "grouped_heads", 2                                                                                       \
        }                                                                                                            \
    }
#define DEEPSEEK {{"rms_norm", 9}, {"add_rms_norm", 4}, {"silu_mul", 2}, {"rope_gptj_neox", 4}, {"attention", 2}}
#define QWEN3_NEXT                                                                                                   \
    {                                                                                                                \
        {"rms_norm", 8}, {"add_rms_norm", 4}, {"gated_rms_norm", 1}, {"silu_mul", 2}, {"rope_neox", 2},              \
            {"rope_partial", 2}, {"attention", 1}, {"grouped_heads", 1},                                             \
        {                                                                                                            \
            "qk_norm_rope", 1                                                                                        \
        }                                                                                                            \
    }

/* nodes: at most so many are left; 0: not checked. */
static const expected models[] = {
    {"qwen3/model.onnx", 39, QWEN3},
    {"llama/model.onnx", 45, LLAMA},
    {"deepseek_v3/model.onnx", 121, DEEPSEEK},
    {"qwen3_next/model.onnx", 1012, QWEN3_NEXT},
    {"qwen3_f16/model.onnx", 40, QWEN3_F16},
    {"gemma3_text/model.onnx", 44,
     {{"rms_norm", 13}, {"add_rms_norm", 4}, {"gelu_mul", 2}, {"rope_neox", 4}, {"attention", 2}, {"grouped_heads", 2},
      {"qk_norm_rope", 2}}},
    {"phi3/model.onnx", 47, LLAMA},
    {"gpt_neox/model.onnx", 81, {{"rope_neox", 4}, {"rope_partial", 4}, {"attention", 2}}},
    {"llama_sdpa/model.onnx", 45,
     {{"rms_norm", 5}, {"add_rms_norm", 4}, {"silu_mul", 2}, {"rope_neox", 4}, {"attention_safe", 2},
      {"scaled_queries", 2}, {"scaled_keys", 2}, {"grouped_heads", 2}}},
    {"qwen3/model.fx.json.gz#raw", 0, QWEN3},
    {"qwen3/model.fx.json.gz#core_aten", 0, QWEN3},
    {"llama/model.fx.json.gz#raw", 0, LLAMA},
    {"llama/model.fx.json.gz#core_aten", 0, LLAMA},
    {"deepseek_v3/model.fx.json.gz#raw", 0, DEEPSEEK},
    {"deepseek_v3/model.fx.json.gz#core_aten", 0, DEEPSEEK},
    {"qwen3_next/model.fx.json.gz#raw", 0, QWEN3_NEXT},
    {"qwen3_next/model.fx.json.gz#core_aten", 0, QWEN3_NEXT},
};

START_TEST(model_counts)
{
    const expected *e = &models[_i];
    sld_graph *g = load(e->file);
    sld_rule_stats *stats = fuse(g);
    for (int k = 0; k < 10 && e->rules[k].rule; k++)
        ck_assert_msg(fired(stats, e->rules[k].rule) == e->rules[k].n, "%s: %s fired %u times, not %u", e->file,
                      e->rules[k].rule, fired(stats, e->rules[k].rule), e->rules[k].n);
    if (e->nodes)
        ck_assert_uint_le(sld_graph_n_nodes(g), e->nodes);
    free(stats);
    sld_graph_free(g);
}
END_TEST

/* ------------------------------------------------------------ single rules -- */

/* A decomposed norm over %x with width H and the given power, eps placement and weight width. */
static void norm_text(char *buf, size_t n, const char *x, const char *power, const char *axis, const char *w)
{
    snprintf(buf, n,
             "input %%x : %s\ninput %%w : %s\nconst %%p : f32[] = %s\nconst %%e : f32[] = 1e-06\n"
             "%%sq = pow(%%x, %%p)\n%%m = mean(%%sq; axes = %s)\n%%a = add(%%m, %%e)\n%%r = sqrt(%%a)\n%%i = "
             "reciprocal(%%r)\n"
             "%%n = mul(%%x, %%i)\n%%y = mul(%%w, %%n)\noutput y = %%y\n",
             x, w, power, axis);
}

START_TEST(norm_near_misses)
{
    static const struct { const char *x, *power, *axis, *w; uint32_t n; } cases[] = {
        {"f32[2, 8, 64]", "2", "[-1]", "f32[64]", 1},
        {"f32[1, 64]", "2", "[-1]", "f32[64]", 1},
        {"f32[64]", "2", "[-1]", "f32[64]", 1},
        {"f32[2, 8, 64]", "3", "[-1]", "f32[64]", 0},       /* not a square */
        {"f32[2, 8, 64]", "2", "[-2]", "f32[64]", 0},       /* mean over another axis */
        {"f32[2, 8, 64]", "2", "[-1]", "f32[1]", 0},        /* a scalar weight */
        {"f32[2, 8, 64]", "2", "[-1]", "f32[8, 64]", 0},    /* a weight for each row */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1000];
        norm_text(text, sizeof text, cases[i].x, cases[i].power, cases[i].axis, cases[i].w);
        sld_graph *g = parse(text);
        sld_rule_stats *stats = fuse(g);
        ck_assert_msg(fired(stats, "rms_norm") == cases[i].n, "case %zu fired %u times", i, fired(stats, "rms_norm"));
        free(stats);
        sld_graph_free(g);
    }
}
END_TEST

static uint32_t count(const char *text, const char *rule)
{
    sld_graph *g = parse(text);
    sld_rule_stats *stats = fuse(g);
    uint32_t n = fired(stats, rule);
    free(stats);
    sld_graph_free(g);
    return n;
}

/* What dies with a match must have no other reader. */
START_TEST(interior_use_refuses)
{
    const char *text = "input %g : f32[4, 8]\ninput %u : f32[4, 8]\n%s = silu(%g)\n%y = mul(%s, %u)\n%z = "
                       "neg(%s)\noutput y = %y\noutput z = %z\n";
    ck_assert_uint_eq(count(text, "silu_mul"), 0);
    const char *output =
        "input %g : f32[4, 8]\ninput %u : f32[4, 8]\n%s = silu(%g)\n%y = mul(%s, %u)\noutput y = %y\noutput s = %s\n";
    ck_assert_uint_eq(count(output, "silu_mul"), 0);
}
END_TEST

START_TEST(operand_order_does_not_matter)
{
    ck_assert_uint_eq(
        count("input %g : f32[4, 8]\ninput %u : f32[4, 8]\n%s = silu(%g)\n%y = mul(%s, %u)\noutput y = %y\n",
              "silu_mul"),
        1);
    ck_assert_uint_eq(
        count("input %g : f32[4, 8]\ninput %u : f32[4, 8]\n%s = silu(%g)\n%y = mul(%u, %s)\noutput y = %y\n",
              "silu_mul"),
        1);
    /* a gate that broadcasts is no silu_mul */
    ck_assert_uint_eq(
        count("input %g : f32[4, 8]\ninput %u : f32[8]\n%s = silu(%g)\n%y = mul(%s, %u)\noutput y = %y\n",
              "silu_mul"),
        0);
    ck_assert_uint_eq(count("input %x : f32[4, 8]\n%y = mul(%x, %x)\noutput y = %y\n", "silu_mul"), 0);
}
END_TEST

/* The sum is read before the norm's weight is made: the weight's node moves in front. */
START_TEST(late_operand_moves)
{
    const char *text =
        "input %a : f32[4, 8]\ninput %b : f32[4, 8]\ninput %v : f32[8]\n%s = add(%a, %b)\n%other = neg(%s)\n"
        "%w = exp(%v)\n%y = rms_norm(%s, %w; eps = 1e-06)\noutput y = %y\noutput other = %other\n";
    ck_assert_uint_eq(count(text, "add_rms_norm"), 1);
}
END_TEST

/* The norm's weight depends on the sum: a fused node would close a cycle. */
START_TEST(cycle_refuses)
{
    const char *text =
        "input %a : f32[4, 8]\ninput %b : f32[4, 8]\n%s = add(%a, %b)\n%m = mean(%s; axes = [-2], keepdims = false)\n"
        "%y = rms_norm(%s, %m; eps = 1e-06)\noutput y = %y\n";
    sld_graph *g = parse(text);
    sld_rule_stats *stats = calloc(g->rules->n_rules, sizeof *stats);
    ck_assert_int_eq(sld_fuse(g, NULL, stats), SLD_OK);
    ck_assert_uint_eq(fired(stats, "add_rms_norm"), 0);
    bool told = false;
    for (uint32_t i = 0; i < g->rules->n_rules; i++)
        told |= !strcmp(g->rules->rules[i].name, "add_rms_norm") && stats[i].refused_cycle &&
                strstr(stats[i].reason, "path");
    ck_assert(told);
    ck_assert_int_eq(sld_graph_verify(g), SLD_OK);
    free(stats);
    sld_graph_free(g);
}
END_TEST

/* No kernel covers a head of 8192: the rule is refused with the reason, and the graph stays. */
START_TEST(no_kernel_refuses)
{
    const char *text =
        "input %x : f32[2, 8192]\ninput %c : f32[2, 8192]\ninput %s : f32[2, 8192]\n"
        "%a = slice(%x; axes = [-1], starts = [4096], ends = [8192], steps = [1])\n%n = neg(%a)\n"
        "%b = slice(%x; axes = [-1], starts = [0], ends = [4096], steps = [1])\n%r = concat(%n, %b; axis = -1)\n"
        "%p = mul(%x, %c)\n%q = mul(%r, %s)\n%y = add(%p, %q)\noutput y = %y\n";
    sld_graph *g = parse(text);
    sld_rule_stats *stats = calloc(g->rules->n_rules, sizeof *stats);
    ck_assert_int_eq(sld_fuse(g, NULL, stats), SLD_OK);
    for (uint32_t i = 0; i < g->rules->n_rules; i++)
        if (!strcmp(g->rules->rules[i].name, "rope_neox")) {
            ck_assert_uint_eq(stats[i].fired, 0);
            ck_assert_uint_gt(stats[i].refused_kernel, 0);
            ck_assert_msg(strstr(stats[i].reason, "D <= ") != NULL, "%s", stats[i].reason);
        }
    ck_assert_uint_eq(sld_graph_n_nodes(g), 7);
    free(stats);
    sld_graph_free(g);
}
END_TEST

START_TEST(rewrite_limit)
{
    sld_graph *g = load("qwen3/model.onnx");
    sld_rule_stats *stats = calloc(g->rules->n_rules, sizeof *stats);
    sld_fuse_options options = {.target = SLD_TARGET_CPU, .max_rewrites = 5};
    ck_assert_int_eq(sld_fuse(g, &options, stats), SLD_OK);
    uint32_t all = 0;
    for (uint32_t i = 0; i < g->rules->n_rules; i++)
        all += stats[i].fired;
    ck_assert_uint_eq(all, 5);
    ck_assert_int_eq(sld_graph_verify(g), SLD_OK);
    free(stats);
    sld_graph_free(g);
}
END_TEST

/* It has the shape of what it reads, and is not the same. */
START_TEST(what_is_turned_round_stays)
{
    static const char slice[] = "input %%x : f32[4]\n%%y = slice(%%x; axes = [0], starts = [%d], ends = [%d], steps = "
                                "[%d])\noutput y = %%y\n";
    char text[200];
    snprintf(text, sizeof text, slice, 3, -5, -1);
    ck_assert_uint_eq(count(text, "slice_of_everything"), 0);
    snprintf(text, sizeof text, slice, 0, 4, 1);
    ck_assert_uint_eq(count(text, "slice_of_everything"), 1);
}
END_TEST

/* Pairs begin at the first element. */
START_TEST(pairs_begin_at_the_first)
{
    static const char form[] =
        "input %%x : f32[2, 3, 8]\ninput %%c : f32[3, 4]\ninput %%s : f32[3, 4]\n"
        "%%a = slice(%%x; axes = [-1], starts = [%d], ends = [8], steps = [2])\n"
        "%%b = slice(%%x; axes = [-1], starts = [1], ends = [8], steps = [2])\n"
        "%%ac = mul(%%a, %%c)\n%%bs = mul(%%b, %%s)\n%%bc = mul(%%b, %%c)\n%%as = mul(%%a, %%s)\n"
        "%%p = sub(%%ac, %%bs)\n%%q = add(%%bc, %%as)\n%%pr = reshape(%%p; shape = [2, 3, 4, 1])\n"
        "%%qr = reshape(%%q; shape = [2, 3, 4, 1])\n%%t = concat(%%pr, %%qr; axis = -1)\n"
        "%%y = reshape(%%t; shape = [2, 3, 8])\noutput y = %%y\n";
    for (int start = 0; start < 2; start++) {
        char text[800];
        snprintf(text, sizeof text, form, start);
        ck_assert_uint_eq(count(text, "rope_pairs"), !start);
    }
}
END_TEST

/* Gelu in the spellings of exporters. */
START_TEST(gelu_spellings)
{
    static const char *const forms[] = {
        "%d = div(%x, %c)\n%f = erf(%d)\n%a = add(%f, %one)\n%h = mul(%x, %half)\n%y = mul(%h, %a)\n",
        "%d = div(%x, %c)\n%f = erf(%d)\n%a = add(%one, %f)\n%h = mul(%half, %a)\n%y = mul(%x, %h)\n",
        "%d = div(%x, %c)\n%f = erf(%d)\n%a = add(%f, %one)\n%h = mul(%x, %a)\n%y = mul(%h, %half)\n",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char text[800];
        snprintf(text, sizeof text,
                 "input %%x : f32[4, 8]\nconst %%c : f32[] = 1.41421354\nconst %%one : f32[] = 1\nconst %%half : "
                 "f32[] = 0.5\n%soutput y = %%y\n",
                 forms[i]);
        ck_assert_uint_eq(count(text, "gelu_erf"), 1);
    }
}
END_TEST

static uint32_t calls;

static void *counted(void *user, void *p, size_t size)
{
    (void)user;
    calls++;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}

/* How often memory is asked for while a graph at rest is fused: `copies` norms that nearly match, of a symbolic size. */
static uint32_t calls_at_rest(uint32_t copies)
{
    sld_ctx *own = sld_ctx_new(&(sld_allocator){counted, NULL});
    const size_t room = 400;
    char *text = calloc(copies + 1, room), *at = text;
    at += sprintf(at, "symbol T in [1, 4096]\ninput %%x : f32[T, 64]\ninput %%w : f32[64]\nconst %%p : f32[] = 3\n"
                      "const %%e : f32[] = 1e-06\n");
    for (uint32_t i = 0; i < copies; i++)
        at += sprintf(at, "%%sq%u = pow(%%x, %%p)\n%%m%u = mean(%%sq%u; axes = [-1])\n%%a%u = add(%%m%u, %%e)\n"
                          "%%r%u = rsqrt(%%a%u)\n%%n%u = mul(%%x, %%r%u)\n%%y%u = mul(%%w, %%n%u)\noutput y%u = %%y%u\n",
                      i, i, i, i, i, i, i, i, i, i, i, i, i);
    ck_assert_uint_lt((size_t)(at - text), (copies + 1) * room);
    sld_graph *g = sld_text_parse(own, sld_ruleset_solder(), "test", text, (size_t)(at - text));
    ck_assert_msg(g != NULL, "%s", sld_error(own));
    ck_assert_int_eq(sld_fuse(g, NULL, NULL), SLD_OK);
    ck_assert_uint_eq(sld_graph_n_nodes(g), 6 * copies);
    calls = 0;
    ck_assert_int_eq(sld_fuse(g, NULL, NULL), SLD_OK);
    uint32_t n = calls;
    sld_graph_free(g);
    sld_ctx_free(own);
    free(text);
    return n;
}

START_TEST(matching_allocates_nothing)
{
    uint32_t few = calls_at_rest(2), many = calls_at_rest(500);
    ck_assert_msg(many <= few + 20, "%u calls for 500 near matches, %u for 2", many, few); /* lists of readers grow */
}
END_TEST

Suite *fuse_suite(void)
{
    Suite *s = suite_create("fuse");
    TCase *t = tcase_create("rules");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, model_counts, 0, (int)(sizeof models / sizeof *models));
    tcase_add_test(t, norm_near_misses);
    tcase_add_test(t, interior_use_refuses);
    tcase_add_test(t, operand_order_does_not_matter);
    tcase_add_test(t, late_operand_moves);
    tcase_add_test(t, cycle_refuses);
    tcase_add_test(t, no_kernel_refuses);
    tcase_add_test(t, rewrite_limit);
    tcase_add_test(t, what_is_turned_round_stays);
    tcase_add_test(t, pairs_begin_at_the_first);
    tcase_add_test(t, gelu_spellings);
    tcase_add_test(t, matching_allocates_nothing);
    suite_add_tcase(s, t);
    return s;
}
