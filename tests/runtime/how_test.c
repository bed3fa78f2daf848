/* How the solder command compiles a model: options, buckets, kernels. */
#include "../dsl/solderc.h"

Suite *how_suite(void);

#define SOLDER "\"$SOLDER_BIN\" "
#define MODELS "${SOLDER_MODELS:-tests/models}/"

START_TEST(options_and_why)
{
    char *text = sh_ok(SOLDER "options 2>&1", 0);
    ASSERT_HAS(text, "level O2, target cpu\n");
    ASSERT_HAS(text, "fuse_qk_norm_rope                  on  on from O2, and this is O2; requires fuse_norm, fuse_rope, "
                     "fuse_attention\n");
    free(text);
    text = sh_ok(SOLDER "options -O0 --opt fuse_qk_norm_rope=on 2>&1", 0);
    ASSERT_HAS(text, "solder: option 'fuse_norm' is on: 'fuse_qk_norm_rope' requires it\n");
    ASSERT_HAS(text, "fuse_act                          off  on from O1, and this is O0\n");
    free(text);
    text = sh_ok(SOLDER "options --opt fuse_norm=off 2>&1", 0);
    ASSERT_HAS(text, "solder: option 'fuse_qk_norm_rope' is off: it requires 'fuse_norm', which is off: command line\n");
    free(text);
    text = sh_ok(SOLDER "options --opt fuse_norm=off --opt fuse_qk_norm_rope=on 2>&1", 1);
    ASSERT_HAS(text, "solder: option 'fuse_qk_norm_rope' is on (command line) and requires 'fuse_norm', which is off "
                     "(command line)\n");
    free(text);
    text = sh_ok(SOLDER "options --target hip 2>&1", 0);
    ASSERT_HAS(text, "solder: warning: option 'fuse_norm' is off: target hip has no kernel for 'rms_norm'\n");
    free(text);
}
END_TEST

/* The file is overruled by the environment, and both by the command line. */
START_TEST(who_sets_an_option)
{
    write_path(in_folder("s.conf"), "O0\nfuse_act = on # gated activations\nfuse_norm = on\nfuse_rope = on\n");
    char *text = sh_ok("SOLDER_OPTIONS=fuse_norm=off,fuse_rope=off " SOLDER "options --config \"$D/s.conf\" --opt fuse_rope=on", 0);
    ASSERT_HAS(text, "level O0");
    ASSERT_HAS(text, "s.conf:2\n");
    ASSERT_HAS(text, "fuse_norm                         off  SOLDER_OPTIONS\n");
    ASSERT_HAS(text, "fuse_rope                          on  command line\n");
    free(text);
    text = sh_ok("SOLDER_CONFIG=\"$D/s.conf\" SOLDER_LEVEL=O1 " SOLDER "options", 0);
    ASSERT_HAS(text, "level O1");
    ASSERT_HAS(text, "s.conf:3\n");
    free(text);
    write_path(in_folder("s.conf"), "fuse_norm = on\nfuse_nrom = on\n");
    text = sh_ok(SOLDER "fuse " MODELS "qwen3/model.onnx --config \"$D/s.conf\" 2>&1", 1);
    ASSERT_HAS(text, "s.conf:2: there is no option 'fuse_nrom'; did you mean 'fuse_norm'? (see: solder options)\n");
    free(text);
    text = sh_ok("SOLDER_LEVEL=O7 " SOLDER "options 2>&1", 1);
    ck_assert_str_eq(text, "solder: SOLDER_LEVEL: levels are O0 to O3\n");
    free(text);
}
END_TEST

