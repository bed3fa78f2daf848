/* Sums over ranks and the norms that read them. What they compute on several ranks: tests/kernels/collective_test.c. */
#include "rows.h"

#define INPUTS "input %x : {t}[64, {N}]\ninput %b : {t}[64, {N}]\ninput %w : {t}[{N}]\nconst %s : f32[] = 0.02\nconst %one : f32[] = 1.0\n"
#define NEXT(i, x, r) "%y" i " = silu(%" x ")\n%a" i " = all_reduce(%y" i "; group = \"tp\")\n{weight:" i "}" \
                      "%n" i ", %r" i " = add_rms_norm(%a" i ", %" r ", %w" i "; eps = 1e-06)\n"
/* Four norms: of the first sum alone, then with a residual. */
#define FOUR(quant) INPUTS "{first}" quant("0") NEXT("1", "n0", "a0") quant("1") NEXT("2", "n1", "r1") quant("2") \
                    NEXT("3", "n2", "r2") quant("3") "output n = %n3\n"
#define NOT(i)
#define ONE_SCALE(i) "%q" i " = static_quant(%n" i ", %s; to = f8e4m3fn)\noutput q" i " = %q" i "\n"
#define GROUPS(i) "%q" i ", %k" i " = group_quant(%n" i "; group = 128, to = f8e4m3fn)\noutput q" i " = %q" i "\noutput k" i " = %k" i "\n"
#define ONE "input %x : bf16[{T}, {N}]\ninput %b : bf16[{T}, {N}]\ninput %w : bf16[{N}]\n" \
            "%a = all_reduce(%x; group = \"tp\")\n%n, %r = add_rms_norm(%a, %b, %w; eps = 1e-06)\noutput n = %n\noutput r = %r\n"

static const fragment fragments[] = {
    {"weight.plain", "%w# = identity(%w)\n"},
    {"weight.centred", "%c# = cast(%w; to = f32)\n%w# = add(%c#, %one)\n"},
    {"first", "%a0 = all_reduce(%x; group = \"tp\")\n{weight:0}{norm}"},
    {"norm.op", "%n0 = rms_norm(%a0, %w0; eps = 1e-06)\n"},
    {"norm.spelled", "const %e : f32[] = 1e-06\n%c = cast(%a0; to = f32)\n%d = mul(%c, %c)\n%f = mean(%d; axes = [-1], keepdims = true)\n"
                     "%g = add(%f, %e)\n%h = rsqrt(%g)\n%i = mul(%c, %h)\n%j = cast(%i; to = {t})\n%n0 = mul(%j, %w0)\n"},
};

