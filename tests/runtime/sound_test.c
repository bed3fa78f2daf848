/* Versions of buffers, and partitions: what no rewrite may break, and what a plan makes of it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sound_ops.h"

Suite *sound_suite(void);

static sld_ctx *ctx;

static void setup(void)
{
    ctx = sld_ctx_new(NULL);
    ck_assert_ptr_nonnull(ctx);
    sound_rules_off = 0;
}

static void teardown(void)
{
    sld_ctx_free(ctx);
}

static sld_graph *parse(const char *text)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_sound(), "test", text, strlen(text));
    ck_assert_msg(g != NULL, "%s\n%s", sld_error(ctx), text);
    return g;
}

static uint32_t rule_index(const char *name)
{
    const sld_ruleset *r = sld_ruleset_sound();
    for (uint32_t i = 0; i < r->n_rules; i++)
        if (!strcmp(r->rules[i].name, name))
            return i;
    ck_abort_msg("no rule %s", name);
    return 0;
}

/* ---------------------------------------------------------------- versions -- */

/* How a plan treats the versions of buffers, and that it computes what the oracle does. */
static const struct { const char *text; uint32_t in_place, copies; } versions[] = {
    /* each version is read by the next store only */
    {"%b = neg(%x)\n%c = store(%x, %b)\n%d = store(%y, %c)\noutput d = %d\n", 2, 0},
    /* the first is an input, which the plan does not own */
    {"%c = store(%x, %y)\n%d = store(%x, %c)\noutput d = %d\n", 1, 1},
    /* an old version is read before the store, and after it */
    {"%b = neg(%x)\n%r = neg(%b)\n%c = store(%x, %b)\noutput c = %c\noutput r = %r\n", 1, 0},
    {"%b = neg(%x)\n%c = store(%x, %b)\n%r = neg(%b)\noutput c = %c\noutput r = %r\n", 0, 1},
    {"%b = neg(%x)\n%c = store(%x, %b)\n%d = store(%y, %c)\n%r = add(%b, %c)\noutput d = %d\noutput r = %r\n", 0, 2},
    /* an old version is an output */
    {"%b = neg(%x)\n%c = store(%x, %b)\noutput c = %c\noutput b = %b\n", 0, 1},
    /* a view of it is read later; before; the view itself is made later */
    {"%b = neg(%x)\n%v = reshape(%b; shape = [8])\n%c = store(%x, %b)\n%r = neg(%v)\noutput c = %c\noutput r = %r\n", 0, 1},
    {"%b = neg(%x)\n%v = reshape(%b; shape = [8])\n%r = neg(%v)\n%c = store(%x, %b)\noutput c = %c\noutput r = %r\n", 1, 0},
    {"%b = neg(%x)\n%c = store(%x, %b)\n%v = reshape(%b; shape = [8])\n%r = neg(%v)\noutput c = %c\noutput r = %r\n", 0, 1},
    /* the buffer is a view, and what it shows is read later */
    {"%b = neg(%x)\n%v = reshape(%b; shape = [8])\n%u = reshape(%y; shape = [8])\n%c = store(%u, %v)\n%r = neg(%b)\n"
     "output c = %c\noutput r = %r\n", 0, 1},
    /* it is read by the store that writes it */
    {"%b = neg(%x)\n%c = store(%b, %b)\noutput c = %c\n", 0, 1},
    /* two stores to one version */
    {"%b = neg(%x)\n%c = store(%x, %b)\n%d = store(%y, %b)\noutput c = %c\noutput d = %d\n", 1, 1},
    {"%b = neg(%x)\n%f, %c = exchange(%y, %b)\n%g, %d = exchange(%f, %c)\noutput f = %f\noutput g = %g\noutput d = %d\n", 2, 0},
};

