/* Norms, activations, quantisation and collectives of a serving engine: what fuses how often, and what must not, as its
 * own tests have it, with the edge cases that they leave out. One row of a table is one graph. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

Suite *matrix_suite(void);
const sld_ruleset *sld_ruleset_solder(void);

/* $ in the text stands for each of two dtypes. counts: "rule=N rule=N", where a rule stands for all instances of its
 * family; "~op=N" counts nodes of an op afterwards. why: what the first rule must say when it does not fire. */
typedef struct row { const char *name, *text, *counts, *why, *options; int64_t world; sld_bucket tokens; } row;

#define T257 "input %x : $[257, 256]\ninput %w : $[256]\ninput %m : $[256, 256]\nconst %s : f32[] = 0.02\n"
/* Four norms, of which the last is not quantised: as the engine's ops, and as torch writes norms out. */
#define BACK(i, q) "%d" i " = cast(%q" i "; to = $)\n%y" i " = matmul(%d" i ", %m)\n"
#define FOUR(one, quant) \
    T257 one "%q0" quant("n0") BACK("0", "") \
    "%n1, %r1 = add_rms_norm(%y0, %x, %w; eps = 1e-05)\n%q1" quant("n1") BACK("1", "") \
    "%n2, %r2 = add_rms_norm(%y1, %r1, %w; eps = 1e-06)\n%q2" quant("n2") BACK("2", "") \
    "%n3, %r3 = add_rms_norm(%y2, %r2, %w; eps = 1e-06)\noutput n = %n3\n"
#define NORM0 "%n0 = rms_norm(%x, %w; eps = 1e-06)\n"
#define SPELT "const %e : f32[] = 1e-06\n%c0 = cast(%x; to = f32)\n%c1 = mul(%c0, %c0)\n" \
              "%c2 = mean(%c1; axes = [-1], keepdims = true)\n%c3 = add(%c2, %e)\n%c4 = rsqrt(%c3)\n%c5 = mul(%c0, %c4)\n" \
              "%c6 = cast(%c5; to = $)\n%n0 = mul(%c6, %w)\n"
#define STATIC(n) " = static_quant(%" n ", %s; to = f8e4m3fn)\n"
#define FNUZ(n) " = static_quant(%" n ", %s; to = f8e4m3fnuz)\n"

/* Scales are results as well. */
#define GROUPED(attrs) \
    T257 NORM0 "%q0, %k0 = group_quant(%n0; " attrs ")\n" BACK("0", "") \
    "%n1, %r1 = add_rms_norm(%y0, %x, %w; eps = 1e-05)\n%q1, %k1 = group_quant(%n1; " attrs ")\n" BACK("1", "") \
    "%n2, %r2 = add_rms_norm(%y1, %r1, %w; eps = 1e-06)\n%q2, %k2 = group_quant(%n2; " attrs ")\n" BACK("2", "") \
    "%n3, %r3 = add_rms_norm(%y2, %r2, %w; eps = 1e-06)\noutput n = %n3\noutput k = %k0\noutput l = %k1\noutput m = %k2\n"

#define GATED(eps, tail) \
    "input %x : $[8, 2, 128]\ninput %z : $[8, 2, 128]\ninput %w : $[128]\nconst %s : f32[] = 0.02\n" \
    "%a = reshape(%x; shape = [16, 128])\n%g = reshape(%z; shape = [16, 128])\n" \
    "%h = gated_rms_norm(%a, %w, %g; eps = " eps ")\n%n = reshape(%h; shape = [8, 256])\n" tail
#define ONE128 "%q, %k = group_quant(%n; group = 128, to = f8e4m3fn)\noutput q = %q\noutput k = %k\n"

#define ACT(t, n, n2, tail) "input %x : $[" t ", " n2 "]\nconst %s : f32[] = 0.02\n%g, %u = split(%x; sizes = [" n ", " n \
                            "], axis = -1)\n%v = silu(%g)\n%n = mul(%v, %u)\n" tail
#define STATIC_OUT "%q = static_quant(%n, %s; to = f8e4m3fn)\noutput q = %q\n"
#define COLUMNS "%q, %k = group_quant_columns(%n; group = 128, to = f8e4m3fn)\noutput q = %q\noutput k = %k\n"

#define PADDED(i, from, r) "%n" i ", %r" i " = add_rms_norm(%" from ", %" r ", %w; eps = 1e-05)\n%o" i " = matmul(%n" i ", %router)\n" \
                           "%p" i " = pad(%n" i ", %zero; pads = [0, 0, 0, 192])\noutput o" i " = %o" i "\noutput p" i " = %p" i "\n"

