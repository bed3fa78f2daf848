/* ONNX in and out: round trips of real models, and files that are damaged or lie. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph.h"

Suite *onnx_suite(void);

#ifdef SLD_HAVE_ONNX
#include "onnx.pb-c.h"

const sld_ruleset *sld_ruleset_solder(void);

static sld_ctx *ctx;
static char path[64];

static void setup(void)
{
    ctx = sld_ctx_new(NULL);
    strcpy(path, "/tmp/solder-onnx-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void teardown(void)
{
    unlink(path);
    sld_ctx_free(ctx);
}

static const char *const names[] = {"qwen3", "llama", "deepseek_v3", "qwen3_next"};

static void model_path(char *buf, size_t n, const char *name)
{
    const char *dir = getenv("SOLDER_MODELS");
    snprintf(buf, n, "%s/%s/model.onnx", dir ? dir : "tests/models", name);
}

static sld_graph *load(const char *file)
{
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), file);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    return g;
}

static char *text_of(sld_graph *g)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    ck_assert_int_eq(sld_text_print(g, f, SLD_TEXT_DATA), SLD_OK);
    fclose(f);
    return text;
}

/* Export and import once, so that names settle; from then on nothing changes. */
START_TEST(round_trip)
{
    char file[300], out[80];
    snprintf(out, sizeof out, "%s.onnx", path);
    model_path(file, sizeof file, names[_i / 2]);
    sld_graph *g = load(file);
    if (_i % 2)
        ck_assert_int_eq(sld_fuse(g, NULL, NULL), SLD_OK);
    uint32_t nodes = sld_graph_n_nodes(g);
    ck_assert_msg(sld_export_onnx(g, out) == SLD_OK, "%s", sld_error(ctx));
    sld_graph_free(g);
    g = load(out);
    ck_assert_int_eq(sld_graph_verify(g), SLD_OK);
    ck_assert_uint_eq(sld_graph_n_nodes(g), nodes);
    char *first = text_of(g);
    ck_assert_msg(sld_export_onnx(g, out) == SLD_OK, "%s", sld_error(ctx));
    sld_graph_free(g);
    g = load(out);
    char *second = text_of(g);
    ck_assert_str_eq(first, second);
    sld_graph_free(g);
    free(first);
    free(second);
    unlink(out);
}
END_TEST

/* ------------------------------------------------------------ damaged files -- */

static uint8_t *slurp(const char *file, size_t *n)
{
    FILE *f = fopen(file, "rb");
    ck_assert_ptr_nonnull(f);
    uint8_t *bytes = malloc(4 << 20);
    *n = fread(bytes, 1, 4 << 20, f);
    fclose(f);
    return bytes;
}

static sld_graph *import_bytes(const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
    return sld_import_onnx(ctx, sld_ruleset_solder(), path);
}

/* A file either imports into a graph that verifies, or gives one line that names it. */
static bool import_or_error(const uint8_t *bytes, size_t n)
{
    sld_graph *g = import_bytes(bytes, n);
    if (g) {
        ck_assert_msg(sld_graph_verify(g) == SLD_OK, "%s", sld_error(ctx));
        sld_graph_free(g);
        return true;
    }
    ck_assert_msg(strstr(sld_error(ctx), path) != NULL, "no file name in: %s", sld_error(ctx));
    ck_assert_ptr_null(strchr(sld_error(ctx), '\n'));
    return false;
}

START_TEST(truncation)
{
    size_t n;
    char file[300];
    model_path(file, sizeof file, "llama");
    uint8_t *bytes = slurp(file, &n);
    for (size_t i = 0; i < 200; i++)
        ck_assert(!import_or_error(bytes, n * i / 200));
    free(bytes);
}
END_TEST

static uint64_t state = 88172645463325252u;
static uint64_t next_random(void) /* xorshift64 (Marsaglia 2003) */
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

