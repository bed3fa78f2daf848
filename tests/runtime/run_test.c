/* Options, gates, buckets and bindings: which rules run, over which tokens, and what is launched. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph.h"

Suite *run_suite(void);
const sld_ruleset *sld_ruleset_run(void);

/* Nothing here is launched: binding is what is tested. The other ops have the kernels of the library. */
#define KERNEL(name)                             \
    const char *name(const sld_launch *l);       \
    const char *name(const sld_launch *l)        \
    {                                            \
        (void)l;                                 \
        return #name;                            \
    }
KERNEL(sld_ref_norm)
KERNEL(sld_ref_scaled)
KERNEL(sld_ref_of_gates)
KERNEL(sld_cpu_of_numbers_low)
KERNEL(sld_cpu_of_numbers_listed)
KERNEL(sld_cpu_of_numbers_high)
KERNEL(sld_cpu_decode_neg)
KERNEL(sld_cpu_prefill_exp)
KERNEL(sld_cpu_neg_norm_table)
KERNEL(sld_cpu_neg_norm_bound)
KERNEL(sld_cpu_few_tokens)
KERNEL(sld_cpu_few_tokens_alone)
KERNEL(sld_cpu_few_rows_small)
KERNEL(sld_cpu_few_rows_large)
KERNEL(sld_cpu_few_ranks)
KERNEL(sld_hip_of_hip)

static sld_ctx *ctx;
static sld_settings *settings;
static char told[2000];

static void setup(void)
{
    ctx = sld_ctx_new(NULL);
    settings = sld_settings_new(ctx, sld_ruleset_run());
    ck_assert_ptr_nonnull(settings);
    told[0] = 0;
}

static void teardown(void)
{
    sld_settings_free(settings);
    sld_ctx_free(ctx);
}

static void tell(void *user, const char *line)
{
    (void)user;
    strcat(strcat(told, line), "\n");
}

static void set(const char *name, const char *value)
{
    ck_assert_msg(sld_settings_set(settings, name, value, "test") == SLD_OK, "%s", sld_error(ctx));
}

static void resolve_for(sld_target target)
{
    ck_assert_msg(sld_settings_resolve(settings, target, tell, NULL) == SLD_OK, "%s", sld_error(ctx));
}

static void resolve(void)
{
    resolve_for(SLD_TARGET_CPU);
}

static uint32_t option(const char *name)
{
    const sld_ruleset *r = sld_ruleset_run();
    for (uint32_t i = 0; i < r->n_options; i++)
        if (!strcmp(r->options[i].name, name))
            return i;
    ck_abort_msg("no option %s", name);
}

static int64_t value(const char *name)
{
    return sld_settings_value(settings, option(name));
}

static uint32_t rule(const char *name)
{
    const sld_ruleset *r = sld_ruleset_run();
    for (uint32_t i = 0; i < r->n_rules; i++)
        if (!strcmp(r->rules[i].name, name))
            return i;
    ck_abort_msg("no rule %s", name);
}

/* ---------------------------------------------------------------- options -- */

START_TEST(defaults_follow_the_level)
{
    static const struct { int level, decode, wide; } want[] = {{0, 0, 0}, {1, 1, 0}, {2, 1, 1}, {3, 1, 1}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ck_assert_int_eq(sld_settings_level(settings, want[i].level, "test"), SLD_OK);
        resolve();
        ck_assert_int_eq(value("decode"), want[i].decode);
        ck_assert_int_eq(value("wide"), want[i].wide);
    }
    ck_assert_int_eq(sld_settings_level(settings, 4, "-O"), SLD_ERR_INPUT);
    ck_assert_str_eq(sld_error(ctx), "-O: levels are O0 to O3");
}
END_TEST

START_TEST(defaults_are_computed)
{
    resolve();
    ck_assert_int_eq(value("decode_tokens"), 128);
    ck_assert_int_eq(value("limit"), 31);
    ck_assert_str_eq(sld_settings_why(settings, option("decode_tokens")),
                     "default: max_num_seqs * (1 + num_speculative_tokens)");
    set("max_num_seqs", "256");
    resolve();
    ck_assert_int_eq(value("decode_tokens"), 1024);
    set("decode_tokens", "7");
    resolve();
    ck_assert_int_eq(value("decode_tokens"), 7);
    set("max_num_seqs", "0");
    ck_assert_int_eq(sld_settings_resolve(settings, SLD_TARGET_CPU, NULL, NULL), SLD_ERR_INPUT);
    ck_assert_str_eq(sld_error(ctx), "option 'limit': its default, 1000 / max_num_seqs, has no value with these options");
}
END_TEST

