/* Norm of heads, rotation and cache write joined, against the chain of ops that they join: the joined op by its
 * reference kernel gives the same bits, by its fast kernel the same within two roundings; caches of all layouts hold
 * the same elements, and what no slot names keeps its bits. */
#include <stdio.h>

#include "caches.h"
#include "graph.h"
#include "launch.h"

Suite *qkv_suite(void);

typedef struct shape {
    int64_t hq, hk, d, rd;
    bool neox;
    int64_t tokens;
    const char *slots;   /* see make_slots */
    uint8_t dtype, cache; /* cache SLD_DTYPE_NONE: that of the batch */
    int64_t block;
    float scale[2];
    double eps;
    bool normed, f8_queries, centred;
} shape;

enum { MANY = 4200 /* tokens, more than are looked at together */ };
#define NORM .normed = true
static const shape shapes[] = {
    {64, 8, 64, 64, true, 5, "mixed", SLD_BF16, 0, 16, {1, 1}, 1e-5, NORM},
    {64, 8, 64, 64, false, 16, "all", SLD_BF16, SLD_F8E4M3FN, 32, {1, 1}, 1e-6, NORM},
    {32, 8, 128, 64, true, 5, "first", SLD_BF16, 0, 64, {1, 1}, 1e-5, NORM},
    {32, 2, 128, 64, false, 7, "last", SLD_BF16, SLD_F8E4M3FNUZ, 16, {0.03f, 7}, 1e-6, NORM},
    {16, 2, 64, 32, true, 5, "none", SLD_BF16, 0, 16, {1, 1}, 1e-6, NORM},
    {16, 1, 128, 32, true, 37, "mixed", SLD_F16, SLD_F8E4M3FN, 16, {7, 0.03f}, 1e-6, NORM},
    {4, 4, 256, 64, false, 9, "mixed", SLD_F32, 0, 48, {1, 1}, 1e-6, NORM},
    {8, 2, 128, 128, true, 40, "again", SLD_BF16, 0, 16, {1, 1}, 1e-6, NORM},
    {4, 2, 128, 32, true, 6, "mixed", SLD_F32, 0, 16, {1, 1}, 1e-6, NORM},
    {4, 2, 128, 128, false, 6, "mixed", SLD_F32, 0, 16, {1, 1}, 1e-6, NORM},
    {8, 2, 128, 128, true, 100, "all", SLD_BF16, 0, 16, {1, 1}, 1e-6, NORM},
    {8, 2, 128, 128, true, 1, "all", SLD_BF16, 0, 16, {1, 1}, 1e-6, NORM},
    {8, 2, 128, 128, true, 0, "all", SLD_BF16, 0, 16, {1, 1}, 1e-6, NORM},
    {8, 2, 128, 128, true, 12, "short", SLD_BF16, 0, 16, {1, 1}, 1e-6, NORM},
    {8, 1, 256, 64, true, 11, "mixed", SLD_BF16, 0, 16, {1, 1}, 1e-6, NORM, .centred = true},
    {8, 2, 64, 64, true, 9, "mixed", SLD_BF16, SLD_F8E4M3FN, 16, {1, 1}, 1e-6, NORM, .f8_queries = true},
    {2, 1, 64, 32, false, MANY, "mixed", SLD_BF16, 0, 32, {1, 1}, 1e-5, NORM},
    {16, 2, 128, 128, true, 20, "mixed", SLD_BF16, 0, 16, {1, 1}, 0, .normed = false},
    {8, 2, 64, 20, true, 7, "mixed", SLD_BF16, SLD_F8E4M3FN, 48, {0.03f, 7}, 1e-6, NORM},  /* neither turned dims nor blocks divide */
    {8, 2, 64, 64, true, 9, "mixed", SLD_BF16, SLD_F8E4M3FN, 16, {1, 1}, 0, .f8_queries = true},
    {8, 8, 64, 32, false, 20, "middle", SLD_F16, SLD_F8E4M3FN, 32, {0.03f, 7}, 0, .normed = false},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, TABLE = 61 };

