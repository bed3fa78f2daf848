/* Graphs at given values of their symbols: what the types only allowed is decided, and the
 * graph itself stays as it was. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "concrete.h"

Suite *concrete_suite(void);
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

static sld_graph *parse(const char *text)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "test", text, strlen(text));
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    return g;
}

static char *print(sld_graph *g)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    ck_assert_int_eq(sld_text_print(g, f, SLD_TEXT_DATA), SLD_OK);
    fclose(f);
    return text;
}

/* The text of the graph for T = t, or the error. Freed by the caller. */
static char *text_at(sld_graph *g, int64_t t)
{
    sld_value *map = calloc(g->values.n, sizeof *map);
    sld_graph *at = sld__graph_at(g, &t, map);
    char *text = at ? print(at) : strdup(sld_error(ctx));
    ck_assert_msg(!at || !sld_graph_verify(at), "%s", sld_error(ctx));
    sld_graph_free(at);
    free(map);
    return text;
}

START_TEST(dims_and_attributes_become_numbers)
{
    sld_graph *g = parse("symbol T in [1, 64]\ninput %x : f32[T, 6]\nconst %w : f32[3, 6] = ...\n"
                         "%r = reshape(%x; shape = [2*T, 3])\n%l = linear(%x, %w)\n"
                         "%c = concat(%l, %l; axis = 0)\n%u = add(%c, %r)\noutput first = %u\noutput x = %x\n");
    char *before = print(g), *text = text_at(g, 5), *after = print(g);
    ck_assert_str_eq(text, "solder 1\n"
                           "input %x : f32[5, 6]\n"
                           "const %w : f32[3, 6] = ...\n"
                           "%r = reshape(%x; shape = [10, 3]) : f32[10, 3]\n"
                           "%l = linear(%x, %w) : f32[5, 3]\n"
                           "%c = concat(%l, %l; axis = -2) : f32[10, 3]\n"
                           "%u = add(%c, %r) : f32[10, 3]\n"
                           "output first = %u\n"
                           "output x = %x\n");
    ck_assert_str_eq(after, before);
    free(before);
    free(text);
    free(after);
    sld_graph_free(g);
}
END_TEST

/* Texts with one symbol, a value that is fine, and one that is not. */
static const struct { const char *text; int64_t good, bad; const char *message;
} decided[] = {
    {"symbol T in [2, 64]\ninput %x : f32[T]\noutput x = %x\n", 2, 1,
     "symbol 'T' is 1, outside its range [2, 64]"},
    {"symbol T in [2, 64]\ninput %x : f32[T]\noutput x = %x\n", 64, 65,
     "symbol 'T' is 65, outside its range [2, 64]"},
    {"symbol T in [0, 64]\ninput %x : f32[T]\noutput x = %x\n", 0, -1,
     "value 'x': T has no value: a symbol is not given, or the arithmetic overflows"},
    {"symbol T in [0, 64]\ninput %x : f32[T - 3]\noutput x = %x\n", 3, 2,
     "value 'x': dim 0 would be -1 for these symbols"},
    {"symbol T in [0, inf]\ninput %x : f32[9*T]\noutput x = %x\n", 1, (int64_t)1 << 60, "value 'x': 9*T has no value"},
    {"symbol T in [0, 64]\ninput %x : f32[T]\ninput %c : f32[8]\n%y = add(%x, %c)\noutput y = %y\n", 8, 5, "y: add: "},
    {"symbol T in [0, 64]\ninput %x : f32[T]\ninput %c : f32[8]\n%y = add(%x, %c)\noutput y = %y\n", 1, 0, "y: add: "},
    {"symbol T in [0, 64]\n%y = arange(; limit = T - 4)\noutput y = %y\n", 4, 3, "y: arange: "},
    {"symbol T in [0, 64]\ninput %x : f32[4, T]\n%y = silu_and_mul(%x)\noutput y = %y\n", 6, 7, "y: silu_and_mul: "},
};

START_TEST(open_questions_are_decided)
{
    sld_graph *g = parse(decided[_i].text);
    char *good = text_at(g, decided[_i].good), *bad = text_at(g, decided[_i].bad);
    ck_assert_msg(!strncmp(good, "solder 1\n", 9), "%s", good);
    ck_assert_msg(!strncmp(bad, decided[_i].message, strlen(decided[_i].message)), "'%s'", bad);
    free(good);
    free(bad);
    sld_graph_free(g);
}
END_TEST

/* The same graph serves several plans at a time. */
START_TEST(two_plans_of_one_graph)
{
    sld_graph *g = parse("symbol T in [0, 64]\ninput %x : f32[T]\n%y = neg(%x)\noutput y = %y\n");
    float x[5] = {1, 2, 3, 4, 5};
    const void *inputs[] = {x};
    sld_tensor a, b;
    int64_t three = 3, five = 5;
    sld_plan *p = sld_plan_new(g, SLD_TARGET_CPU, &three), *q = sld_plan_new(g, SLD_TARGET_CPU, &five);
    ck_assert(p && q && !sld_plan_run(p, inputs, &a) && !sld_plan_run(q, inputs, &b));
    ck_assert_int_eq(a.dims[0], 3);
    ck_assert_int_eq(b.dims[0], 5);
    ck_assert(((float *)a.data)[2] == -3 && ((float *)b.data)[4] == -5);
    sld_plan_free(p);
    sld_plan_free(q);
    sld_graph_free(g);
}
END_TEST

Suite *concrete_suite(void)
{
    Suite *s = suite_create("concrete");
    TCase *t = tcase_create("concrete");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, dims_and_attributes_become_numbers);
    tcase_add_loop_test(t, open_questions_are_decided, 0, sizeof decided / sizeof *decided);
    tcase_add_test(t, two_plans_of_one_graph);
    suite_add_tcase(s, t);
    return s;
}
