/* Collective ops on several ranks: processes that share memory. What is fused gives the bytes of the chain, and the
 * same on all ranks, by either algorithm; a rank that is missing is told, and nobody waits for ever. */
#include <check.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch.h"

Suite *collective_suite(void);
const sld_ruleset *sld_ruleset_solder(void);

enum { RANKS_MAX = 8, WINDOW = 1 << 16, RESULT = 1 << 16, PATIENCE = 5 };

typedef struct shared {
    atomic_uint here[RANKS_MAX]; /* how often each rank has met the others */
    unsigned char windows[RANKS_MAX][WINDOW];
    unsigned char sent[RANKS_MAX][WINDOW / 2];
    unsigned char results[RANKS_MAX][RESULT];
} shared;

static shared *all;
static int patience = PATIENCE;
static sld_target target = SLD_TARGET_CPU;
static bool by_rows; /* sequence parallelism is asked for */
static bool gathers; /* the engine does; ranks see no windows but their own */

/* Nobody has met; windows hold numbers. */
static void forget(void)
{
    memset(all, 0, sizeof *all);
    memset(all->windows, 0x47, sizeof all->windows);
}

static const char *meet(const sld_comm *c)
{
    time_t start = time(NULL);
    unsigned mine = atomic_fetch_add(&all->here[c->rank], 1) + 1;
    for (uint32_t r = 0; r < c->world; r++)
        while (atomic_load(&all->here[r]) < mine) {
            if (time(NULL) - start > patience)
                return "a rank is missing";
            sched_yield();
        }
    return NULL;
}

static const char *gather(const sld_comm *c, const void *from, void *to, size_t bytes)
{
    memcpy(all->sent[c->rank], from, bytes);
    const char *why = meet(c);
    for (uint32_t r = 0; r < c->world; r++)
        memcpy((char *)to + r * bytes, all->sent[r], bytes);
    return why ? why : meet(c);
}

static sld_graph *parse(sld_ctx *ctx, const char *body, int64_t world)
{
    char text[1500];
    snprintf(text, sizeof text, "solder 1\n%s", body);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "case", text, strlen(text));
    ck_assert_msg(g != NULL, "%s\n%s", sld_error(ctx), text);
    g->world = world;
    return g;
}

static void fuse(sld_graph *g, int64_t world)
{
    sld_settings *s = sld_settings_new(g->ctx, g->rules);
    ck_assert(s && (!by_rows || (!sld_settings_set(s, "enable_sp", "on", "test") &&
                                 !sld_settings_set(s, "sp_min_token_num", "5", "test"))));
    ck_assert(!sld_settings_resolve(s, SLD_TARGET_CPU, NULL, NULL));
    const sld_fuse_options o = {.target = SLD_TARGET_CPU, .world = world, .settings = s, .tokens = {5, 90}};
    ck_assert_msg(!sld_fuse(g, &o, NULL) && !sld_graph_verify(g), "%s", sld_error(g->ctx));
    sld_settings_free(s);
}

/* Operands of a rank: the first differs between ranks, the others do not. */
static void *input(const sld_graph *g, uint32_t i, uint32_t rank)
{
    sld_value v = g->inputs.at[i];
    sld_tensor t = {.dtype = (uint8_t)sld_dtype_of(g, v), .rank = (uint8_t)sld_rank(g, v), .dims = sld_shape(g, v)};
    uint32_t seed = 77 * i + (i ? 0 : rank) + 5;
    size_t n = kern_numel(&t);
    t.data = malloc(n * kern_size(t.dtype));
    for (size_t k = 0; k < n; k++) {
        seed = seed * 1664525 + 1013904223;
        kern_put(&t, k, (seed >> 8) / 8388608.0 - 1);
    }
    return t.data;
}

