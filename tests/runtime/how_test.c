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
    ASSERT_HAS(text, "solder: warning: option 'fuse_attention' is off: target hip has no kernel for 'sdpa'\n");
    free(text);
}
END_TEST

/* A cache that is written in one layout and read in another: no graph, and no rule that makes it. */
START_TEST(layouts_are_types)
{
    write_path(in_folder("two.sld"), "solder 1\ninput %q : bf16[8, 8, 64]\ninput %k : bf16[8, 2, 64]\ninput %v : bf16[8, 2, 64]\n"
               "%done, %c = kv_cache_update(%k, %v; layer = \"l\", layout = nhd, block = 16)\n"
               "%o = decode_attention(%q, %c; layer = \"l\", layout = shuffle)\noutput o = %o\noutput d = %done\n");
    char *text = sh_ok(SOLDER "dump \"$D/two.sld\" 2>&1", 1);
    ASSERT_HAS(text, "two.sld:6:6: decode_attention: operand cache: expected C[0, layout, B, Hk, D] with layout = shuffle, ");
    ASSERT_HAS(text, ": layout shuffle and layout nhd differ\n");
    free(text);
    write_path(in_folder("two.pat"), "rule two_layouts in caches {\n"
               "  match   { done, cache = kv_cache_update(k: F[S, Hk, D], v: F[S, Hk, D]; layer)\n"
               "            o = paged_attention(q: F[S, Hq, D], k, v, done; layer)\n            yield done, o }\n"
               "  where   bits16(k), Hq % Hk == 0\n"
               "  replace { done, c = kv_cache_update(k, v; layer, layout = nhd, block = 16, to = dtype(k))\n"
               "            o = decode_attention(q, c; layer, layout = shuffle) }\n}\n");
    text = sh_ok("\"$SOLDERC_BIN\" --check patterns/*.pat \"$D/two.pat\" 2>&1", 1);
    ASSERT_HAS(text, "operand 'cache' of 'decode_attention' is C[0, layout, B, Hk, D]; this is F[0, 1, 16, Hk, D]");
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
        {"--tokens-dim s9", "--tokens-dim wants --tokens or --auto-buckets"},
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
    static const char *const idle[][2] = {
        {"dump " MODELS "qwen3/model.onnx --tokens 1..8", "--tokens means something only with --fused"},
        {"run " MODELS "qwen3/model.onnx -O1", "-O means something only with --fused"},
        {"kernels --auto-buckets", "--auto-buckets means something only with --for MODEL"},
        {"kernels --all", "--all wants --for MODEL"},
        {"options --world 2", "tokens and ranks change no option"},
    };
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
        snprintf(command, sizeof command, SOLDER "%s 2>&1", idle[i][0]);
        text = sh_ok(command, 2);
        ASSERT_HAS(text, idle[i][1]);
        free(text);
    }
    text = sh_ok(SOLDER "explain --help", 0);
    ASSERT_HAS(text, "solder explain MODEL --rule RULE");
    ASSERT_HAS(text, "HOW a model is compiled");
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
    ASSERT_HAS(text, "silu_mul                         2  option 'fuse_act' is off: command line");
    free(text);
}
END_TEST

/* A rule for steps leaves a graph of prompts as it is, to the byte. */
START_TEST(a_prompt_does_not_get_the_rule_for_steps)
{
#define ONLY "engine/llama70b_fp8_tp4.fx.json.gz -O0 --opt fuse_rope_kvcache=on "
    free(sh_ok(SOLDER "fuse " MODELS ONLY "--tokens 257..8192 --expect rope_kvcache=0 -o \"$D/out.sld\" && " SOLDER
               "dump --data " MODELS "engine/llama70b_fp8_tp4.fx.json.gz | cmp - \"$D/out.sld\"", 0));
    free(sh_ok(SOLDER "fuse " MODELS ONLY "--tokens 1..256 --expect rope_kvcache=80", 0));
#undef ONLY
}
END_TEST