START_TEST(requiring_turns_on)
{
    sld_settings_level(settings, 0, "test");
    set("both", "on");
    resolve();
    ck_assert_int_eq(value("decode"), 1);
    ck_assert_int_eq(value("wide"), 1);
    ck_assert_str_eq(told, "warning: option 'on_hip' is off: target cpu has no kernel for 'of_hip'\n"
                           "option 'decode' is on: 'both' requires it\noption 'wide' is on: 'both' requires it\n");
}
END_TEST

START_TEST(excluding_turns_off)
{
    set("debug", "on");
    set("on_hip", "off");
    resolve();
    ck_assert_int_eq(value("wide"), 0);
    ck_assert_str_eq(told, "option 'wide' is off: 'debug' excludes it\n");
}
END_TEST

START_TEST(requests_that_contradict_each_other)
{
    set("both", "on");
    set("wide", "off");
    ck_assert_int_eq(sld_settings_resolve(settings, SLD_TARGET_CPU, NULL, NULL), SLD_ERR_INPUT);
    ck_assert_str_eq(sld_error(ctx), "option 'both' is on (test) and requires 'wide', which is off (test)");
    set("wide", "on");
    set("debug", "on");
    ck_assert_int_eq(sld_settings_resolve(settings, SLD_TARGET_CPU, NULL, NULL), SLD_ERR_INPUT);
    ck_assert_str_eq(sld_error(ctx), "option 'debug' is on (test) and excludes 'wide', which is on (test)");
    set("wide", "off");
    set("both", "off");
    resolve();
}
END_TEST

START_TEST(what_is_not_supported_stays_off)
{
    ck_assert_int_eq(sld_settings_unsupported(settings, "wide", "needs a gfx942"), SLD_OK);
    set("both", "on");
    set("on_hip", "on");
    resolve();
    ck_assert_int_eq(value("wide"), 0);
    ck_assert_int_eq(value("both"), 0);
    ck_assert_str_eq(told, "warning: option 'wide' is off: not supported: needs a gfx942\n"
                           "warning: option 'on_hip' is off: target cpu has no kernel for 'of_hip'\n"
                           "warning: option 'both' is off: it requires 'wide', which is off: not supported: needs a gfx942\n");
    told[0] = 0;
    resolve_for(SLD_TARGET_HIP);
    ck_assert_int_eq(value("on_hip"), 1);
    ck_assert_int_eq(value("decode"), 0);
}
END_TEST

