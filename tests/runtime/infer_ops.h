/* A ruleset by hand for the tests of inference: one op for each shape function and contents
 * function, and a few whose operand types, conditions and kernels are worth a test.  The
 * comment on an op is its declaration as a .pat file would have it. */
#ifndef INFER_OPS_H
#define INFER_OPS_H

#include "sld_abi.h"

#define COUNT(...) (sizeof((const sld_term[]){__VA_ARGS__}) / sizeof(sld_term))
#define TERMS(...) COUNT(__VA_ARGS__), (const sld_term[]){__VA_ARGS__}
#define D(i) {SLD_T_DIM, 0, i, {0}}
#define R(i) {SLD_T_RANK, 0, i, {0}}
#define A(i) {SLD_T_ATTR, 0, i, {0}}
#define X(i) {SLD_T_OPERAND, 0, i, {0}}
#define N(v) {SLD_T_INT, 0, 0, {.ival = v}}
#define TYPE_OF(t) {SLD_T_DTYPE, 0, 0, {.ival = t}}
#define DO(kind, n) {SLD_T_##kind, n, 0, {0}}
#define FN(name, n) {SLD_T_CALL, n, SLD_FN_##name, {0}}

/* Types: of a dtype variable, a fixed dtype, an attribute; with the number of elements. */
#define VAR(i, elems, ...) {SLD_DT_VAR, i, elems, TERMS(__VA_ARGS__)}
#define FIX(t, elems, ...) {SLD_DT_FIXED, t, elems, TERMS(__VA_ARGS__)}
#define TO(i, elems, ...) {SLD_DT_ATTR, i, elems, TERMS(__VA_ARGS__)}
#define ANY(i) VAR(0, 1, R(i))

#define OPERANDS(n, ...) .n_operands = n, .operands = (const sld_operand_info[]){__VA_ARGS__}
#define RESULTS(n, ...) .n_results = n, .results = (const sld_result_info[]){__VA_ARGS__}
#define RESULT(...) RESULTS(1, {"", __VA_ARGS__})
#define ATTRS(n, ...) .n_attrs = n, .attrs = (const sld_attr_info[]){__VA_ARGS__}
#define MUST(text, k) {text, SLD_ATTR_##k, false, {0}, 0, NULL}
#define INT_OR(text, k, v) {text, SLD_ATTR_##k, true, {.kind = SLD_ATTR_##k, .i = v}, 0, NULL}
#define NO_LIST(text, k) {text, SLD_ATTR_##k, true, {.kind = SLD_ATTR_##k}, 0, NULL}
#define WHERE(...) .n_where = COUNT(__VA_ARGS__), .where = (const sld_term[]){__VA_ARGS__}

static const sld_dtype_var any_set[] = {{"T", (1u << SLD_DTYPE_COUNT) - 2},
                                        {"I", SLD_DTYPE_BIT(SLD_I32) | SLD_DTYPE_BIT(SLD_I64)}};
static const sld_dtype_var float_set[] = {{"F", SLD_DTYPE_BIT(SLD_F16) | SLD_DTYPE_BIT(SLD_F32)}};
static const char *const dim_names[] = {"H", "K", "M", "N"};
static const char *const rank_names[] = {"A", "B", "C"};
static const char *const mode_names[] = {"constant", "reflect", "edge"};
#define ANY_SET .n_dtype_vars = 2, .dtype_vars = any_set
#define FLOAT_SET .n_dtype_vars = 1, .dtype_vars = float_set
#define NAMES .n_dim_vars = 4, .dim_vars = dim_names, .n_rank_vars = 3, .rank_vars = rank_names, .decl = ""

#define UNARY OPERANDS(1, {"x", 0, ANY(0)})
#define BINARY OPERANDS(2, {"a", 0, ANY(0)}, {"b", 0, ANY(1)})
#define INDEXED OPERANDS(2, {"x", 0, ANY(0)}, {"i", 0, VAR(1, 1, R(1))})
#define MANY OPERANDS(1, {"xs", SLD_OPERAND_VARIADIC, ANY(0)})
#define BROADCAST_AB RESULT(VAR(0, 1, FN(BROADCAST, 2), R(0), R(1)))
#define NUMBER(...) RESULT(FIX(SLD_I64, 1, __VA_ARGS__))
#define END 9223372036854775807

