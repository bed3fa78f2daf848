/* The graph: building, names, uses, order labels, edits, contents, and what verify finds. */
#include <check.h>
#include <string.h>
#include <time.h>

#include "edit.h"
#include "test_ops.h"

static sld_ctx *ctx;
static sld_graph *g;
static sld_value x;

static void setup(void)
{
    static const int64_t dims[2] = {4, 6};
    ctx = sld_ctx_new(NULL);
    g = sld_graph_new(ctx, &test_rules);
    x = sld_graph_input(g, "x", SLD_F32, 2, dims);
}

static void teardown(void)
{
    sld_graph_free(g);
    sld_ctx_free(ctx);
}

static sld_value add(sld_value a, sld_value b, const char *name)
{
    sld_value in[2] = {a, b};
    sld_node n = sld_graph_add(g, OP_ADD, 2, in, NULL, 1, &name);
    ck_assert_msg(n, "%s", sld_error(ctx));
    return sld_result(g, n, 0);
}

static sld_value neg(sld_value a, const char *name)
{
    sld_node n = sld_graph_add(g, OP_NEG, 1, &a, NULL, 1, &name);
    ck_assert_msg(n, "%s", sld_error(ctx));
    return sld_result(g, n, 0);
}

static sld_node node_of(sld_value v) { return sld_producer(g, v); }

static void check_valid(void) { ck_assert_msg(sld_graph_verify(g) == SLD_OK, "%s", sld_error(ctx)); }

START_TEST(ruleset_of_another_version_is_refused)
{
    sld_ruleset r = test_rules;
    r.abi = SLD_ABI + 1;
    ck_assert_ptr_null(sld_graph_new(ctx, &r));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "'test'"));
    ck_assert_uint_eq(sld_op_find(&test_rules, "mul"), OP_MUL);
    ck_assert_uint_eq(sld_op_find(&test_rules, "none"), 0);
}
END_TEST

START_TEST(names_are_unique_and_found)
{
    sld_value a = add(x, x, "h"), b = add(a, x, "h"), c = add(b, x, NULL), d = add(c, x, "h_1");
    ck_assert_str_eq(sld_value_name(g, a), "h");
    ck_assert_str_eq(sld_value_name(g, b), "h_1");
    ck_assert_str_eq(sld_value_name(g, c), "add");
    ck_assert_str_eq(sld_value_name(g, d), "h_1_1");
    ck_assert_uint_eq(sld_value_find(g, "h_1"), b);
    ck_assert_uint_eq(sld_value_find(g, "h_2"), 0);
    ck_assert_int_eq(sld_graph_output(g, NULL, d), SLD_OK);
    ck_assert_int_eq(sld_graph_output(g, "h", d), SLD_OK); /* outputs have a name space of their own */
    ck_assert_int_eq(sld_graph_sweep(g), SLD_OK);
    sld_value in[2] = {d, d};
    const char *name = "t";
    sld_node n = sld_graph_add(g, OP_ADD, 2, in, NULL, 1, &name);
    sld__erase_node(g, n, NULL);
    ck_assert_uint_eq(sld_value_find(g, "t"), 0);
    ck_assert_str_eq(sld_value_name(g, add(d, d, "t")), "t");
    check_valid();
}
END_TEST

