/* A small hand-made ruleset for unit tests: one op for each form that a declaration can have.
 *
 *     op add(a: T[*A], b: T[*B]) -> T[broadcast(A, B)]  commutative contents add
 *     op mul(a: T[*A], b: T[*B]) -> T[broadcast(A, B)]  commutative contents mul
 *     op split(x: T[*A]; sizes: ints = [], axis: axis, parts: int = 0) -> T[split(A, sizes, axis, parts)]...
 *     op concat(xs: T[*A]...; axis: axis) -> T[concat(xs, axis)]
 *     op two(x: T[*A]) -> (same: T[*A], flag: bool[])
 *     op every(x: T[*A], y: T[*A]?; i: int = 7, f: float = 1.0, b: bool = true, s: string = "none",
 *              d: dtype = f32, e: {red, green, "dark blue"} = red, axis: axis = -1, ints: ints = [],
 *              axes: axes = []) -> T[*A]
 *     op store(x: T[*A]; name: string) -> ()  effect
 *     op neg(x: T[*A]) -> T[*A]  contents neg */
#ifndef TEST_OPS_H
#define TEST_OPS_H

#include "graph.h"

enum { OP_ADD = 1, OP_MUL, OP_SPLIT, OP_CONCAT, OP_TWO, OP_EVERY, OP_STORE, OP_NEG, N_TEST_OPS };
enum { EVERY_I, EVERY_F, EVERY_B, EVERY_S, EVERY_D, EVERY_E, EVERY_AXIS, EVERY_INTS, EVERY_AXES, N_EVERY };

#define ANY (SLD_DTYPE_BIT(SLD_DTYPE_COUNT) - 2)
static const sld_dtype_var test_t[] = {{"T", ANY}};
static const char *const test_ranks[] = {"A", "B"};

static const sld_term test_a[] = {{.kind = SLD_T_RANK, .id = 0}};
static const sld_term test_b[] = {{.kind = SLD_T_RANK, .id = 1}};
static const sld_term test_broadcast[] = {{.kind = SLD_T_CALL, .id = SLD_FN_BROADCAST, .nargs = 2},
                                          {.kind = SLD_T_RANK, .id = 0},
                                          {.kind = SLD_T_RANK, .id = 1}};
static const sld_term test_split[] = {{.kind = SLD_T_CALL, .id = SLD_FN_SPLIT, .nargs = 4},
                                      {.kind = SLD_T_RANK, .id = 0},
                                      {.kind = SLD_T_ATTR, .id = 0},
                                      {.kind = SLD_T_ATTR, .id = 1},
                                      {.kind = SLD_T_ATTR, .id = 2}};
static const sld_term test_concat[] = {{.kind = SLD_T_CALL, .id = SLD_FN_CONCAT, .nargs = 2},
                                       {.kind = SLD_T_OPERAND, .id = 0},
                                       {.kind = SLD_T_ATTR, .id = 0}};

#define T_OF(terms, count)                                                                                   \
    {                                                                                                        \
        .from = SLD_DT_VAR, .dtype = 0, .n_elems = 1, .n_terms = (count), .shape = (terms)                   \
    }
static const sld_operand_info test_binary[] = {{"a", 0, T_OF(test_a, 1)}, {"b", 0, T_OF(test_b, 1)}};
static const sld_operand_info test_unary[] = {{"x", 0, T_OF(test_a, 1)}};
static const sld_operand_info test_optional[] = {{"x", 0, T_OF(test_a, 1)},
                                                 {"y", SLD_OPERAND_OPTIONAL, T_OF(test_a, 1)}};
static const sld_operand_info test_variadic[] = {{"xs", SLD_OPERAND_VARIADIC, T_OF(test_a, 1)}};
static const sld_result_info test_broadcast_result[] = {{"", T_OF(test_broadcast, 3)}};
static const sld_result_info test_same_result[] = {{"", T_OF(test_a, 1)}};
static const sld_result_info test_split_result[] = {{"", T_OF(test_split, 5)}};
static const sld_result_info test_concat_result[] = {{"", T_OF(test_concat, 3)}};
static const sld_result_info test_two_results[] = {{"same", T_OF(test_a, 1)},
                                                   {"flag", {.from = SLD_DT_FIXED, .dtype = SLD_BOOL}}};

