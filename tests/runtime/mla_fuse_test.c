/* Rules of latent attention on graphs of engines: how often they fire, in which buckets, with which options, and why
 * not. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

Suite *mla_fuse_suite(void);
const sld_ruleset *sld_ruleset_solder(void);

static sld_ctx *ctx;
static char *heard; /* what options said */

static void setup(void)
{
    ctx = sld_ctx_new(NULL);
    heard = strdup("");
}

static void teardown(void)
{
    sld_ctx_free(ctx);
    free(heard);
}

static void hear(void *user, const char *line)
{
    char *old = heard;
    size_t n = strlen(old) + strlen(line) + 2;
    heard = malloc(n);
    snprintf(heard, n, "%s%s\n", old, line);
    free(old);
    (void)user;
}

static uint32_t rule_index(const char *name)
{
    const sld_ruleset *r = sld_ruleset_solder();
    for (uint32_t i = 0; i < r->n_rules; i++)
        if (!strcmp(r->rules[i].name, name))
            return i;
    ck_abort_msg("no rule %s", name);
}

/* options: "O1 name=value ..." */
static sld_settings *settings_of(const char *options)
{
    sld_settings *s = sld_settings_new(ctx, sld_ruleset_solder());
    char *copy = strdup(options), *save;
    for (char *o = strtok_r(copy, " ", &save); o; o = strtok_r(NULL, " ", &save)) {
        char *value = strchr(o, '=');
        if (value)
            *value = 0;
        ck_assert_int_eq(value ? sld_settings_set(s, o, value + 1, "test") : sld_settings_level(s, o[1] - '0', "test"), SLD_OK);
    }
    free(copy);
    ck_assert_msg(sld_settings_resolve(s, SLD_TARGET_CPU, hear, NULL) == SLD_OK, "%s", sld_error(ctx));
    return s;
}

static sld_graph *fuse(sld_graph *g, const char *dim, const char *options, sld_bucket tokens, sld_rule_stats *stats)
{
    sld_settings *s = settings_of(options);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    const sld_fuse_options o = {.target = SLD_TARGET_CPU, .tokens = tokens, .tokens_dim = dim, .settings = s};
    ck_assert_msg(sld_fuse(g, &o, stats) == SLD_OK && sld_graph_verify(g) == SLD_OK, "%s", sld_error(ctx));
    sld_settings_free(s);
    return g;
}

/* ----------------------------------------------------------------- DeepSeek-V3 -- */

static sld_graph *engine(void)
{
    const char *dir = getenv("SOLDER_MODELS");
    char path[400];
    snprintf(path, sizeof path, "%s/engine/deepseek_v3_tp8.fx.json.gz", dir ? dir : "tests/models");
    return sld_import(ctx, sld_ruleset_solder(), path);
}

typedef struct count { const char *options; sld_bucket tokens; uint32_t norms, write, quant, plain, one; } count;

static const count counts[] = {
    {"", {1, 256}, 8, 8, 8, 0, 8},
    {"", {1, 257}, 8, 0, 0, 0, 0},
    {"", {257, 8192}, 8, 0, 0, 0, 0},
    {"", {0, 0}, 8, 0, 0, 0, 0},
    {"num_speculative_tokens=3", {1, 1024}, 8, 8, 8, 0, 8},
    {"num_speculative_tokens=3", {1, 1025}, 8, 0, 0, 0, 0},
    {"max_num_seqs=64", {1, 65}, 8, 0, 0, 0, 0},
    {"max_num_seqs=64 mla_decode_max_token_num=65", {1, 65}, 8, 8, 8, 0, 8},
    {"mla_rope_max_token_num=8192", {257, 8192}, 8, 8, 0, 0, 0},
    {"fuse_mla_decode_queries=off", {1, 256}, 8, 8, 8, 0, 0},
    {"fuse_rope_kvcache_cat_mla=off", {1, 256}, 8, 0, 8, 0, 0},
    {"lift_mla_queries=off", {1, 256}, 8, 8, 0, 0, 0},
    {"mla_f8_queries=off", {1, 256}, 8, 8, 0, 8, 8},
    {"fuse_mla_dual_rms_norm=off", {1, 256}, 0, 8, 8, 0, 8},
    {"O1", {1, 256}, 8, 0, 0, 0, 0},
    {"O0", {1, 256}, 0, 0, 0, 0, 0},
    {"O0 fuse_mla_decode_queries=on", {1, 256}, 0, 8, 0, 8, 8},
    {"O0 lift_mla_queries=on mla_f8_fnuz_queries=on", {1, 256}, 0, 0, 0, 0, 0},
};
enum { N_COUNTS = sizeof counts / sizeof *counts };