START_TEST(results_have_inferred_types)
{
    int64_t sizes[2] = {1, 5};
    sld_attr attrs[3] = {{.kind = SLD_ATTR_INTS, .n = 2, .p = sizes}, {.kind = SLD_ATTR_AXIS, .i = 1}};
    const char *names[2] = {"left", NULL};
    sld_node n = sld_graph_add(g, OP_SPLIT, 1, &x, attrs, 2, names);
    ck_assert_msg(n, "%s", sld_error(ctx));
    sizes[0] = 99; /* attributes are copied */
    ck_assert_str_eq(sld_value_name(g, sld_result(g, n, 0)), "left");
    ck_assert_str_eq(sld_value_name(g, sld_result(g, n, 1)), "split");
    ck_assert_int_eq(sld_shape(g, sld_result(g, n, 0))[1], 1);
    ck_assert_int_eq(sld_shape(g, sld_result(g, n, 1))[1], 5);
    ck_assert_int_eq(sld_node_attrs(g, n)[1].i, -1);
    sld_value in[3] = {sld_result(g, n, 1), x, x};
    sld_attr axis = {.kind = SLD_ATTR_AXIS, .i = -1};
    sld_node c = sld_graph_add(g, OP_CONCAT, 3, in, &axis, 1, NULL);
    ck_assert_msg(c, "%s", sld_error(ctx));
    ck_assert_int_eq(sld_shape(g, sld_result(g, c, 0))[1], 17);
    sld_node two = sld_graph_add(g, OP_TWO, 1, &x, NULL, 2, NULL);
    ck_assert_int_eq(sld_dtype_of(g, sld_result(g, two, 1)), SLD_BOOL);
    ck_assert_uint_eq(sld_rank(g, sld_result(g, two, 1)), 0);
    ck_assert_uint_eq(sld_graph_n_nodes(g), 3);
    check_valid();
}
END_TEST

START_TEST(refused_nodes_leave_no_trace)
{
    static const int64_t dims[1] = {5};
    sld_value y = sld_graph_input(g, "y", SLD_F32, 1, dims), in[2] = {x, y};
    const char *name = "sum";
    ck_assert_uint_eq(sld_graph_add(g, OP_ADD, 2, in, NULL, 1, &name), 0);
    ck_assert_msg(strstr(sld_error(ctx), "sum: add"), "%s", sld_error(ctx));
    ck_assert_uint_eq(sld_value_find(g, "sum"), 0);
    in[1] = 77;
    ck_assert_uint_eq(sld_graph_add(g, OP_ADD, 2, in, NULL, 1, NULL), 0);
    ck_assert_msg(strstr(sld_error(ctx), "operand 1"), "%s", sld_error(ctx));
    ck_assert_uint_eq(sld_graph_add(g, N_TEST_OPS, 0, NULL, NULL, 1, NULL), 0);
    ck_assert_uint_eq(sld_graph_add(g, OP_ADD, 2, in, NULL, 70000, NULL), 0);
    ck_assert_uint_eq(sld_graph_n_nodes(g), 0);
    ck_assert_uint_eq(g->values.at[x].n_uses, 0);
    g->where = "model.onnx";
    ck_assert_int_eq(sld_graph_output(g, "o", 99), SLD_ERR_GRAPH);
    ck_assert_msg(!strncmp(sld_error(ctx), "model.onnx: ", 12), "%s", sld_error(ctx));
    g->where = NULL;
    check_valid();
}
END_TEST

START_TEST(lying_constants_are_refused)
{
    static const int64_t huge[3] = {1ll << 31, 1ll << 31, 4}, four[1] = {4}, minus[1] = {-1};
    sld_dim s[1] = {sld_dim_symbol(g, "s", 1, 9)};
    char data[16] = {0};
    ck_assert_uint_eq(sld_graph_const(g, "a", SLD_F32, 3, huge, data, 0), 0);
    ck_assert_uint_eq(sld_graph_const(g, "a", SLD_F32, 1, four, data, 15), 0);
    ck_assert_uint_eq(sld_graph_const(g, "a", SLD_F32, 1, minus, data, 4), 0);
    ck_assert_uint_eq(sld_graph_const(g, "a", SLD_F32, 1, s, data, 4), 0);
    ck_assert_uint_eq(sld_graph_const(g, "a", SLD_DTYPE_COUNT, 1, four, data, 4), 0);
    ck_assert_uint_eq(sld_graph_input(g, "a", SLD_F32, 256, huge), 0);
    ck_assert_uint_eq(sld_graph_input(g, "a", SLD_F32, 1, (sld_dim[]){SLD_SYM_NONE}), 0);
    ck_assert_uint_ne(sld_graph_const(g, "a", SLD_F32, 3, huge, NULL, 0), 0); /* declared only */
    ck_assert_uint_ne(sld_graph_const(g, "b", SLD_F32, 1, four, data, 16), 0);
    ck_assert_uint_eq(sld_value_find(g, "a_1"), 0);
}
END_TEST