START_TEST(bit_flips)
{
    size_t n, imported = 0;
    char file[300];
    model_path(file, sizeof file, "llama");
    uint8_t *bytes = slurp(file, &n);
    for (int i = 0; i < 1500; i++) {
        size_t at[3];
        uint8_t bit[3];
        /* The structure lies in the first part and the last; weights fill the middle. */
        for (int k = 0; k < 3; k++) {
            at[k] = i % 2 ? next_random() % 30000 : n - 1 - next_random() % 30000;
            bit[k] = (uint8_t)(1u << next_random() % 8);
            bytes[at[k]] ^= bit[k];
        }
        imported += import_or_error(bytes, n);
        for (int k = 0; k < 3; k++)
            bytes[at[k]] ^= bit[k];
    }
    ck_assert_uint_gt(imported, 0);
    ck_assert_uint_lt(imported, 1500);
    free(bytes);
}
END_TEST

/* ------------------------------------------------------------- lying files -- */

/* A small model: y = Add(x, c), spoilt by the case. */
typedef struct parts {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset;
    Onnx__NodeProto node[2];
    Onnx__TensorProto c;
    Onnx__AttributeProto attr;
    Onnx__ValueInfoProto in, out;
    Onnx__TypeProto in_type, out_type;
    Onnx__TypeProto__Tensor in_tensor, out_tensor;
    Onnx__TensorShapeProto in_shape, out_shape;
    Onnx__TensorShapeProto__Dimension dim[2];
    float data[4];
} parts;