static const uint8_t layouts[] = {SLD_CACHE_NHD, SLD_CACHE_HND, SLD_CACHE_PACKED, SLD_CACHE_SHUFFLE, TEST_CACHE_BLOCKS_FIRST};

static int64_t blocks_of(const shape *s)
{
    return s->tokens / s->block + 2;
}

/* ------------------------------------------------------------------ operands -- */

static double uniform(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state / 4294967296.0 * 2 - 1;
}

static char *chain(const shape *s)
{
    char *text = NULL, norms[3][300] = {"", "", ""};
    size_t len = 0;
    const char *t = sld_dtype_name(s->dtype), *w = s->centred ? "%c" : "%w";
    FILE *f = open_memstream(&text, &len);
    long long nq = s->hq * s->d, nk = s->hk * s->d, n = s->tokens;
    fprintf(f, "solder 1\ninput %%x : %s[%lld, %lld]\n", t, n, nq + 2 * nk);
    for (int i = 0; i < 2 && s->normed; i++) {
        char which = "qk"[i];
        fprintf(f, "input %%w%c : %s[%lld]\n", which, s->centred ? "f32" : t, (long long)s->d);
        snprintf(norms[i], sizeof norms[i],
                 "%%n%c = reshape(%%%c; shape = [%lld, %lld, %lld])\n%%m%c = rms_norm(%%n%c, %s%c; eps = %g)\n"
                 "%%r%c = reshape(%%m%c; shape = [%lld, %lld])\n",
                 which, which, n, (long long)(i ? s->hk : s->hq), (long long)s->d, which, which, w, which, s->eps, which,
                 which, n, i ? nk : nq);
    }
    fprintf(f, "input %%p : i64[%lld]\ninput %%t : %s[%d, %lld]\n", n, t, TABLE, (long long)s->rd);
    if (s->f8_queries)
        fprintf(f, "input %%scale : f32[1]\n");
    if (s->centred)
        fprintf(f, "const %%one : f32[] = 1\n%%cq = add(%%wq, %%one)\n%%ck = add(%%wk, %%one)\n");
    fprintf(f, "%%q, %%k, %%v = split(%%x; sizes = [%lld, %lld, %lld], axis = -1)\n%s%s", nq, nk, nk, norms[0], norms[1]);
    fprintf(f, "%%q1, %%k1 = rotary_embedding(%%p, %%%s, %%%s, %%t; head_size = %lld, neox = %s)\n",
            s->normed ? "rq" : "q", s->normed ? "rk" : "k", (long long)s->d, s->neox ? "true" : "false");
    fprintf(f, "%%k2 = reshape(%%k1; shape = [%lld, %lld, %lld])\n%%v2 = reshape(%%v; shape = [%lld, %lld, %lld])\n", n,
            (long long)s->hk, (long long)s->d, n, (long long)s->hk, (long long)s->d);
    fprintf(f, "%%done, %%cache = kv_cache_update(%%k2, %%v2; layer = \"l0\")\n%s", norms[2]);
    if (s->f8_queries)
        fprintf(f, "%%q8, %%scale1 = per_tensor_quant(%%q1, %%scale; to = f8e4m3fn)\n");
    fprintf(f, "output q = %%%s\noutput k = %%k2\noutput v = %%v2\noutput done = %%done\n", s->f8_queries ? "q8" : "q1");
    fclose(f);
    return text;
}

