/* Rewriting itself, with rules written by hand over random graphs: whatever is built, replaced, refused or moved,
 * the graph verifies and computes what it computed before. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuse.h"
#include "test_ops.h"

static sld_ctx *ctx;
static uint64_t seed;

static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static sld_node producer(sld_graph *g, sld_value v, uint16_t op)
{
    sld_node p = v ? sld_producer(g, v) : 0;
    return p && g->nodes.at[p].op == op ? p : 0;
}

static sld_value built_1(sld_graph *g, uint16_t op, sld_value a)
{
    return sld_rewrite_result(g, sld_rewrite_build(g, op, 1, &a, NULL, 1), 0);
}

static sld_value built_2(sld_graph *g, sld_value a, sld_value b)
{
    sld_value in[2] = {a, b};
    return sld_rewrite_result(g, sld_rewrite_build(g, OP_ADD, 2, in, NULL, 1), 0);
}

/* Which right sides are in use, one bit each. */
static unsigned rules_on;
enum { DROP_NEGS, SPLIT_SUM, SWAP_SUM, EARLY_READER, SHARE_NEG, N_TEST_RULES };

/* neg(neg(x)) is x. */
static bool drop_negs(sld_graph *g, sld_node n)
{
    sld_node inner = producer(g, sld_operand(g, n, 0), OP_NEG), all[2] = {inner, n};
    if (!inner)
        return false;
    bool keeps = g->values.at[sld_result(g, inner, 0)].n_uses > 1;
    sld_rewrite_begin(g, DROP_NEGS, keeps ? all + 1 : all, keeps ? 1 : 2, keeps ? 1 : 2);
    sld_rewrite_yield(g, sld_result(g, n, 0), sld_operand(g, inner, 0));
    return sld_rewrite_commit(g);
}

/* add(neg(a), neg(b)), each read once: neg(add(a, b)). Three nodes become two. */
static bool share_neg(sld_graph *g, sld_node n)
{
    sld_value x = sld_operand(g, n, 0), y = sld_operand(g, n, 1);
    sld_node p = producer(g, x, OP_NEG), q = producer(g, y, OP_NEG), all[3] = {p, q, n};
    if (!p || !q || p == q || g->values.at[x].n_uses != 1 || g->values.at[y].n_uses != 1)
        return false;
    sld_rewrite_begin(g, SHARE_NEG, all, 3, 3);
    sld_rewrite_yield(g, sld_result(g, n, 0), built_1(g, OP_NEG, built_2(g, sld_operand(g, p, 0), sld_operand(g, q, 0))));
    return sld_rewrite_commit(g);
}

/* add(add(a, b), c): add(a, add(b, c)); the inner sum stays when others read it. */
static bool swap_sum(sld_graph *g, sld_node n)
{
    sld_node inner = producer(g, sld_operand(g, n, 0), OP_ADD), all[2] = {inner, n};
    if (!inner)
        return false;
    bool keeps = g->values.at[sld_result(g, inner, 0)].n_uses > 1;
    sld_rewrite_begin(g, SWAP_SUM, keeps ? all + 1 : all, keeps ? 1 : 2, keeps ? 1 : 2);
    sld_value right = built_2(g, sld_operand(g, inner, 1), sld_operand(g, n, 1));
    sld_rewrite_yield(g, sld_result(g, n, 0), built_2(g, sld_operand(g, inner, 0), right));
    return sld_rewrite_commit(g);
}

/* add(a, b): neg(add(neg(a), neg(b))): nodes must find places between. */
static bool split_sum(sld_graph *g, sld_node n)
{
    sld_rewrite_begin(g, SPLIT_SUM, &n, 1, 1);
    sld_value a = built_1(g, OP_NEG, sld_operand(g, n, 0)), b = built_1(g, OP_NEG, sld_operand(g, n, 1));
    sld_rewrite_yield(g, sld_result(g, n, 0), built_1(g, OP_NEG, built_2(g, a, b)));
    return sld_rewrite_commit(g);
}

/* s = add(a, b) and y = add(s, c): both at once by new nodes; readers of s may stand before c, which then moves. */
static bool early_reader(sld_graph *g, sld_node n)
{
    sld_node sum = producer(g, sld_operand(g, n, 0), OP_ADD), all[2] = {sum, n};
    if (!sum || sum == n)
        return false;
    sld_rewrite_begin(g, EARLY_READER, all, 2, 2);
    sld_value s = built_2(g, sld_operand(g, sum, 1), sld_operand(g, sum, 0));
    sld_value order = built_2(g, sld_operand(g, n, 1), s); /* both results come from behind c */
    sld_rewrite_yield(g, sld_result(g, sum, 0), s);
    sld_rewrite_yield(g, sld_result(g, n, 0), order);
    return sld_rewrite_commit(g);
}