/* What one rank does; the outputs go to its results, one behind the other. */
static const char *work(const char *text, bool fused, const sld_comm *comm)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(ctx, text, comm->world);
    void *inputs[4] = {0};
    sld_tensor out[5];
    static char why[200];
    if (fused)
        fuse(g, comm->world);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = input(g, i, comm->rank);
    sld_plan *p = sld_plan_new(g, target, NULL);
    bool ok = p && sld_plan_join(p, comm) == SLD_OK && sld_plan_run(p, (const void *const *)inputs, out) == SLD_OK;
    snprintf(why, sizeof why, "%s", ok ? "" : sld_error(ctx));
    size_t at = 0;
    for (uint32_t i = 0; ok && i < g->outputs.n; i++) {
        size_t n = kern_numel(&out[i]) * kern_size(out[i].dtype);
        if (n)
            memcpy(all->results[comm->rank] + at, out[i].data, n);
        at += n;
    }
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(inputs[i]);
    sld_plan_free(p);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    return why;
}

/* Runs a graph on all ranks but `dead`; every one must answer `want`. */
static void on_ranks(const char *text, bool fused, uint32_t world, uint32_t dead, const char *want)
{
    void *windows[RANKS_MAX];
    pid_t pids[RANKS_MAX] = {0};
    forget();
    for (uint32_t r = 0; r < world; r++) {
        if (r == dead || (pids[r] = fork()))
            continue;
        for (uint32_t k = 0; k < world; k++)
            windows[k] = gathers && k != r ? NULL : all->windows[k];
        const char *why = work(text, fused, &(sld_comm){r, world, WINDOW, windows, meet, gathers ? gather : NULL, 0});
        if (strstr(why, want) == NULL || (!*want && *why))
            fprintf(stderr, "rank %u: '%s', not '%s'\n", r, why, want);
        _exit(strstr(why, want) == NULL || (!*want && *why));
    }
    for (uint32_t r = 0; r < world; r++) {
        int status = 0;
        if (r != dead)
            waitpid(pids[r], &status, 0);
        ck_assert_msg(status == 0, "rank %u ended with %d\n%s", r, status, text);
    }
}

#define X(shape, width, dtype) "input %x : " dtype shape "\ninput %w : " dtype "[" width "]\ninput %b : " dtype shape "\n" \
                               "const %s : f32[] = 0.02\n%a = all_reduce(%x; group = \"tp\")\n"
#define ADD "%n, %t = add_rms_norm(%a, %b, %w; eps = 1e-06)\n"
#define ALONE "%n = rms_norm(%a, %w; eps = 1e-06)\n"
#define WIDE(tail) X("[90, 512]", "512", "bf16") tail   /* more rows than one stage takes, and than a window holds */
#define SHORT(tail) X("[5, 512]", "512", "f16") tail

static const char *const chains[] = {
    SHORT(ADD "output n = %n\noutput t = %t\n"),
    SHORT(ALONE "output n = %n\noutput a = %a\n"),
    WIDE(ADD "%q = slice(%n; axes = [0], starts = [80], ends = [90])\noutput q = %q\n"),
    X("[3, 512]", "512", "f32") ADD "output n = %n\n",
    X("[40, 64]", "64", "bf16") ADD "output n = %n\noutput t = %t\n", /* one stage takes any width */
};

/* Rounding of the norm is kept, so the bytes are those of the chain. */
START_TEST(as_the_chain)
{
    static unsigned char first[RESULT];
    uint32_t world = 2u << _i % 3;
    const char *text = chains[_i / 3];
    on_ranks(text, false, world, RANKS_MAX, "");
    memcpy(first, all->results[0], RESULT);
    bool lively = false;
    for (int i = 0; i < 4096; i++)
        lively |= first[i] != 0;
    ck_assert(lively);
    on_ranks(text, true, world, RANKS_MAX, "");
    for (uint32_t r = 0; r < world; r++)
        ck_assert_msg(!memcmp(all->results[r], first, RESULT), "rank %u of %u\n%s", r, world, text);
}
END_TEST