START_TEST(contents_and_scalars)
{
    static const int64_t three[1] = {3}, many[1] = {65}, one[2] = {1, 1}, none[1] = {0};
    static const int32_t ints[3] = {5, -1, 0};
    static const int64_t low[1] = {INT64_MIN}, zeros[65];
    const float f = 2.5f;
    uint32_t n = 9;
    sld_value c = sld_graph_const(g, NULL, SLD_I32, 1, three, ints, sizeof ints);
    const sld_dim *d = sld_value_contents(g, c, &n);
    ck_assert(d && n == 3 && d[0] == 5 && d[1] == -1 && d[2] == 0);
    uint32_t dims = g->dims.n;
    ck_assert(sld_value_contents(g, c, &n) && g->dims.n == dims);
    ck_assert_ptr_null(
        sld_value_contents(g, sld_graph_const(g, NULL, SLD_I64, 1, many, zeros, sizeof zeros), &n));
    d = sld_value_contents(g, sld_graph_const(g, NULL, SLD_I64, 0, NULL, low, 8), &n);
    ck_assert(d && n == 1 && d[0] == SLD_SYM_LIMIT);
    ck_assert_ptr_null(sld_value_contents(g, sld_graph_const(g, NULL, SLD_I64, 1, three, NULL, 0), &n));
    ck_assert_ptr_nonnull(sld_value_contents(g, sld_graph_const(g, NULL, SLD_I64, 1, none, zeros, 0), &n));
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_null(sld_value_contents(g, x, &n));
    sld_value s = neg(add(c, c, NULL), NULL);
    d = sld_value_contents(g, s, &n);
    ck_assert(d && n == 3 && d[0] == -10 && d[1] == 2);
    double v = 0;
    sld_value scalar = sld_graph_const(g, NULL, SLD_F32, 2, one, &f, sizeof f);
    ck_assert(sld_value_scalar(g, scalar, &v) && v == 2.5);
    ck_assert_ptr_null(sld_value_contents(g, scalar, &n));
    ck_assert(!sld_value_scalar(g, c, &v) && !sld_value_scalar(g, x, &v) && !sld_value_scalar(g, 0, &v));
}
END_TEST

/* Room for the readers that a replaced value hands over. */
static void replace(sld_value old, sld_value with)
{
    uint32_t n;
    ck_assert(sld__users_make(g));
    sld__users(g, old, &n);
    ck_assert(sld__users_reserve_many(g, with, n));
    sld__replace_value(g, old, with);
}

START_TEST(replace_moves_uses_outputs_and_names)
{
    sld_value c = neg(x, "c"), a = neg(x, "a"), b = add(a, a, "b");
    sld_graph_output(g, "out", a);
    replace(a, c);
    ck_assert_uint_eq(g->values.at[a].n_uses, 0);
    ck_assert_uint_eq(g->values.at[c].n_uses, 3);
    ck_assert_uint_eq(sld_operand(g, node_of(b), 1), c);
    ck_assert_uint_eq(g->outputs.at[0].value, c);
    ck_assert_str_eq(sld_value_name(g, c), "a");
    ck_assert_uint_eq(sld_value_find(g, "a"), c);
    ck_assert_uint_eq(sld_value_find(g, "c"), a);
    check_valid();
    sld__erase_node(g, node_of(a), NULL);
    check_valid();
    replace(c, x); /* an input keeps its name */
    ck_assert_str_eq(sld_value_name(g, x), "x");
    ck_assert_uint_eq(sld_value_find(g, "a"), c);
    check_valid();
}
END_TEST

