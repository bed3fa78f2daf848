/* The torch FX reader: every example graph imports, and what is wrong with a file is said in
 * one line.  Small graphs are written out as JSON and read back as the graph's text. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "solder.h"

const sld_ruleset *sld_ruleset_solder(void);

static sld_ctx *ctx;
static char path[64];

static void setup(void)
{
    strcpy(path, P_tmpdir "/solder_fx_XXXXXX.json");
    int fd = mkstemps(path, 5);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ctx = sld_ctx_new(NULL);
    ck_assert_ptr_nonnull(ctx);
}

static void teardown(void)
{
    sld_ctx_free(ctx);
    unlink(path);
}

static void write_file(const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, n, f), n);
    fclose(f);
}

/* Nodes of a small graph. */
#define TYPE(dtype, shape) "{\"dtype\":\"" dtype "\",\"shape\":" shape "}"
#define NODE(name, op, target, args, kwargs, val)                                                            \
    "{\"name\":\"" name "\",\"op\":\"" op "\",\"target\":\"" target "\",\"args\":" args                      \
    ",\"kwargs\":" kwargs ",\"val\":" val "}"
#define IN(name, type) NODE(name, "placeholder", name, "[]", "{}", type)
#define CALL(name, target, args, val) NODE(name, "call_function", target, args, "{}", val)
#define OUT(args) NODE("output", "output", "output", "[[" args "]]", "{}", "null")
#define REF(name) "{\"n\":\"" name "\"}"
#define GRAPH(nodes) "{\"g\":{\"nodes\":[" nodes "]}}"
#define F4x8 TYPE("float32", "[4,8]")
#define F8 TYPE("float32", "[8]")

static sld_graph *import(const char *json)
{
    write_file(json, strlen(json));
    return sld_import(ctx, sld_ruleset_solder(), path);
}

/* The import fails with one line that holds all of `parts`, separated by '|'. */
static void expect_error(const char *json, const char *parts)
{
    sld_graph *g = import(json);
    const char *error = sld_error(ctx);
    ck_assert_msg(!g, "imported, expected: %s", parts);
    ck_assert_msg(*error && !strchr(error, '\n'), "no single line: %s", error);
    ck_assert_msg(strstr(error, path) != NULL, "no file name: %s", error);
    char *copy = strdup(parts);
    for (char *save, *part = strtok_r(copy, "|", &save); part; part = strtok_r(NULL, "|", &save))
        ck_assert_msg(strstr(error, part) != NULL, "'%s' is not in: %s", part, error);
    free(copy);
}

static char *text_of(sld_graph *g)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    ck_assert_int_eq(sld_text_print(g, f, 0), SLD_OK);
    fclose(f);
    return text;
}

/* The text holds all of `parts`, separated by '|', in this order. */
static void expect_parts(const char *text, const char *parts)
{
    const char *at = text;
    char *copy = strdup(parts);
    for (char *save, *part = strtok_r(copy, "|", &save); part; part = strtok_r(NULL, "|", &save)) {
        const char *found = strstr(at, part);
        ck_assert_msg(found != NULL, "'%s' is not (in this order) in:\n%s", part, text);
        at = found;
    }
    free(copy);
}

static void expect_text(const char *json, const char *parts)
{
    sld_graph *g = import(json);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    ck_assert_msg(!sld_graph_verify(g), "%s", sld_error(ctx));
    char *text = text_of(g);
    expect_parts(text, parts);
    free(text);
    sld_graph_free(g);
}

/* The same of the fused graph, which holds nothing of `never`. */
static void expect_fused(const char *json, const char *parts, const char *never)
{
    sld_graph *g = import(json);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    ck_assert_msg(!sld_fuse(g, NULL, NULL) && !sld_graph_verify(g), "%s", sld_error(ctx));
    char *text = text_of(g);
    expect_parts(text, parts);
    ck_assert_msg(!strstr(text, never), "'%s' is in:\n%s", never, text);
    free(text);
    sld_graph_free(g);
}

/* ----------------------------------------------------------- example files -- */