START_TEST(bad_settings)
{
    static const struct { const char *name, *value, *why; } bad[] = {
        {"wied", "on", "test: there is no option 'wied'; did you mean 'wide'? (see: solder options)"},
        {"wide", "2", "test: option 'wide' is on or off, not '2'"},
        {"max_num_seqs", "on", "test: option 'max_num_seqs' is a whole number, not 'on'"},
        {"max_num_seqs", "99999999999999999999", "test: option 'max_num_seqs' is a whole number, not '99999999999999999999'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sld__clear(ctx);
        ck_assert_int_eq(sld_settings_set(settings, bad[i].name, bad[i].value, "test"), SLD_ERR_INPUT);
        ck_assert_str_eq(sld_error(ctx), bad[i].why);
    }
}
END_TEST

/* ------------------------------------------------------ files, environment -- */

static const char *config(const char *text)
{
    static const char path[] = "/tmp/solder-run-test.conf";
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    return path;
}

START_TEST(a_file_sets_options)
{
    const char *path = config("# decode server\n\nO1   # level\n max_num_seqs = 64\ndecode=off\r\n");
    ck_assert_msg(sld_settings_read(settings, path) == SLD_OK, "%s", sld_error(ctx));
    unlink(path);
    resolve();
    ck_assert_int_eq(sld_settings_get_level(settings), 1);
    ck_assert_int_eq(value("decode_tokens"), 256);
    ck_assert_int_eq(value("decode"), 0);
    ck_assert_str_eq(sld_settings_why(settings, option("decode")), "/tmp/solder-run-test.conf:5");
}
END_TEST

START_TEST(errors_of_a_file_name_its_line)
{
    static const struct { const char *text, *why; } bad[] = {
        {"wide = on\nwied = on\n", "/tmp/solder-run-test.conf:2: there is no option 'wied'; did you mean 'wide'? (see: solder options)"},
        {"\n\nwide = maybe\n", "/tmp/solder-run-test.conf:3: option 'wide' is on or off, not 'maybe'"},
        {"wide\n", "/tmp/solder-run-test.conf:1: 'name = value' or a level such as O2 is wanted, not 'wide'"},
        {"O9\n", "/tmp/solder-run-test.conf:1: levels are O0 to O3"},
        {"wide = on\n= 3", "/tmp/solder-run-test.conf:2: there is no option '' (see: solder options)"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sld__clear(ctx);
        const char *path = config(bad[i].text);
        ck_assert_int_ne(sld_settings_read(settings, path), SLD_OK);
        ck_assert_str_eq(sld_error(ctx), bad[i].why);
        unlink(path);
    }
    sld__clear(ctx);
    ck_assert_int_eq(sld_settings_read(settings, "/nowhere/solder.conf"), SLD_ERR_IO);
}
END_TEST

static char *environment(const char *name)
{
    return !strcmp(name, "SOLDER_LEVEL") ? "O0" : !strcmp(name, "SOLDER_OPTIONS") ? "decode=on, max_num_seqs=2" : NULL;
}

START_TEST(an_environment_sets_options)
{
    ck_assert_int_eq(sld_settings_environment(settings, environment), SLD_OK);
    resolve();
    ck_assert_int_eq(value("decode"), 1);
    ck_assert_int_eq(value("wide"), 0);
    ck_assert_int_eq(value("decode_tokens"), 8);
    ck_assert_str_eq(sld_settings_why(settings, option("decode")), "SOLDER_OPTIONS");
}
END_TEST

/* ---------------------------------------------------------------- buckets -- */

static sld_truth runs(const char *name, int64_t lo, int64_t hi, int64_t world, char *why)
{
    return sld_rule_runs(sld_ruleset_run(), rule(name), settings, (sld_bucket){lo, hi}, world, why, 200);
}

START_TEST(gates_are_decided_for_a_bucket)
{
    char why[200];
    resolve();
    ck_assert_int_eq(runs("decode_neg", 1, 128, 1, why), SLD_ALWAYS);
    ck_assert_int_eq(runs("decode_neg", 129, 8192, 1, why), SLD_NEVER);
    ck_assert_str_eq(why, "gate tokens <= decode_tokens (decode_tokens = 128) does not hold for tokens 129..8192");
    ck_assert_int_eq(runs("decode_neg", 1, 8192, 1, why), SLD_DEPENDS);
    ck_assert_str_eq(why, "gate tokens <= decode_tokens (decode_tokens = 128) holds for only some of tokens 1..8192: 1..128");
    ck_assert_int_eq(runs("decode_neg", 0, 0, 1, why), SLD_DEPENDS);
    ck_assert_str_eq(why, "gate tokens <= decode_tokens (decode_tokens = 128) holds for only some numbers of tokens, and no bucket is given");
    ck_assert_int_eq(runs("prefill_exp", 257, 3100, 4, why), SLD_ALWAYS);
    ck_assert_int_eq(runs("prefill_exp", 257, 3100, 3, why), SLD_NEVER);
    ck_assert_int_eq(runs("prefill_exp", 1, 8192, 2, why), SLD_DEPENDS);
    ck_assert_str_eq(why, "gate tokens > 256, tokens <= 100 * limit, world in {1, 2, 4} (limit = 31, world = 2) holds for only some of "
                          "tokens 1..8192: 257..3100");
    set("decode", "off");
    resolve();
    ck_assert_int_eq(runs("decode_neg", 1, 1, 1, why), SLD_NEVER);
    ck_assert_str_eq(why, "option 'decode' is off: test");
}
END_TEST

START_TEST(buckets_are_split_where_gates_change)
{
    static const sld_bucket want[] = {{1, 64}, {65, 99}, {100, 100}, {101, 128}, {129, 256}, {257, 3100}, {3101, 8192}};
    enum { N = sizeof want / sizeof *want };
    sld_bucket parts[16];
    resolve();
    ck_assert_uint_eq(sld_split_bucket(sld_ruleset_run(), settings, (sld_bucket){1, 8192}, 1, parts, 16), N);
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(parts[i].lo, want[i].lo);
        ck_assert_int_eq(parts[i].hi, want[i].hi);
    }
    ck_assert_uint_eq(sld_bucket_find(parts, N, 1), 0);
    ck_assert_uint_eq(sld_bucket_find(parts, N, 100), 2);
    ck_assert_uint_eq(sld_bucket_find(parts, N, 8192), N - 1);
    ck_assert_uint_eq(sld_bucket_find(parts, N, 8193), N);
    ck_assert_uint_eq(sld_bucket_find(parts, N, 0), N);
    ck_assert_uint_eq(sld_split_bucket(sld_ruleset_run(), settings, (sld_bucket){1, 8192}, 1, parts, 3), 3);
    set("decode", "off");
    resolve();
    ck_assert_uint_eq(sld_split_bucket(sld_ruleset_run(), settings, (sld_bucket){101, 255}, 3, parts, 16), 1);
}
END_TEST

/* ----------------------------------------------------------------- fusing -- */

static sld_graph *parse(const char *text)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_run(), "test", text, strlen(text));
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    return g;
}