START_TEST(engine_counts)
{
    const count *c = &counts[_i];
    sld_rule_stats *stats = calloc(sld_ruleset_solder()->n_rules, sizeof *stats);
    sld_graph *g = fuse(engine(), "s77", c->options, c->tokens, stats);
    ck_assert_uint_eq(stats[rule_index("mla_dual_rms_norm")].fired, c->norms);
    ck_assert_uint_eq(stats[rule_index("mla_rope_kvcache")].fired, c->write);
    ck_assert_uint_eq(stats[rule_index("mla_latent_queries_quant_mla_f8_queries")].fired, c->quant);
    ck_assert_uint_eq(stats[rule_index("mla_latent_queries")].fired, c->plain);
    ck_assert_uint_eq(stats[rule_index("mla_decode_queries")].fired, c->one);
    free(stats);
    sld_graph_free(g);
}
END_TEST

static char *text_of(sld_graph *g)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    ck_assert_int_eq(sld_text_print(g, f, 0), SLD_OK);
    fclose(f);
    sld_graph_free(g);
    return text;
}

/* A bucket of prompts comes out as if there were none of these rules. */
START_TEST(prompts_stay)
{
    char *off = text_of(fuse(engine(), "s77", "O0", (sld_bucket){257, 8192}, NULL));
    char *on = text_of(fuse(engine(), "s77", "O0 fuse_mla_decode_queries=on mla_f8_queries=on", (sld_bucket){257, 8192}, NULL));
    ck_assert_str_eq(off, on);
    free(off);
    free(on);
}
END_TEST

START_TEST(options_tell_what_they_turn_on)
{
    sld_settings_free(settings_of("O0 fuse_mla_decode_queries=on"));
    ck_assert_msg(strstr(heard, "option 'fuse_rope_kvcache_cat_mla' is on") && strstr(heard, "option 'lift_mla_queries' is on"),
                  "%s", heard);
    sld_settings_free(settings_of("lift_mla_queries=off"));
    ck_assert_msg(strstr(heard, "option 'fuse_mla_decode_queries' is off"), "%s", heard);
}
END_TEST

/* ------------------------------------------------------------------ near misses -- */

static const char chain[] =
    "solder 1\ninput %q : bf16[5, 192]\ninput %kv : bf16[5, 48]\ninput %pe : bf16[5, 16]\ninput %p : i64[5]\n"
    "input %t : bf16[9, 16]\ninput %scale : f32[1]\n%h = reshape(%q; shape = [5, 4, 48])\n"
    "%a = slice(%h; axes = [-1], starts = [32], ends = [48], steps = [1])\n%c = unsqueeze(%pe; axes = [1])\n"
    "%b1, %c1 = rotary_embedding(%p, %a, %c, %t; head_size = 16, neox = false)\n"
    "%w = slice_scatter(%h, %b1; axis = -1, start = 32)\n"
    "%done = mla_kv_cache_update(%kv, %c1, %scale; layer = \"l0\", cache = \"fp8\")\n"
    "const %zero : bf16[] = 0\n%o = full(%zero; shape = [5, 96])\n"
    "%y = paged_mla_attention(%w, %kv, %c1, %o, %done; layer = \"l0\")\noutput y = %y\n";

/* In the chain, `from` becomes `to`. why: what the report of the miss says. */
typedef struct miss { const char *from, *to, *rule; uint32_t fired; const char *why; } miss;