/* Rules that could go on for ever are taken now and then only. */
static int rewrite(sld_graph *g, uint32_t n, int rule)
{
    (void)rule;
    bool sum = g->nodes.at[n].op == OP_ADD;
    if (rules_on >> DROP_NEGS & 1 && g->nodes.at[n].op == OP_NEG && drop_negs(g, n))
        return DROP_NEGS;
    if (rules_on >> SHARE_NEG & 1 && sum && share_neg(g, n))
        return SHARE_NEG;
    if (rules_on >> SWAP_SUM & 1 && sum && below(6) == 0 && swap_sum(g, n))
        return SWAP_SUM;
    if (rules_on >> EARLY_READER & 1 && sum && below(6) == 0 && early_reader(g, n))
        return EARLY_READER;
    if (rules_on >> SPLIT_SUM & 1 && sum && below(8) == 0 && split_sum(g, n))
        return SPLIT_SUM;
    return -1;
}

static sld_ruleset ruleset(void)
{
    static const sld_rule_info rules[N_TEST_RULES] = {{.name = "drop_negs"}, {.name = "split_sum"}, {.name = "swap_sum"},
                                                      {.name = "early_reader"}, {.name = "share_neg"}};
    static const sld_phase_info phases[2] = {{"first", true, 3, 2, false}, {"second", true, 3, 2, false}};
    static const sld_root roots[N_TEST_OPS] = {[OP_ADD] = {rewrite, -1, {0}}, [OP_NEG] = {rewrite, -1, {0}}};
    static const sld_root *const both[2] = {roots, roots};
    static const sld_kernel_row kernels[2] = {{.op = OP_ADD, .target = SLD_TARGET_REF},
                                              {.op = OP_NEG, .target = SLD_TARGET_REF}};
    static uint32_t index[N_TEST_OPS + 1]; /* rows of op i: from index[i] to index[i + 1] */
    for (uint32_t op = OP_ADD; op < N_TEST_OPS; op++)
        index[op + 1] = 1 + (op == OP_NEG);
    sld_ruleset r = test_rules;
    r.rules = rules;
    r.n_rules = N_TEST_RULES;
    r.phases = phases;
    r.n_phases = 1 + below(2);
    r.roots = both;
    r.kernels = kernels;
    r.kernel_index = index;
    return r;
}

/* What the outputs are for input i = i + 1, modulo 2^64. */
static uint64_t value_of(const sld_graph *g)
{
    uint64_t *at = calloc(g->values.n, sizeof *at), sum = 0;
    for (uint32_t i = 0; i < g->inputs.n; i++)
        at[g->inputs.at[i]] = (i + 1) * 0x9e3779b97f4a7c15u;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        const sld_call c = sld__call_of(g, n);
        at[sld_result(g, n, 0)] = c.op == OP_ADD ? at[c.in[0]] + at[c.in[1]] : -at[c.in[0]];
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        sum = sum * 31 + at[g->outputs.at[i].value];
    free(at);
    return sum;
}

static sld_graph *random_graph(const sld_ruleset *rules, uint32_t n)
{
    static const int64_t four[1] = {4};
    sld_graph *g = sld_graph_new(ctx, rules);
    sld_value *v = calloc(n + 3, sizeof *v);
    for (uint32_t i = 0; i < 3; i++)
        v[i] = sld_graph_input(g, NULL, SLD_F32, 1, four);
    for (uint32_t i = 3; i < n + 3; i++) {
        uint32_t near = below(3) ? 6 : i; /* mostly what is near, so that chains grow */
        sld_value in[2] = {v[i - 1 - below(near < i ? near : i)], v[i - 1 - below(near < i ? near : i)]};
        bool sum = below(3) != 0;
        v[i] = sld_result(g, sld_graph_add(g, sum ? OP_ADD : OP_NEG, sum ? 2 : 1, in, NULL, 1, NULL), 0);
    }
    for (uint32_t i = 0; i < 4; i++)
        sld_graph_output(g, NULL, v[n + 2 - below(n / 2)]);
    free(v);
    return g;
}