/* Quantised before the norm is rounded: the same on all ranks, and near the chain. */
START_TEST(quantised)
{
    static const char *const texts[] = {
        SHORT(ADD "%q = static_quant(%n, %s; to = f8e4m3fn)\noutput q = %q\noutput t = %t\n"),
        SHORT(ALONE "%q, %c = group_quant(%n; group = 128, to = f8e4m3fn)\noutput q = %q\noutput c = %c\noutput n = %n\n"),
        WIDE(ADD "%q, %c = group_quant(%n; group = 128, to = f8e4m3fnuz)\noutput q = %q\noutput c = %c\n"),
    };
    static unsigned char first[RESULT];
    size_t codes = 5 * 512, others = 0;
    on_ranks(texts[_i], false, 4, RANKS_MAX, "");
    memcpy(first, all->results[0], RESULT);
    on_ranks(texts[_i], true, 4, RANKS_MAX, "");
    for (size_t k = 0; k < codes; k++) {
        int d = abs(all->results[0][k] - first[k]);
        ck_assert_int_le(d, 1);
        others += d;
    }
    ck_assert_uint_lt(others * 8, codes);
    size_t y = codes + 5 * 4 * sizeof(float); /* behind the scales */
    ck_assert(_i != 1 || !memcmp(all->results[0] + y, first + y, 5 * 512 * 2));
    for (uint32_t r = 1; r < 4; r++)
        ck_assert(!memcmp(all->results[r], all->results[0], RESULT));
}
END_TEST

/* Three layers, whose rows do not divide among the ranks. */
#define LAYER(n, from, sum, before) "%p" n " = silu(%n" from ")\n%a" n " = all_reduce(%p" n "; group = \"tp\")\n" \
                                    "%n" n ", %r" n " = add_rms_norm(%a" n ", %" before ", %w; eps = 1e-06)\n"
#define LAYERS X("[7, 512]", "512", "bf16") "%n0 = rms_norm(%a, %w; eps = 1e-06)\n" LAYER("1", "0", "r1", "a") LAYER("2", "1", "r2", "r1")
static const char layers[] = LAYERS "%q = static_quant(%n2, %s; to = f8e4m3fn)\noutput q = %q\n";
static const char layers_in_groups[] =
    LAYERS "%q, %c = group_quant(%n2; group = 128, to = f8e4m3fn)\noutput q = %q\noutput c = %c\noutput r = %r2\n";

static unsigned count(const sld_graph *g, const char *op)
{
    unsigned k = 0;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        k += !strcmp(sld_node_op(g, n)->name, op);
    return k;
}

/* Each rank norms its own rows; the residual is never gathered between layers. */
START_TEST(rows_of_ranks)
{
    static unsigned char first[RESULT];
    const char *text = _i / 2 ? layers_in_groups : layers;
    uint32_t world = _i % 2 ? 4 : 2;
    on_ranks(text, false, world, RANKS_MAX, "");
    memcpy(first, all->results[0], RESULT);
    ck_assert(first[0] || first[1]);
    by_rows = true;
    on_ranks(text, true, world, RANKS_MAX, "");
    for (uint32_t r = 0; r < world; r++)
        ck_assert_msg(!memcmp(all->results[r], first, RESULT), "rank %u of %u", r, world);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(ctx, text, world);
    fuse(g, world);
    by_rows = false;
    ck_assert_uint_eq(count(g, "all_reduce"), 0);
    ck_assert_uint_eq(count(g, "reduce_scatter"), 3);
    ck_assert_uint_eq(count(g, "all_gather"), _i / 2 ? 5 : 3); /* codes, scales and the last sum, or codes */
    ck_assert_uint_eq(count(g, "own_rows"), 0);
    ck_assert_uint_eq(count(g, _i / 2 ? "add_rms_norm_group_quant" : "add_rms_norm_static_quant"), 1);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}
END_TEST

