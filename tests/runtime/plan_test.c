/* Placement and plans: buffers alive together never overlap, views share storage, symbols
 * give sizes, and faults name the node. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"

Suite *plan_suite(void);
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

static uint64_t state = 88172645463325252u;
static uint32_t below(uint32_t n) /* xorshift64 (Marsaglia 2003) */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state % n);
}

START_TEST(placement_never_overlaps)
{
    sld_buffer b[120];
    for (int round = 0; round < 300; round++) {
        uint32_t n = 1 + below(120);
        size_t arena, live, largest = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t from = below(60);
            b[i] = (sld_buffer){.size = 64 * (1 + below(round % 2 ? 4 : 1000)), .from = from, .to = from + below(12)};
            largest = b[i].size > largest ? b[i].size : largest;
        }
        ck_assert_int_eq(sld_place(ctx, b, n, &arena, &live), SLD_OK);
        ck_assert_uint_ge(arena, live);
        ck_assert_uint_ge(live, largest);
        for (uint32_t i = 0; i < n; i++) {
            ck_assert_uint_le(b[i].offset + b[i].size, arena);
            ck_assert_uint_eq(b[i].offset % 64, 0);
            for (uint32_t k = 0; k < i; k++) {
                bool together = b[i].from <= b[k].to && b[k].from <= b[i].to;
                bool apart = b[i].offset + b[i].size <= b[k].offset || b[k].offset + b[k].size <= b[i].offset;
                ck_assert(!together || apart);
            }
        }
    }
}
END_TEST

static sld_graph *parse(const char *text)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "test", text, strlen(text));
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    return g;
}

START_TEST(views_share_storage)
{
    sld_graph *g =
        parse("input %x : f32[2, 8]\n%n = neg(%x)\n%r = reshape(%n; shape = [4, 4])\n%s = reshape(%r; shape = [16])\n"
              "%i = identity(%x)\noutput r = %r\noutput s = %s\noutput i = %i\n");
    sld_plan *p = sld_plan_new(g, SLD_TARGET_CPU, NULL);
    ck_assert_msg(p != NULL, "%s", sld_error(ctx));
    sld_plan_info info = sld_plan_get_info(p);
    ck_assert_uint_eq(info.n_launches, 1);
    ck_assert_uint_eq(info.n_views, 3);
    ck_assert_uint_eq(info.arena_bytes, 64);
    float x[16];
    for (int i = 0; i < 16; i++)
        x[i] = (float)i;
    const void *inputs[] = {x};
    sld_tensor out[3];
    ck_assert_int_eq(sld_plan_run(p, inputs, out), SLD_OK);
    ck_assert_ptr_eq(out[0].data, out[1].data);
    ck_assert_ptr_eq(out[2].data, x);
    ck_assert(((float *)out[1].data)[15] == -15);
    sld_plan_free(p);
    sld_graph_free(g);
}
END_TEST

/* The reference: every value in memory of its own. */
START_TEST(reuse_does_not_change_results)
{
    sld_graph *g = parse(
        "input %x : f32[4, 16]\n%a = exp(%x)\n%b = neg(%a)\n%c = add(%a, %b)\n%d = mul(%b, %x)\n%e = add(%c, %d)\n"
        "%f = sigmoid(%e)\n%h = sub(%f, %d)\noutput h = %h\n");
    sld_plan *p = sld_plan_new(g, SLD_TARGET_REF, NULL);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_lt(sld_plan_get_info(p).arena_bytes, 7 * 256);
    float x[64];
    for (int i = 0; i < 64; i++)
        x[i] = (float)(i - 32) / 16;
    const void *inputs[] = {x};
    sld_tensor out;
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(sld_plan_run(p, inputs, &out), SLD_OK);
        for (int i = 0; i < 64; i++) {
            double a = exp(x[i]), d = -a * x[i], want = 1 / (1 + exp(-d)) - d;
            ck_assert_msg(fabs(((float *)out.data)[i] - want) < 1e-5, "element %d", i);
        }
    }
    sld_plan_free(p);
    sld_graph_free(g);
}
END_TEST