static char *print(sld_graph *g)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(sld_text_print(g, f, SLD_TEXT_DATA), SLD_OK);
    fclose(f);
    return text;
}

/* Fuses for a bucket; how often the rule fired, and its last refusal. */
static uint32_t fuse(sld_graph *g, const char *name, sld_fuse_options o, char *why)
{
    sld_rule_stats *stats = calloc(g->rules->n_rules, sizeof *stats);
    resolve_for(o.target ? o.target : SLD_TARGET_CPU);
    o.target = o.target ? o.target : SLD_TARGET_CPU;
    o.settings = settings;
    ck_assert_msg(sld_fuse(g, &o, stats) == SLD_OK, "%s", sld_error(ctx));
    ck_assert_int_eq(sld_graph_verify(g), SLD_OK);
    uint32_t n = stats[rule(name)].fired;
    if (why)
        strcpy(why, stats[rule(name)].reason);
    free(stats);
    return n;
}

#define DECODE "solder 1\nsymbol s77 in [1, 8192]\ninput %x : bf16[s77, 16]\n%n = neg(%x) : bf16[s77, 16]\n" \
               "%y = neg(%n) : bf16[s77, 16]\noutput out = %y\n"

START_TEST(a_prompt_does_not_get_the_rule_for_steps)
{
    char why[200];
    sld_graph *g = parse(DECODE);
    char *before = print(g);
    ck_assert_uint_eq(fuse(g, "decode_neg", (sld_fuse_options){.tokens = {257, 8192}}, why), 0);
    ck_assert_str_eq(why, "gate tokens <= decode_tokens (decode_tokens = 128) does not hold for tokens 257..8192");
    char *after = print(g);
    ck_assert_str_eq(before, after);
    free(after);
    ck_assert_uint_eq(fuse(g, "decode_neg", (sld_fuse_options){.tokens = {257, 8192}, .tokens_dim = "s77"}, why), 0);
    after = print(g);
    ck_assert_str_eq(before, after);
    free(after);
    ck_assert_uint_eq(fuse(g, "decode_neg", (sld_fuse_options){.tokens = {1, 128}, .tokens_dim = "s77"}, NULL), 1);
    after = print(g);
    ck_assert_str_ne(before, after);
    sld_graph_free(g);
    free(before);
    free(after);
}
END_TEST

#define NORM(T, H) "solder 1\ninput %x : " T "[4, " H "]\ninput %w : " T "[" H "]\n%n = neg(%x)\n" \
                   "%y = norm(%n, %w; eps = 1e-5)\noutput out = %y\n"

START_TEST(no_kernel_no_rewrite)
{
    char why[200];
    sld_graph *g = parse(NORM("bf16", "7168"));
    ck_assert_uint_eq(fuse(g, "neg_norm", (sld_fuse_options){0}, why), 0);
    ck_assert_str_eq(why, "neg_norm: kernel sld_cpu_neg_norm_table wants H in {512, 1024, 2048, 4096}, "
                          "which does not hold with H = 7168");
    sld_graph_free(g);
    g = parse(NORM("bf16", "4096"));
    ck_assert_uint_eq(fuse(g, "neg_norm", (sld_fuse_options){0}, NULL), 1);
    sld_graph_free(g);
    /* What a kernel does not support, it does not get, where the checker could not tell. */
    g = parse(NORM("f32", "7168"));
    ck_assert_uint_eq(fuse(g, "neg_norm", (sld_fuse_options){0}, why), 0);
    sld_graph_free(g);
    g = parse(NORM("f32", "4096"));
    ck_assert_uint_eq(fuse(g, "neg_norm", (sld_fuse_options){0}, NULL), 1);
    sld_graph_free(g);
}
END_TEST