static const char *const examples[] = {
    "qwen3/model.fx.json.gz#raw", "qwen3/model.fx.json.gz#core_aten",
    "llama/model.fx.json.gz#raw", "llama/model.fx.json.gz#core_aten",
    "deepseek_v3/model.fx.json.gz#raw", "deepseek_v3/model.fx.json.gz#core_aten",
    "deepseek_v3/model_moe.fx.json.gz#raw", "deepseek_v3/model_moe.fx.json.gz#core_aten",
    "qwen3_moe/model.fx.json.gz#raw", "qwen3_moe/model.fx.json.gz#core_aten",
    "qwen3_next/model.fx.json.gz#raw", "qwen3_next/model.fx.json.gz#core_aten",
    "engine/qwen3_30b_tp1.fx.json.gz#functional", "engine/llama70b_fp8_tp4.fx.json.gz#functional",
    "engine/deepseek_v3_tp8.fx.json.gz#functional", "engine/qwen3_next_fp8_tp2.fx.json.gz#functional",
};

/* A file of the models folder; false, said aloud, when it is not there. */
static bool example_path(const char *name, char *out, size_t n)
{
    const char *root = getenv("SOLDER_MODELS");
    snprintf(out, n, "%s/%s", root ? root : "tests/models", name);
    char *key = strchr(out, '#');
    if (key)
        *key = 0;
    bool there = !access(out, R_OK);
    if (!there)
        fprintf(stderr, "SKIPPED: %s is not there\n", out);
    if (key)
        *key = '#';
    return there;
}

START_TEST(examples_import)
{
    char file[512];
    if (!example_path(examples[_i], file, sizeof file))
        return;
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), file);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    ck_assert_msg(!sld_graph_verify(g), "%s: %s", file, sld_error(ctx));
    uint32_t before = sld_graph_n_nodes(g);
    ck_assert_int_eq(sld_graph_sweep(g), SLD_OK);
    ck_assert_uint_ge(sld_graph_n_nodes(g) * 10, before * 7); /* the output reaches most of it */
    FILE *f = fopen("/dev/null", "w");
    ck_assert_int_eq(sld_text_print(g, f, 0), SLD_OK);
    fclose(f);
    sld_graph_free(g);
}
END_TEST

START_TEST(truncated_gzip)
{
    char file[512];
    if (!example_path("qwen3/model.fx.json.gz", file, sizeof file))
        return;
    static char data[8000];
    FILE *f = fopen(file, "rb");
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    static const size_t cuts[] = {3, 10, 100, 5000};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        ck_assert_uint_ge(n, cuts[i]);
        write_file(data, cuts[i]);
        ck_assert_ptr_null(sld_import(ctx, sld_ruleset_solder(), path));
        ck_assert_ptr_nonnull(strstr(sld_error(ctx), "truncated"));
    }
    memset(data + 200, 0xff, 600);
    write_file(data, n);
    ck_assert_ptr_null(sld_import(ctx, sld_ruleset_solder(), path));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), path));
}
END_TEST

/* ------------------------------------------------------------------ errors -- */

START_TEST(broken_json)
{
    expect_error("{\"g\": {\n \"nodes\": [1, }\n}}", ":2:|'}'");
    expect_error("", ":");
    expect_error("[1, 2]", "no graph in it");
    expect_error("{\"g\": 3}", "no graph 'g'");
    expect_error("{\"g\": {}}", "no 'nodes'");
    expect_error(GRAPH("3"), "node 0|'name' is missing");
    expect_error(GRAPH(""), "no output");
}
END_TEST

START_TEST(no_such_key)
{
    const char *json = GRAPH(IN("x", F4x8) "," OUT(REF("x")));
    char with_key[96];
    write_file(json, strlen(json));
    snprintf(with_key, sizeof with_key, "%s#g", path);
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), with_key);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    sld_graph_free(g);
    snprintf(with_key, sizeof with_key, "%s#core", path);
    ck_assert_ptr_null(sld_import(ctx, sld_ruleset_solder(), with_key));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "no graph 'core'"));
}
END_TEST

