/* Fused ops against the chains that they replace, each run by the same kernels: a graph fuses into what the case
 * says and then gives the same bytes, or where the contract changes nearly the same numbers. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern.h"
#include "graph.h"

Suite *chain_suite(void);
const sld_ruleset *sld_ruleset_solder(void);

/* $ stands for each of f16, bf16, f32, Q for each of the 8-bit floats. op: a node of the fused graph; without: ops
 * that it no longer has. same: to the byte; with ONLY_REF not on the cpu, where another kernel computes an op of the chain. */
enum { NEARLY, ONLY_REF, SAME };
typedef struct chain { const char *text, *op, *without; int same; } chain;

#define NORM "input %x : $[6, 256]\ninput %w : $[256]\nconst %s : f32[] = 0.02\n%n = rms_norm(%x, %w; eps = 1e-06)\n"
#define SUM "input %x : $[6, 256]\ninput %b : $[6, 256]\ninput %w : $[256]\nconst %s : f32[] = 0.02\n"               \
            "%n, %t = add_rms_norm(%x, %b, %w; eps = 1e-06)\n"
#define GATED "input %x : $[6, 4, 128]\ninput %z : $[6, 4, 128]\ninput %w : $[128]\n"                                \
              "%n = gated_rms_norm(%x, %w, %z; eps = 1e-06)\n%f = reshape(%n; shape = [6, 512])\n"