/* A dim that can only be 1, or 8, keeps the form that it has, and the output reads back as it was written. */
START_TEST(buckets_of_one_number)
{
    static const char *const models[] = {"deepseek_v3/model.onnx", "deepseek_v3/model.fx.json.gz",
                                         "deepseek_v3/model_moe.fx.json.gz", "engine/deepseek_v3_tp8.fx.json.gz",
                                         "engine/llama70b_fp8_tp4.fx.json.gz", "engine/qwen3_next_fp8_tp2.fx.json.gz"};
    char command[500];
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        snprintf(command, sizeof command, SOLDER "fuse " MODELS "%s --world 2 --tokens 1..1,8..8,9..16 -o \"$D/o.sld\" && "
                 "for b in 1-1 8-8 9-16; do " SOLDER "dump --data \"$D/o.$b.sld\" | cmp - \"$D/o.$b.sld\" || exit 1; done",
                 models[i]);
        free(sh_ok(command, 0));
    }
    for (int i = 0; i < 2; i++) /* as many rewrites as for any number */
        free(sh_ok(i ? SOLDER "fuse " MODELS "deepseek_v3/model.onnx --tokens 1..1 --expect rms_norm=9 --expect attention=2"
                     : SOLDER "fuse " MODELS "deepseek_v3/model.onnx --expect rms_norm=9 --expect attention=2", 0));
}
END_TEST

/* Buckets end where the gate of the cache writes does, and where the kernels of reduced norms do. */
START_TEST(buckets_end_where_kernels_do)
{
    static const char *const parts[] = {"1..9", "10..256", "257..4681", "4682..1048576"};
    char want[80];
    char *text = sh_ok(SOLDER "fuse " MODELS "engine/deepseek_v3_tp8.fx.json.gz --world 8 --auto-buckets", 0), *at = text;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(want, sizeof want, ", tokens %s (s77)", parts[i]);
        ASSERT_HAS(at, want);
        at = strstr(at, want);
    }
    ck_assert_ptr_null(strstr(at + 1, ", tokens "));
    free(text);
    text = sh_ok(SOLDER "fuse " MODELS "engine/deepseek_v3_tp8.fx.json.gz --world 8 --tokens 1..8192", 0);
    ASSERT_HAS(text, "all_reduce_rms_norm: kernels cover only tokens 1..4681 of 1..8192; kernel sld_cpu_all_reduce_rms_norm");
    free(text);
}
END_TEST

/* A larger fusion was refused, and a smaller one took its nodes. */
START_TEST(refusals_that_other_rules_hide)
{
#define MOE MODELS "engine/qwen3_30b_tp1.fx.json.gz --tokens 1..8192 "
#define WHY "gate tokens <= rope_kvcache_fusion_max_token_num (rope_kvcache_fusion_max_token_num = 256) holds for only some of " \
            "tokens 1..8192: 1..256"
    char *text = sh_ok(SOLDER "fuse " MOE, 0);
    ck_assert_ptr_null(strstr(text, "matches that were refused:\n"));
    ASSERT_HAS(text, "matches that were refused, and that other rules took:\n  qk_norm_rope_kvcache         48  " WHY);
    free(text);
    text = sh_ok(SOLDER "explain " MOE "--rule qk_norm_rope_kvcache", 0);
    ASSERT_HAS(text, "and that other rules took: 48 (node 'unified_kv_cache_update')\n  REFUSED   " WHY "\n");
    free(text);
    text = sh_ok(SOLDER "explain " MOE "--rule qk_norm_rope_kvcache --node rms_norm_1", 0);
    ASSERT_HAS(text, "and that other rules took: 1 (node 'unified_kv_cache_update')\n  REFUSED   " WHY "\n");
    free(text);
}
END_TEST

/* Every launch and every byte that is saved is some rule's, or of nodes that nobody reads. */
START_TEST(what_is_saved_adds_up)
{
    static const char *const models[] = {"qwen3/model.onnx", "gemma3_text/model.onnx", "deepseek_v3/model.onnx --dim T=8",
                                         "qwen3_moe/model.fx.json.gz", "engine/qwen3_30b_tp1.fx.json.gz --tokens 1..256",
                                         "engine/llama70b_fp8_tp4.fx.json.gz --tokens 1..64 --world 4 --dim s80=100"};
    char command[900];
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        snprintf(command, sizeof command, SOLDER "fuse " MODELS "%s --report=json | python3 -c 'if True:\n"
                 " import json, sys; r = json.load(sys.stdin); of = list(r[\"rules\"].values()) + [r[\"unread\"]]\n"
                 " for a, b in (\"launches\", \"launches_saved\"), (\"bytes_moved\", \"bytes_saved\"):\n"
                 "  assert r[a][0] - r[a][1] == sum(x[b] for x in of) > 0, (a, r)'", models[i]);
        free(sh_ok(command, 0));
    }
}
END_TEST