#define RANKS "input %x : $[64, 512]\ninput %b : $[64, 512]\ninput %w : $[512]\ninput %m : $[512, 512]\nconst %s : f32[] = 0.02\n" \
              "const %one : f32[] = 1.0\n"
#define REDUCED(i, x, r) "%a" i " = all_reduce(%" x "; group = \"tp\")\n%n" i ", %r" i " = add_rms_norm(%a" i ", %" r ", %w; eps = 1e-06)\n"
#define GEMMA(i, x, r) "%a" i " = all_reduce(%" x "; group = \"tp\")\n%c" i " = cast(%w; to = f32)\n%u" i " = add(%c" i ", %one)\n" \
                       "%n" i ", %r" i " = add_rms_norm(%a" i ", %" r ", %u" i "; eps = 1e-06)\n"
#define FOUR_REDUCED(reduced) \
    RANKS "%a0 = all_reduce(%x; group = \"tp\")\n%n0 = rms_norm(%a0, %w; eps = 1e-06)\n%y0 = matmul(%n0, %m)\n" reduced("1", "y0", "a0") \
    "%y1 = matmul(%n1, %m)\n" reduced("2", "y1", "r1") "%y2 = matmul(%n2, %m)\n" reduced("3", "y2", "r2") "output n = %n3\n"
#define ONE_REDUCED(t, n) "input %x : bf16[" t ", " n "]\ninput %b : bf16[" t ", " n "]\ninput %w : bf16[" n "]\n" \
                          "%a = all_reduce(%x; group = \"tp\")\n%n, %r = add_rms_norm(%a, %b, %w; eps = 1e-06)\noutput n = %n\noutput r = %r\n"
#define INDEXER(i, x, r) REDUCED(i, x, r) "%q" i ", %k" i " = group_quant(%n" i "; group = 128, to = f8e4m3fn)\n" \
                         "output q" i " = %q" i "\noutput k" i " = %k" i "\n"

#define SLICES(n, m, to) "input %x : $[" n ", 64]\ninput %b : $[" m ", 64]\n%v = reshape(%x; shape = [" n ", 64])\n" \
                         "%s = slice(%v; axes = [0], starts = [0], ends = [" n "], steps = [1])\n%h = reshape(%s; shape = [" n ", 8, 8])\n" \
                         "%u = slice_scatter(%b, %s; axis = 0, start = 0, end = " n ")\n" to "output h = %h\noutput u = %u\n"

#define ATTN(quant) "input %i : $[1, 8, 5, 64]\ninput %j : $[1, 2, 9, 64]\ninput %v : $[1, 2, 9, 64]\nconst %s : f32[] = 0.02\n" \
                    "%o = sdpa(%i, %j, %v; scale = 0.125)\n%t = transpose(%o; perm = [0, 2, 1, 3])\n%n = reshape(%t; shape = [5, 512])\n" quant