static const chain cases[] = {
    {NORM "%q = static_quant(%n, %s; to = Q)\noutput q = %q", "rms_norm_static_quant(", "rms_norm( static_quant(", SAME},
    {NORM "%q = static_quant(%n, %s; to = Q, full = true)\noutput q = %q\noutput n = %n", "rms_norm_static_quant(",
     "rms_norm( static_quant(", SAME},
    {NORM "%q, %c = token_quant(%n; to = Q)\noutput q = %q\noutput c = %c", "rms_norm_group_quant(", "token_quant( group_quant(",
     ONLY_REF},
    {NORM "%q, %c = group_quant(%n; group = 128, to = Q)\noutput q = %q\noutput c = %c\noutput n = %n",
     "rms_norm_group_quant(", "rms_norm( group_quant(", SAME},
    {NORM "%q, %c = group_quant(%n; group = 64, to = Q, pow2 = true)\noutput q = %q\noutput c = %c",
     "rms_norm_group_quant(", "rms_norm( group_quant(", SAME},
    {NORM "%q, %c = group_quant_columns(%n; group = 32, to = Q, full = true)\noutput q = %q\noutput c = %c",
     "rms_norm_group_quant(", "rms_norm( group_quant(", ONLY_REF},
    /* Through views, and by two quantisations: the same one, and another. */
    {NORM "%r = reshape(%n; shape = [2, 3, 256])\n%q, %c = group_quant(%r; group = 128, to = Q)\noutput q = %q\noutput c = %c",
     "rms_norm_group_quant(", "rms_norm( group_quant(", SAME},
    {NORM "%q, %c = group_quant(%n; group = 128, to = Q)\n%r = reshape(%n; shape = [3, 512])\n"
          "%p, %d = group_quant(%r; group = 128, to = Q)\noutput q = %q\noutput c = %c\noutput p = %p\noutput d = %d",
     "rms_norm_group_quant(", "rms_norm( group_quant(", SAME},
    {NORM "%q, %c = group_quant(%n; group = 128, to = Q)\n%p = static_quant(%n, %s; to = Q)\n"
          "output q = %q\noutput c = %c\noutput p = %p", "rms_norm_group_quant(", "rms_norm(", SAME},
    {SUM "%q = static_quant(%n, %s; to = Q)\noutput q = %q\noutput t = %t", "add_rms_norm_static_quant(",
     "add_rms_norm( static_quant(", SAME},
    {SUM "%q = static_quant(%n, %s; to = Q)\noutput q = %q\noutput n = %n", "add_rms_norm_static_quant(",
     "add_rms_norm( static_quant(", SAME},
    {SUM "%q, %c = group_quant(%n; group = 128, to = Q)\noutput q = %q\noutput c = %c", "add_rms_norm_group_quant(",
     "add_rms_norm( group_quant(", SAME},
    {SUM "%q, %c = token_quant(%n; to = Q)\noutput q = %q\noutput c = %c\noutput t = %t\noutput n = %n",
     "add_rms_norm_group_quant(", "add_rms_norm( token_quant(", ONLY_REF},
    /* Weights that stand for 1 + w; $ is widened first where it is narrow. */
    {"input %x : $[6, 256]\ninput %w : $[256]\nconst %o : f32[] = 1.0\n%v = cast(%w; to = f32)\n%u = add(%v, %o)\n"
     "%n = rms_norm(%x, %u; eps = 1e-06)\n%q, %c = group_quant(%n; group = 128, to = Q)\noutput q = %q\noutput c = %c",
     "rms_norm_group_quant(", "add( cast( group_quant(", SAME},
    {"input %x : $[6, 512]\n%g, %u = split(%x; sizes = [256, 256], axis = -1)\n%a = silu(%g)\n%n = mul(%a, %u)\n"
     "%q, %c = group_quant(%n; group = 128, to = Q)\noutput q = %q\noutput c = %c", "act_and_mul_group_quant(",
     "split( mul( group_quant(", NEARLY},
    {"input %x : $[6, 512]\nconst %s : f32[] = 0.02\n%n = gelu_and_mul(%x; approximate = tanh)\n"
     "%q = static_quant(%n, %s; to = Q)\noutput q = %q\noutput n = %n", "act_and_mul_static_quant(",
     "gelu_and_mul( static_quant(", SAME},
    {"input %x : $[6, 256]\ninput %b : $[6, 256]\n%n = silu_mul(%x, %b)\n"
     "%q, %c = token_quant(%n; to = Q)\noutput q = %q\noutput c = %c", "act_mul_group_quant(", "silu_mul( token_quant(", ONLY_REF},
    {"input %x : $[6, 256]\ninput %b : $[6, 256]\nconst %s : f32[] = 0.02\n%n = gelu_mul(%x, %b)\n"
     "%q = static_quant(%n, %s; to = Q)\noutput q = %q", "act_mul_static_quant(", "gelu_mul( static_quant(", SAME},
    {GATED "%q, %c = group_quant(%f; group = 128, to = Q)\noutput q = %q\noutput c = %c", "gated_rms_norm_group_quant(",
     "gated_rms_norm( group_quant(", NEARLY},
};

enum { N_CASES = sizeof cases / sizeof *cases };

static void spell(char *to, size_t size, const char *from, const char *dtype, const char *quantised)
{
    size_t n = 0;
    for (; *from; from++)
        n += (size_t)snprintf(to + n, size - n, "%.*s", *from == '$' || *from == 'Q' ? 12 : 1,
                              *from == '$' ? dtype : *from == 'Q' ? quantised : from);
}

/* Inputs are numbers of very different size, a row of them zeros. */
static void *random_input(const sld_graph *g, sld_value v, uint32_t seed)
{
    sld_tensor t = {.dtype = (uint8_t)sld_dtype_of(g, v), .rank = (uint8_t)sld_rank(g, v), .dims = sld_shape(g, v)};
    size_t n = kern_numel(&t), width = (size_t)t.dims[t.rank - 1];
    t.data = malloc(n * kern_size(t.dtype));
    for (size_t k = 0; k < n; k++) {
        seed = seed * 1664525 + 1013904223;
        double u = (seed >> 8) / 8388608.0 - 1;
        kern_put(&t, k, t.rank > 1 && k / width == 1 ? 0 : k % 37 == 5 ? 40 * u : u);
    }
    return t.data;
}

typedef struct ran { sld_plan *plan; sld_tensor out[4]; } ran;