START_TEST(missing_fields)
{
    expect_error(GRAPH("{\"name\":\"x\"}"), "node 'x'|'op' is missing");
    expect_error(GRAPH("{\"name\":\"x\",\"op\":\"placeholder\",\"val\":null}"),
                 "node 'x'|'target' is missing");
    expect_error(GRAPH("{\"name\":\"x\",\"op\":\"placeholder\",\"target\":\"x\"}"),
                 "node 'x'|'val' is missing");
    expect_error(GRAPH("{\"name\":\"y\",\"op\":\"call_function\",\"target\":\"t\",\"val\":null}"),
                 "node 'y'|'args' is missing");
    expect_error(GRAPH("{\"name\":\"y\",\"op\":\"call_function\",\"target\":\"t\",\"val\":null,\"args\":[]}"),
                 "node 'y'|'kwargs' is missing");
    expect_error(GRAPH(NODE("y", "call_method", "t", "[]", "{}", "null")), "node 'y'|'call_method'");
    expect_error(GRAPH(IN("x", "{\"dtype\":\"float32\"}")), "node 'x'|no dtype and shape");
    expect_error(GRAPH(IN("x", TYPE("complex64", "[4]"))), "node 'x'|unknown dtype 'complex64'");
    expect_error(GRAPH(IN("x", TYPE("float32", "[-1]"))), "node 'x'|size");
    expect_error(GRAPH(IN("x", TYPE("float32", "[\"s0 +\"]"))), "node 'x'");
}
END_TEST

START_TEST(wrong_graphs)
{
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "aten.bernoulli.p", "[" REF("x") "]", F4x8)),
                 "node 'y'|'aten.bernoulli.p' is not in the vocabulary");
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "aten.neg.default", "[" REF("z") "]", F4x8)),
                 "node 'y'|reads 'z', which no earlier node defines");
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "aten.neg.default", "[" REF("y") "]", F4x8)),
                 "node 'y'|reads 'y', which no earlier node defines");
    expect_error(GRAPH(IN("x", F4x8) "," IN("x", F4x8)), "node 'x'|defined twice");
    expect_error(GRAPH(IN("x", F4x8) "," OUT("3")), "node 'output'|an output is a node");
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "aten.sort.default", "[" REF("x") "]",
                                              "[" F4x8 "," TYPE("int64", "[4,8]") "]") "," OUT(REF("y"))),
                 "node 'output'|reads 'y', which has several results");
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "aten.sort.default", "[" REF("x") "]", F4x8)),
                 "node 'y'|2 results, but 'val' says 1");
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "<built-in function getitem>", "[" REF("x") ",0]", F4x8)),
                 "node 'y'|getitem takes");
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "aten._assert_tensor_metadata.default", "[" REF("x") "]",
                                              "null") "," OUT(REF("y"))),
                 "node 'output'|'y', which has no value");
}
END_TEST

START_TEST(wrong_types)
{
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "aten.add.Tensor", "[" REF("x") "," REF("x") "]",
                                              TYPE("bfloat16", "[4,8]"))),
                 "node 'y'|float32[4, 8], but 'val' says bfloat16[4, 8]");
    expect_error(
        GRAPH(IN("x", F4x8) "," CALL("y", "aten.neg.default", "[" REF("x") "]", TYPE("float32", "[8,4]"))),
        "node 'y'|float32[4, 8], but 'val' says float32[8, 4]");
    expect_error(GRAPH(IN("x", TYPE("float32", "[\"s0\"]")) ","
                       CALL("y", "aten.neg.default", "[" REF("x") "]", TYPE("float32", "[\"s1\"]"))),
                 "node 'y'|float32[s0], but 'val' says float32[s1]");
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "aten.mm.default", "[" REF("x") "," REF("x") "]", F4x8)),
                 "node 'y'|matmul");
    expect_error(GRAPH(IN("x", F4x8) "," CALL("y", "aten.softmax.int", "[" REF("x") ",5]", F4x8)),
                 "node 'y'|axis 5");
}
END_TEST