START_TEST(equal_types_and_attributes_are_kept_once)
{
    sld_value a = neg(x, NULL), b = neg(a, NULL);
    uint32_t types = g->types.n, attrs = g->attrs.n, dims = g->dims.n;
    for (int i = 0; i < 100; i++)
        b = neg(b, NULL);
    ck_assert(g->types.n == types && g->attrs.n == attrs && g->dims.n == dims);
    ck_assert_uint_eq(g->values.at[a].type, g->values.at[b].type);
    check_valid();
}
END_TEST

START_TEST(readers_come_and_go_in_constant_room)
{
    sld_value shared = neg(x, NULL);
    for (int i = 0; i < 100; i++)
        sld_graph_output(g, NULL, neg(shared, NULL));
    ck_assert(sld__users_make(g));
    for (int i = 0; i < 10000; i++) {
        sld_value v = neg(shared, NULL);
        sld__erase_node(g, node_of(v), NULL);
    }
    ck_assert_uint_eq(g->values.at[shared].n_uses, 100);
    uint32_t room = g->users.n;
    for (int i = 0; i < 100000; i++)
        sld__erase_node(g, node_of(neg(shared, NULL)), NULL);
    ck_assert_uint_eq(g->users.n, room);
    check_valid();
}
END_TEST

START_TEST(sweep_keeps_effects_and_what_is_used)
{
    static const float data[1] = {1};
    sld_value w = sld_graph_const(g, "w", SLD_F32, 0, NULL, data, 4),
              k = sld_graph_const(g, "k", SLD_F32, 0, NULL, data, 4);
    sld_value dead = neg(neg(add(x, w, NULL), NULL), NULL), kept = add(x, k, "kept");
    sld_attr name = {.kind = SLD_ATTR_STRING, .s = "buffer"};
    sld_value stored = neg(x, "stored");
    ck_assert_msg(sld_graph_add(g, OP_STORE, 1, &stored, &name, 0, NULL), "%s", sld_error(ctx));
    sld_graph_output(g, NULL, kept);
    ck_assert_int_eq(sld_graph_sweep(g), SLD_OK);
    ck_assert_uint_eq(sld_graph_n_nodes(g), 3);
    ck_assert_int_eq(sld_kind(g, dead), SLD_VALUE_FREE);
    ck_assert_uint_eq(sld_value_find(g, "w"), 0);
    ck_assert_uint_eq(sld_value_find(g, "k"), k);
    check_valid();
}
END_TEST

START_TEST(a_million_nodes)
{
    enum { N = 1000000 };
    clock_t start = clock();
    sld_value v = x;
    for (int i = 0; i < N; i++) {
        sld_node n = sld_graph_add(g, OP_NEG, 1, i % 2 ? &x : &v, NULL, 1, NULL);
        ck_assert_uint_ne(n, 0);
        v = sld_result(g, n, 0);
    }
    sld_graph_output(g, NULL, v);
    replace(x, v); /* half a million uses at once */
    replace(v, x);
    ck_assert_int_eq(sld_graph_sweep(g), SLD_OK);
    ck_assert_uint_eq(sld_graph_n_nodes(g), 0);
    check_valid();
    ck_assert_msg(clock() - start < 60 * CLOCKS_PER_SEC, "a step is quadratic");
}
END_TEST