static const char *const test_colours[] = {"red", "green", "dark blue"};
static const sld_attr_info test_every_attrs[] = {
    [EVERY_I] = {"i", SLD_ATTR_INT, true, {.kind = SLD_ATTR_INT, .i = 7}, 0, NULL},
    [EVERY_F] = {"f", SLD_ATTR_FLOAT, true, {.kind = SLD_ATTR_FLOAT, .f = 1.0}, 0, NULL},
    [EVERY_B] = {"b", SLD_ATTR_BOOL, true, {.kind = SLD_ATTR_BOOL, .i = 1}, 0, NULL},
    [EVERY_S] = {"s", SLD_ATTR_STRING, true, {.kind = SLD_ATTR_STRING, .s = "none"}, 0, NULL},
    [EVERY_D] = {"d", SLD_ATTR_DTYPE, true, {.kind = SLD_ATTR_DTYPE, .i = SLD_F32}, 0, NULL},
    [EVERY_E] = {"e", SLD_ATTR_ENUM, true, {.kind = SLD_ATTR_ENUM, .i = 0}, 3, test_colours},
    [EVERY_AXIS] = {"axis", SLD_ATTR_AXIS, true, {.kind = SLD_ATTR_AXIS, .i = -1}, 0, NULL},
    [EVERY_INTS] = {"ints", SLD_ATTR_INTS, true, {.kind = SLD_ATTR_INTS}, 0, NULL},
    [EVERY_AXES] = {"axes", SLD_ATTR_AXES, true, {.kind = SLD_ATTR_AXES}, 0, NULL},
};
static const sld_attr_info test_split_attrs[] = {
    {"sizes", SLD_ATTR_INTS, true, {.kind = SLD_ATTR_INTS}, 0, NULL},
    {"axis", SLD_ATTR_AXIS, false, {.kind = SLD_ATTR_NONE}, 0, NULL},
    {"parts", SLD_ATTR_INT, true, {.kind = SLD_ATTR_INT}, 0, NULL},
};
static const sld_attr_info test_concat_attrs[] = {
    {"axis", SLD_ATTR_AXIS, false, {.kind = SLD_ATTR_NONE}, 0, NULL}};
static const sld_attr_info test_store_attrs[] = {
    {"name", SLD_ATTR_STRING, false, {.kind = SLD_ATTR_NONE}, 0, NULL}};

#define TEST_VARS(ranks)                                                                                     \
    .dtype_vars = test_t, .n_dtype_vars = 1, .rank_vars = test_ranks, .n_rank_vars = (ranks)
static const sld_op_info test_op_table[N_TEST_OPS] = {
    [OP_ADD] = {.name = "add",
                .decl = "op add",
                .flags = SLD_OP_COMMUTATIVE,
                .contents = SLD_CONTENTS_ADD,
                .n_operands = 2,
                .operands = test_binary,
                .n_results = 1,
                .results = test_broadcast_result,
                TEST_VARS(2)},
    [OP_MUL] = {.name = "mul",
                .decl = "op mul",
                .flags = SLD_OP_COMMUTATIVE,
                .contents = SLD_CONTENTS_MUL,
                .n_operands = 2,
                .operands = test_binary,
                .n_results = 1,
                .results = test_broadcast_result,
                TEST_VARS(2)},
    [OP_SPLIT] = {.name = "split",
                  .decl = "op split",
                  .flags = SLD_OP_VARIADIC,
                  .n_operands = 1,
                  .operands = test_unary,
                  .n_attrs = 3,
                  .attrs = test_split_attrs,
                  .n_results = 1,
                  .results = test_split_result,
                  TEST_VARS(1)},
    [OP_CONCAT] = {.name = "concat",
                   .decl = "op concat",
                   .n_operands = 1,
                   .operands = test_variadic,
                   .n_attrs = 1,
                   .attrs = test_concat_attrs,
                   .n_results = 1,
                   .results = test_concat_result,
                   TEST_VARS(1)},
    [OP_TWO] = {.name = "two",
                .decl = "op two",
                .n_operands = 1,
                .operands = test_unary,
                .n_results = 2,
                .results = test_two_results,
                TEST_VARS(1)},
    [OP_EVERY] = {.name = "every",
                  .decl = "op every",
                  .n_operands = 2,
                  .operands = test_optional,
                  .n_attrs = N_EVERY,
                  .attrs = test_every_attrs,
                  .n_results = 1,
                  .results = test_same_result,
                  TEST_VARS(1)},
    [OP_STORE] = {.name = "store",
                  .decl = "op store",
                  .flags = SLD_OP_EFFECT,
                  .n_operands = 1,
                  .operands = test_unary,
                  .n_attrs = 1,
                  .attrs = test_store_attrs,
                  TEST_VARS(1)},
    [OP_NEG] = {.name = "neg",
                .decl = "op neg",
                .contents = SLD_CONTENTS_NEG,
                .n_operands = 1,
                .operands = test_unary,
                .n_results = 1,
                .results = test_same_result,
                TEST_VARS(1)},
};

static const uint32_t test_kernel_index[N_TEST_OPS + 1];
static const sld_ruleset test_rules = {.abi = SLD_ABI,
                                       .name = "test",
                                       .n_ops = N_TEST_OPS,
                                       .ops = test_op_table,
                                       .kernel_index = test_kernel_index};

#endif