#define PAIR(A, B, S) "solder 1\nsymbol s1 in [1, 4096]\ninput %x : f32[" S ", 16]\n%n = " A "(%x)\n%y = " B \
                      "(%n)\noutput out = %y\n"

static uint32_t fired_for(const char *text, const char *name, sld_fuse_options o, char *why)
{
    sld_graph *g = parse(text);
    uint32_t n = fuse(g, name, o, why);
    sld_graph_free(g);
    return n;
}

START_TEST(a_kernel_covers_the_whole_bucket)
{
    char why[200];
    static const char tokens[] = PAIR("neg", "gelu", "4"), rows[] = PAIR("exp", "gelu", "s1");
    ck_assert_uint_eq(fired_for(tokens, "few_tokens", (sld_fuse_options){.tokens = {1, 64}}, why), 1);
    ck_assert_uint_eq(fired_for(tokens, "few_tokens", (sld_fuse_options){.tokens = {1, 65}}, why), 0);
    ck_assert_str_eq(why, "few_tokens: kernel sld_cpu_few_tokens wants tokens <= 64, which depends on symbolic dims with "
                          "tokens = 1..65");
    ck_assert_uint_eq(fired_for(tokens, "few_tokens", (sld_fuse_options){.tokens = {100, 100}}, why), 1);
    ck_assert_uint_eq(fired_for(tokens, "few_tokens", (sld_fuse_options){0}, why), 0);
    ck_assert_uint_eq(fired_for(rows, "few_rows", (sld_fuse_options){.tokens = {1, 64}, .tokens_dim = "s1"}, why), 1);
    ck_assert_uint_eq(fired_for(rows, "few_rows", (sld_fuse_options){.tokens = {65, 4096}, .tokens_dim = "s1"}, why), 1);
    ck_assert_uint_eq(fired_for(rows, "few_rows", (sld_fuse_options){.tokens = {64, 65}, .tokens_dim = "s1"}, why), 0);
    /* What was found out for one bucket is not believed of the next. */
    sld_graph *g = parse(rows);
    ck_assert_uint_eq(fuse(g, "few_rows", (sld_fuse_options){.tokens = {1, 100}, .tokens_dim = "s1"}, why), 0);
    ck_assert_uint_eq(fuse(g, "few_rows", (sld_fuse_options){.tokens = {1, 64}, .tokens_dim = "s1"}, why), 1);
    ck_assert_str_eq(sld_bind(g, sld_first_node(g), SLD_TARGET_CPU, NULL, why, sizeof why)->name, "sld_cpu_few_rows_small");
    sld_graph_free(g);
}
END_TEST

START_TEST(a_kernel_covers_the_ranks)
{
    char why[200];
    static const char text[] = PAIR("gelu", "neg", "4");
    ck_assert_uint_eq(fired_for(text, "few_ranks", (sld_fuse_options){.world = 4}, why), 1);
    ck_assert_uint_eq(fired_for(text, "few_ranks", (sld_fuse_options){0}, why), 1);
    ck_assert_uint_eq(fired_for(text, "few_ranks", (sld_fuse_options){.world = 8}, why), 0);
    ck_assert_str_eq(why, "few_ranks: kernel sld_cpu_few_ranks wants world <= 4, which does not hold with world = 8");
}
END_TEST

START_TEST(the_target_decides)
{
    char why[200];
    static const char text[] = PAIR("gelu", "exp", "4");
    ck_assert_uint_eq(fired_for(text, "of_hip", (sld_fuse_options){.target = SLD_TARGET_HIP}, why), 1);
    ck_assert_uint_eq(fired_for(text, "of_hip", (sld_fuse_options){0}, why), 0);
    ck_assert_str_eq(why, "option 'on_hip' is off: target cpu has no kernel for 'of_hip'");
}
END_TEST