static void build(parts *p)
{
    static char *inputs[] = {"x", "c"}, *outputs[] = {"y"}, *inputs2[] = {"y"}, *outputs2[] = {"z"};
    static Onnx__TensorShapeProto__Dimension *dims[2], *dims2[2];
    static Onnx__NodeProto *nodes[2];
    static Onnx__TensorProto *tensors[1];
    static Onnx__ValueInfoProto *ins[1], *outs[1];
    static Onnx__OperatorSetIdProto *opsets[1];
    static int64_t shape[2] = {2, 2};
    onnx__model_proto__init(&p->model);
    onnx__graph_proto__init(&p->graph);
    onnx__operator_set_id_proto__init(&p->opset);
    onnx__tensor_proto__init(&p->c);
    onnx__attribute_proto__init(&p->attr);
    for (int i = 0; i < 2; i++) {
        onnx__node_proto__init(&p->node[i]);
        onnx__tensor_shape_proto__dimension__init(&p->dim[i]);
        p->dim[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        p->dim[i].dim_value = 2;
        dims[i] = dims2[i] = &p->dim[i];
        nodes[i] = &p->node[i];
    }
    p->node[0].op_type = "Add";
    p->node[0].name = "sum";
    p->node[0].input = inputs;
    p->node[0].n_input = 2;
    p->node[0].output = outputs;
    p->node[0].n_output = 1;
    p->node[1].op_type = "Neg";
    p->node[1].input = inputs2;
    p->node[1].n_input = 1;
    p->node[1].output = outputs2;
    p->node[1].n_output = 1;
    p->c.name = "c";
    p->c.dims = shape;
    p->c.n_dims = 2;
    shape[0] = shape[1] = 2;
    p->c.has_data_type = 1;
    p->c.data_type = 1;
    p->c.has_raw_data = 1;
    p->c.raw_data.data = (uint8_t *)p->data;
    p->c.raw_data.len = 16;
    onnx__value_info_proto__init(&p->in);
    onnx__value_info_proto__init(&p->out);
    onnx__type_proto__init(&p->in_type);
    onnx__type_proto__init(&p->out_type);
    onnx__type_proto__tensor__init(&p->in_tensor);
    onnx__type_proto__tensor__init(&p->out_tensor);
    onnx__tensor_shape_proto__init(&p->in_shape);
    onnx__tensor_shape_proto__init(&p->out_shape);
    p->in.name = "x";
    p->out.name = "z";
    p->in.type = &p->in_type;
    p->out.type = &p->out_type;
    p->in_type.value_case = p->out_type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    p->in_type.tensor_type = &p->in_tensor;
    p->out_type.tensor_type = &p->out_tensor;
    p->in_tensor.has_elem_type = p->out_tensor.has_elem_type = 1;
    p->in_tensor.elem_type = p->out_tensor.elem_type = 1;
    p->in_tensor.shape = &p->in_shape;
    p->out_tensor.shape = &p->out_shape;
    p->in_shape.n_dim = p->out_shape.n_dim = 2;
    p->in_shape.dim = dims;
    p->out_shape.dim = dims2;
    tensors[0] = &p->c;
    ins[0] = &p->in;
    outs[0] = &p->out;
    p->graph.n_node = 2;
    p->graph.node = nodes;
    p->graph.n_initializer = 1;
    p->graph.initializer = tensors;
    p->graph.n_input = p->graph.n_output = 1;
    p->graph.input = ins;
    p->graph.output = outs;
    opsets[0] = &p->opset;
    p->opset.has_version = 1;
    p->opset.version = 18;
    p->model.graph = &p->graph;
    p->model.n_opset_import = 1;
    p->model.opset_import = opsets;
}

static sld_graph *import_parts(const parts *p)
{
    size_t n = onnx__model_proto__get_packed_size(&p->model);
    uint8_t *bytes = malloc(n + 1);
    onnx__model_proto__pack(&p->model, bytes);
    sld_graph *g = import_bytes(bytes, n);
    free(bytes);
    return g;
}

static void unknown_op(parts *p) { p->node[0].op_type = "Adda"; }
static void no_op(parts *p) { p->node[0].op_type = NULL; }
static void no_own_op(parts *p) { p->node[0].op_type = NULL; p->node[0].domain = "solder"; }
static void foreign_domain(parts *p) { p->node[0].domain = "com.example"; }
static void undefined_input(parts *p) { p->node[0].input[0] = "nowhere"; }
static void cyclic(parts *p) { p->node[0].input[0] = "z"; }
static void wrong_dtype(parts *p) { p->in_tensor.elem_type = 7; }
static void odd_dtype(parts *p) { p->in_tensor.elem_type = 8; }
static void lying_output(parts *p) { p->out_tensor.elem_type = 7; }
static void lying_rank(parts *p) { p->out_shape.n_dim = 1; }
static void short_data(parts *p) { p->c.raw_data.len = 12; }
static void no_data(parts *p) { p->c.has_raw_data = 0; }
static void huge_dims(parts *p) { p->c.dims[0] = (int64_t)1 << 60; }
static void negative_dim(parts *p) { p->c.dims[0] = -2; }
static void bad_broadcast(parts *p) { p->c.dims[0] = 4; p->c.dims[1] = 1; }
static void old_opset(parts *p) { p->opset.version = 9; }
static void no_graph(parts *p) { p->model.graph = NULL; }
static void no_output(parts *p) { p->graph.n_output = 0; }
static void missing_operand(parts *p) { p->node[0].n_input = 1; }
static void extra_operand(parts *p) { p->node[1].n_input = 2; p->node[1].input = p->node[0].input; }
static void twice(parts *p) { p->node[1].output[0] = "y"; }
static void unknown_attr(parts *p)
{
    static Onnx__AttributeProto *attrs[1];
    p->attr.name = "speed";
    p->attr.has_type = 1;
    p->attr.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    p->attr.has_i = 1;
    attrs[0] = &p->attr;
    p->node[0].n_attribute = 1;
    p->node[0].attribute = attrs;
}
static Onnx__StringStringEntryProto entries[3], *entry_list[3] = {&entries[0], &entries[1], &entries[2]};

/* The constant's data lies at `offset` of a file. */
static void external_at(parts *p, char *location, char *offset, char *length)
{
    char *keys[] = {"location", "offset", "length"}, *values[] = {location, offset, length};
    for (int i = 0; i < 3; i++) {
        onnx__string_string_entry_proto__init(&entries[i]);
        entries[i].key = keys[i];
        entries[i].value = values[i];
    }
    p->c.has_raw_data = 0;
    p->c.has_data_location = 1;
    p->c.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    p->c.n_external_data = 3;
    p->c.external_data = entry_list;
}

static void external_up(parts *p)
{
    external_at(p, "../etc/passwd", "0", "16");
}
static void external_root(parts *p)
{
    external_at(p, "/etc/passwd", "0", "16");
}
static void external_absent(parts *p)
{
    external_at(p, "solder-no-such-file.bin", "0", "16");
}
static void external_size(parts *p)
{
    external_at(p, "x.bin", "0", "12");
}
static void external_nowhere(parts *p)
{
    p->c.has_data_location = 1;
    p->c.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

static Onnx__AttributeProto *only_attr[1];
static void give_attr(parts *p, char *name, Onnx__AttributeProto__AttributeType type)
{
    p->attr.name = name;
    p->attr.has_type = 1;
    p->attr.type = type;
    only_attr[0] = &p->attr;
    p->node[0].n_attribute = 1;
    p->node[0].attribute = only_attr;
}
static void subgraph(parts *p)
{
    give_attr(p, "to", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH);
    p->node[0].op_type = "Cast";
    p->node[0].n_input = 1;
}
static void no_tensor(parts *p)
{
    p->node[0].op_type = "Constant";
    p->node[0].n_input = 0;
}
static void negative_size(parts *p) { p->dim[0].dim_value = -1; }
static void no_shape(parts *p) { p->in_tensor.shape = NULL; }
static void many_dims(parts *p)
{
    static Onnx__TensorShapeProto__Dimension *dims[17];
    for (int i = 0; i < 17; i++)
        dims[i] = &p->dim[0];
    p->in_shape.n_dim = 17;
    p->in_shape.dim = dims;
}
static void functions(parts *p)
{
    static Onnx__FunctionProto f, *all[1] = {&f};
    onnx__function_proto__init(&f);
    p->model.n_functions = 1;
    p->model.functions = all;
}

START_TEST(lies)
{
    static const struct { void (*spoil)(parts *); const char *message; } cases[] = {
        {unknown_op, "node 'sum' (Adda): unknown op 'Adda'"},
        {no_op, "node 'sum' (): a node without an op"},
        {no_own_op, "a node without an op"},
        {foreign_domain, "unknown op 'com.example::Add'"},
        {undefined_input, "input 'nowhere' is not defined before this node"},
        {cyclic, "input 'z' is not defined before this node"},
        {wrong_dtype, "node 'sum' (Add): add: operand"},
        {odd_dtype, "value 'x' has no tensor type"},
        {lying_output, "value 'z' is declared as i64"},
        {lying_rank, "value 'z' is declared as f32 of rank 1"},
        {short_data, "tensor 'c': its data has another size"},
        {no_data, "tensor 'c': its data has another number"},
        {huge_dims, "tensor 'c': its"},
        {negative_dim, "tensor 'c': its dims are impossible"},
        {bad_broadcast, "2 and 4"},
        {old_opset, "opset 9 is not supported"},
        {no_graph, "no graph"},
        {no_output, "no output"},
        {missing_operand, "node 'sum' (Add): missing input 'b'"},
        {extra_operand, "too many inputs"},
        {twice, "value 'y' is defined twice"},
        {unknown_attr, "'speed' is not known"},
        {subgraph, "holds a subgraph"},
        {no_tensor, "a constant without a tensor"},
        {negative_size, "has a negative dim"},
        {no_shape, "input 'x' has no shape"},
        {many_dims, "more than 16 dims"},
        {functions, "model-local functions are not supported"},
        {external_nowhere, "must lie in a file in the model's folder"},
        {external_up, "must lie in a file in the model's folder"},
        {external_root, "must lie in a file in the model's folder"},
        {external_absent, "cannot be read, or is too short"},
        {external_size, "its external data has another size"},
    };
    parts p;
    memset(&p, 0, sizeof p);
    build(&p);
    sld_graph *good = import_parts(&p);
    ck_assert_msg(good != NULL, "%s", sld_error(ctx));
    ck_assert_uint_eq(sld_graph_n_nodes(good), 2);
    sld_graph_free(good);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *x = "x", *z = "z";
        memset(&p, 0, sizeof p);
        build(&p);
        p.node[0].input[0] = x;
        p.node[1].output[0] = z;
        cases[i].spoil(&p);
        sld_graph *g = import_parts(&p);
        ck_assert_msg(g == NULL, "case %zu imports", i);
        ck_assert_msg(strstr(sld_error(ctx), cases[i].message) != NULL, "case %zu: %s", i, sld_error(ctx));
        ck_assert_ptr_nonnull(strstr(sld_error(ctx), path));
    }
}
END_TEST

/* Weights in a file of their own, behind some bytes of another tensor. */
/* ----------------------------------------------------------- typed elements -- */

/* Numbers 1 to 4 as each dtype has them in fields of its own. */
static void typed_data(parts *p, int dtype)
{
    static float f[] = {1, 2, 3, 4};
    static double d[] = {1, 2, 3, 4};
    static int64_t l[] = {1, 2, 3, 4};
    static int32_t i[] = {1, 2, 3, 4}, h[] = {0x3c00, 0x4000, 0x4200, 0x4400};
    static int32_t b[] = {0x3f80, 0x4000, 0x4040, 0x4080};
    p->c.has_raw_data = 0;
    p->c.data_type = p->in_tensor.elem_type = p->out_tensor.elem_type = dtype;
    if (dtype == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        p->c.float_data = f, p->c.n_float_data = 4;
    else if (dtype == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE)
        p->c.double_data = d, p->c.n_double_data = 4;
    else if (dtype == ONNX__TENSOR_PROTO__DATA_TYPE__INT64)
        p->c.int64_data = l, p->c.n_int64_data = 4;
    else {
        p->c.int32_data = dtype == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ? h
                          : dtype == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 ? b : i;
        p->c.n_int32_data = 4;
    }
}

#define TYPED(onnx, text) {ONNX__TENSOR_PROTO__DATA_TYPE__##onnx, "const %c : " text}
static const struct { int dtype; const char *text; } typed[] = {
    TYPED(FLOAT, "f32[2, 2] = [1.0, 2.0, 3.0, 4.0]"), TYPED(DOUBLE, "f64[2, 2] = [1.0, 2.0, 3.0, 4.0]"),
    TYPED(INT64, "i64[2, 2] = [1, 2, 3, 4]"), TYPED(INT32, "i32[2, 2] = [1, 2, 3, 4]"),
    TYPED(UINT8, "u8[2, 2] = [1, 2, 3, 4]"), TYPED(INT8, "i8[2, 2] = [1, 2, 3, 4]"),
    TYPED(FLOAT16, "f16[2, 2] = [1.0, 2.0, 3.0, 4.0]"), TYPED(BFLOAT16, "bf16[2, 2] = [1.0, 2.0, 3.0, 4.0]"),
};

/* Of an initialiser, and of a node that holds the tensor. */
START_TEST(typed_elements)
{
    for (int of_node = 0; of_node < 2; of_node++) {
        char *x = "x", *z = "z";
        parts p;
        memset(&p, 0, sizeof p);
        build(&p);
        p.node[0].input[0] = x;
        p.node[1].output[0] = z;
        typed_data(&p, typed[_i].dtype);
        if (of_node) {
            give_attr(&p, "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
            p.attr.t = &p.c;
            p.graph.n_initializer = 0;
            p.node[0].op_type = "Constant";
            p.node[0].n_input = 0;
            p.graph.n_input = 0;
        }
        sld_graph *g = import_parts(&p);
        ck_assert_msg(g != NULL, "%s", sld_error(ctx));
        char *text = text_of(g);
        const char *named = of_node ? strchr(typed[_i].text, ':') : typed[_i].text;
        ck_assert_msg(strstr(text, named) != NULL, "%s", text);
        free(text);
        sld_graph_free(g);
    }
}
END_TEST

START_TEST(external_data)
{
    char data[80], name[80];
    float weights[8] = {0, 0, 1.5f, 2, 3, 4};
    parts p;
    snprintf(data, sizeof data, "%s.data", path);
    snprintf(name, sizeof name, "%s.data", strrchr(path, '/') + 1);
    FILE *f = fopen(data, "wb");
    ck_assert_uint_eq(fwrite(weights, 1, sizeof weights, f), sizeof weights);
    fclose(f);
    memset(&p, 0, sizeof p);
    build(&p);
    external_at(&p, name, "8", "16");
    sld_graph *g = import_parts(&p);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    char *text = text_of(g);
    ck_assert_msg(strstr(text, "[1.5, 2.0, 3.0, 4.0]") != NULL, "%s", text);
    free(text);
    sld_graph_free(g);
    external_at(&p, name, "24", "16");
    ck_assert_ptr_null(import_parts(&p));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "too short"));
    unlink(data);
}
END_TEST

START_TEST(files)
{
    ck_assert_ptr_null(sld_import_onnx(ctx, sld_ruleset_solder(), "/nowhere/at/all.onnx"));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "/nowhere/at/all.onnx: "));
    ck_assert_ptr_null(import_bytes((const uint8_t *)"hello", 5));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "not an ONNX model"));
    char file[300];
    model_path(file, sizeof file, "llama");
    sld_graph *g = load(file);
    ck_assert_int_ne(sld_export_onnx(g, "/nowhere/at/all.onnx"), SLD_OK);
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "cannot write"));
    sld_graph_free(g);
}
END_TEST