START_TEST(wrong_arguments)
{
#define WITH(target, args, kwargs)                                                                           \
    GRAPH(IN("x", F4x8) "," NODE("y", "call_function", target, args, kwargs, F4x8))
    expect_error(WITH("aten.neg.default", "[" REF("x") ",1]", "{}"), "node 'y'|more than 1 arguments");
    expect_error(WITH("aten.neg.default", "[]", "{}"), "node 'y'|'self' is missing");
    expect_error(WITH("aten.neg.default", "[" REF("x") "]", "{\"out\":null}"),
                 "node 'y'|unknown argument 'out'");
    expect_error(WITH("aten.neg.default", "[" REF("x") "]", "{\"self\":" REF("x") "}"),
                 "node 'y'|given twice");
    expect_error(WITH("aten.add.Tensor", "[" REF("x") "," REF("x") "]", "{\"alpha\":2}"),
                 "node 'y'|no entry of the vocabulary takes this 'alpha'");
    expect_error(WITH("aten.neg.default", "[\"x\"]", "{}"),
                 "node 'y'|'self' is neither a tensor nor a number");
    expect_error(WITH("aten.view.default", "[" REF("x") ",[4," REF("x") "]]", "{}"),
                 "node 'y'|contents are unknown");
    expect_error(WITH("aten.view.default", "[" REF("x") ",[4,2.5]]", "{}"), "node 'y'|list of integers");
    expect_error(WITH("aten.cat.default", "[[" REF("x") ",3]]", "{}"), "node 'y'|list of tensors");
    expect_error(WITH("auto_functionalized", "[3]", "{}"),
                 "node 'y'|'auto_functionalized' is not in the vocabulary");
}
END_TEST

/* ----------------------------------------------------- numbers and symbols -- */

START_TEST(numbers_and_promotion)
{
    expect_text(GRAPH(IN("x", F4x8) "," NODE("y", "call_function", "aten.mul.Tensor", "[" REF("x") ",2]",
                                             "{\"device\":{\"s\":\"cpu\"}}", F4x8) "," OUT(REF("y"))),
                ": f32[] |%y = mul(%x, ");
    /* An integer tensor and a float number: torch computes in float32. */
    expect_text(GRAPH(IN("i", TYPE("int64", "[4]")) "," CALL("y", "aten.mul.Tensor", "[" REF("i") ",0.5]",
                                                             TYPE("float32", "[4]")) "," OUT(REF("y"))),
                "cast(%i; to = f32)|%y = mul(");
    /* Counting booleans gives int64. */
    expect_text(GRAPH(IN("b", TYPE("bool", "[4]")) "," CALL("y", "aten.cumsum.default", "[" REF("b") ",0]",
                                                            TYPE("int64", "[4]")) "," OUT(REF("y"))),
                "cast(%b; to = i64)|%y = cumsum(");
    expect_text(
        GRAPH(IN("x", F4x8) "," IN("m", TYPE("bool", "[4,8]")) "," CALL(
            "y", "aten.masked_fill.Scalar", "[" REF("x") "," REF("m") ",-Infinity]", F4x8) "," OUT(REF("y"))),
        "0xff800000|%y = where(%m, ");
}
END_TEST

/* A number beside a tensor has the tensor's dtype, and its bytes. */
START_TEST(numbers_of_all_dtypes)
{
    static const struct { const char *torch, *expected; } cases[] = {
        {"uint8", ": u8[] = 3|mul("}, {"int8", ": i8[] = 3|mul("}, {"int32", ": i32[] = 3|mul("},
        {"int64", ": i64[] = 3|mul("}, {"float16", ": f16[] = 3|mul("}, {"bfloat16", ": bf16[] = 3|mul("},
        {"float64", ": f64[] = 3|mul("},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[800], type[60];
        snprintf(type, sizeof type, TYPE("%s", "[4]"), cases[i].torch);
        snprintf(json, sizeof json, GRAPH(IN("x", "%s") "," CALL("y", "aten.mul.Tensor", "[" REF("x") ",3]", "%s") ","
                                          OUT(REF("y"))), type, type);
        expect_text(json, cases[i].expected);
    }
}
END_TEST

/* An attribute of the module is a constant without contents. */
START_TEST(attributes_of_a_module)
{
    expect_text(GRAPH(NODE("w", "get_attr", "w", "[]", "{}", F8) "," CALL("y", "aten.neg.default", "[" REF("w") "]", F8) ","
                      OUT(REF("y"))),
                "const %w : f32[8]|%y = neg(%w)");
    expect_error(GRAPH(NODE("w", "get_attr", "w", "[]", "{}", "null")), "node 'w'|an attribute has one type");
    expect_error(GRAPH(IN("w", "[" F8 "," F8 "]")), "node 'w'|an input has one type");
}
END_TEST