static const sld_op_info infer_ops[] = {
    {.name = "", .decl = ""},
    /* add(a: T[*A], b: T[*B]) -> T[broadcast(A, B)]  contents add; likewise the others */
    {.name = "add", ANY_SET, NAMES, BINARY, BROADCAST_AB, .contents = SLD_CONTENTS_ADD},
    {.name = "sub", ANY_SET, NAMES, BINARY, BROADCAST_AB, .contents = SLD_CONTENTS_SUB},
    {.name = "mul", ANY_SET, NAMES, BINARY, BROADCAST_AB, .contents = SLD_CONTENTS_MUL},
    {.name = "div", ANY_SET, NAMES, BINARY, BROADCAST_AB, .contents = SLD_CONTENTS_DIV},
    {.name = "min", ANY_SET, NAMES, BINARY, BROADCAST_AB, .contents = SLD_CONTENTS_MIN},
    {.name = "max", ANY_SET, NAMES, BINARY, BROADCAST_AB, .contents = SLD_CONTENTS_MAX},
    {.name = "neg", ANY_SET, NAMES, UNARY, RESULT(ANY(0)), .contents = SLD_CONTENTS_NEG},
    /* clip(x: T[*A], lo: T[]?, hi: T[]?) -> T[*A] */
    {.name = "clip", ANY_SET, NAMES,
     OPERANDS(3, {"x", 0, ANY(0)}, {"lo", SLD_OPERAND_OPTIONAL, {SLD_DT_VAR, 0, 0, 0, NULL}},
              {"hi", SLD_OPERAND_OPTIONAL, {SLD_DT_VAR, 0, 0, 0, NULL}}),
     RESULT(ANY(0))},
    /* cast(x: T[*A]; to: dtype) -> to[*A]  contents copy */
    {.name = "cast", ANY_SET, NAMES, UNARY, ATTRS(1, MUST("to", DTYPE)), RESULT(TO(0, 1, R(0))),
     .contents = SLD_CONTENTS_COPY},
    /* reduce(x: T[*A]; axes: axes, keepdims: bool = true) -> T[reduce(A, axes, keepdims)] */
    {.name = "reduce", ANY_SET, NAMES, UNARY, ATTRS(2, MUST("axes", AXES), INT_OR("keepdims", BOOL, 1)),
     RESULT(VAR(0, 1, FN(REDUCE, 3), R(0), A(0), A(1)))},
    /* argmax(x: T[*A]; axis: axis, keepdims: bool = true) -> i64[reduce(A, axis, keepdims)] */
    {.name = "argmax", ANY_SET, NAMES, UNARY, ATTRS(2, MUST("axis", AXIS), INT_OR("keepdims", BOOL, 1)),
     RESULT(FIX(SLD_I64, 1, FN(REDUCE, 3), R(0), A(0), A(1)))},
    /* topk(x: T[*A]; k: int, axis: axis = -1)
     *   -> (values: T[topk(A, k, axis)], indices: i64[topk(A, k, axis)]) */
    {.name = "topk", ANY_SET, NAMES, UNARY, ATTRS(2, MUST("k", INT), INT_OR("axis", AXIS, -1)),
     RESULTS(2, {"values", VAR(0, 1, FN(TOPK, 3), R(0), A(0), A(1))},
             {"indices", FIX(SLD_I64, 1, FN(TOPK, 3), R(0), A(0), A(1))})},
    /* reshape(x: T[*A]; shape: ints, allowzero: bool = true)
     *   -> T[reshape(A, shape, allowzero)]  contents copy */
    {.name = "reshape", ANY_SET, NAMES, UNARY, ATTRS(2, MUST("shape", INTS), INT_OR("allowzero", BOOL, 1)),
     RESULT(VAR(0, 1, FN(RESHAPE, 3), R(0), A(0), A(1))), .contents = SLD_CONTENTS_COPY},
    {.name = "expand", ANY_SET, NAMES, UNARY, ATTRS(1, MUST("shape", INTS)),
     RESULT(VAR(0, 1, FN(EXPAND, 2), R(0), A(0)))},
    {.name = "squeeze", ANY_SET, NAMES, UNARY, ATTRS(1, NO_LIST("axes", AXES)),
     RESULT(VAR(0, 1, FN(SQUEEZE, 2), R(0), A(0))), .contents = SLD_CONTENTS_COPY},
    {.name = "unsqueeze", ANY_SET, NAMES, UNARY, ATTRS(1, MUST("axes", INTS)),
     RESULT(VAR(0, 1, FN(UNSQUEEZE, 2), R(0), A(0))), .contents = SLD_CONTENTS_COPY},
    {.name = "flatten", ANY_SET, NAMES, UNARY, ATTRS(2, INT_OR("first", INT, 0), INT_OR("last", INT, -1)),
     RESULT(VAR(0, 1, FN(FLATTEN, 3), R(0), A(0), A(1)))},
    {.name = "transpose", ANY_SET, NAMES, UNARY, ATTRS(1, NO_LIST("perm", INTS)),
     RESULT(VAR(0, 1, FN(PERMUTE, 2), R(0), A(0)))},
    {.name = "swapaxes", ANY_SET, NAMES, UNARY, ATTRS(2, MUST("a", AXIS), MUST("b", AXIS)),
     RESULT(VAR(0, 1, FN(SWAP, 3), R(0), A(0), A(1)))},
    {.name = "concat", ANY_SET, NAMES, MANY, ATTRS(1, MUST("axis", AXIS)),
     RESULT(VAR(0, 1, FN(CONCAT, 2), X(0), A(0))), .contents = SLD_CONTENTS_CONCAT},
    {.name = "stack", ANY_SET, NAMES, MANY, ATTRS(1, MUST("axis", AXIS)),
     RESULT(VAR(0, 1, FN(STACK, 2), X(0), A(0)))},
    /* split(x: T[*A]; sizes: ints = [], axis: axis, parts: int = 0) -> T[split(A, sizes, axis, parts)]... */
    {.name = "split", ANY_SET, NAMES, UNARY, .flags = SLD_OP_VARIADIC,
     ATTRS(3, NO_LIST("sizes", INTS), MUST("axis", AXIS), INT_OR("parts", INT, 0)),
     RESULT(VAR(0, 1, FN(SPLIT, 4), R(0), A(0), A(1), A(2)))},
    {.name = "slice", ANY_SET, NAMES, UNARY,
     ATTRS(4, NO_LIST("axes", AXES), MUST("starts", INTS), MUST("ends", INTS), NO_LIST("steps", INTS)),
     RESULT(VAR(0, 1, FN(SLICE, 5), R(0), A(0), A(1), A(2), A(3))), .contents = SLD_CONTENTS_SLICE},
    {.name = "select", ANY_SET, NAMES, UNARY, ATTRS(2, MUST("axis", AXIS), MUST("index", INT)),
     RESULT(VAR(0, 1, FN(SELECT, 2), R(0), A(0)))},
    {.name = "pad", ANY_SET, NAMES, UNARY,
     ATTRS(2, MUST("pads", INTS),
           {"mode", SLD_ATTR_ENUM, true, {.kind = SLD_ATTR_ENUM, .i = 0}, 3, mode_names}),
     RESULT(VAR(0, 1, FN(PAD, 2), R(0), A(0))), /* a reflected pad has no more than 9 elements */
     WHERE(DO(OR, 2), DO(NE, 2), A(1), N(1), DO(LE, 2), FN(NUMEL, 1), R(0), N(9))},
    {.name = "with", ANY_SET, NAMES, UNARY, ATTRS(2, MUST("axis", AXIS), MUST("n", INT)),
     RESULT(VAR(0, 1, FN(WITH, 3), R(0), A(0), DO(MUL, 2), A(1), FN(SIZE, 2), R(0), A(0)))},
    {.name = "shape", ANY_SET, NAMES, UNARY, ATTRS(2, INT_OR("start", INT, 0), INT_OR("end", INT, END)),
     NUMBER(FN(CUT, 3), FN(RANK, 1), R(0), A(0), A(1)), .contents = SLD_CONTENTS_DIMS},
    {.name = "size", ANY_SET, NAMES, UNARY, ATTRS(1, MUST("axis", AXIS)),
     RESULT({SLD_DT_FIXED, SLD_I64, 0, 0, NULL}), .contents = SLD_CONTENTS_SIZE},
    /* arange(; start: int = 0, limit: int, step: int = 1, to: dtype = i64)
     *   -> to[ceildiv(limit - start, step)] */
    {.name = "arange", NAMES,
     ATTRS(4, INT_OR("start", INT, 0), MUST("limit", INT), INT_OR("step", INT, 1),
           INT_OR("to", DTYPE, SLD_I64)),
     RESULT(TO(3, 1, FN(CEILDIV, 2), DO(SUB, 2), A(1), A(0), A(2))), .contents = SLD_CONTENTS_RANGE},
    {.name = "full", ANY_SET, NAMES, OPERANDS(1, {"value", 0, ANY(0)}), ATTRS(1, MUST("shape", INTS)),
     RESULT(VAR(0, 1, FN(EXPAND, 2), R(0), A(0))), .contents = SLD_CONTENTS_FULL},
    {.name = "gather", ANY_SET, NAMES, INDEXED, ATTRS(1, MUST("axis", AXIS)),
     RESULT(VAR(0, 1, FN(GATHER, 3), R(0), R(1), A(0))), .contents = SLD_CONTENTS_GATHER},
    {.name = "gather_nd", ANY_SET, NAMES, INDEXED, ATTRS(1, INT_OR("batch_dims", INT, 0)),
     RESULT(VAR(0, 1, FN(GATHER_ND, 3), R(0), R(1), A(0)))},
    {.name = "index", ANY_SET, NAMES,
     OPERANDS(2, {"x", 0, ANY(0)}, {"indices", SLD_OPERAND_VARIADIC, VAR(1, 1, R(1))}),
     RESULT(VAR(0, 1, FN(INDEX, 2), R(0), X(1)))},
    {.name = "matmul", ANY_SET, NAMES, BINARY, RESULT(VAR(0, 1, FN(MATMUL, 2), R(0), R(1)))},
    {.name = "gemm", ANY_SET, NAMES, BINARY, ATTRS(2, INT_OR("ta", BOOL, 0), INT_OR("tb", BOOL, 0)),
     RESULT(VAR(0, 1, FN(MATMUL, 2), FN(TRANSPOSE_IF, 2), R(0), A(0), FN(TRANSPOSE_IF, 2), R(1), A(1)))},
    {.name = "conv", ANY_SET, NAMES, BINARY,
     ATTRS(3, NO_LIST("strides", INTS), NO_LIST("pads", INTS), NO_LIST("dilations", INTS)),
     RESULT(VAR(0, 1, FN(CONV, 5), R(0), R(1), A(0), A(1), A(2)))},
    /* numbers(x: T[*A]) -> i64[rank(A), numel(A), bytes(x), min(numel(A), 7), max(numel(A), 7)] */
    {.name = "numbers", ANY_SET, NAMES, UNARY,
     RESULT(FIX(SLD_I64, 5, FN(RANK, 1), R(0), FN(NUMEL, 1), R(0), FN(BYTES, 1), X(0),
                FN(MIN, 2), FN(NUMEL, 1), R(0), N(7), FN(MAX, 2), FN(NUMEL, 1), R(0), N(7)))},
    /* rms_norm(x: F[*A, H], w: F[H], bias: F[M]?; eps: float) -> F[*A, H] */
    {.name = "rms_norm", FLOAT_SET, NAMES,
     OPERANDS(3, {"x", 0, VAR(0, 2, R(0), D(0))}, {"w", 0, VAR(0, 1, D(0))},
              {"bias", SLD_OPERAND_OPTIONAL, VAR(0, 1, D(2))}),
     ATTRS(1, MUST("eps", FLOAT)), RESULT(VAR(0, 2, R(0), D(0)))},
    /* halves(x: F[*A, 2 * H], y: F[H], m: i32[K, *A]?; mode: {..} = constant) -> (F[K], F[*A, H])
     *   where H % 2 == 0, mode in {constant, edge} */
    {.name = "halves", FLOAT_SET, NAMES,
     OPERANDS(3, {"x", 0, VAR(0, 2, R(0), DO(MUL, 2), N(2), D(0))}, {"y", 0, VAR(0, 1, D(0))},
              {"m", SLD_OPERAND_OPTIONAL, FIX(SLD_I32, 2, D(1), R(0))}),
     ATTRS(1, {"mode", SLD_ATTR_ENUM, true, {.kind = SLD_ATTR_ENUM, .i = 0}, 3, mode_names}),
     RESULTS(2, {"a", VAR(0, 1, D(1))}, {"b", VAR(0, 2, R(0), D(0))}),
     WHERE(DO(EQ, 2), DO(MOD, 2), D(0), N(2), N(0), DO(IN, 3), A(0), N(0), N(2))},
    /* kernel(x: F[*A, H]; mode: {..} = constant, scale: float = 1, label: string = "") -> F[*A, H] */
    {.name = "kernel", FLOAT_SET, NAMES, OPERANDS(2, {"x", 0, VAR(0, 2, R(0), D(0))},
                                                  {"bias", SLD_OPERAND_OPTIONAL, VAR(0, 1, D(0))}),
     ATTRS(3, {"mode", SLD_ATTR_ENUM, true, {.kind = SLD_ATTR_ENUM, .i = 0}, 3, mode_names},
           {"scale", SLD_ATTR_FLOAT, true, {.kind = SLD_ATTR_FLOAT, .f = 1}, 0, NULL},
           {"label", SLD_ATTR_STRING, true, {.kind = SLD_ATTR_STRING, .s = ""}, 0, NULL}),
     RESULT(VAR(0, 2, R(0), D(0)))},
};
enum { N_INFER_OPS = sizeof infer_ops / sizeof *infer_ops, OP_KERNEL = N_INFER_OPS - 1 };