static void fill(sld_graph *g, uint32_t input, sld_tensor *t, uint32_t *state)
{
    sld_value v = g->inputs.at[input];
    const char *name = sld_value_name(g, v);
    *t = launch_tensor(g, v);
    size_t n = kern_numel(t);
    t->data = malloc(n * kern_size(t->dtype) + 1);
    for (size_t i = 0; i < n; i++) {
        double u = uniform(state);
        if (*name == 'p') /* the ends of the table, then anything */
            ((int64_t *)t->data)[i] = i == 0 ? TABLE - 1 : i == 1 ? 0 : (int64_t)((u + 1) / 2 * TABLE);
        else
            kern_put(t, i, !strcmp(name, "scale") ? 0.02 : u);
    }
    if (*name == 'x' && t->dims[0] > 2) /* a row of zeros */
        memset(t->data, 0, (size_t)t->dims[1] * kern_size(t->dtype));
}

/* Slots from the last one of the cache down; -1 where the name says so, and "again": all but the first several times. */
static int64_t make_slots(const shape *s, int64_t *slots)
{
    int64_t n = s->tokens, last = blocks_of(s) * s->block - 1;
    for (int64_t i = 0; i < n; i++) {
        bool skip = !strcmp(s->slots, "none") || (!strcmp(s->slots, "first") && i == 0) ||
                    (!strcmp(s->slots, "last") && i == n - 1) || (!strcmp(s->slots, "middle") && i == n / 2) ||
                    (!strcmp(s->slots, "mixed") && i % 4 == 1);
        slots[i] = skip ? -1 : last - (!strcmp(s->slots, "again") && i ? 1 + i % 7 : i);
    }
    return strcmp(s->slots, "short") ? n : n / 2;
}

/* ------------------------------------------------------------------- running -- */

typedef struct ran { sld_tensor out[4]; test_cache cache; sld_plan *plan; } ran;

static ran run(sld_graph *g, sld_target target, const sld_tensor *in, const shape *s, uint8_t layout,
               const int64_t *slots, int64_t n_slots)
{
    const void *inputs[8];
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = in[i].data;
    ran r = {.cache = test_cache_new(layout, s->cache ? s->cache : s->dtype, blocks_of(s), s->block, s->hk, s->d),
             .plan = sld_plan_new(g, target, NULL)};
    ck_assert_msg(r.plan != NULL, "%s", sld_error(g->ctx));
    memcpy(r.cache.scale, s->scale, sizeof s->scale);
    r.cache.c.slots = slots, r.cache.c.n_slots = n_slots;
    r.cache.c.scale[0] = s->scale, r.cache.c.scale[1] = s->scale + 1;
    sld_plan_set_caches(r.plan, (sld_caches){test_cache_find, &r.cache.c});
    ck_assert_msg(shared_run(g->ctx, r.plan, inputs, r.out, g->outputs.n, r.cache.memory, r.cache.bytes) == SLD_OK, "%s",
                  sld_error(g->ctx));
    return r;
}

static void end(ran *r)
{
    free(r->cache.memory);
    sld_plan_free(r->plan);
}

/* ----------------------------------------------------------------- comparing -- */

static double tolerance(uint8_t dtype)
{
    return dtype == SLD_BF16 ? 1e-2 : dtype == SLD_F16 ? 2e-3 : 1e-5;
}

/* Numbers of f8 codes that differ, by one code at most. */
static size_t codes_apart(const sld_tensor *a, const sld_tensor *b)
{
    size_t n = 0;
    for (size_t i = 0; i < kern_numel(a); i++) {
        int x = ((const uint8_t *)a->data)[i], y = ((const uint8_t *)b->data)[i];
        ck_assert_int_le(abs(x - y), 1);
        n += x != y;
    }
    return n;
}

static void compare_results(const ran *got, const ran *want, bool exact, bool lively)
{
    for (int k = 0; k < 3; k++) {
        const sld_tensor *a = &got->out[k], *b = &want->out[k];
        size_t n = kern_numel(b);
        double tol = exact || k == 2 ? 0 : tolerance(b->dtype), sum = 0;
        ck_assert_uint_eq(kern_numel(a), n);
        for (size_t i = 0; i < n; i++)
            sum += fabs(kern_get(b, i));
        ck_assert(sum > 0 || !lively);
        if (b->dtype == SLD_F8E4M3FN)
            ck_assert_uint_le(codes_apart(a, b), exact ? 0 : n / 100);
        else
            for (size_t i = 0; i < n; i++)
                if (!launch_agree(a, b, i, tol, tol))
                    ck_abort_msg("result %d, element %zu: %g, not %g", k, i, kern_get(a, i), kern_get(b, i));
    }
}