START_TEST(symbols)
{
    /* The integer before a tensor is the size that the tensor brings. */
    expect_text(GRAPH(IN("n", "null") "," IN("x", TYPE("float32", "[\"s7\",8]")) "," CALL(
                    "k", "<built-in function mul>", "[2," REF("n") "]",
                    "null") "," CALL("y", "aten.view.default", "[" REF("x") ",[" REF("k") ",4]]",
                                     TYPE("float32", "[\"2*s7\",4]")) "," OUT(REF("y"))),
                "%n|%x|%y = reshape(%x; shape = [2*s7, 4]");
    expect_text(GRAPH(IN("x", TYPE("float32", "[\"s7\",8]")) "," CALL(
                    "n", "aten.sym_size.int", "[" REF("x") ",0]",
                    "null") "," CALL("y", "aten.arange.default", "[" REF("n") "]",
                                     TYPE("int64", "[\"s7\"]")) "," OUT(REF("y"))),
                "%y = arange(|limit = s7");
}
END_TEST

START_TEST(functionalised_calls)
{
    /* Result 0 is no value; then the written arguments. */
    expect_text(
        GRAPH(IN("r", TYPE("bfloat16", "[4,8]")) "," IN("x", TYPE("bfloat16", "[4,16]")) "," NODE(
            "f", "call_function", "auto_functionalized", "[{\"s\":\"_C.silu_and_mul.default\"}]",
            "{\"result\":" REF("r") ",\"input\":" REF("x") "}",
            "[null," TYPE("bfloat16", "[4,8]") "]") "," CALL("y", "<built-in function getitem>",
                                                             "[" REF("f") ",1]",
                                                             TYPE("bfloat16", "[4,8]")) "," OUT(REF("y"))),
        "%f = silu_and_mul(%x)");
    /* Queries of 8 bits, as AITER stores them: two written arguments. */
#define QUANTISED(dynamic) \
    GRAPH(IN("o", TYPE("float8_e4m3fn", "[4,8]")) "," IN("x", TYPE("bfloat16", "[4,8]")) "," IN("s", TYPE("float32", "[1]")) \
          "," NODE("f", "call_function", "auto_functionalized", "[{\"s\":\"vllm.rocm_aiter_per_tensor_quant.default\"}]", \
                   "{\"out\":" REF("o") ",\"x\":" REF("x") ",\"scale\":" REF("s") ",\"is_dynamic\":" dynamic "}", \
                   "[null," TYPE("float8_e4m3fn", "[4,8]") "," TYPE("float32", "[1]") "]") \
          "," CALL("y", "<built-in function getitem>", "[" REF("f") ",1]", TYPE("float8_e4m3fn", "[4,8]")) \
          "," CALL("z", "<built-in function getitem>", "[" REF("f") ",2]", TYPE("float32", "[1]")) "," OUT(REF("y") "," REF("z")))
    expect_text(QUANTISED("false"), " = per_tensor_quant(%x, %s; to = f8e4m3fn)");
    expect_error(QUANTISED("true"), "node 'f'|is_dynamic");
#undef QUANTISED
    expect_error(GRAPH(IN("r", TYPE("bfloat16", "[4,8]")) "," IN("x", TYPE("bfloat16", "[4,16]")) "," NODE(
                     "f", "call_function", "auto_functionalized", "[{\"s\":\"_C.silu_and_mul.default\"}]",
                     "{\"result\":" REF("r") ",\"input\":" REF("x") "}",
                     "[null," TYPE("bfloat16", "[4,8]") "]") "," CALL("y", "<built-in function getitem>",
                                                                      "[" REF("f") ",2]", "null")),
                 "node 'y'|'f' has no result 2");
}
END_TEST

/* ------------------------------------------------------------------ writes -- */

#define FRESH IN("x", F4x8) "," IN("v", F8) "," CALL("a", "aten.clone.default", "[" REF("x") "]", F4x8)
#define ROW(name) CALL(name, "aten.select.int", "[" REF("a") ",0,1]", F8)

START_TEST(write_is_seen)
{
    expect_text(GRAPH(FRESH "," CALL("w", "aten.add_.Tensor", "[" REF("a") "," REF("x") "]", F4x8) ","
                      CALL("y", "aten.neg.default", "[" REF("a") "]", F4x8) "," OUT(REF("y"))),
                "%w = add(%a, %x)|%y = neg(%w)");
}
END_TEST