#define WHEN(text, ...) text, COUNT(__VA_ARGS__), (const sld_term[]){__VA_ARGS__}, 0, NULL
static const sld_kernel_row infer_kernels[] = {
    {OP_KERNEL, SLD_TARGET_CPU, false, "cpu_fast", NULL,
     WHEN("dtype(x) == f32 and H % 8 == 0", DO(AND, 2), DO(EQ, 2), FN(DTYPE, 1), X(0), TYPE_OF(SLD_F32),
          DO(EQ, 2), DO(MOD, 2), D(0), N(8), N(0))},
    {OP_KERNEL, SLD_TARGET_CPU, false, "cpu_small", NULL,
     WHEN("bytes(x) <= 1024 and mode in {constant, edge}", DO(AND, 2), DO(LE, 2), FN(BYTES, 1), X(0), N(1024),
          DO(IN, 3), A(0), N(0), N(2))},
    {OP_KERNEL, SLD_TARGET_REF, false, "ref_any", NULL, WHEN("mode != reflect", DO(NE, 2), A(0), N(1))},
    {OP_KERNEL, SLD_TARGET_HIP, false, "hip_bias", NULL,
     WHEN("dtype(bias) == f16", DO(EQ, 2), FN(DTYPE, 1), X(1), TYPE_OF(SLD_F16))},
};

static const sld_vocab_entry infer_entries[] = {
    {.foreign = "Add", .since = 13, .op = 1}, {.foreign = "Add", .since = 7, .op = 2},
    {.foreign = "Add", .op = 3}, {.foreign = "Mul", .since = 14, .op = 4},
    {.foreign = "Sub", .op = 5}, {.foreign = "Sub", .op = 6},
};
static const sld_vocab infer_vocabs[] = {{"fx", 0, NULL}, {"onnx", 6, infer_entries}};

#endif
