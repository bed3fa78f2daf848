/* The tools when memory is short: faults.c refuses allocations and judges how they end. */
#include "../dsl/solderc.h"

Suite *faults_suite(void);

/* What is said to a language server. */
static const char *const messages[] = {
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":{\"uri\":\"file:///none/a.pat\",\"text\":"
    "\"phase p\\n# The negative.\\nop neg(x: any[*A]) -> any[*A]\\nkernel neg { ref }\\n"
    "rule r in p { match { y = neg(neg(x)) } replace { y = x } }\\n\"}}}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":{\"uri\":\"b.pat\",\"text\":\"op op\"}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"textDocument/hover\",\"params\":{\"textDocument\":{\"uri\":\"file:///none/a.pat\"},"
    "\"position\":{\"line\":4,\"character\":27}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"textDocument/hover\",\"params\":{\"textDocument\":{\"uri\":\"file:///none/a.pat\"},"
    "\"position\":{\"line\":4,\"character\":22}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"textDocument/definition\",\"params\":{\"textDocument\":{\"uri\":"
    "\"file:///none/a.pat\"},\"position\":{\"line\":4,\"character\":27}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"textDocument/documentSymbol\",\"params\":{\"textDocument\":{\"uri\":"
    "\"file:///none/a.pat\"}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"textDocument/formatting\",\"params\":{\"textDocument\":{\"uri\":"
    "\"file:///none/a.pat\"}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"shutdown\"}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}",
};

/* Inputs lie in $D, and what a tool writes in $D/o. */
static const char *const cases[] = {
    "${SOLDERC_BIN}_faults --check patterns/act.pat",
    "${SOLDERC_BIN}_faults --check tests/dsl/bad/a*.pat tests/dsl/bad/depth_parens.pat",
    "${SOLDERC_BIN}_faults --check --max-errors 0 --format json tests/dsl/bad/[b-d]*.pat",
    "${SOLDERC_BIN}_faults -o $D/o/x.c --depfile $D/o/x.d tests/embed/rules.pat",
    "${SOLDERC_BIN}_faults --tests -o $D/o/x.c tests/runtime/run.pat",
    "${SOLDERC_BIN}_faults --doc -o $D/o/x.md tests/runtime/run.pat",
    "${SOLDERC_BIN}_faults --explain neg_norm tests/runtime/run.pat",
    "${SOLDERC_BIN}_faults --fmt $D/o/f.pat",
    "${SOLDERC_BIN}_faults --fmt=check $D/o/f.pat",
    "${SOLDERC_BIN}_faults --lsp <$D/lsp",
    "${SOLDER_BIN}_faults options --config $D/config --opt fuse_norm=off",
    "${SOLDER_BIN}_faults dump $D/layer.sld",
    "FAULTS_LAST=1 ${SOLDER_BIN}_faults dump $D/layer.fx.json.gz",
    "${SOLDER_BIN}_faults dump $D/layer.onnx --fused",
    "FAULTS_LAST=1 ${SOLDER_BIN}_faults dump tests/models/engine/deepseek_v3_tp8.fx.json.gz",
    "FAULTS_VARIES=1 ${SOLDER_BIN}_faults fuse $D/layer.sld -o $D/o/x.onnx --report --dim s0=3",
    "FAULTS_VARIES=1 ${SOLDER_BIN}_faults fuse $D/layer.onnx --split-at linear --report=json -o $D/o/x.sld",
    "FAULTS_VARIES=1 ${SOLDER_BIN}_faults fuse tests/models/qwen3/model.onnx --report -o $D/o/x.onnx",
    "FAULTS_LAST=1 ${SOLDER_BIN}_faults fuse tests/faults/layer.fx.json --auto-buckets -o $D/o/x.sld",
    "${SOLDER_BIN}_faults fuse $D/layer.sld --tokens 1..4,5..9 -o $D/o/x.sld",
    "${SOLDER_BIN}_faults fuse $D/layer.sld --max-rewrites 3 -o $D/o/x.sld --expect silu_mul=9",
    "${SOLDER_BIN}_faults explain $D/layer.sld --rule add_rms_norm",
    "${SOLDER_BIN}_faults explain $D/layer.sld --rule attention",
    "${SOLDER_BIN}_faults kernels --for $D/layer.sld --all",
    "FAULTS_VARIES=1 ${SOLDER_BIN}_faults run $D/layer.sld --fused $INPUTS --output clamp=$D/o/x.f32 --compare clamp=$D/clamp.f32",
    "FAULTS_VARIES=1 ${SOLDER_BIN}_faults run $D/layer.onnx --target ref $INPUTS --output clamp=$D/o/x.f32",
    "${SOLDER_BIN}_faults run $D/layer.sld --input x=$D/w",
    "FAULTS_VARIES=1 ${SOLDER_BIN}_faults demo tests/models/qwen3",
};

static void write_messages(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/lsp", getenv("D"));
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        fprintf(f, "Content-Length: %zu\r\n\r\n%s", strlen(messages[i]), messages[i]);
    fclose(f);
}

static const char prepare[] =
    "set -e; mkdir -p $D/o; sed 's/  */ /g' tests/embed/rules.pat >$D/o/f.pat; gzip -c tests/faults/layer.fx.json >$D/layer.fx.json.gz\n"
    "$SOLDER_BIN dump tests/faults/layer.fx.json --data >$D/layer.sld; $SOLDER_BIN fuse $D/layer.sld -o $D/layer.onnx\n"
    "printf 'O1\\nfuse_act = on # asked for\\n' >$D/config\n"
    "zeros() { head -c $2 /dev/zero >$D/$1; }\n"
    "zeros x 96; zeros w 32; zeros gate_w 512; zeros up_w 512; zeros down_w 512; zeros clamp.f32 48";

static void setup(void)
{
    make_folder();
    write_messages();
    free(sh_ok(prepare, 0));
    setenv("FAULTS", "60", 0); /* make faults: 0 */
}

/* Every tool ends as if there were memory, or with a word about it. */
START_TEST(memory_is_short)
{
    char command[4096];
    snprintf(command, sizeof command,
             "for i in x w gate_w up_w down_w; do INPUTS=\"$INPUTS --input $i=$D/$i\"; done; "
             "export OPENBLAS_NUM_THREADS=1 FAULTS_DIR=$D/o; %s", cases[_i]);
    char *said = sh_ok(command, 0);
    if (!atoi(getenv("FAULTS")))
        printf("%s\n  %s", cases[_i], said);
    free(said);
}
END_TEST

Suite *faults_suite(void)
{
    Suite *s = suite_create("faults");
    TCase *t = tcase_create("faults");
    tcase_add_unchecked_fixture(t, setup, remove_folder);
    tcase_add_loop_test(t, memory_is_short, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(s, t);
    return s;
}