START_TEST(write_to_view_reaches_base)
{
    expect_text(
        GRAPH(FRESH "," ROW("r") "," CALL("c", "aten.copy_.default", "[" REF("r") "," REF("v") "]",
                                          F8) "," CALL("y", "aten.neg.default", "[" REF("a") "]",
                                                       F4x8) "," OUT(REF("y"))),
        "%r = select(%a|%c = expand(%v|%select_scatter = select_scatter(%a, %c;|%y = neg(%select_scatter)");
    /* A slice of a row: two levels. */
    expect_text(
        GRAPH(FRESH "," IN("u", TYPE("float32", "[3]")) "," ROW("r") "," CALL(
            "s", "aten.slice.Tensor", "[" REF("r") ",0,2,5]",
            TYPE("float32", "[3]")) "," CALL("c", "aten.copy_.default", "[" REF("s") "," REF("u") "]",
                                             TYPE("float32", "[3]")) "," CALL("y", "aten.neg.default",
                                                                              "[" REF("a") "]",
                                                                              F4x8) "," OUT(REF("y"))),
        "slice_scatter(%r, %c;|select_scatter(%a, %slice_scatter;|%y = neg(%select_scatter)");
}
END_TEST

START_TEST(write_is_seen_through_views)
{
    /* A view that was taken before the write. */
    expect_text(GRAPH(FRESH "," ROW("r") "," CALL("w", "aten.add_.Tensor", "[" REF("a") "," REF("x") "]",
                                                  F4x8) "," CALL("y", "aten.neg.default", "[" REF("r") "]",
                                                                 F8) "," OUT(REF("y"))),
                "%w = add(%a, %x)|%select = select(%w;|%y = neg(%select)");
    /* Another view of the same memory, and the view that was written to. */
    expect_text(
        GRAPH(FRESH "," ROW("r") "," ROW("q") "," CALL(
            "c", "aten.copy_.default", "[" REF("r") "," REF("v") "]",
            F8) "," CALL("y", "aten.add.Tensor", "[" REF("q") "," REF("r") "]", F8) "," OUT(REF("y"))),
        "%select_scatter = select_scatter(%a, %c;|%select = select(%select_scatter;|%y = add(%select, %c)");
}
END_TEST

/* The caller would see writes to inputs in his memory: their last versions are outputs. */
START_TEST(written_inputs_are_outputs)
{
    expect_text(GRAPH(IN("x", F4x8) "," CALL("w", "aten.add_.Tensor", "[" REF("x") "," REF("x") "]", F4x8) ","
                      CALL("u", "aten.mul_.Tensor", "[" REF("x") ",2]", F4x8) ","
                      CALL("y", "aten.neg.default", "[" REF("w") "]", F4x8) "," OUT(REF("y"))),
                "%w = add(%x, %x)|%u = mul(%w, |%y = neg(%u)|output y = %y|output x.written = %u");
    /* A cache of which a slice is written. */
    expect_text(GRAPH(IN("cache", F4x8) "," IN("v", F8) "," CALL("r", "aten.select.int", "[" REF("cache") ",0,1]", F8) ","
                      CALL("w", "aten.copy_.default", "[" REF("r") "," REF("v") "]", F8) ","
                      CALL("y", "aten.neg.default", "[" REF("cache") "]", F4x8) "," OUT(REF("y"))),
                "%select_scatter = select_scatter(%cache, %w;|%y = neg(%select_scatter)|"
                "output cache.written = %select_scatter");
}
END_TEST

/* q[..., 6:] = f(q[..., 6:]) as torch functionalises it, and as it is written: joined parts, of which a reader of the
 * old part alone does not wait for the new one. */
