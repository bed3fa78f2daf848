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

/* Freed between the first two and the last: the hole that fits best is taken, and no byte more than live. */
START_TEST(placement_takes_the_hole_that_fits)
{
    sld_buffer b[] = {{1024, 0, 1, 0}, {512, 0, 9, 0}, {256, 0, 1, 0}, {128, 0, 9, 0}, {256, 2, 9, 0}, {1024, 2, 9, 0}};
    size_t arena, live;
    ck_assert_int_eq(sld_place(ctx, b, 6, &arena, &live), SLD_OK);
    ck_assert_uint_eq(live, 1024 + 512 + 256 + 128);
    ck_assert_uint_eq(arena, live);
    /* The last one fills what the others leave below the second exactly. */
    sld_buffer exact[] = {{1024, 0, 0, 0}, {640, 0, 5, 0}, {512, 3, 5, 0}, {256, 3, 5, 0}, {256, 3, 5, 0}};
    ck_assert_int_eq(sld_place(ctx, exact, 5, &arena, &live), SLD_OK);
    ck_assert_uint_eq(arena, 1024 + 640);
    ck_assert_int_eq(sld_place(ctx, b, 0, &arena, &live), SLD_OK);
    ck_assert_uint_eq(arena + live, 0);
}
END_TEST

START_TEST(placement_has_a_limit)
{
    sld_buffer b[] = {{SLD_SIZE_LIMIT, 0, 1, 0}, {SLD_SIZE_LIMIT, 2, 3, 0}, {64, 3, 3, 0}};
    size_t arena, live;
    ck_assert_int_eq(sld_place(ctx, b, 2, &arena, &live), SLD_OK);
    ck_assert_uint_eq(arena, SLD_SIZE_LIMIT);
    ck_assert_int_eq(sld_place(ctx, b, 3, &arena, &live), SLD_ERR_LIMIT);
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

/* Random graphs of integer ops, with views, inputs and constants as outputs, against the same arithmetic with
 * every value in memory of its own: memory shared too early would show. */
enum { RANDOM_VALUES = 60, WIDTH = 24 };

typedef struct made { int64_t at[RANDOM_VALUES][WIDTH]; char shape[RANDOM_VALUES]; uint32_t n; } made;

static const char *const shapes[] = {"[24]", "[4, 6]", "[2, 3, 4]"};

/* Writes the line of value n and computes it. Operands have its shape; a view may change that. */
static void random_node(FILE *f, made *m)
{
    uint32_t n = m->n++, a = below(n), b = below(n), op = below(4);
    while (m->shape[b] != m->shape[a])
        b = below(n);
    m->shape[n] = op == 0 ? (char)below(3) : m->shape[a];
    for (int i = 0; i < WIDTH; i++) {
        uint64_t x = (uint64_t)m->at[a][i], y = (uint64_t)m->at[b][i];
        m->at[n][i] = (int64_t)(op == 0 ? x : op == 1 ? x + y : op == 2 ? x - y : -x);
    }
    if (op == 0)
        fprintf(f, "%%v%u = reshape(%%v%u; shape = %s)\n", n, a, shapes[(int)m->shape[n]]);
    else if (op == 3)
        fprintf(f, "%%v%u = neg(%%v%u)\n", n, a);
    else
        fprintf(f, "%%v%u = %s(%%v%u, %%v%u)\n", n, op == 1 ? "add" : "sub", a, b);
}

/* v0 and v1 are inputs, v2 is a constant. */
static char *random_text(made *m)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    fprintf(f, "input %%v0 : i64[24]\ninput %%v1 : i64[4, 6]\nconst %%v2 : i64[24] = [");
    m->n = 3;
    for (int i = 0; i < WIDTH; i++) {
        for (int v = 0; v < 3; v++)
            m->at[v][i] = below(1000) - 500;
        fprintf(f, "%s%lld", i ? ", " : "", (long long)m->at[2][i]);
    }
    fprintf(f, "]\n");
    m->shape[0] = m->shape[2] = 0;
    m->shape[1] = 1;
    while (m->n < RANDOM_VALUES)
        random_node(f, m);
    for (uint32_t v = 0; v < 3; v++)
        fprintf(f, "output o%u = %%v%u\n", v, v);
    for (uint32_t v = 3; v < 12; v++)
        fprintf(f, "output o%u = %%v%u\n", v, below(RANDOM_VALUES));
    fclose(f);
    return text;
}