#define WRITE "mla_rope_kvcache"
#define LIFT "mla_latent_queries_quant_mla_f8_queries"
#define PLAIN "mla_latent_queries"
#define BOTH "mla_decode_queries"
static const miss misses[] = {
    {"", "", WRITE, 1, NULL},
    {"", "", BOTH, 1, NULL},
    /* queries, turned or not, latents and turned keys may be read elsewhere; then turned ones are made as such */
    {"output y = %y\n", "output y = %y\noutput w = %w\noutput h = %h\noutput k = %c1\noutput kv = %kv\n", WRITE, 1, NULL},
    {"output y = %y\n", "output y = %y\noutput h = %h\noutput kv = %kv\n", BOTH, 1, NULL},
    {"output y = %y\n", "output y = %y\noutput w = %w\n", BOTH, 0, "expected no reader outside the match"},
    {"output y = %y\n", "output y = %y\noutput k = %c1\n", BOTH, 0, "expected no reader outside the match"},
    /* turned dims alone may not */
    {"output y = %y\n", "output y = %y\noutput b = %b1\n", WRITE, 0, "expected no reader outside the match"},
    /* the first dims of a head turn */
    {"starts = [32], ends = [48], steps = [1])", "starts = [0], ends = [16], steps = [1])", WRITE, 0, "expected"},
    /* only some of the dims that are cut off turn */
    {"starts = [32], ends = [48], steps = [1])\n",
     "starts = [28], ends = [44], steps = [1])\n", WRITE, 0, "expected"},
    /* attention of another layer than the cache's */
    {"%o, %done; layer = \"l0\"", "%o, %done; layer = \"l1\"", WRITE, 1, NULL},
    {"%o, %done; layer = \"l0\"", "%o, %done; layer = \"l1\"", LIFT, 0, "expected layer"},
    {"%o, %done; layer = \"l0\"", "%o, %done; layer = \"l1\"", PLAIN, 1, NULL},
    {"%o, %done; layer = \"l0\"", "%o, %done; layer = \"l1\"", BOTH, 0, "expected layer"},
    /* latents that are not those of the cache */
    {"attention(%w, %kv,", "attention(%w, %kv2,", LIFT, 0, "expected kv"},
    /* a cache in the dtype of the batch takes queries in it */
    {"cache = \"fp8\"", "cache = \"auto\"", LIFT, 0, "expected cache = \"fp8\""},
    {"cache = \"fp8\"", "cache = \"auto\"", BOTH, 1, NULL},
    /* no attention follows */
    {"output y = %y\n", "output d = %done\noutput w = %w\n", BOTH, 0, NULL},
};
enum { N_MISSES = sizeof misses / sizeof *misses };