START_TEST(random_rewrites_keep_a_graph_valid)
{
    uint64_t fired[N_TEST_RULES] = {0};
    ctx = sld_ctx_new(NULL);
    for (uint32_t round = 0; round < 400; round++) {
        seed = round + 1;
        rules_on = 1 + below((1u << N_TEST_RULES) - 1);
        const sld_ruleset rules = ruleset();
        sld_graph *g = random_graph(&rules, 4 + below(60));
        sld_rule_stats stats[N_TEST_RULES] = {0};
        uint64_t before = value_of(g);
        sld_status status = sld_fuse(g, &(sld_fuse_options){.target = SLD_TARGET_CPU, .max_rewrites = 300}, stats);
        ck_assert_msg(!status, "round %u: %s", round, sld_error(ctx));
        ck_assert_msg(!sld_graph_verify(g), "round %u: %s", round, sld_error(ctx));
        ck_assert_msg(value_of(g) == before, "round %u: the result changed", round);
        for (uint32_t i = 0; i < N_TEST_RULES; i++)
            fired[i] += stats[i].fired;
        sld_graph_free(g);
    }
    for (uint32_t i = 0; i < N_TEST_RULES; i++)
        ck_assert_msg(fired[i] > 100, "rule %u fired %u times only", i, (unsigned)fired[i]);
    sld_ctx_free(ctx);
}
END_TEST

/* Runs the same rewrites twice. */
START_TEST(the_same_graph_comes_out_again)
{
    ctx = sld_ctx_new(NULL);
    char *text[2] = {NULL, NULL};
    size_t len[2];
    for (int i = 0; i < 2; i++) {
        seed = 77;
        rules_on = (1u << N_TEST_RULES) - 1;
        const sld_ruleset rules = ruleset();
        sld_graph *g = random_graph(&rules, 200);
        sld_fuse(g, &(sld_fuse_options){.target = SLD_TARGET_CPU, .max_rewrites = 500}, NULL);
        FILE *f = open_memstream(&text[i], &len[i]);
        sld_text_print(g, f, 0);
        fclose(f);
        sld_graph_free(g);
    }
    ck_assert_str_eq(text[0], text[1]);
    free(text[0]);
    free(text[1]);
    sld_ctx_free(ctx);
}
END_TEST

/* No rewrite may be missed by trying only what is near a change: a second run finds nothing. */
START_TEST(a_fixpoint_is_reached)
{
    ctx = sld_ctx_new(NULL);
    rules_on = 1u << DROP_NEGS | 1u << SHARE_NEG;
    for (uint32_t round = 0; round < 300; round++) {
        seed = round + 1000;
        const sld_ruleset rules = ruleset();
        sld_graph *g = random_graph(&rules, 4 + below(200));
        sld_rule_stats stats[N_TEST_RULES] = {0};
        ck_assert_int_eq(sld_fuse(g, NULL, NULL), SLD_OK);
        ck_assert_int_eq(sld_fuse(g, NULL, stats), SLD_OK);
        for (uint32_t i = 0; i < N_TEST_RULES; i++)
            ck_assert_msg(!stats[i].fired, "round %u: rule %u fires again", round, i);
        sld_graph_free(g);
    }
    sld_ctx_free(ctx);
}
END_TEST

/* A million readers of one value, each of them rewritten. */
START_TEST(a_value_with_a_million_readers)
{
    enum { N = 500000 };
    static const int64_t four[1] = {4};
    ctx = sld_ctx_new(NULL);
    seed = 1;
    rules_on = 1u << DROP_NEGS;
    const sld_ruleset rules = ruleset();
    sld_graph *g = sld_graph_new(ctx, &rules);
    sld_value x = sld_graph_input(g, "x", SLD_F32, 1, four), last = x;
    sld_value table = sld_result(g, sld_graph_add(g, OP_NEG, 1, &x, NULL, 1, NULL), 0);
    for (int i = 0; i < N; i++) {
        sld_value neg = sld_result(g, sld_graph_add(g, OP_NEG, 1, &table, NULL, 1, NULL), 0), in[2] = {last, neg};
        last = sld_result(g, sld_graph_add(g, OP_ADD, 2, in, NULL, 1, NULL), 0);
    }
    sld_graph_output(g, "y", last);
    clock_t start = clock();
    sld_rule_stats stats[N_TEST_RULES] = {0};
    ck_assert_int_eq(sld_fuse(g, NULL, stats), SLD_OK);
    ck_assert_uint_eq(stats[DROP_NEGS].fired, N);
    ck_assert_uint_eq(g->values.at[x].n_uses, N + 1);
    ck_assert_uint_eq(sld_graph_n_nodes(g), N);
    ck_assert_int_eq(sld_graph_verify(g), SLD_OK);
    ck_assert_msg(clock() - start < 60 * CLOCKS_PER_SEC, "a step is quadratic");
    sld_graph_free(g);
    sld_ctx_free(ctx);
}
END_TEST

Suite *rewrite_suite(void);
Suite *rewrite_suite(void)
{
    Suite *s = suite_create("rewrite");
    TCase *t = tcase_create("rewrite");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, random_rewrites_keep_a_graph_valid);
    tcase_add_test(t, the_same_graph_comes_out_again);
    tcase_add_test(t, a_fixpoint_is_reached);
    tcase_add_test(t, a_value_with_a_million_readers);
    suite_add_tcase(s, t);
    return s;
}