/* Time grows with the graph, not with its square: this would take minutes. */
START_TEST(report_of_a_large_graph)
{
    free(sh_ok("awk 'BEGIN { print \"solder 1\\ninput %x : f32[4, 64]\\ninput %w : f32[64]\\n%z0 = neg(%x)\"; n = 30000\n"
               "for (i = 0; i < n; i++) printf \"%%a%d = add(%%z%d, %%x)\\n%%n%d = rms_norm(%%a%d, %%w; eps = 1e-5)\\n"
               "%%z%d = add(%%a%d, %%n%d)\\n\", i, i, i, i, i + 1, i, i\n"
               "printf \"output o = %%z%d\\n\", n }' >\"$D/large.sld\"", 0));
    char *text = sh_ok(SOLDER "fuse \"$D/large.sld\" --expect add_rms_norm=30000 --report", 0);
    ASSERT_HAS(text, "  add_rms_norm              30000       30000          30720000\n");
    free(text);
}
END_TEST

/* Names hold any byte; what is no UTF-8 is told as U+FFFD. */
START_TEST(json_of_odd_names)
{
    write_path(in_folder("q\"\xff\n.sld"), "solder 1\ninput %\"a\\\"b\\\\\\x01\xff\" : f32[4, 64]\ninput %w : f32[64]\n"
               "%s = add(%\"a\\\"b\\\\\\x01\xff\", %w)\n%\"\xc3\xa9\xed\xa0\x80\\\"\" = rms_norm(%s, %w; eps = 1e-5)\n"
               "output o = %\"\xc3\xa9\xed\xa0\x80\\\"\"\n");
    free(sh_ok(SOLDER "fuse \"$D\"/q* --report=json >\"$D/j\" && python3 -c 'if True:\n"
               " import json, sys; r = json.load(open(sys.argv[1], encoding=\"utf-8\"))\n"
               " assert r[\"model\"].endswith(\"q\\\"\\ufffd\\n.sld\"), r\n"
               " m = r[\"rules\"][\"add_rms_norm\"][\"near_misses\"][0]\n"
               " assert m[\"node\"] == \"\\u00e9\\ufffd\\ufffd\\ufffd\\\"\", m' \"$D/j\"", 0));
}
END_TEST

/* All-reduce, addition and norm, 97 times: one graph, and cut at what runs between the two but for each 32nd pair. */
START_TEST(pairs_in_pieces)
{
    free(sh_ok("awk 'BEGIN { printf \"solder 1\\ninput %%x0 : bf16[8, 1024]\\ninput %%s0 : bf16[8, 1024]\\n"
               "input %%z0 : bf16[8, 16]\\ninput %%w : bf16[1024]\\n\"\n"
               "for (i = 0; i < 97; i++) { printf \"%%r%d = all_reduce(%%x%d; group = \\\"tp\\\")\\n\", i, i\n"
               "printf \"%%z%d = %s(%%z%d%s)\\n\", i + 1, i % 32 ? \"softmax\" : \"neg\", i, i % 32 ? \"; axis = -1\" : \"\"\n"
               "printf \"%%x%d, %%s%d = add_rms_norm(%%r%d, %%s%d, %%w; eps = 1e-6)\\n\", i + 1, i + 1, i, i }\n"
               "printf \"output x = %%x97\\noutput s = %%s97\\noutput z = %%z97\\n\" }' >\"$D/pairs.sld\"", 0));
    /* Qwen3-30B on two ranks: the embedding, and two sums in each of 48 layers. No attention stands inside a pair. */
    free(sh_ok(SOLDER "dump " MODELS "engine/qwen3_30b_tp1.fx.json.gz | awk '/rms_norm\\(/ && /2048\\]/ {"
               "at = index($0, \"rms_norm(\") + 9; rest = substr($0, at); end = index(rest, \",\")\n"
               "printf \"%%sum%d = all_reduce(%s; group = \\\"tp\\\")\\n%s%%sum%d%s\\n\", ++n, substr(rest, 1, end - 1),"
               " substr($0, 1, at - 1), n, substr(rest, end); next } {print}' >\"$D/ranks.sld\"", 0));
#define RANKS "fuse \"$D/ranks.sld\" --world 2 --tokens 1..256 --expect all_reduce_rms_norm_any_width=1 " \
              "--expect all_reduce_add_rms_norm_any_width=96 --expect qk_norm_rope_kvcache=48"
    free(sh_ok(SOLDER RANKS, 0));
    free(sh_ok(SOLDER RANKS " --split-at paged_attention", 0));
#undef RANKS
#define PAIRS "fuse \"$D/pairs.sld\" --world 4 --tokens 8..8 --report --expect all_reduce_add_rms_norm_any_width="
    free(sh_ok(SOLDER PAIRS "97", 0));
    char *text = sh_ok(SOLDER PAIRS "4 --split-at softmax", 0);
    ASSERT_HAS(text, "  all_reduce_add_rms_norm_any_width      4 of 97 ");
    ASSERT_HAS(text, "  all_reduce_add_rms_norm_any_width     93  it crosses partitions, between all_reduce and add_rms_norm");
    free(text);
#undef PAIRS
}
END_TEST