START_TEST(random_graphs)
{
    static made m;
    state += (uint64_t)_i << 32; /* each runs in a process of its own */
    char *text = random_text(&m);
    sld_graph *g = parse(text);
    sld_plan *p = sld_plan_new(g, _i % 2 ? SLD_TARGET_CPU : SLD_TARGET_REF, NULL);
    ck_assert_msg(p != NULL, "%s", sld_error(ctx));
    const void *inputs[] = {m.at[0], m.at[1]};
    sld_tensor out[12];
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(sld_plan_run(p, inputs, out), SLD_OK);
        for (uint32_t k = 0; k < g->outputs.n; k++) {
            const char *name = sld_value_name(g, g->outputs.at[k].value);
            ck_assert_msg(!memcmp(out[k].data, m.at[atoi(name + 1)], sizeof *m.at), "%s of\n%s", name, text);
        }
    }
    sld_plan_info info = sld_plan_get_info(p);
    ck_assert_uint_le(info.live_bytes, info.arena_bytes);
    ck_assert_uint_eq(info.n_launches + info.n_views, sld_graph_n_nodes(g));
    ck_assert_ptr_eq(out[0].data, m.at[0]);
    sld_plan_free(p);
    sld_graph_free(g);
    free(text);
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

START_TEST(sizes_inputs_and_constants_are_checked)
{
    sld_graph *g = parse("symbol T in [0, inf]\ninput %x : f32[T, 4]\n%y = neg(%x)\noutput y = %y\n");
    int64_t huge = (int64_t)1 << 58, large = (int64_t)1 << 43;
    ck_assert_ptr_null(sld_plan_new(g, SLD_TARGET_CPU, &huge));
    ck_assert_str_eq(sld_error(ctx), "value 'x': it is too large, above 2^46 bytes");
    ck_assert_ptr_null(sld_plan_new(g, SLD_TARGET_CPU, &large));
    ck_assert_str_eq(sld_error(ctx), "value 'x': it is too large, above 2^46 bytes");
    int64_t one = 1;
    sld_plan *p = sld_plan_new(g, SLD_TARGET_CPU, &one);
    const void *none[] = {NULL};
    sld_tensor out;
    ck_assert_int_eq(sld_plan_run(p, none, &out), SLD_ERR_INPUT);
    ck_assert_str_eq(sld_error(ctx), "input 'x' is missing");
    sld_plan_free(p);
    sld_graph_free(g);
    g = parse("input %x : f32[4]\nconst %w : f32[4] = ...\n%y = add(%x, %w)\noutput y = %y\n");
    ck_assert_ptr_null(sld_plan_new(g, SLD_TARGET_CPU, NULL));
    ck_assert_str_eq(sld_error(ctx), "value 'w': this constant was read without its contents");
    sld_graph_free(g);
    g = parse("input %x : f32[4]\n%y = neg(%x)\noutput y = %y\n");
    ck_assert_ptr_null(sld_plan_new(g, SLD_TARGET_HIP, NULL));
    ck_assert_str_eq(sld_error(ctx), "a plan for target hip needs a device");
    sld_graph_free(g);
}
END_TEST

/* An op for its effect has no result; it runs in its place and its fault names it. */
static int64_t stored;

static const char *store(const sld_launch *l)
{
    stored = *(const int64_t *)l->in[0].data;
    return stored < 0 ? "negative" : NULL;
}

