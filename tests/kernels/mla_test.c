/* Rotation and write of latent rows joined, against the chain of ops as engines write it: the slice that is turned is
 * written back into the queries. By the reference kernel the same bits, by the fast one within a rounding; every row of
 * the queries and of the rotated keys comes back, also those that no slot names. */
#include <stdio.h>

#include "caches.h"
#include "graph.h"
#include "launch.h"

Suite *mla_suite(void);

typedef struct shape {
    int64_t tokens;
    bool neox;
    uint8_t dtype, cache;  /* cache: as the engine declares it */
    const char *contents;  /* as the op names it */
    float scale;
    int skip;              /* every such token has slot -1; 0: none, 1: all */
} shape;

static const shape shapes[] = {
    {5, false, SLD_BF16, SLD_BF16, "auto", 1, 0},   {5, true, SLD_BF16, SLD_U8, "fp8", 1, 2},
    {32, false, SLD_BF16, SLD_U8, "fp8", 0.03f, 3}, {17, true, SLD_F16, SLD_F8E4M3FNUZ, "fp8", 7, 4},
    {1, false, SLD_F32, SLD_F32, "auto", 1, 0},     {0, false, SLD_BF16, SLD_BF16, "auto", 1, 0},
    {7, false, SLD_BF16, SLD_BF16, "auto", 1, 1},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, HEADS = 4, NOPE = 32, ROPE = 16, LATENT = 48, TABLE = 40, BLOCK = 16 };

static const sld_fuse_options decode = {.target = SLD_TARGET_CPU, .tokens = {1, 256}};

static char *chain(const shape *s)
{
    char *text = NULL;
    size_t len;
    const char *t = sld_dtype_name(s->dtype);
    long long n = s->tokens;
    FILE *f = open_memstream(&text, &len);
    fprintf(f, "solder 1\ninput %%q : %s[%lld, %d]\ninput %%kv : %s[%lld, %d]\ninput %%pe : %s[%lld, %d]\n", t, n,
            HEADS * (NOPE + ROPE), t, n, LATENT, t, n, ROPE);
    fprintf(f, "input %%p : i64[%lld]\ninput %%t : %s[%d, %d]\ninput %%scale : f32[1]\n", n, t, TABLE, ROPE);
    fprintf(f, "%%h = reshape(%%q; shape = [%lld, %d, %d])\n"
               "%%a = slice(%%h; axes = [-1], starts = [%d], ends = [%d], steps = [1])\n%%b = identity(%%a)\n"
               "%%c = unsqueeze(%%pe; axes = [1])\n%%d = identity(%%c)\n", n, HEADS, NOPE + ROPE, NOPE, NOPE + ROPE);
    fprintf(f, "%%b1, %%d1 = rotary_embedding(%%p, %%b, %%d, %%t; head_size = %d, neox = %s)\n"
               "%%e = slice(%%h; axes = [-1], starts = [%d], ends = [%d], steps = [1])\n"
               "%%f = expand(%%b1; shape = [%lld, %d, %d])\n%%g = reshape(%%q; shape = [%lld, %d, %d])\n"
               "%%w = slice_scatter(%%g, %%f; axis = -1, start = %d)\n",
            ROPE, s->neox ? "true" : "false", NOPE, NOPE + ROPE, n, HEADS, ROPE, n, HEADS, NOPE + ROPE, NOPE);
    fprintf(f, "%%done = mla_kv_cache_update(%%kv, %%d1, %%scale; layer = \"l0\", cache = \"%s\")\n"
               "output q = %%w\noutput pe = %%d1\noutput done = %%done\n", s->contents);
    fclose(f);
    return text;
}

static void fill(sld_graph *g, const shape *s, sld_tensor *in)
{
    uint32_t state = 88172645u;
    for (uint32_t k = 0; k < g->inputs.n; k++) {
        in[k] = launch_tensor(g, g->inputs.at[k]);
        size_t n = kern_numel(&in[k]);
        in[k].data = malloc(n * kern_size(in[k].dtype) + 1);
        for (size_t i = 0; i < n; i++) {
            state = state * 1664525u + 1013904223u;
            if (in[k].dtype == SLD_I64)
                ((int64_t *)in[k].data)[i] = i ? state % TABLE : TABLE - 1;
            else
                kern_put(&in[k], i, k == 5 ? (double)s->scale : state / 2147483648.0 - 1);
        }
    }
}

typedef struct ran { sld_tensor out[3]; test_cache cache; sld_plan *plan; } ran;

static ran run(sld_graph *g, sld_target target, const sld_tensor *in, const shape *s, const int64_t *slots)
{
    const void *inputs[6];
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = in[i].data;
    ran r = {.cache = test_cache_new(SLD_CACHE_LATENT, s->cache, 4, BLOCK, 1, LATENT + ROPE),
             .plan = sld_plan_new(g, target, NULL)};
    ck_assert_msg(r.plan != NULL, "%s", sld_error(g->ctx));
    r.cache.c.slots = slots, r.cache.c.n_slots = s->tokens;
    sld_plan_set_caches(r.plan, (sld_caches){test_cache_find, &r.cache.c});
    ck_assert_msg(sld_plan_run(r.plan, inputs, r.out) == SLD_OK, "%s", sld_error(g->ctx));
    return r;
}