START_TEST(written_in_place_when_nobody_reads_it_later)
{
    char text[1000], *want, *got;
    size_t n, m;
    sld_plan_info info;
    snprintf(text, sizeof text, "input %%x : i64[2, 4]\ninput %%y : i64[2, 4]\n%s", versions[_i].text);
    sld_graph *g = parse(text);
    const char *fails = sound_run(g, NULL, 7, &want, &n);
    ck_assert_msg(!fails, "%s: %s", text, fails);
    fails = sound_run_plan(g, SLD_TARGET_CPU, NULL, 7, &got, &m, &info);
    ck_assert_msg(!fails, "%s: %s", text, fails);
    ck_assert_msg(n == m && !memcmp(want, got, n), "another result of\n%s", text);
    ck_assert_msg(info.n_in_place == versions[_i].in_place && info.n_copies == versions[_i].copies,
                  "%u in place, %u copies of\n%s", info.n_in_place, info.n_copies, text);
    ck_assert_uint_eq(info.copied_bytes, info.n_copies * 64);
    free(want);
    free(got);
    sld_graph_free(g);
}
END_TEST

/* Stores keep their order when rules join them, and an older version that is read keeps its value. */
START_TEST(order_of_versions_is_kept)
{
    sld_graph *g = parse("input %x : i64[4]\ninput %y : i64[4]\ninput %b : i64[4]\n%s = add(%x, %y)\n"
                         "%c = store(%s, %b)\n%d = store(%y, %c)\n%e = store(%x, %d)\n%r = neg(%c)\n"
                         "output e = %e\noutput r = %r\n");
    sld_rule_stats stats[64] = {{0}};
    char *want, *got;
    size_t n, m;
    ck_assert_ptr_null(sound_run(g, NULL, 3, &want, &n));
    ck_assert_int_eq(sld_fuse(g, NULL, stats), SLD_OK);
    ck_assert_uint_eq(stats[rule_index("two_stores")].fired, 1); /* not with the first: %c is read */
    ck_assert_uint_eq(stats[rule_index("stored_sum")].fired, 1);
    ck_assert_ptr_null(sound_run_plan(g, SLD_TARGET_CPU, NULL, 3, &got, &m, NULL));
    ck_assert(n == m && !memcmp(want, got, n));
    free(want);
    free(got);
    sld_graph_free(g);
}
END_TEST

/* -------------------------------------------------------------- partitions -- */

enum { PAIRS = 97 };

/* All-reduce and norm, 97 times; between the two, but for each 32nd pair, attention of other tokens runs. */
static char *pairs(void)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    fprintf(f, "input %%x0 : f32[8, 64]\ninput %%z0 : f32[8, 64]\ninput %%w : f32[64]\n");
    for (int i = 0; i < PAIRS; i++) {
        bool other = i % 32 != 0;
        fprintf(f, "%%r%d = all_reduce(%%x%d; group = \"tp\")\n", i, i);
        if (other)
            fprintf(f, "%%z%d = attention(%%z%d; layer = \"%d\")\n", i + 1, i, i);
        else
            fprintf(f, "%%z%d = neg(%%z%d)\n", i + 1, i);
        fprintf(f, "%%x%d = norm(%%r%d, %%w; eps = 1e-06)\n", i + 1, i);
    }
    fprintf(f, "output x = %%x%d\noutput z = %%z%d\n", PAIRS, PAIRS);
    fclose(f);
    return text;
}

static sld_rule_stats fuse_pairs(sld_graph *g)
{
    sld_rule_stats stats[64] = {{0}};
    ck_assert_int_eq(sld_fuse(g, &(sld_fuse_options){.target = SLD_TARGET_REF}, stats), SLD_OK);
    ck_assert_msg(!sld_graph_verify(g), "%s", sld_error(ctx));
    return stats[rule_index("reduce_and_norm")];
}

START_TEST(a_few_against_97)
{
    char *text = pairs();
    sld_graph *whole = parse(text), *cut = parse(text);
    uint16_t op = sld_op_find(sld_ruleset_sound(), "attention");
    sld_rule_stats s = fuse_pairs(whole);
    ck_assert_uint_eq(s.fired, PAIRS);
    ck_assert_int_eq(sld_graph_split(cut, 1, &op), SLD_OK);
    s = fuse_pairs(cut);
    ck_assert_uint_eq(s.fired, 4);
    ck_assert_uint_ge(s.refused_split, PAIRS - 4);
    ck_assert_str_eq(s.reason, "it crosses partitions, between all_reduce and norm");
    sld_graph_free(whole);
    sld_graph_free(cut);
    free(text);
}
END_TEST