/* Every element of both caches, by index: written ones as close as the results, the others untouched. */
static void compare_caches(const ran *got, const ran *want, const shape *s, bool exact)
{
    bool f8 = s->cache != 0;
    double tol = tolerance(s->dtype);
    size_t apart = 0, all = 0;
    for (int which = 0; which < 2; which++)
        for (int64_t slot = 0; slot < blocks_of(s) * s->block; slot++)
            for (size_t h = 0; h < (size_t)s->hk; h++)
                for (size_t d = 0; d < (size_t)s->d; d++, all++) {
                    int a = (int)test_cache_bits(&got->cache, which, slot, h, d);
                    int b = (int)test_cache_bits(&want->cache, which, slot, h, d);
                    double x = test_cache_get(&got->cache, which, slot, h, d);
                    double y = test_cache_get(&want->cache, which, slot, h, d);
                    bool same = a == b || (!exact && (f8 ? abs(a - b) <= 1 : which == CACHE_KEY && fabs(x - y) <= tol * (1 + fabs(y))));
                    if (!same)
                        ck_abort_msg("slot %lld of %d, head %zu, element %zu: %g, not %g", (long long)slot, which, h, d, x, y);
                    apart += a != b;
                }
    ck_assert(!f8 || exact || apart * 1000 <= all);
}

/* --------------------------------------------------------------------- tests -- */

static uint32_t fuse(sld_graph *g, const char *rule)
{
    const sld_ruleset *r = g->rules;
    sld_rule_stats *stats = calloc(r->n_rules, sizeof *stats);
    uint32_t fired = 0;
    const sld_fuse_options options = {.target = SLD_TARGET_CPU, .tokens = {1, 256}};
    ck_assert_msg(sld_fuse(g, &options, stats) == SLD_OK, "%s", sld_error(g->ctx));
    for (uint32_t i = 0; i < r->n_rules; i++)
        fired += !strcmp(r->rules[i].name, rule) ? stats[i].fired : 0;
    free(stats);
    return fired;
}

static const char *rule_of(const shape *s)
{
    return s->normed ? "qk_norm_rope_kvcache" : "rope_kvcache";
}

static void joined_is_the_chain(const shape *s)
{
    char *text = chain(s);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    sld_graph *fused = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    ck_assert_msg(g && fused, "%s\n%s", sld_error(ctx), text);
    ck_assert_msg(fuse(fused, rule_of(s)) == 1, "%s did not fire\n%s", rule_of(s), text);
    ck_assert_int_eq(sld_n_results(fused, sld_first_node(fused)), 5);
    sld_tensor in[8];
    uint32_t state = 2463534242u;
    int64_t slots[MANY], n_slots = make_slots(s, slots);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        fill(g, i, &in[i], &state);
    ran want = run(g, SLD_TARGET_REF, in, s, SLD_CACHE_NHD, slots, n_slots);
    ran first = run(fused, SLD_TARGET_CPU, in, s, layouts[0], slots, n_slots);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        ran ref = run(fused, SLD_TARGET_REF, in, s, layouts[i], slots, n_slots);
        ran cpu = run(fused, SLD_TARGET_CPU, in, s, layouts[i], slots, n_slots);
        compare_results(&ref, &want, !s->centred, s->tokens > 0);
        compare_caches(&ref, &want, s, !s->centred);
        compare_results(&cpu, &want, false, s->tokens > 0);
        compare_caches(&cpu, &want, s, false);
        compare_results(&cpu, &first, true, s->tokens > 0);
        compare_caches(&cpu, &first, s, true);
        end(&ref);
        end(&cpu);
    }
    end(&first);
    ran parts = run(g, SLD_TARGET_CPU, in, s, SLD_CACHE_NHD, slots, n_slots);
    compare_results(&parts, &want, false, s->tokens > 0);
    compare_caches(&parts, &want, s, false);
    end(&parts);
    end(&want);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(in[i].data);
    sld_graph_free(fused);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    free(text);
}