static void end(ran *r)
{
    free(r->cache.memory);
    sld_plan_free(r->plan);
}

static void compare(const ran *got, const ran *want, const shape *s, bool exact)
{
    double tol = exact ? 0 : s->dtype == SLD_BF16 ? 1e-2 : s->dtype == SLD_F16 ? 2e-3 : 1e-5;
    for (int k = 0; k < 2; k++) {
        double sum = 0;
        for (size_t i = 0; i < kern_numel(&want->out[k]); i++) {
            sum += fabs(kern_get(&want->out[k], i));
            ck_assert_msg(launch_agree(&got->out[k], &want->out[k], i, tol, tol), "result %d, element %zu", k, i);
        }
        ck_assert(sum > 0 || !s->tokens);
    }
    bool f8 = kern_size(s->cache) == 1;
    size_t n = got->cache.bytes / kern_size(s->cache);
    sld_tensor a = {.dtype = s->cache, .data = got->cache.memory}, b = {.dtype = s->cache, .data = want->cache.memory};
    for (size_t i = 0; i < n; i++) {
        int x = ((uint8_t *)a.data)[i], y = ((uint8_t *)b.data)[i];
        ck_assert_msg(f8 ? abs(x - y) <= !exact : launch_agree(&a, &b, i, tol, tol), "cache, element %zu", i);
    }
}

START_TEST(joined_is_the_chain)
{
    const shape *s = &shapes[_i];
    char *text = chain(s);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    sld_graph *fused = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    ck_assert_msg(g && fused, "%s\n%s", sld_error(ctx), text);
    ck_assert_int_eq(sld_fuse(fused, &decode, NULL), SLD_OK);
    bool found = false;
    for (sld_node n = sld_first_node(fused); n; n = sld_next_node(fused, n)) {
        found |= !strcmp(sld_node_op(fused, n)->name, "mla_rope_cache");
        ck_assert(sld__is_view(fused, n) || !strcmp(sld_node_op(fused, n)->name, "mla_rope_cache"));
    }
    ck_assert_msg(found, "%s", text);
    sld_tensor in[6];
    int64_t slots[64];
    for (int64_t i = 0; i < s->tokens; i++)
        slots[i] = s->skip && i % s->skip == 0 ? -1 : 4 * BLOCK - 1 - i;
    fill(g, s, in);
    ran want = run(g, SLD_TARGET_REF, in, s, slots);
    ran parts = run(g, SLD_TARGET_CPU, in, s, slots);
    ran ref = run(fused, SLD_TARGET_REF, in, s, slots);
    ran cpu = run(fused, SLD_TARGET_CPU, in, s, slots);
    compare(&ref, &want, s, true);
    compare(&cpu, &want, s, false);
    compare(&parts, &want, s, false);
    end(&want);
    end(&parts);
    end(&ref);
    end(&cpu);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(in[i].data);
    sld_graph_free(fused);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    free(text);
}
END_TEST

/* A cache that is not what the op says. */
START_TEST(bad_caches_are_refused)
{
    static const struct { uint8_t dtype, layout; const char *contents, *error; } bads[] = {
        {SLD_BF16, SLD_CACHE_NHD, "auto", "the cache does not hold latent rows"},
        {SLD_U8, SLD_CACHE_LATENT, "auto", "the cache has another dtype than the op says"},
        {SLD_BF16, SLD_CACHE_LATENT, "fp8", "the cache has another dtype than the op says"},
        {SLD_F32, SLD_CACHE_LATENT, "fp8", "the cache has neither the dtype of the batch nor f8"},
    };
    shape s = shapes[0];
    s.contents = bads[_i].contents;
    char *text = chain(&s);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    sld_tensor in[6], out[3];
    const void *inputs[6];
    int64_t slots[] = {0, 1, 2, 3, 4};
    fill(g, &s, in);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = in[i].data;
    ck_assert_int_eq(sld_fuse(g, &decode, NULL), SLD_OK);
    test_cache t = test_cache_new(bads[_i].layout, bads[_i].dtype, 4, BLOCK, 1, LATENT + ROPE);
    test_cache_slots(&t, slots, 5);
    for (sld_target target = SLD_TARGET_REF; target <= SLD_TARGET_CPU; target++) {
        sld_plan *p = sld_plan_new(g, target, NULL);
        sld_plan_set_caches(p, (sld_caches){test_cache_find, &t.c});
        ck_assert_int_eq(sld_plan_run(p, inputs, out), SLD_ERR_KERNEL);
        ck_assert_msg(strstr(sld_error(ctx), bads[_i].error) != NULL, "%s", sld_error(ctx));
        sld_plan_free(p);
    }
    free(t.memory);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(in[i].data);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    free(text);
}
END_TEST

Suite *mla_suite(void)
{
    Suite *s = suite_create("mla");
    TCase *t = tcase_create("caches");
    tcase_add_loop_test(t, joined_is_the_chain, 0, N_SHAPES);
    tcase_add_loop_test(t, bad_caches_are_refused, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