/* A table of kernels that stops at a width of 4096. */
START_TEST(wider_than_any_kernel)
{
    for (int width = 4096; width <= 7168; width += 3072) {
        char text[300];
        sld_rule_stats stats[64] = {{0}};
        snprintf(text, sizeof text, "input %%x : f32[8, %d]\ninput %%w : f32[%d]\n%%r = all_reduce(%%x; group = \"tp\")\n"
                 "%%y = norm(%%r, %%w; eps = 1e-06)\noutput y = %%y\n", width, width);
        sld_graph *g = parse(text);
        ck_assert_int_eq(sld_fuse(g, NULL, stats), SLD_OK);
        const sld_rule_stats *s = &stats[rule_index("reduce_and_norm")];
        ck_assert_uint_eq(s->fired, width == 4096);
        ck_assert_uint_eq(s->refused_kernel, width != 4096);
        ck_assert_msg(width == 4096 || strstr(s->reason, "H <= 4096"), "%s", s->reason);
        sld_graph_free(g);
    }
}
END_TEST

/* A node that stays is part of the match too, and what is built belongs to its partition. */
START_TEST(no_match_crosses)
{
    const char *text = "input %x : i64[2, 4]\n%r = reshape(%x; shape = [8])\n%n = observe(%r) @1\n"
                       "%y = reshape(%r; shape = [4, 2]) @2\n%a = neg(%y) @2\n%b = neg(%a) @2\n%c = abs(%b) @2\n"
                       "output c = %c\noutput r = %r\n";
    sld_rule_stats stats[64] = {{0}};
    sld_graph *g = parse(text);
    ck_assert_int_eq(sld_fuse(g, NULL, stats), SLD_OK);
    ck_assert_int_eq(sld_graph_verify(g), SLD_OK);
    ck_assert_uint_eq(stats[rule_index("reshape_twice")].fired, 0);
    ck_assert_uint_gt(stats[rule_index("reshape_twice")].refused_split, 0);
    ck_assert_uint_eq(stats[rule_index("neg_neg")].fired, 1);
    sld_graph_free(g);
}
END_TEST

START_TEST(partitions_in_text)
{
    const char *text = "solder 1\ninput %x : i64[4]\n%a = neg(%x) : i64[4]\n%b = abs(%a) : i64[4] @1\n%c = neg(%b) : i64[4] @7\n"
                       "output c = %c\n";
    sld_graph *g = parse(text);
    char *printed = NULL;
    size_t n;
    FILE *f = open_memstream(&printed, &n);
    ck_assert_int_eq(sld_text_print(g, f, 0), SLD_OK);
    fclose(f);
    ck_assert_str_eq(printed, text);
    free(printed);
    sld_graph_free(g);
    const char *bad[][2] = {
        {"input %x : i64[4]\n%a = neg(%x) @x\noutput a = %a\n", "test:2:15: expected a number"},
        {"input %x : i64[4]\n%a = neg(%x) @-1\noutput a = %a\n", "test:2:15: the number is out of range"},
    };
    for (size_t i = 0; i < 2; i++) {
        ck_assert_ptr_null(sld_text_parse(ctx, sld_ruleset_sound(), "test", bad[i][0], strlen(bad[i][0])));
        ck_assert_msg(!strncmp(sld_error(ctx), bad[i][1], strlen(bad[i][1])), "%s", sld_error(ctx));
    }
    g = parse("input %x : i64[4]\n%a = neg(%x) @2\n%b = neg(%a) @1\noutput b = %b\n");
    ck_assert_int_eq(sld_graph_verify(g), SLD_ERR_GRAPH);
    ck_assert_str_eq(sld_error(ctx), "b: operand 'a' comes from a later partition");
    sld_graph_free(g);
}
END_TEST

Suite *sound_suite(void)
{
    Suite *s = suite_create("sound");
    TCase *t = tcase_create("sound");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, written_in_place_when_nobody_reads_it_later, 0, (int)(sizeof versions / sizeof *versions));
    tcase_add_test(t, order_of_versions_is_kept);
    tcase_add_test(t, a_few_against_97);
    tcase_add_test(t, wider_than_any_kernel);
    tcase_add_test(t, no_match_crosses);
    tcase_add_test(t, partitions_in_text);
    suite_add_tcase(s, t);
    return s;
}