START_TEST(shape_by_shape)
{
    joined_is_the_chain(&shapes[_i]);
}
END_TEST

/* All combinations that the tests of a serving engine have of this fusion; without ACCEPTANCE some that have every value but
 * 2048 tokens. */
static const shape geometries[] = {
    {.hq = 64, .hk = 8, .d = 64, .rd = 64, .neox = true, NORM}, {.hq = 64, .hk = 8, .d = 64, .rd = 64, .neox = false, NORM},
    {.hq = 32, .hk = 8, .d = 128, .rd = 64, .neox = true, NORM}, {.hq = 32, .hk = 2, .d = 128, .rd = 64, .neox = false, NORM},
    {.hq = 16, .hk = 2, .d = 64, .rd = 32, .neox = true, NORM},
    {.hq = 64, .hk = 8, .d = 64, .rd = 64, .neox = true}, {.hq = 64, .hk = 8, .d = 64, .rd = 64, .neox = false},
};
enum { N_GEOMETRIES = sizeof geometries / sizeof *geometries };

START_TEST(engine_matrix)
{
    static const int64_t tokens[] = {5, 16, 2048}, blocks[] = {16, 32, 64};
    static const uint8_t caches[] = {SLD_DTYPE_NONE, SLD_F8E4M3FN};
    static const double epsilons[] = {1e-5, 1e-6};
    shape s = geometries[_i / 3];
    s.tokens = tokens[_i % 3];
    s.dtype = SLD_BF16;
    bool all = getenv("ACCEPTANCE") != NULL;
    for (int k = 0; k < 12 && (all || s.tokens < 100); k += all ? 1 : 5) {
        s.block = blocks[k / 4];
        s.cache = caches[k / 2 % 2];
        s.eps = epsilons[k % 2];
        s.slots = k % 2 ? "all" : "mixed";
        s.scale[0] = s.scale[1] = k % 2 ? 1 : 0.5f;
        joined_is_the_chain(&s);
    }
}
END_TEST

/* -------------------------------------------------------------------- refusals -- */

typedef struct bad_cache { const char *error; void (*spoil)(sld_cache *c, int64_t *slots, int64_t *positions); } bad_cache;

static void spoil_heads(sld_cache *c, int64_t *slots, int64_t *p) { c->heads = 3; (void)slots, (void)p; }
static void spoil_dtype(sld_cache *c, int64_t *slots, int64_t *p) { c->dtype = SLD_F32; (void)slots, (void)p; }
static void spoil_slot(sld_cache *c, int64_t *slots, int64_t *p) { slots[1] = c->blocks * c->block_size; (void)p; }
static void spoil_block(sld_cache *c, int64_t *slots, int64_t *p)
{
    c->layout = SLD_CACHE_SHUFFLE, c->block_size = 12;
    (void)slots, (void)p;
}
static void spoil_stride(sld_cache *c, int64_t *slots, int64_t *p) { c->strides[0][1] /= 2; (void)slots, (void)p; }
static void spoil_values(sld_cache *c, int64_t *slots, int64_t *p) { c->strides[1][1] /= 2; (void)slots, (void)p; }
/* Shuffled blocks that begin within the one before. */
static void spoil_shuffled(sld_cache *c, int64_t *slots, int64_t *p)
{
    c->layout = SLD_CACHE_SHUFFLE;
    c->strides[0][0] /= 2, c->strides[1][0] /= 2;
    (void)slots, (void)p;
}
/* The views of a packed cache, of which the values begin where they would in a cache of two halves of a block. */
static void spoil_overlap(sld_cache *c, int64_t *slots, int64_t *p)
{
    c->data[1] = (char *)c->data[0] + 64;
    (void)slots, (void)p;
}
/* The first block of values is the second one of keys. */
static void spoil_blocks(sld_cache *c, int64_t *slots, int64_t *p)
{
    c->data[1] = (char *)c->data[0] + c->strides[0][0] * 2;
    (void)slots, (void)p;
}
static void spoil_shared(sld_cache *c, int64_t *slots, int64_t *p) { c->data[1] = c->data[0]; (void)slots, (void)p; }
static void spoil_position(sld_cache *c, int64_t *slots, int64_t *p) { p[0] = TABLE; (void)slots, (void)c; }