START_TEST(write_back_is_a_plain_value)
{
#define F4x2 TYPE("float32", "[4,2]")
#define TAIL(name, of) CALL(name, "aten.slice.Tensor", "[" REF(of) ",1,6,8]", F4x2)
    static const char *const forms[] = {
        GRAPH(IN("x", F4x8) "," CALL("q", "aten.neg.default", "[" REF("x") "]", F4x8) "," TAIL("s", "q") ","
              CALL("r", "aten.neg.default", "[" REF("s") "]", F4x2) "," TAIL("s2", "q") ","
              CALL("c", "aten.copy.default", "[" REF("s2") "," REF("r") "]", F4x2) ","
              CALL("q2", "aten.slice_scatter.default", "[" REF("q") "," REF("c") ",1,6,8]", F4x8) "," TAIL("t", "q2") ","
              CALL("h", "aten.slice.Tensor", "[" REF("q2") ",1,0,6]", TYPE("float32", "[4,6]")) ","
              CALL("z", "aten.exp.default", "[" REF("t") "]", F4x2) ","
              CALL("y", "aten.exp.default", "[" REF("h") "]", TYPE("float32", "[4,6]")) ","
              OUT(REF("q2") "," REF("y") "," REF("z"))),
        GRAPH(IN("x", F4x8) "," CALL("q", "aten.neg.default", "[" REF("x") "]", F4x8) "," TAIL("s", "q") ","
              CALL("r", "aten.neg.default", "[" REF("s") "]", F4x2) ","
              CALL("c", "aten.copy_.default", "[" REF("s") "," REF("r") "]", F4x2) "," TAIL("t", "q") ","
              CALL("h", "aten.slice.Tensor", "[" REF("q") ",1,0,6]", TYPE("float32", "[4,6]")) ","
              CALL("z", "aten.exp.default", "[" REF("t") "]", F4x2) ","
              CALL("y", "aten.exp.default", "[" REF("h") "]", TYPE("float32", "[4,6]")) ","
              OUT(REF("q") "," REF("y") "," REF("z"))),
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        expect_fused(forms[i], "%q = neg(%x)|%s = slice(%q; axes = [-1], starts = [6], ends = [8]|= neg(%s)|"
                               "= slice(%q; axes = [-1], starts = [0], ends = [6]|= concat(%|%z = exp(%", "slice_scatter");
}
END_TEST

START_TEST(write_back_in_an_engine_graph)
{
    char file[512];
    if (!example_path("engine/deepseek_v3_tp8.fx.json.gz", file, sizeof file))
        return;
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), file);
    ck_assert_msg(g && !sld_fuse(g, NULL, NULL) && !sld_graph_verify(g), "%s", sld_error(ctx));
    char *text = text_of(g);
    expect_parts(text, "%copy, %rotary_embedding = rotary_embedding(|= concat(%slice, %copy;");
    ck_assert_ptr_null(strstr(text, "slice_scatter"));
    free(text);
    sld_graph_free(g);
}
END_TEST

START_TEST(writes_that_cannot_be_followed)
{
    expect_error(
        GRAPH(FRESH "," CALL("e", "aten.reshape.default", "[" REF("a") ",[32]]",
                             TYPE("float32", "[32]")) "," CALL("w", "aten.add_.Tensor", "[" REF("e") ",1]",
                                                               TYPE("float32", "[32]"))),
        "node 'w'|writes to 'e'|cannot be followed");
    expect_error(
        GRAPH(FRESH
              "," CALL("e", "aten.reshape.default", "[" REF("a") ",[32]]", TYPE("float32", "[32]")) "," CALL(
                  "w", "aten.add_.Tensor", "[" REF("a") ",1]",
                  F4x8) "," CALL("y", "aten.neg.default", "[" REF("e") "]", TYPE("float32", "[32]"))),
        "node 'y'|reads 'e' after a write to 'a'");
}
END_TEST

/* A long chain of views must not become a deep recursion. */
START_TEST(views_of_views)
{
    enum { LENGTH = 20000 };
    FILE *f = fopen(path, "w");
    fprintf(f, "{\"g\":{\"nodes\":[" FRESH "," CALL("v0", "aten.alias.default", "[" REF("a") "]", F4x8));
    for (int i = 1; i < LENGTH; i++)
        fprintf(f, "," CALL("v%d", "aten.alias.default", "[" REF("v%d") "]", F4x8), i, i - 1);
    fprintf(f, "," CALL("w", "aten.add_.Tensor", "[" REF("a") ",1]", F4x8));
    fprintf(f, "," OUT(REF("v%d")) "]}}", LENGTH - 1);
    fclose(f);
    ck_assert_ptr_null(sld_import(ctx, sld_ruleset_solder(), path));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "after a write to 'a'"));
}
END_TEST