START_TEST(bad_usage)
{
    static const struct { const char *args, *why; } bad[] = {
        {"--tokens 1-8", "--tokens wants LO..HI[,LO..HI...] with 1 <= LO <= HI, got '1-8'"},
        {"--tokens 8..1", "with 1 <= LO <= HI"},
        {"--tokens 0..8", "with 1 <= LO <= HI"},
        {"--tokens 1..8,", "with 1 <= LO <= HI"},
        {"--tokens 1..8,8..16", "--tokens: 8..16 does not come after 1..8"},
        {"--tokens 1..99999999999999999999", "with 1 <= LO <= HI"},
        {"--world 0", "--world wants a whole number from 1 on"},
        {"--opt fuse_norm", "--opt wants NAME=VALUE, got 'fuse_norm'"},
        {"--target gpu", "--target is cpu, ref or hip, not 'gpu'"},
    };
    char command[400];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(command, sizeof command, SOLDER "fuse " MODELS "qwen3/model.onnx %s 2>&1", bad[i].args);
        char *text = sh_ok(command, 2);
        ASSERT_HAS(text, bad[i].why);
        free(text);
    }
    char *text = sh_ok(SOLDER "fuse " MODELS "qwen3/model.onnx --tokens 1..8 --tokens-dim s9 2>&1", 1);
    ASSERT_HAS(text, "there is no symbolic dim 's9' to count tokens");
    free(text);
    text = sh_ok(SOLDER "fuse " MODELS "qwen3/model.onnx -O9 2>&1", 1);
    ASSERT_HAS(text, "-O: levels are O0 to O3");
    free(text);
}
END_TEST

/* Files of all forms, with rules off, come out as they went in. */
START_TEST(where_nothing_fires_the_output_is_the_input)
{
    free(sh_ok(SOLDER "fuse -O0 " MODELS "qwen3/model.onnx -o \"$D/o.onnx\" && cmp \"$D/o.onnx\" " MODELS "qwen3/model.onnx", 0));
    for (int i = 0; i < 3; i++) {
        static const char *const fx[] = {"qwen3_moe/model.fx.json.gz", "deepseek_v3/model.fx.json.gz",
                                         "engine/qwen3_30b_tp1.fx.json.gz"};
        char command[700];
        snprintf(command, sizeof command,
                 SOLDER "dump --data " MODELS "%s >\"$D/in\" && " SOLDER "fuse -O0 " MODELS "%s --tokens 1..256,257..8192 -o "
                 "\"$D/out.sld\" && cmp \"$D/in\" \"$D/out.1-256.sld\" && cmp \"$D/in\" \"$D/out.257-8192.sld\"", fx[i], fx[i]);
        free(sh_ok(command, 0));
    }
    /* Odd blanks and comments stay as well. */
    write_path(in_folder("a.sld"), "solder 1\n\n# two\ninput %x :   f32[4]\n%y = neg( %x )\noutput o = %y");
    free(sh_ok(SOLDER "fuse \"$D/a.sld\" -o \"$D/b.sld\" && cmp \"$D/a.sld\" \"$D/b.sld\"", 0));
}
END_TEST

START_TEST(a_report_for_each_bucket)
{
    static const char *const models[] = {"qwen3_moe/model.fx.json.gz", "deepseek_v3/model.fx.json.gz",
                                         "deepseek_v3/model_moe.fx.json.gz", "engine/deepseek_v3_tp8.fx.json.gz",
                                         "engine/llama70b_fp8_tp4.fx.json.gz", "engine/qwen3_next_fp8_tp2.fx.json.gz"};
    char command[400];
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        snprintf(command, sizeof command, SOLDER "fuse " MODELS "%s --tokens 1..256,257..8192 2>&1", models[i]);
        char *text = sh_ok(command, 0);
        ASSERT_HAS(text, ", tokens 1..256");
        ASSERT_HAS(text, ", tokens 257..8192");
        free(text);
        snprintf(command, sizeof command, SOLDER "fuse " MODELS "%s --auto-buckets 2>&1", models[i]);
        text = sh_ok(command, 0);
        ASSERT_HAS(text, ", tokens 1..256"); /* where the gate of the cache writes ends */
        ASSERT_HAS(text, ", tokens 257..1048576");
        free(text);
    }
    free(sh_ok(SOLDER "fuse " MODELS "qwen3_moe/model.fx.json.gz --tokens 1..256,257..8192 --report=json | python3 -c '"
               "import json, sys; a, b = json.load(sys.stdin); assert a[\"tokens\"] == [1, 256], a; "
               "assert b[\"rules\"][\"rms_norm\"][\"fired\"] == 9, b'", 0));
    char *text = sh_ok(SOLDER "fuse " MODELS "qwen3/model.onnx --opt fuse_act=off --report 2>&1", 0);
    ASSERT_HAS(text, "silu_mul                      2  option 'fuse_act' is off: command line");
    free(text);
}
END_TEST