static const row rows[] = {
    {"norms, one scale", FOUR(NORM0, STATIC), "rms_norm_static_quant=1 add_rms_norm_static_quant=2 ~add_rms_norm=1", 0, 0, 0, {0, 0}},
    {"norms, one scale, fnuz", FOUR(NORM0, FNUZ), "rms_norm_static_quant=1 add_rms_norm_static_quant=2", 0, 0, 0, {0, 0}},
    {"norms as torch writes them", FOUR(SPELT, STATIC), "rms_norm_static_quant=1 add_rms_norm_static_quant=2", 0, 0, 0, {0, 0}},
    {"norms, a scale for each token", GROUPED("group = 256, to = f8e4m3fn"), "rms_norm_group_quant=1 add_rms_norm_group_quant=2", 0, 0, 0, {0, 0}},
    {"norms, groups of 128", GROUPED("group = 128, to = f8e4m3fn"), "rms_norm_group_quant=1 add_rms_norm_group_quant=2 ~group_quant=0", 0, 0, 0, {0, 0}},
    {"norms, groups of 64 by columns", GROUPED("group = 64, to = f8e4m3fnuz, columns = true"), "rms_norm_group_quant=1 add_rms_norm_group_quant=2", 0, 0, 0, {0, 0}},
    {"norms, powers of two", GROUPED("group = 32, to = f8e4m3fn, pow2 = true"), "rms_norm_group_quant=1 add_rms_norm_group_quant=2", 0, 0, 0, {0, 0}},
    {"norms, the option off", FOUR(NORM0, STATIC), "rms_norm_static_quant=0 add_rms_norm_static_quant=0", "fuse_norm_quant", "fuse_norm_quant=off", 0, {0, 0}},
    {"weights of another dtype", "input %x : $[5, 256]\ninput %w : f32[256]\nconst %s : f32[] = 0.02\n%n = rms_norm(%x, %w; eps = 1e-06)\n" STATIC_OUT,
     "rms_norm_static_quant=0", "expected dtype(w) == dtype(x)", 0, 0, {0, 0}},
    {"gated, eps 1e-6", GATED("1e-06", ONE128), "gated_rms_norm_group_quant_unrounded=1 gated_rms_norm_group_quant=0", 0, 0, 0, {0, 0}},
    {"gated, eps 1e-5, the contract kept", GATED("1e-05", ONE128), "gated_rms_norm_group_quant_unrounded=0 gated_rms_norm_group_quant=1", 0,
     "allow_contract_change=off", 0, {0, 0}},
    {"gated, groups of another width", GATED("1e-06", "%q, %k = group_quant(%n; group = 64, to = f8e4m3fn)\noutput q = %q\noutput k = %k\n"),
     "gated_rms_norm_group_quant=0", "expected H == group", 0, 0, {0, 0}},
    {"gated, one scale", GATED("1e-06", STATIC_OUT), "gated_rms_norm_group_quant=0", "no part of it", 0, 0, {0, 0}},
    {"no gate", "input %n : $[8, 256]\n" ONE128, "gated_rms_norm_group_quant=0 ~group_quant=1", 0, 0, 0, {0, 0}},
    {"one norm, two quantisations", T257 NORM0 "%q, %k = group_quant(%n0; group = 128, to = f8e4m3fn)\n%v = reshape(%n0; shape = [257, 2, 128])\n"
     "%p, %j = group_quant(%v; group = 128, to = f8e4m3fn)\noutput q = %q\noutput k = %k\noutput p = %p\noutput j = %j\n",
     "rms_norm_group_quant=1 ~group_quant=0 ~rms_norm=0", 0, 0, 0, {0, 0}},
    {"reshape between sum and norm", "input %x : $[2, 3, 64]\ninput %b : $[2, 3, 64]\ninput %w : $[64]\n%t = add(%x, %b)\n"
     "%r = reshape(%t; shape = [6, 64])\n%n = rms_norm(%r, %w; eps = 1e-06)\noutput n = %n\noutput r = %r\n", "add_rms_norm_of_reshape=1 ~add=0", 0, 0, 0, {0, 0}},
    {"residual first", "input %x : $[2, 3, 64]\ninput %b : $[6, 64]\ninput %w : $[64]\n%r = reshape(%x; shape = [6, 64])\n%t = add(%b, %r)\n"
     "%n = rms_norm(%t, %w; eps = 1e-06)\noutput n = %n\noutput t = %t\n", "add_rms_norm=1 ~add=0", 0, 0, 0, {0, 0}},
    {"activation, 32 x 128, one scale", ACT("32", "128", "256", STATIC_OUT), "act_and_mul_static_quant=1 ~split=0", 0, 0, 0, {0, 0}},
    {"activation, 64 x 256, groups", ACT("64", "256", "512", ONE128), "act_and_mul_group_quant=1 ~split=0", 0, 0, 0, {0, 0}},
    {"activation, 64 x 256, columns", ACT("64", "256", "512", COLUMNS), "act_and_mul_group_quant=1", 0, 0, 0, {0, 0}},
    {"activation, the option off", ACT("64", "256", "512", ONE128), "act_and_mul_group_quant=0", "fuse_act_quant", "fuse_act_quant=off", 0, {0, 0}},
    {"padding of three layers", "input %x : $[5, 2880]\ninput %b : $[5, 2880]\ninput %w : $[2880]\ninput %router : $[2880, 128]\nconst %zero : $[] = 0.0\n"
     PADDED("0", "x", "b") PADDED("1", "n0", "r0") PADDED("2", "n1", "r1"), "add_rms_norm_pad=3 ~pad=0", 0, 0, 0, {0, 0}},
    {"cut instead of padded", "input %x : $[5, 64]\ninput %b : $[5, 64]\ninput %w : $[64]\n%n, %r = add_rms_norm(%x, %b, %w; eps = 1e-06)\n"
     "%p = pad(%n; pads = [0, 0, 0, -8])\noutput p = %p\noutput r = %r\n", "add_rms_norm_pad=0", "expected tail > 0", 0, 0, {0, 0}},
    {"attention, one scale", ATTN(STATIC_OUT), "sdpa_static_quant=1 ~static_quant=0 ~sdpa=0", 0, "fuse_attn_quant=on", 0, {0, 0}},
    {"attention, off by default", ATTN(STATIC_OUT), "sdpa_static_quant=0 ~sdpa=1", "fuse_attn_quant", 0, 0, {0, 0}},
    {"attention, groups", ATTN(ONE128), "sdpa_static_quant=0", "no part of it", "fuse_attn_quant=on", 0, {0, 0}},
    {"nothing to cut or write", SLICES("256", "256", ""), "~slice=0 ~slice_scatter=0 ~reshape=1", 0, 0, 0, {0, 0}},
    {"a part is written", SLICES("256", "512", ""), "~slice=0 ~slice_scatter=1 ~reshape=1", 0, 0, 0, {0, 0}},
    {"nothing to cut, 1024", SLICES("1024", "1024", ""), "~slice=0 ~slice_scatter=0", 0, 0, 0, {0, 0}},
    {"one row more", SLICES("1024", "1025", ""), "~slice=0 ~slice_scatter=1", 0, 0, 0, {0, 0}},
    {"parts written back and split again", "input %x : $[5, 12]\n%q, %k, %v = split(%x; sizes = [6, 4, 2], axis = -1)\n%a = neg(%q)\n%b = neg(%k)\n"
     "%s = slice_scatter(%x, %a; axis = 1, start = 0, end = 6)\n%t = slice_scatter(%s, %b; axis = 1, start = 6, end = 10)\n"
     "%d, %e, %f = split(%t; sizes = [6, 4, 2], axis = -1)\noutput d = %d\noutput e = %e\noutput f = %f\n",
     "~slice_scatter=0 ~split=1 ~slice=0 ~concat=0", 0, 0, 0, {0, 0}},
    {"one split twice", "input %x : $[5, 12]\n%q, %k = split(%x; sizes = [6, 6], axis = -1)\n%r, %l = split(%x; sizes = [6, 6], axis = -1)\n"
     "%a = add(%q, %l)\n%b = sub(%k, %r)\noutput a = %a\noutput b = %b\n", "~split=1", 0, 0, 0, {0, 0}},
    {"two splits", "input %x : $[5, 12]\n%q, %k = split(%x; sizes = [6, 6], axis = -1)\n%r, %l = split(%x; sizes = [4, 8], axis = -1)\n"
     "output a = %q\noutput b = %k\noutput c = %r\noutput d = %l\n", "~split=2", 0, 0, 0, {0, 0}},
    {"sums over ranks", FOUR_REDUCED(REDUCED), "all_reduce_rms_norm=1 all_reduce_add_rms_norm=3 ~all_reduce=0", 0, 0, 2, {64, 64}},
    {"sums over ranks, weights 1 + w", FOUR_REDUCED(GEMMA), "all_reduce_rms_norm=1 all_reduce_add_rms_norm=3 ~add=0", 0, 0, 4, {1, 64}},
    {"sums over ranks, the norm also read", FOUR_REDUCED(INDEXER), "all_reduce_add_rms_norm=3 all_reduce_rms_norm_group_quant=3 ~rms_norm=0 ~group_quant=0", 0, 0, 2, {64, 64}},
    {"sums over one rank", FOUR_REDUCED(REDUCED), "all_reduce_add_rms_norm=0", "world in {2, 4, 8}", 0, 1, {64, 64}},
    {"sums over three ranks", FOUR_REDUCED(REDUCED), "all_reduce_add_rms_norm=0", "world in {2, 4, 8}", 0, 3, {64, 64}},
    {"too narrow", ONE_REDUCED("8", "64"), "all_reduce_add_rms_norm=0", "expected H >= 512", 0, 2, {8, 8}},
    {"more than the pool holds", ONE_REDUCED("4682", "7168"), "all_reduce_add_rms_norm=0", "kernel sld_cpu_all_reduce_rms_norm", 0, 2, {4682, 4682}},
    {"what the pool holds", ONE_REDUCED("4681", "7168"), "all_reduce_add_rms_norm=1", 0, 0, 2, {4681, 4681}},
    {"old library, 512", ONE_REDUCED("8", "512"), "all_reduce_add_rms_norm=1", 0, "old_collectives=on", 2, {8, 8}},
    {"old library, 1024", ONE_REDUCED("8", "1024"), "all_reduce_add_rms_norm=1", 0, "old_collectives=on", 2, {8, 8}},
    {"old library, 2048", ONE_REDUCED("8", "2048"), "all_reduce_add_rms_norm=1", 0, "old_collectives=on", 4, {8, 8}},
    {"old library, 4096", ONE_REDUCED("8", "4096"), "all_reduce_add_rms_norm=1", 0, "old_collectives=on", 8, {8, 8}},
    {"old library, 7168", ONE_REDUCED("8", "7168"), "all_reduce_add_rms_norm=0", "expected H in {512, 1024, 2048, 4096}", "old_collectives=on", 8, {8, 8}},
    {"rows of ranks", FOUR_REDUCED(REDUCED), "all_reduce_rms_norm_by_rows=1 all_reduce_add_rms_norm_by_rows=3 ~all_reduce=0 ~reduce_scatter=4 ~all_gather=4 ~own_rows=0",
     0, "enable_sp=on,sp_min_token_num=64", 2, {64, 128}},
    {"rows of ranks, quantised", FOUR_REDUCED(INDEXER), "all_reduce_add_rms_norm_by_rows=3 add_rms_norm_group_quant=3 ~reduce_scatter=4", 0,
     "enable_sp=on,sp_min_token_num=64", 2, {64, 128}},
    {"rows of ranks, too few tokens", FOUR_REDUCED(REDUCED), "all_reduce_add_rms_norm_by_rows=0 all_reduce_add_rms_norm=3", "tokens >= sp_min_token_num",
     "enable_sp=on,sp_min_token_num=64", 2, {63, 128}},
    {"rows of ranks, off by default", FOUR_REDUCED(REDUCED), "all_reduce_add_rms_norm_by_rows=0", "enable_sp", 0, 2, {8192, 8192}},
    /* Edge cases: no rows, a residual that nothing or something reads, one weight at two sites, equal layers. */
    {"no rows", "input %x : $[0, 256]\ninput %w : $[256]\nconst %s : f32[] = 0.02\n%n = rms_norm(%x, %w; eps = 1e-06)\n" STATIC_OUT, "rms_norm_static_quant=1", 0, 0, 0, {0, 0}},
    {"dead residual", "input %x : $[5, 256]\ninput %b : $[5, 256]\ninput %w : $[256]\nconst %s : f32[] = 0.02\n"
     "%n, %t = add_rms_norm(%x, %b, %w; eps = 1e-06)\n" STATIC_OUT, "add_rms_norm_static_quant=1 ~add_rms_norm=0", 0, 0, 0, {0, 0}},
    {"live residual and norm", "input %x : $[5, 256]\ninput %b : $[5, 256]\ninput %w : $[256]\nconst %s : f32[] = 0.02\n"
     "%n, %t = add_rms_norm(%x, %b, %w; eps = 1e-06)\noutput t = %t\noutput n = %n\n" STATIC_OUT, "add_rms_norm_static_quant=1 ~add_rms_norm=0", 0, 0, 0, {0, 0}},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

/* ------------------------------------------------------------------ checking -- */

static bool of_family(const char *rule, const char *name, size_t n)
{
    return !strncmp(rule, name, n) && (!rule[n] || (strncmp(rule + n, "_unrounded", 10) && strncmp(rule + n, "_static", 7) &&
                                                    strncmp(rule + n, "_group", 6) && strncmp(rule + n, "_by_rows", 8) &&
                                                    strncmp(rule + n, "_of_", 4) && strncmp(rule + n, "_pad", 4) && rule[n] == '_'));
}

static unsigned fired(const sld_rule_stats *stats, const char *name, size_t n)
{
    const sld_ruleset *r = sld_ruleset_solder();
    unsigned k = 0, known = 0;
    for (uint32_t i = 0; i < r->n_rules; i++)
        if (of_family(r->rules[i].name, name, n)) {
            known++;
            k += stats[i].fired;
        }
    ck_assert_msg(known > 0, "no rule %.*s", (int)n, name);
    return k;
}

static unsigned nodes(const sld_graph *g, const char *op, size_t len)
{
    unsigned k = 0;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        k += strlen(sld_node_op(g, n)->name) == len && !strncmp(sld_node_op(g, n)->name, op, len);
    return k;
}

static void check_counts(const row *r, const sld_graph *g, const sld_rule_stats *stats)
{
    for (const char *c = r->counts; *c; c += strcspn(c, " "), c += *c == ' ') {
        size_t n = strcspn(c, "=");
        unsigned want = (unsigned)atoi(c + n + 1), got = *c == '~' ? nodes(g, c + 1, n - 1) : fired(stats, c, n);
        ck_assert_msg(got == want, "%s: %.*s: %u, not %u", r->name, (int)n, c, got, want);
    }
}

/* What the instances of the first rule of the counts say. */
static void check_why(const row *r, sld_graph *g, const sld_rule_stats *stats)
{
    char *told = NULL;
    size_t len, n = strcspn(r->counts, "=");
    FILE *f = open_memstream(&told, &len);
    for (uint32_t i = 0; i < g->rules->n_rules; i++) {
        sld_node matched;
        if (!of_family(g->rules->rules[i].name, r->counts, n))
            continue;
        ck_assert_int_eq(sld_explain(g, i, 0, f, &matched), SLD_OK);
        fprintf(f, "%s\n", stats[i].reason);
    }
    fclose(f);
    ck_assert_msg(strstr(told, r->why) != NULL, "%s: not '%s'\n%s", r->name, r->why, told);
    free(told);
}

static sld_settings *settings_of(sld_ctx *ctx, const char *options)
{
    char text[200], *save = NULL;
    sld_settings *s = sld_settings_new(ctx, sld_ruleset_solder());
    ck_assert_ptr_nonnull(s);
    snprintf(text, sizeof text, "%s", options ? options : "");
    for (char *item = strtok_r(text, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        char *value = strchr(item, '=');
        *value++ = 0;
        ck_assert_msg(!sld_settings_set(s, item, value, "test"), "%s", sld_error(ctx));
    }
    ck_assert_msg(!sld_settings_resolve(s, SLD_TARGET_CPU, NULL, NULL), "%s", sld_error(ctx));
    return s;
}

static void check(const row *r, const char *dtype)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fputs("solder 1\n", f);
    for (const char *c = r->text; *c; c++)
        *c == '$' ? fputs(dtype, f) : fputc(*c, f);
    fclose(f);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), r->name, text, size);
    ck_assert_msg(g != NULL, "%s\n%s", sld_error(ctx), text);
    sld_settings *settings = settings_of(ctx, r->options);
    sld_rule_stats *stats = calloc(g->rules->n_rules + 1u, sizeof *stats);
    const sld_fuse_options o = {.target = SLD_TARGET_CPU, .settings = settings, .world = r->world, .tokens = r->tokens};
    ck_assert_msg(!sld_fuse(g, &o, stats) && !sld_graph_verify(g), "%s: %s", r->name, sld_error(ctx));
    check_counts(r, g, stats);
    if (r->why)
        check_why(r, g, stats);
    free(stats);
    free(text);
    sld_settings_free(settings);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}