#define ROWS_OF "enable_sp=on,sp_min_token_num=64"
static const row rows[] = {
    {"plain", "t=bf16,f16 N=64,512,1024 norm=op,spelled weight=plain", FOUR(NOT),
     "all_reduce_rms_norm=1 all_reduce_add_rms_norm=3 ~all_reduce=0", .results = NOT_RUN, .world = 2, .tokens = {64, 64}},
    {"weights 1 + w", "t=bf16,f16 N=64,512 norm=op weight=centred", FOUR(NOT), "all_reduce_rms_norm=1 all_reduce_add_rms_norm=3 ~all_reduce=0 ~add=0", .results = NOT_RUN,
     .world = 4, .tokens = {1, 64}},
    {"and one scale", "t=bf16,f16 N=64,512 norm=op weight=plain", FOUR(ONE_SCALE),
     "all_reduce_rms_norm=1 all_reduce_add_rms_norm=3 all_reduce_rms_norm_static_quant=4 ~all_reduce=0 ~static_quant=0", .results = NOT_RUN,
     .world = 2, .tokens = {64, 64}},
    {"and groups, the norm also read", "t=bf16,f16 N=128,512,1024 norm=op,spelled weight=plain", FOUR(GROUPS),
     "all_reduce_rms_norm_group_quant=4 ~rms_norm=0 ~group_quant=0 ~all_reduce=0", .results = NOT_RUN, .world = 2, .tokens = {64, 64}},
    {"one rank", "t=bf16 N=512 norm=op weight=plain", FOUR(NOT), "all_reduce_add_rms_norm=0", .results = NOT_RUN, "world in {2, 4, 8}",
     .world = 1, .tokens = {64, 64}},
    {"three ranks", "t=bf16 N=512 norm=op weight=plain", FOUR(NOT), "all_reduce_add_rms_norm=0", .results = NOT_RUN, "world in {2, 4, 8}",
     .world = 3, .tokens = {64, 64}},
    {"too many rows for one stage, too narrow for two", "T=81 N=64,128", ONE, "all_reduce_add_rms_norm=0", .results = NOT_RUN,
     "one_stage wants numel(B) <= 80, which does not hold with B = [81]", .world = 2, .tokens = {81, 81}},
    {"f32, which one stage does not take", "t=f32 N=64 norm=op weight=plain", FOUR(NOT), "all_reduce_add_rms_norm=0", .results = NOT_RUN,
     "expected bits16(x) or H >= 512, found x : f32[64, 64], H = 64", .world = 2, .tokens = {8, 8}},
    {"too wide", "T=8 N=16392", ONE, "all_reduce_add_rms_norm=0", .results = NOT_RUN, "expected H <= 16384", .world = 2, .tokens = {8, 8}},
    {"more than the pool holds", "T=4682 N=7168", ONE, "all_reduce_add_rms_norm=0", .results = NOT_RUN,
     "two_stage wants bytes(x) <= 64 MiB, which does not hold with x: bf16[4682, 7168] of 67121152 bytes",
     .world = 2, .tokens = {4682, 4682}},
    {"what the pool holds", "T=4681 N=7168", ONE, "all_reduce_add_rms_norm=1", .results = NOT_RUN, .world = 2, .tokens = {4681, 4681}},
    {"old library", "T=8 N=512,1024,2048,4096", ONE, "all_reduce_add_rms_norm=1", .results = NOT_RUN, NULL, "old_collectives=on", 8, {8, 8}},
    {"old library, other widths", "T=8 N=768,7168,8192", ONE, "all_reduce_add_rms_norm=0", .results = NOT_RUN, "expected H in {512, 1024, 2048, 4096}",
     "old_collectives=on", 8, {8, 8}},

    {"rows of ranks", "t=bf16,f16 N=16,512 norm=op,spelled weight=plain", FOUR(NOT),
     "all_reduce_rms_norm_by_rows=1 all_reduce_add_rms_norm_by_rows=3 ~all_reduce=0 ~reduce_scatter=4 ~all_gather=4 ~own_rows=0", .results = NOT_RUN,
     NULL, ROWS_OF, 2, {64, 128}},
    {"rows of ranks, one scale", "t=bf16,f16 N=16,512 norm=op weight=plain", FOUR(ONE_SCALE),
     "all_reduce_add_rms_norm_by_rows=3 add_rms_norm_static_quant=3 ~reduce_scatter=4 ~static_quant=0", .results = NOT_RUN, NULL, ROWS_OF, 2, {64, 128}},
    {"rows of ranks, groups", "t=bf16,f16 N=512 norm=op weight=plain", FOUR(GROUPS),
     "all_reduce_add_rms_norm_by_rows=3 add_rms_norm_group_quant=3 ~reduce_scatter=4 ~group_quant=0", .results = NOT_RUN, NULL, ROWS_OF, 2, {64, 128}},
    {"rows of ranks, too few tokens", "t=bf16 N=512 norm=op weight=plain", FOUR(NOT),
     "all_reduce_add_rms_norm_by_rows=0 all_reduce_add_rms_norm=3", .results = NOT_RUN, "tokens >= sp_min_token_num", ROWS_OF, 2, {63, 128}},
    {"rows of ranks, off by default", "t=bf16 N=512 norm=op weight=plain", FOUR(NOT), "all_reduce_add_rms_norm_by_rows=0", .results = NOT_RUN,
     "enable_sp", NULL, 2, {8192, 8192}},
};

const table rank_table = TABLE(rows, fragments);