static const char *twice(const sld_launch *l)
{
    if (l->work_bytes != 24 || (uintptr_t)l->work % 64)
        return "other memory to work in than the row says";
    memset(l->work, 1, l->work_bytes);
    *(int64_t *)l->out[0].data = 2 * *(const int64_t *)l->in[0].data;
    return NULL;
}

START_TEST(effects_run)
{
    static const sld_term bytes[] = {{.kind = SLD_T_MUL, .nargs = 2}, {.kind = SLD_T_INT, .ival = 8},
                                     {.kind = SLD_T_RUN, .id = SLD_RUN_UNITS}};
    static const sld_term same[] = {{.kind = SLD_T_RANK}};
    static const sld_type type = {.from = SLD_DT_FIXED, .dtype = SLD_I64, .n_elems = 1, .n_terms = 1, .shape = same};
    static const char *const ranks[] = {"A"};
    const sld_operand_info x = {.name = "x", .type = type};
    const sld_result_info y = {.name = "", .type = type};
    const sld_op_info ops[] = {
        {.name = "none"},
        {.name = "store", .decl = "", .flags = SLD_OP_EFFECT, .n_operands = 1, .operands = &x, .n_rank_vars = 1,
         .rank_vars = ranks},
        {.name = "twice", .decl = "", .n_operands = 1, .operands = &x, .n_results = 1, .results = &y,
         .n_rank_vars = 1, .rank_vars = ranks}};
    const sld_kernel_row kernels[] = {{.op = 1, .name = "store", .fn = store, .when_text = ""},
                                      {.op = 2, .name = "twice", .fn = twice, .when_text = "", .n_workspace = 3,
                                       .workspace = bytes}};
    const uint32_t index[] = {0, 0, 1, 2};
    const sld_ruleset rules = {.abi = SLD_ABI, .name = "t", .n_ops = 3, .ops = ops, .n_kernels = 2, .kernels = kernels,
                               .kernel_index = index};
    sld_graph *g = sld_graph_new(ctx, &rules);
    sld_value v = sld_graph_input(g, "x", SLD_I64, 0, NULL);
    v = sld_result(g, sld_graph_add(g, 2, 1, &v, NULL, 1, NULL), 0);
    ck_assert_uint_ne(sld_graph_add(g, 1, 1, &v, NULL, 0, NULL), 0);
    ck_assert_ptr_null(sld_plan_new(g, SLD_TARGET_REF, NULL));
    ck_assert_msg(strstr(sld_error(ctx), "(twice): it is not known how much memory it works in"), "%s", sld_error(ctx));
    g->units = 3;
    sld_plan *p = sld_plan_new(g, SLD_TARGET_REF, NULL);
    ck_assert_msg(p != NULL, "%s", sld_error(ctx));
    ck_assert_uint_eq(sld_plan_get_info(p).arena_bytes, 128);
    int64_t number = 21;
    const void *inputs[] = {&number};
    ck_assert_int_eq(sld_plan_run(p, inputs, NULL), SLD_OK);
    ck_assert_int_eq(stored, 42);
    number = -1;
    ck_assert_int_eq(sld_plan_run(p, inputs, NULL), SLD_ERR_KERNEL);
    ck_assert_str_eq(sld_error(ctx), "node (store): negative");
    sld_plan_free(p);
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
    tcase_set_timeout(t, 60);
    tcase_add_test(t, placement_never_overlaps);
    tcase_add_test(t, placement_takes_the_hole_that_fits);
    tcase_add_test(t, placement_has_a_limit);
    tcase_add_test(t, views_share_storage);
    tcase_add_test(t, reuse_does_not_change_results);
    tcase_add_test(t, symbols);
    tcase_add_loop_test(t, random_graphs, 0, 60);
    tcase_add_test(t, faults_name_the_node);
    tcase_add_test(t, sizes_inputs_and_constants_are_checked);
    tcase_add_test(t, effects_run);
    tcase_add_test(t, out_of_memory);
    suite_add_tcase(s, t);
    return s;
}