/* No rows, and rows of no elements. */
START_TEST(nothing_to_sum)
{
    static const char *const texts[] = {
        X("[0, 512]", "512", "bf16") "output a = %a\n",
        X("[0, 512]", "512", "f32") ADD "output n = %n\noutput t = %t\n",
        X("[3, 0]", "0", "bf16") "%n, %t = all_reduce_rms_norm(%x, %w, %b; eps = 1e-06, ranks = \"tp\")\noutput n = %n\n",
        X("[3, 0]", "0", "f16") "%q, %n, %t = all_reduce_rms_norm_static_quant(%x, %w, %s, %b; eps = 1e-06, ranks = \"tp\", "
                                "to = f8e4m3fn)\noutput q = %q\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        on_ranks(texts[i], false, 2, RANKS_MAX, "");
}
END_TEST

START_TEST(missing_rank)
{
    patience = 0;
    on_ranks(chains[0], _i, 4, 2, "a rank is missing");
    patience = PATIENCE;
}
END_TEST

/* Rows of which a window holds a part: scattered and gathered they are the sum that all ranks make. */
#define PIECES "%p = slice(%y; axes = [0], starts = [0], ends = [8])\n%q = slice(%y; axes = [0], starts = [44], ends = [52])\n" \
               "%r = slice(%y; axes = [0], starts = [88], ends = [96])\noutput p = %p\noutput q = %q\noutput r = %r\n"
START_TEST(in_pieces)
{
    char text[800];
    const uint32_t world = _i;
    unsigned char (*whole)[RESULT] = malloc(sizeof all->results);
    on_ranks("input %x : f32[96, 512]\n%y = all_reduce(%x; group = \"tp\")\n" PIECES, false, world, RANKS_MAX, "");
    memcpy(whole, all->results, sizeof all->results);
    snprintf(text, sizeof text, "input %%x : f32[96, 512]\n%%s = reduce_scatter(%%x; group = \"tp\", ranks = %u)\n"
             "%%y = all_gather(%%s; group = \"tp\", ranks = %u, rows = 96)\n%s", world, world, PIECES);
    on_ranks(text, false, world, RANKS_MAX, "");
    ck_assert_mem_eq(whole, all->results, sizeof all->results);
    free(whole);
}
END_TEST

/* An engine that gathers what ranks contribute: the sum is the one over windows. */
START_TEST(gathered)
{
    static const char text[] = "input %x : f32[96, 512]\n%y = all_reduce(%x; group = \"tp\")\n" PIECES;
    unsigned char (*windows)[RESULT] = malloc(sizeof all->results);
    on_ranks(text, false, _i, RANKS_MAX, "");
    memcpy(windows, all->results, sizeof all->results);
    gathers = true;
    on_ranks(text, false, _i, RANKS_MAX, "");
    gathers = false;
    ck_assert_mem_eq(windows, all->results, sizeof all->results);
    free(windows);
}
END_TEST

/* Each rank keeps as many rows, and those behind the last one are zeros; by either kernels. */
START_TEST(rows_behind_the_last)
{
    char text[500];
    const uint32_t world = _i / 2, each = (7 + world - 1) / world * 4;
    snprintf(text, sizeof text, "input %%x : f32[7, 4]\ninput %%z : f32[7, 4]\n%%a = add(%%x, %%z)\n"
             "%%y = own_rows(%%z; group = \"tp\", ranks = %u)\n%%r = reduce_scatter(%%z; group = \"tp\", ranks = %u)\n"
             "%%g = all_gather(%%r; group = \"tp\", ranks = %u, rows = 7)\n%%s = all_reduce(%%z; group = \"tp\")\n"
             "output y = %%y\noutput r = %%r\noutput g = %%g\noutput s = %%s\noutput a = %%a\n", world, world, world);
    target = _i % 2 ? SLD_TARGET_REF : SLD_TARGET_CPU;
    on_ranks(text, false, world, RANKS_MAX, "");
    target = SLD_TARGET_CPU;
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(ctx, text, world);
    float *z = input(g, 1, 0);
    for (uint32_t k = 0; k < world * each; k++) {
        const float *own = (float *)all->results[k / each], want = k < 7 * 4 ? z[k] : 0;
        ck_assert(own[k % each] == want && own[each + k % each] == want * (float)world);
    }
    for (uint32_t k = 0; k < world * 7 * 4; k++) {
        const float *sums = (float *)all->results[k / (7 * 4)] + 2 * each + k % (7 * 4), want = z[k % (7 * 4)] * (float)world;
        ck_assert(sums[0] == want && sums[7 * 4] == want);
    }
    free(z);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}
END_TEST

/* Without other ranks each of these ops gives what it is given. */
START_TEST(alone)
{
    static const char text[] = "input %x : f32[5, 3]\n%a = reduce_scatter(%x; group = \"tp\", ranks = 1)\n"
                               "%b = own_rows(%a; group = \"tp\", ranks = 1)\n"
                               "%y = all_gather(%b; group = \"tp\", ranks = 1, rows = 5)\noutput y = %y\n";
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(ctx, text, 1);
    void *x = input(g, 0, 0);
    sld_plan *p = sld_plan_new(g, SLD_TARGET_CPU, NULL);
    sld_tensor out;
    ck_assert_msg(p && sld_plan_run(p, (const void *const *)&x, &out) == SLD_OK, "%s", sld_error(ctx));
    ck_assert_mem_eq(out.data, x, 5 * 3 * sizeof(float));
    free(x);
    sld_plan_free(p);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}
END_TEST

/* One rank, in a group whose windows hold a part of the rows, or without one: the kernels read nothing beside the operand
 * that they have, and write nothing else. */
START_TEST(one_rank)
{
    static const char *const nodes[] = {"all_reduce(%x; group = \"tp\")", "reduce_scatter(%x; group = \"tp\", ranks = 1)",
                                        "own_rows(%x; group = \"tp\", ranks = 1)",
                                        "all_gather(%x; group = \"tp\", ranks = 1, rows = 40)"};
    char text[200];
    float x[120];
    void *window = all->windows[0];
    const sld_comm c = {0, 1, 256, &window, meet, NULL, 0};
    snprintf(text, sizeof text, "input %%x : f32[40, 3]\n%%y = %s", nodes[_i % 4]);
    launched l = launch_parse(text);
    launch_prepare(&l);
    for (int i = 0; i < 120; i++)
        x[i] = (float)i - 7;
    l.args.in = l.in, l.args.out = l.out, l.args.attrs = l.attrs;
    l.in[0].data = x;
    l.args.comm = _i < 4 ? &c : NULL;
    forget();
    launch_run(&l, SLD_TARGET_CPU);
    ck_assert_msg(!l.error, "%s", l.error);
    ck_assert_mem_eq(l.out[0].data, x, sizeof x);
    launch_free_results(&l);
    launch_free(&l);
}
END_TEST

/* Which kernel: measured originally at 4 ranks and width 7168, one stage wins up to 16 tokens, two from 32. */
START_TEST(crossover)
{
    static const struct { int tokens, width, world; const char *kernel; } cases[] = {
        {4, 7168, 4, "one_stage"}, {8, 7168, 4, "one_stage"}, {16, 7168, 4, "one_stage"}, {32, 7168, 4, "two_stage"},
        {64, 7168, 4, "two_stage"}, {9, 7168, 8, "one_stage"}, {10, 7168, 8, "two_stage"}, {80, 7168, 2, "one_stage"},
        {81, 7168, 2, "two_stage"}, {1, 16384, 2, "two_stage"}, {4681, 7168, 8, "two_stage"}, {4682, 7168, 8, NULL},
        {7, 8192, 8, "one_stage"}, {8, 8192, 8, "two_stage"}, {15, 4096, 8, "one_stage"}, {16, 4096, 8, "two_stage"},
        {31, 2048, 8, "one_stage"}, {32, 2048, 8, "two_stage"}, {4, 7168, 6, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300], why[200];
        snprintf(text, sizeof text, "input %%x : bf16[%d, %d]\ninput %%w : bf16[%d]\n"
                 "%%y, %%s = all_reduce_rms_norm(%%x, %%w; eps = 1e-06, ranks = \"tp\")\noutput y = %%y\n",
                 cases[i].tokens, cases[i].width, cases[i].width);
        sld_ctx *ctx = sld_ctx_new(NULL);
        sld_graph *g = parse(ctx, text, cases[i].world);
        const sld_kernel_row *row = sld_bind(g, sld_first_node(g), SLD_TARGET_CPU, NULL, why, sizeof why);
        ck_assert_msg(cases[i].kernel ? row && strstr(row->name, cases[i].kernel) : !row, "%s: %s", text, row ? row->name : why);
        sld_graph_free(g);
        sld_ctx_free(ctx);
    }
}
END_TEST

/* Part of a decoder stack on 2 ranks: blocks [from, to) of attention and feed-forward in turns, and before the first the
 * embedding with its all-reduce and norm. */
static char *stack(int from, int to)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fprintf(f, "solder 1\ninput %%m : bf16[2048, 2048]\ninput %%w : bf16[2048]\n");
    if (!from)
        fprintf(f, "input %%e : bf16[8, 2048]\n%%r0 = all_reduce(%%e; group = \"tp\")\n%%n0 = rms_norm(%%r0, %%w; eps = 1e-06)\n");
    else
        fprintf(f, "input %%r%d : bf16[8, 2048]\ninput %%n%d : bf16[8, 2048]\n", from, from);
    for (int i = from; i < to; i++) {
        if (i % 2 == 0)
            fprintf(f, "%%h%d = reshape(%%n%d; shape = [1, 16, 8, 128])\n%%o%d = sdpa(%%h%d, %%h%d, %%h%d)\n"
                       "%%f%d = reshape(%%o%d; shape = [8, 2048])\n", i, i, i, i, i, i, i, i);
        fprintf(f, "%%p%d = matmul(%%%c%d, %%m)\n%%a%d = all_reduce(%%p%d; group = \"tp\")\n"
                   "%%n%d, %%r%d = add_rms_norm(%%a%d, %%r%d, %%w; eps = 1e-06)\n", i, i % 2 ? 'n' : 'f', i, i, i, i + 1, i + 1, i, i);
    }
    fprintf(f, "output n = %%n%d\noutput r = %%r%d\n", to, to);
    fclose(f);
    return text;
}