/* Also when the same rewrite has been done before. */
START_TEST(a_rule_that_is_off_stays_off)
{
    char why[200];
    sld_graph *g = parse("solder 1\ninput %x : f32[8, 64]\ninput %w : f32[64]\n%n = neg(%x)\n%m = neg(%x)\n"
                         "%y = norm(%n, %w; eps = 1e-5)\n%z = norm(%m, %w; eps = 1e-5)\n"
                         "output a = %y\noutput b = %z\n");
    ck_assert_uint_eq(fuse(g, "neg_norm", (sld_fuse_options){.max_rewrites = 1}, NULL), 1);
    set("wide", "off");
    ck_assert_uint_eq(fuse(g, "neg_norm", (sld_fuse_options){0}, why), 0);
    ck_assert_str_eq(why, "option 'wide' is off: test");
    set("wide", "on");
    ck_assert_uint_eq(fuse(g, "neg_norm", (sld_fuse_options){0}, NULL), 1);
    sld_graph_free(g);
}
END_TEST

START_TEST(bad_runs)
{
    static const struct { sld_fuse_options o; const char *why; } bad[] = {
        {{.tokens = {1, 8}, .tokens_dim = "s2"}, "there is no symbolic dim 's2' to count tokens"},
        {{.tokens = {9, 8}}, "tokens 9..8 are no range"},
        {{.tokens = {5000, 8000}, .tokens_dim = "s1"}, "tokens 5000..8000 lie outside 1..4096, the range of 's1'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sld_graph *g = parse(PAIR("neg", "neg", "s1"));
        ck_assert_int_eq(sld_fuse(g, &bad[i].o, NULL), SLD_ERR_INPUT);
        ck_assert_str_eq(sld_error(ctx), bad[i].why);
        ck_assert_int_eq(sld_graph_verify(g), SLD_OK);
        sld_graph_free(g);
    }
    sld_graph *g = parse(PAIR("neg", "neg", "s1"));
    ck_assert_int_eq(sld_fuse(g, &(sld_fuse_options){.world = 2}, NULL), SLD_OK);
    ck_assert_int_eq(sld_fuse(g, &(sld_fuse_options){.world = 4}, NULL), SLD_ERR_INPUT);
    ck_assert_str_eq(sld_error(ctx), "the graph was fused for 2 ranks, not 4");
    sld_graph_free(g);
}
END_TEST

START_TEST(bindings_are_a_table)
{
    char why[200];
    sld_graph *g = parse(NORM("bf16", "4096"));
    ck_assert_uint_eq(fuse(g, "neg_norm", (sld_fuse_options){0}, NULL), 1);
    sld_bindings *b = sld_bindings_new(g, SLD_TARGET_CPU, NULL);
    ck_assert_ptr_nonnull(b);
    sld_node n = sld_first_node(g);
    ck_assert_str_eq(sld_binding(b, n)->name, "sld_cpu_neg_norm_table");
    ck_assert_ptr_null(sld_binding(b, 1000000));
    ck_assert(sld_kernel_covers(g, n, sld_binding(b, n), NULL, why, sizeof why));
    ck_assert(!sld_kernel_covers(g, n, sld_binding(b, n) + 1, NULL, why, sizeof why) || sld_binding(b, n)[1].n_when);
    sld_bindings_free(b);
    sld_graph_free(g);
}
END_TEST

Suite *run_suite(void)
{
    Suite *s = suite_create("run");
    TCase *t = tcase_create("options");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, defaults_follow_the_level);
    tcase_add_test(t, defaults_are_computed);
    tcase_add_test(t, requiring_turns_on);
    tcase_add_test(t, excluding_turns_off);
    tcase_add_test(t, requests_that_contradict_each_other);
    tcase_add_test(t, what_is_not_supported_stays_off);
    tcase_add_test(t, bad_settings);
    tcase_add_test(t, a_file_sets_options);
    tcase_add_test(t, errors_of_a_file_name_its_line);
    tcase_add_test(t, an_environment_sets_options);
    suite_add_tcase(s, t);
    t = tcase_create("buckets");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, gates_are_decided_for_a_bucket);
    tcase_add_test(t, buckets_are_split_where_gates_change);
    tcase_add_test(t, a_prompt_does_not_get_the_rule_for_steps);
    tcase_add_test(t, no_kernel_no_rewrite);
    tcase_add_test(t, a_kernel_covers_the_whole_bucket);
    tcase_add_test(t, a_kernel_covers_the_ranks);
    tcase_add_test(t, the_target_decides);
    tcase_add_test(t, a_rule_that_is_off_stays_off);
    tcase_add_test(t, bad_runs);
    tcase_add_test(t, bindings_are_a_table);
    suite_add_tcase(s, t);
    return s;
}