static char *edited(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    size_t n = strlen(text) + strlen(to) + 1;
    char *out = malloc(n);
    ck_assert_msg(at != NULL, "'%s' is not there", from);
    snprintf(out, n, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

static sld_graph *parse(const char *text)
{
    return sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
}

/* What is left of the match is told of the graph that the other rules leave. */
static char *explained(const miss *m, const char *text)
{
    char *told = NULL;
    size_t len;
    const char *others = strcmp(m->rule, LIFT) ? "" : "lift_mla_queries=off fuse_rope_kvcache_cat_mla=off";
    sld_graph *g = fuse(parse(text), NULL, others, (sld_bucket){5, 5}, NULL);
    FILE *f = open_memstream(&told, &len);
    sld_node matched;
    ck_assert_int_eq(sld_explain(g, rule_index(m->rule), 0, f, &matched), SLD_OK);
    fclose(f);
    sld_graph_free(g);
    return told;
}

START_TEST(near_misses)
{
    const miss *m = &misses[_i];
    char *with = edited(chain, "input %p", "input %kv2 : bf16[5, 48]\ninput %p"), *text = edited(with, m->from, m->to);
    sld_rule_stats *stats = calloc(sld_ruleset_solder()->n_rules, sizeof *stats);
    sld_graph_free(fuse(parse(text), NULL, "", (sld_bucket){5, 5}, stats));
    uint32_t fired = stats[rule_index(m->rule)].fired;
    ck_assert_msg(fired == m->fired, "%s fired %u times\n%s", m->rule, fired, text);
    char *told = explained(m, text);
    ck_assert_msg(!m->why || strstr(told, m->why), "not '%s':\n%s", m->why, told);
    free(told);
    free(stats);
    free(with);
    free(text);
}
END_TEST

/* The rotation in small ops, as DeepSeek's models have it: tables are repeated once for queries and keys. */
static const char *const rotations[] = {
    "%C2 = concat(%cc, %cc; axis = -1)\n%C = unsqueeze(%C2; axes = [-2])\n"
    "%S2 = concat(%ss, %ss; axis = -1)\n%S = unsqueeze(%S2; axes = [-2])\n"
    "%a1 = slice(%a; axes = [-1], starts = [8], ends = [16], steps = [1])\n%a2 = neg(%a1)\n"
    "%a3 = slice(%a; axes = [-1], starts = [0], ends = [8], steps = [1])\n%a4 = concat(%a2, %a3; axis = -1)\n"
    "%c2 = slice(%c; axes = [-1], starts = [8], ends = [16], steps = [1])\n%c3 = neg(%c2)\n"
    "%c4 = slice(%c; axes = [-1], starts = [0], ends = [8], steps = [1])\n%c5 = concat(%c3, %c4; axis = -1)\n"
    "%x = mul(%a, %C)\n%y0 = mul(%a4, %S)\n%b1 = add(%x, %y0)\n%u = mul(%c, %C)\n%v = mul(%c5, %S)\n%c1 = add(%u, %v)\n",
    "%C0 = unsqueeze(%cc; axes = [-1])\n%C1 = expand(%C0; shape = [5, 8, 2])\n%C2 = reshape(%C1; shape = [5, 16])\n"
    "%S0 = unsqueeze(%ss; axes = [-1])\n%S1 = expand(%S0; shape = [5, 8, 2])\n%S2 = reshape(%S1; shape = [5, 16])\n"
    "%C = unsqueeze(%C2; axes = [-2])\n%S = unsqueeze(%S2; axes = [-2])\n"
    "%a1 = slice(%a; axes = [-1], starts = [1], ends = [16], steps = [2])\n%a2 = neg(%a1)\n%a5 = unsqueeze(%a2; axes = [-1])\n"
    "%a3 = slice(%a; axes = [-1], starts = [0], ends = [16], steps = [2])\n%a6 = unsqueeze(%a3; axes = [-1])\n"
    "%a7 = concat(%a5, %a6; axis = -1)\n%a4 = reshape(%a7; shape = [5, 4, 16])\n"
    "%c2 = slice(%c; axes = [-1], starts = [1], ends = [16], steps = [2])\n%c3 = neg(%c2)\n%c6 = unsqueeze(%c3; axes = [-1])\n"
    "%c4 = slice(%c; axes = [-1], starts = [0], ends = [16], steps = [2])\n%c7 = unsqueeze(%c4; axes = [-1])\n"
    "%c8 = concat(%c6, %c7; axis = -1)\n%c5 = reshape(%c8; shape = [5, 1, 16])\n"
    "%x = mul(%a, %C)\n%y0 = mul(%a4, %S)\n%b1 = add(%x, %y0)\n%u = mul(%c, %C)\n%v = mul(%c5, %S)\n%c1 = add(%u, %v)\n"};

START_TEST(rotation_in_small_ops)
{
    char ops[4000];
    snprintf(ops, sizeof ops, "%%g = gather(%%t, %%p; axis = 0)\n%%cc, %%ss = split(%%g; sizes = [8, 8], axis = -1)\n%s",
             rotations[_i]);
    char *text = edited(chain, "%b1, %c1 = rotary_embedding(%p, %a, %c, %t; head_size = 16, neox = false)\n", ops);
    sld_rule_stats *stats = calloc(sld_ruleset_solder()->n_rules, sizeof *stats);
    sld_graph *g = fuse(parse(text), NULL, "", (sld_bucket){5, 5}, stats);
    ck_assert_msg(stats[rule_index(BOTH)].fired == 1, "%s", text);
    free(stats);
    free(text);
    sld_graph_free(g);
}
END_TEST

/* What writes to a cache stays, though nothing reads what it gives. */
START_TEST(write_that_nobody_reads)
{
    static const char text[] =
        "input %t : bf16[9, 8]\ninput %p : i64[5]\ninput %q : bf16[5, 2, 8]\ninput %k : bf16[5, 1, 8]\n"
        "input %v : bf16[5, 1, 8]\n%g = gather(%t, %p; axis = -2)\n%c0, %s0 = split(%g; sizes = [4, 4], axis = -1)\n"
        "%c1 = reshape(%c0; shape = [5, 1, 4])\n%c = concat(%c1, %c1; axis = -1)\n"
        "%s1 = reshape(%s0; shape = [5, 1, 4])\n%s = concat(%s1, %s1; axis = -1)\n"
        "%c2 = reshape(%c0; shape = [5, 1, 4])\n%d = concat(%c2, %c2; axis = -1)\n"
        "%s2 = reshape(%s0; shape = [5, 1, 4])\n%r = concat(%s2, %s2; axis = -1)\n"
        "%q1 = rope(%q, %c, %s; style = neox)\n%k1 = rope(%k, %d, %r; style = neox)\n"
        "%done, %cache = kv_cache_update(%k1, %v; layer = \"l\")\noutput out = %q1\n";
    sld_rule_stats *stats = calloc(sld_ruleset_solder()->n_rules, sizeof *stats);
    sld_graph *g = fuse(parse(text), NULL, "", (sld_bucket){5, 5}, stats);
    uint32_t writes = 0;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        writes += !strcmp(sld_node_op(g, n)->name, "kv_cache_update");
    ck_assert_uint_eq(stats[rule_index("rotary_of_table_both_halves")].fired, 1);
    ck_assert_uint_eq(writes, 1);
    free(stats);
    sld_graph_free(g);
}
END_TEST

Suite *mla_fuse_suite(void)
{
    Suite *s = suite_create("mla_fuse");
    TCase *t = tcase_create("rules");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, engine_counts, 0, N_COUNTS);
    tcase_add_test(t, prompts_stay);
    tcase_add_test(t, options_tell_what_they_turn_on);
    tcase_add_loop_test(t, near_misses, 0, N_MISSES);
    tcase_add_loop_test(t, rotation_in_small_ops, 0, 2);
    tcase_add_test(t, write_that_nobody_reads);
    suite_add_tcase(s, t);
    return s;
}