static unsigned fused_pairs(char *text, const char *at)
{
    const sld_ruleset *rules = sld_ruleset_solder();
    sld_rule_stats *stats = calloc(rules->n_rules + 1u, sizeof *stats);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, rules, "stack", text, strlen(text));
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    uint16_t op = at ? sld_op_find(rules, at) : 0;
    ck_assert(!at || !sld_graph_split(g, 1, &op));
    ck_assert_int_eq(sld_fuse(g, &(sld_fuse_options){.target = SLD_TARGET_CPU, .world = 2}, stats), SLD_OK);
    unsigned fired = 0;
    for (uint32_t i = 0; i < rules->n_rules; i++)
        fired += strncmp(rules->rules[i].name, "all_reduce_", 11) ? 0 : stats[i].fired;
    free(text);
    free(stats);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    return fired;
}

/* 48 layers, the all-reduce of the embedding included: 2 * 48 + 1. Split at attention, all pairs lie inside a piece; an
 * engine that compiles equal pieces once sees those of the first and of one other. */
START_TEST(whole_stack)
{
    ck_assert_uint_eq(fused_pairs(stack(0, 96), NULL), 97);
    ck_assert_uint_eq(fused_pairs(stack(0, 96), "sdpa"), 97);
    ck_assert_uint_eq(fused_pairs(stack(0, 0), NULL) + fused_pairs(stack(2, 4), "sdpa"), 1 + 2);
    /* Where the split takes an all-reduce from its norm, the pair is lost. */
    ck_assert_uint_eq(fused_pairs(stack(0, 96), "all_reduce"), 0);
}
END_TEST

static void map_memory(void)
{
    all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(all != MAP_FAILED);
}

static void unmap_memory(void)
{
    munmap(all, sizeof *all);
}

Suite *collective_suite(void)
{
    Suite *s = suite_create("collective");
    TCase *t = tcase_create("ranks");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, map_memory, unmap_memory);
    tcase_add_loop_test(t, as_the_chain, 0, 3 * sizeof chains / sizeof *chains);
    tcase_add_loop_test(t, quantised, 0, 3);
    tcase_add_loop_test(t, rows_of_ranks, 0, 4);
    tcase_add_test(t, nothing_to_sum);
    tcase_add_loop_test(t, missing_rank, 0, 2);
    tcase_add_loop_test(t, in_pieces, 2, 5);
    tcase_add_loop_test(t, gathered, 2, 5);
    tcase_add_loop_test(t, rows_behind_the_last, 4, 10);
    tcase_add_test(t, alone);
    tcase_add_loop_test(t, one_rank, 0, 8);
    tcase_add_test(t, crossover);
    tcase_add_test(t, whole_stack);
    suite_add_tcase(s, t);
    return s;
}