START_TEST(matrix)
{
    check(&rows[_i], "bf16");
    check(&rows[_i], "f16");
}
END_TEST

/* As often as it is there; all share one weight, and their literals are equal. */
START_TEST(occurrences)
{
    static const unsigned counts[] = {1, 2, 4};
    char *text = NULL, want[60], before[16] = "x";
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fputs("input %x : $[5, 256]\ninput %w : $[256]\nconst %s : f32[] = 0.02\n", f);
    for (unsigned i = 0; i < counts[_i]; i++) {
        fprintf(f, "%%v%u = neg(%%%s)\n%%n%u = rms_norm(%%v%u, %%w; eps = 1e-06)\n%%q%u = static_quant(%%n%u, %%s; to = f8e4m3fn)\n"
                   "output q%u = %%q%u\n", i, before, i, i, i, i, i, i);
        snprintf(before, sizeof before, "v%u", i);
    }
    fclose(f);
    snprintf(want, sizeof want, "rms_norm_static_quant=%u ~rms_norm=0", counts[_i]);
    check(&(row){"occurrences", text, want, NULL, NULL, 0, {0, 0}}, "bf16");
    free(text);
}
END_TEST

Suite *matrix_suite(void)
{
    Suite *s = suite_create("matrix");
    TCase *t = tcase_create("graphs of an engine");
    tcase_add_loop_test(t, matrix, 0, N_ROWS);
    tcase_add_loop_test(t, occurrences, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