START_TEST(symbols)
{
    sld_graph *g = parse("symbol T in [0, 64]\ninput %x : f32[T, 4]\n%y = neg(%x)\noutput y = %y\n");
    float x[32] = {1};
    const void *inputs[] = {x};
    sld_tensor out;
    ck_assert_ptr_null(sld_plan_new(g, SLD_TARGET_CPU, NULL));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "value 'x'"));
    for (int64_t t = 0; t < 9; t += 4) {
        sld_plan *p = sld_plan_new(g, SLD_TARGET_CPU, &t);
        ck_assert_msg(p != NULL, "%s", sld_error(ctx));
        ck_assert_uint_eq(sld_plan_get_info(p).arena_bytes, (size_t)(t * 16 + 63) / 64 * 64);
        ck_assert_int_eq(sld_plan_run(p, inputs, &out), SLD_OK);
        ck_assert_int_eq(out.dims[0], t);
        sld_plan_free(p);
    }
    int64_t huge = (int64_t)1 << 60;
    ck_assert_ptr_null(sld_plan_new(g, SLD_TARGET_CPU, &huge));
    ck_assert_str_ne(sld_error(ctx), "");
    sld_graph_free(g);
}
END_TEST

START_TEST(faults_name_the_node)
{
    sld_graph *g = parse("input %x : f32[4, 4]\ninput %i : i64[2]\n%y = gather(%x, %i; axis = 0)\noutput y = %y\n");
    sld_plan *p = sld_plan_new(g, SLD_TARGET_CPU, NULL);
    float x[16] = {0};
    int64_t i[2] = {0, 9};
    const void *inputs[] = {x, i};
    sld_tensor out;
    ck_assert_int_eq(sld_plan_run(p, inputs, &out), SLD_ERR_KERNEL);
    ck_assert_msg(strstr(sld_error(ctx), "node 'y' (gather): ") != NULL, "%s", sld_error(ctx));
    sld_plan_free(p);
    sld_graph_free(g);
    g = parse("input %x : f32[4]\ninput %w : f32[4] \n%y, %i = sort(%x)\noutput y = %y\n");
    ck_assert_ptr_null(sld_plan_new(g, SLD_TARGET_CPU, NULL));
    ck_assert_msg(strstr(sld_error(ctx), "node 'y' (sort): ") != NULL, "%s", sld_error(ctx));
    sld_graph_free(g);
}
END_TEST

/* Every n-th allocation fails in turn. */
typedef struct budget { long left, live; } budget;

static void *failing(void *user, void *ptr, size_t size)
{
    budget *b = user;
    if (!size) {
        b->live -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (b->left-- <= 0)
        return NULL;
    b->live += ptr == NULL;
    return realloc(ptr, size);
}

START_TEST(out_of_memory)
{
    const char *text = "input %x : f32[4, 8]\ninput %w : f32[8]\n%s = add(%x, %x)\n%y = rms_norm(%s, %w; eps = "
                       "1e-06)\noutput y = %y\n";
    bool done = false;
    for (long i = 0; !done && i < 10000; i++) {
        budget b = {i, 0};
        sld_ctx *c = sld_ctx_new(&(sld_allocator){failing, &b});
        sld_graph *g = c ? sld_text_parse(c, sld_ruleset_solder(), "t", text, strlen(text)) : NULL;
        sld_plan *p = g && !sld_fuse(g, NULL, NULL) ? sld_plan_new(g, SLD_TARGET_CPU, NULL) : NULL;
        done = p != NULL;
        if (c && !done)
            ck_assert_str_ne(sld_error(c), "");
        sld_plan_free(p);
        sld_graph_free(g);
        sld_ctx_free(c);
        ck_assert_int_eq(b.live, 0);
    }
    ck_assert(done);
}
END_TEST

Suite *plan_suite(void)
{
    Suite *s = suite_create("plan");
    TCase *t = tcase_create("plan");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, placement_never_overlaps);
    tcase_add_test(t, views_share_storage);
    tcase_add_test(t, reuse_does_not_change_results);
    tcase_add_test(t, symbols);
    tcase_add_test(t, faults_name_the_node);
    tcase_add_test(t, out_of_memory);
    suite_add_tcase(s, t);
    return s;
}