static ran run(sld_graph *g, sld_target target, void *const *inputs)
{
    ran r = {.plan = sld_plan_new(g, target, NULL)};
    ck_assert_msg(r.plan != NULL, "%s", sld_error(g->ctx));
    ck_assert_msg(sld_plan_run(r.plan, (const void *const *)inputs, r.out) == SLD_OK, "%s", sld_error(g->ctx));
    return r;
}

/* A unit of the last place of the dtype between can move a scale by as much and codes to their neighbours. */
static void compare(const sld_tensor *got, const sld_tensor *want, bool same, const char *text)
{
    ck_assert(got->dtype == want->dtype && kern_numel(got) == kern_numel(want));
    size_t n = kern_numel(want), set = 0;
    if (same)
        ck_assert_msg(!memcmp(got->data, want->data, n * kern_size(want->dtype)), "other bytes\n%s", text);
    for (size_t k = 0; k < n; k++) {
        double a = kern_get(got, k), b = kern_get(want, k), step = kern_size(want->dtype) == 1 ? 0.125 : 0.01;
        ck_assert_msg(fabs(a - b) <= step * fabs(b) + 1e-2, "element %zu: %g, not %g\n%s", k, a, b, text);
        set += b != 0;
    }
    ck_assert_msg(set * 2 > n, "nearly all results are 0\n%s", text);
}

static void has_ops(sld_graph *g, const chain *c)
{
    char *text = NULL, names[100], *save = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    ck_assert_int_eq(sld_text_print(g, f, 0), SLD_OK);
    fclose(f);
    ck_assert_msg(strstr(text, c->op) != NULL, "no %s\n%s", c->op, text);
    snprintf(names, sizeof names, "%s", c->without);
    for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        char call[60];
        snprintf(call, sizeof call, " = %s", name);
        ck_assert_msg(!strstr(text, call), "still %s\n%s", name, text);
    }
    free(text);
}

static void check(const chain *c, const char *dtype, const char *quantised, sld_target target)
{
    char text[1200] = "solder 1\n";
    spell(text + strlen(text), sizeof text - strlen(text), c->text, dtype, quantised);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "case", text, strlen(text));
    ck_assert_msg(g != NULL, "%s\n%s", sld_error(ctx), text);
    sld_graph *fused = sld_text_parse(ctx, sld_ruleset_solder(), "case", text, strlen(text));
    sld_rule_stats *stats = calloc(sld_ruleset_solder()->n_rules + 1u, sizeof *stats);
    ck_assert_int_eq(sld_fuse(fused, &(sld_fuse_options){.target = target}, stats), SLD_OK);
    has_ops(fused, c);
    void *inputs[4] = {0};
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = random_input(g, g->inputs.at[i], 17 * i + 3);
    ran want = run(g, target, inputs), got = run(fused, target, inputs);
    for (uint32_t i = 0; i < g->outputs.n; i++)
        compare(&got.out[i], &want.out[i], c->same == SAME || (c->same == ONLY_REF && target == SLD_TARGET_REF), text);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(inputs[i]);
    sld_plan_free(want.plan);
    sld_plan_free(got.plan);
    free(stats);
    sld_graph_free(g);
    sld_graph_free(fused);
    sld_ctx_free(ctx);
}

START_TEST(against_the_chain)
{
    static const char *const dtypes[] = {"f16", "bf16", "f32"}, *const quantised[] = {"f8e4m3fn", "f8e4m3fnuz"};
    for (int i = 0; i < 12; i++)
        check(&cases[_i], dtypes[i % 3], quantised[i / 3 % 2], i < 6 ? SLD_TARGET_REF : SLD_TARGET_CPU);
}
END_TEST

Suite *chain_suite(void)
{
    Suite *s = suite_create("chain");
    TCase *t = tcase_create("fused and not");
    tcase_add_loop_test(t, against_the_chain, 0, N_CASES);
    suite_add_tcase(s, t);
    return s;
}