/* ------------------------------------------------------------------ memory -- */

typedef struct budget { long left; } budget;

static void *limited(void *user, void *p, size_t size)
{
    budget *b = user;
    if (!size) {
        free(p);
        return NULL;
    }
    return b->left-- > 0 ? realloc(p, size) : NULL;
}

START_TEST(every_allocation_may_fail)
{
    const char *json = GRAPH(IN("n", "null") "," FRESH "," ROW("r") ","
                             CALL("c", "aten.copy_.default", "[" REF("r") "," REF("v") "]", F8) ","
                             CALL("y", "aten.mul.Tensor", "[" REF("a") ",0.5]", F4x8) "," OUT(REF("y")));
    write_file(json, strlen(json));
    for (long n = 1;; n++) {
        budget b = {n};
        sld_allocator a = {limited, &b};
        sld_ctx *small = sld_ctx_new(&a);
        ck_assert_ptr_nonnull(small);
        sld_graph *g = sld_import(small, sld_ruleset_solder(), path);
        ck_assert_msg(g || *sld_error(small), "no error after %ld allocations", n);
        bool done = g != NULL;
        sld_graph_free(g);
        sld_ctx_free(small);
        if (done)
            break;
        ck_assert_int_lt(n, 100000);
    }
}
END_TEST

/* Damaged files end with an error or a valid graph. */
START_TEST(damaged_files)
{
    char json[] = GRAPH(IN("n", "null") "," FRESH "," ROW("r") ","
                        CALL("c", "aten.copy_.default", "[" REF("r") "," REF("v") "]", F8) ","
                        CALL("y", "aten.mul.Tensor", "[" REF("a") ",0.5]", F4x8) "," OUT(REF("y")));
    uint32_t seed = 1;
    for (int i = 0; i < 3000; i++) {
        char copy[sizeof json];
        memcpy(copy, json, sizeof json);
        for (int k = 0; k < 2; k++) {
            seed = seed * 1664525u + 1013904223u;
            copy[(seed >> 8) % (sizeof json - 1)] = "0123456789,[]{}\"-.xyarNI\x7f"[(seed >> 3) % 25];
        }
        write_file(copy, sizeof json - 1);
        sld_graph *g = sld_import(ctx, sld_ruleset_solder(), path);
        ck_assert_msg(g ? !sld_graph_verify(g) : *sld_error(ctx) != 0, "%s: %s", sld_error(ctx), copy);
        sld_graph_free(g);
    }
}
END_TEST

Suite *fx_suite(void);
Suite *fx_suite(void)
{
    Suite *s = suite_create("fx");
#ifndef SLD_HAVE_FX
    fprintf(stderr, "SKIPPED: this build reads no torch FX files\n");
    return s;
#endif
    TCase *t = tcase_create("fx");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, examples_import, 0, (int)(sizeof examples / sizeof *examples));
    tcase_add_test(t, truncated_gzip);
    tcase_add_test(t, broken_json);
    tcase_add_test(t, no_such_key);
    tcase_add_test(t, missing_fields);
    tcase_add_test(t, wrong_graphs);
    tcase_add_test(t, wrong_types);
    tcase_add_test(t, wrong_arguments);
    tcase_add_test(t, numbers_and_promotion);
    tcase_add_test(t, numbers_of_all_dtypes);
    tcase_add_test(t, attributes_of_a_module);
    tcase_add_test(t, symbols);
    tcase_add_test(t, functionalised_calls);
    tcase_add_test(t, write_is_seen);
    tcase_add_test(t, write_to_view_reaches_base);
    tcase_add_test(t, write_is_seen_through_views);
    tcase_add_test(t, written_inputs_are_outputs);
    tcase_add_test(t, write_back_is_a_plain_value);
    tcase_add_test(t, write_back_in_an_engine_graph);
    tcase_add_test(t, writes_that_cannot_be_followed);
    tcase_add_test(t, views_of_views);
    tcase_add_test(t, every_allocation_may_fail);
    tcase_add_test(t, damaged_files);
    suite_add_tcase(s, t);
    return s;
}