START_TEST(kernels_of_a_model)
{
    char *text = sh_ok(SOLDER "kernels", 0);
    ASSERT_HAS(text, "rms_norm           cpu  sld_cpu_rms_norm             when dtype(x) in {f16, bf16, f32} and H <= 16384\n");
    free(text);
    text = sh_ok(SOLDER "kernels --for " MODELS "qwen3/model.onnx", 0);
    ASSERT_HAS(text, "     4  add_rms_norm       sld_cpu_add_rms_norm (node ");
    free(text);
    write_path(in_folder("wide.sld"), "solder 1\ninput %x : bf16[4, 20000]\ninput %w : bf16[20000]\n"
                                      "%y = rms_norm(%x, %w; eps = 1e-5)\noutput o = %y\n");
    text = sh_ok(SOLDER "kernels --for \"$D/wide.sld\" --tokens 1..8", 0);
    ASSERT_HAS(text, "wide.sld, tokens 1..8, target cpu\n     1  rms_norm           sld_ref_rms_norm (node 'y')\n"
                     "      not sld_cpu_rms_norm wants dtype(x) in {f16, bf16, f32} and H <= 16384, which does not hold with "
                     "x: bf16[4, 20000], H = 20000\n");
    free(text);
    text = sh_ok(SOLDER "kernels --for \"$D/wide.sld\" --target hip 2>&1", 0);
    ASSERT_HAS(text, "     1  rms_norm           no kernel (node 'y')\n");
    free(text);
}
END_TEST

START_TEST(other_commands_take_options_too)
{
    char *text = sh_ok(SOLDER "explain " MODELS "qwen3/model.onnx --rule silu_mul --opt fuse_act=off", 0);
    ASSERT_HAS(text, "  REFUSED   option 'fuse_act' is off: command line\n");
    free(text);
    text = sh_ok("SOLDER_LEVEL=O0 " SOLDER "dump " MODELS "qwen3/model.onnx --fused", 0);
    ck_assert_ptr_null(strstr(text, "rms_norm("));
    free(text);
    text = sh_ok(SOLDER "run " MODELS "qwen3/model.onnx --input input_ids=" MODELS "qwen3/input_ids.i64 --fused -O1 --compare "
                        MODELS "qwen3/logits.f32", 0);
    ASSERT_HAS(text, "ran 41 launches");
    free(text);
    text = sh_ok(SOLDER "dump " MODELS "qwen3/model.onnx --fused --tokens 1..4,5..8 2>&1", 1);
    ASSERT_HAS(text, "one bucket is enough here");
    free(text);
}
END_TEST

Suite *how_suite(void)
{
    Suite *s = suite_create("how");
    TCase *t = tcase_create("command line");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, options_and_why);
    tcase_add_test(t, who_sets_an_option);
    tcase_add_test(t, bad_usage);
    tcase_add_test(t, where_nothing_fires_the_output_is_the_input);
    tcase_add_test(t, a_report_for_each_bucket);
    tcase_add_test(t, kernels_of_a_model);
    tcase_add_test(t, other_commands_take_options_too);
    suite_add_tcase(s, t);
    return s;
}