/* ------------------------------------------------------------- allocations -- */

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

/* Every n-th allocation fails in turn: a clean error, and nothing is kept. */
START_TEST(out_of_memory)
{
    parts p;
    memset(&p, 0, sizeof p);
    build(&p);
    size_t n = onnx__model_proto__get_packed_size(&p.model);
    uint8_t *bytes = malloc(n + 1);
    onnx__model_proto__pack(&p.model, bytes);
    FILE *f = fopen(path, "wb");
    fwrite(bytes, 1, n, f);
    fclose(f);
    free(bytes);
    bool done = false;
    for (long i = 0; !done && i < 100000; i++) {
        budget b = {i, 0};
        sld_ctx *c = sld_ctx_new(&(sld_allocator){failing, &b});
        sld_graph *g = c ? sld_import_onnx(c, sld_ruleset_solder(), path) : NULL;
        done = g && !sld_fuse(g, NULL, NULL) && !sld_export_onnx(g, path);
        if (c && !done)
            ck_assert_str_ne(sld_error(c), "");
        sld_graph_free(g);
        sld_ctx_free(c);
        ck_assert_int_eq(b.live, 0);
    }
    ck_assert(done);
}
END_TEST

Suite *onnx_suite(void)
{
    Suite *s = suite_create("onnx");
    TCase *t = tcase_create("onnx");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, round_trip, 0, 8);
    tcase_add_test(t, truncation);
    tcase_add_test(t, bit_flips);
    tcase_add_test(t, lies);
    tcase_add_loop_test(t, typed_elements, 0, (int)(sizeof typed / sizeof *typed));
    tcase_add_test(t, external_data);
    tcase_add_test(t, files);
    tcase_add_test(t, out_of_memory);
    suite_add_tcase(s, t);
    return s;
}

#else

Suite *onnx_suite(void)
{
    printf("onnx: skipped, built without protobuf-c\n");
    return suite_create("onnx (skipped)");
}

#endif