/* Two bits of an id are taken. Nobody has memory for as many; they are only said to be there. */
START_TEST(ids_come_to_an_end)
{
    uint32_t *const counts[] = {&g->values.n, &g->nodes.n, &g->consts.n, &g->outputs.n, &g->operands.n};
    const char *const said[] = {"more than 1073741823 values", "more than 1073741823 nodes",
                                "more than 1073741823 constants", "more than 1073741823 outputs",
                                "more than 4294967295 operands"};
    const uint32_t cap = g->operands.cap;
    const float one = 1;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint32_t before = *counts[i];
        *counts[i] = i == 4 ? UINT32_MAX : SLD_IDS_MAX + 1;
        g->operands.cap = i == 4 ? UINT32_MAX : cap;
        bool made = i == 2   ? sld_graph_const(g, NULL, SLD_F32, 0, NULL, &one, sizeof one)
                    : i == 3 ? sld_graph_output(g, "o", x) == SLD_OK
                             : sld_graph_add(g, OP_NEG, 1, &x, NULL, 1, NULL);
        ck_assert(!made);
        ck_assert_str_eq(sld_error(ctx), said[i]);
        *counts[i] = before;
    }
    g->operands.cap = cap;
    check_valid();
}
END_TEST

/* ------------------------------------------------------------------ verify -- */

static void check_fault(const char *what)
{
    ck_assert_int_ne(sld_graph_verify(g), SLD_OK);
    ck_assert_msg(strstr(sld_error(ctx), what), "'%s' instead of '%s'", sld_error(ctx), what);
}

START_TEST(verify_finds_each_fault)
{
    sld_value a = neg(x, "a"), b = add(a, x, "b");
    sld_graph_output(g, "o", b);
    check_valid();

    sld_node_rec *nb = &g->nodes.at[node_of(b)];
    g->values.at[a].n_uses++;
    check_fault("a: 1 uses found, 2 counted");
    g->values.at[a].n_uses--;

    sld_value *in = &g->operands.at[nb->in];
    *in = x;
    check_fault("x: 3 uses found, 2 counted");
    *in = b;
    check_fault("operand 'b' is defined later");
    *in = a;

    g->values.at[a].origin = node_of(b);
    check_fault("result 0 belongs to another node");
    g->values.at[a].origin = 1;

    g->n_unread++;
    check_fault("0 values unread, 1 counted");
    g->n_unread--;

    static const int64_t four[1] = {4};
    uint32_t type = g->values.at[b].type;
    g->values.at[b].type = sld__type(g, SLD_F16, 1, four);
    check_fault("b: result 0 does not have the type");
    g->values.at[b].type = type;

    uint16_t op = nb->op;
    nb->op = 0;
    check_fault("1 nodes found, 2 counted");
    nb->op = op;
    check_valid();
}
END_TEST

START_TEST(verifying_again_and_again_takes_no_room)
{
    static const int64_t data[2] = {1, 2}, two[1] = {2};
    sld_value c = sld_graph_const(g, NULL, SLD_I64, 1, two, data, sizeof data);
    sld_graph_output(g, NULL, neg(c, NULL));
    check_valid();
    uint32_t n = g->dims.n, count;
    for (int i = 0; i < 10; i++)
        check_valid();
    ck_assert_uint_eq(g->dims.n, n);
    ck_assert_int_eq(sld_value_contents(g, c, &count)[1], 2);
}
END_TEST

Suite *graph_suite(void);
Suite *graph_suite(void)
{
    Suite *s = suite_create("graph");
    TCase *t = tcase_create("graph");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, ruleset_of_another_version_is_refused);
    tcase_add_test(t, names_are_unique_and_found);
    tcase_add_test(t, results_have_inferred_types);
    tcase_add_test(t, refused_nodes_leave_no_trace);
    tcase_add_test(t, lying_constants_are_refused);
    tcase_add_test(t, contents_and_scalars);
    tcase_add_test(t, replace_moves_uses_outputs_and_names);
    tcase_add_test(t, sweep_keeps_effects_and_what_is_used);
    tcase_add_test(t, equal_types_and_attributes_are_kept_once);
    tcase_add_test(t, readers_come_and_go_in_constant_room);
    tcase_add_test(t, a_million_nodes);
    tcase_add_test(t, ids_come_to_an_end);
    tcase_add_test(t, verify_finds_each_fault);
    tcase_add_test(t, verifying_again_and_again_takes_no_room);
    suite_add_tcase(s, t);
    return s;
}