/* Nothing is written for one bucket when the next has another count, or cannot be. */
START_TEST(expected_in_all_buckets)
{
    char *text = sh_ok(SOLDER "fuse " MODELS "engine/qwen3_30b_tp1.fx.json.gz --tokens 1..256,257..8192 --expect "
                       "qk_norm_rope_kvcache=48 -o \"$D/o.sld\" --report=json 2>&1; status=$?; ls \"$D\"; exit $status", 1);
    ASSERT_HAS(text, "rule qk_norm_rope_kvcache fired 0 times, not 48; refused: gate tokens <= rope_kvcache_fusion_max_token_num");
    ck_assert_ptr_null(strstr(text, "o."));
    ck_assert_ptr_null(strstr(text, "{"));
    free(text);
    write_path(in_folder("a.sld"), "solder 1\nsymbol T in [1, 512]\ninput %x : f32[T]\n%y = neg(%x)\noutput o = %y\n");
    text = sh_ok(SOLDER "fuse \"$D/a.sld\" --tokens 1..512,513..1024 --report=json 2>&1", 1);
    ck_assert_str_eq(text, "solder: tokens 513..1024 lie outside 1..512, the range of 'T'\n");
    free(text);
    text = sh_ok(SOLDER "fuse \"$D/a.sld\" --expect rms_nrom=0 2>&1", 1);
    ck_assert_str_eq(text, "solder: there is no rule 'rms_nrom'; did you mean 'rms_norm'? (see: solder rules)\n");
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
                     "      not sld_cpu_rms_norm wants H <= 16384, which does not hold with H = 20000\n");
    free(text);
    text = sh_ok(SOLDER "kernels --for \"$D/wide.sld\" --target hip 2>&1", 0);
    ASSERT_HAS(text, "     1  rms_norm           sld_hip_rms_norm (node 'y')\n");
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
    tcase_add_test(t, layouts_are_types);
    tcase_add_test(t, who_sets_an_option);
    tcase_add_test(t, bad_usage);
    tcase_add_test(t, where_nothing_fires_the_output_is_the_input);
    tcase_add_test(t, a_report_for_each_bucket);
    tcase_add_test(t, a_prompt_does_not_get_the_rule_for_steps);
    tcase_add_test(t, buckets_of_one_number);
    tcase_add_test(t, buckets_end_where_kernels_do);
    tcase_add_test(t, refusals_that_other_rules_hide);
    tcase_add_test(t, what_is_saved_adds_up);
    tcase_add_test(t, report_of_a_large_graph);
    tcase_add_test(t, json_of_odd_names);
    tcase_add_test(t, pairs_in_pieces);
    tcase_add_test(t, expected_in_all_buckets);
    tcase_add_test(t, kernels_of_a_model);
    tcase_add_test(t, other_commands_take_options_too);
    suite_add_tcase(s, t);
    return s;
}