static const bad_cache bads[] = {
    {"the cache has other heads", spoil_heads},
    {"the cache has neither the dtype of the batch nor f8", spoil_dtype},
    {"a slot lies behind the cache", spoil_slot},
    {"blocks or heads do not divide into the pieces of the shuffled layout", spoil_block},
    {"two places of the cache share memory", spoil_stride},
    {"two places of the cache share memory", spoil_values},
    {"two places of the cache share memory", spoil_shuffled},
    {"two places of the cache share memory", spoil_overlap},
    {"two places of the cache share memory", spoil_blocks},
    {"keys and values share memory", spoil_shared},
    {"a position lies outside the table", spoil_position},
};
enum { N_BADS = sizeof bads / sizeof *bads };

START_TEST(bad_caches_are_refused)
{
    const shape *s = &shapes[0];
    char *text = chain(s);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    sld_tensor in[8];
    uint32_t state = 1;
    int64_t slots[MANY], n_slots = make_slots(s, slots);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        fill(g, i, &in[i], &state);
    ck_assert_uint_eq(fuse(g, "qk_norm_rope_kvcache"), 1);
    test_cache t = test_cache_new(SLD_CACHE_NHD, s->dtype, blocks_of(s), s->block, s->hk, s->d);
    test_cache_slots(&t, slots, n_slots);
    bads[_i].spoil(&t.c, slots, in[3].data);
    for (sld_target target = SLD_TARGET_REF; target <= SLD_TARGET_CPU; target++) {
        const void *inputs[8];
        sld_tensor out[4];
        sld_plan *p = sld_plan_new(g, target, NULL);
        for (uint32_t i = 0; i < g->inputs.n; i++)
            inputs[i] = in[i].data;
        ck_assert_int_eq(sld_plan_run(p, inputs, out), SLD_ERR_KERNEL);
        ck_assert(_i + 1 == N_BADS || strstr(sld_error(ctx), "the engine has no cache for the layer"));
        sld_plan_set_caches(p, (sld_caches){test_cache_find, &t.c});
        ck_assert_int_eq(sld_plan_run(p, inputs, out), SLD_ERR_KERNEL);
        ck_assert_msg(strstr(sld_error(ctx), bads[_i].error) != NULL, "%s", sld_error(ctx));
        sld_plan_free(p);
    }
    for (size_t i = 0; i < t.bytes; i++)
        ck_assert_int_eq(((char *)t.memory)[i], 0x3c);
    free(t.memory);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(in[i].data);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    free(text);
}
END_TEST

Suite *qkv_suite(void)
{
    Suite *s = suite_create("qkv");
    TCase *t = tcase_create("caches");
    tcase_set_timeout(t, getenv("ACCEPTANCE") ? 900 : 120);
    tcase_add_loop_test(t, shape_by_shape, 0, N_SHAPES);
    tcase_add_loop_test(t, engine_matrix, 0, 3 * N_GEOMETRIES);
    tcase_add_loop_test(t, bad_caches_are_refused, 0, N_BADS);
    suite_add_tcase(s, t);
    return s;
}
