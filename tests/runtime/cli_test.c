/* The solder command as a user runs it: models against the stored logits, usage, and errors
 * that are one line with the right exit status. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *cli_suite(void);

static char dir[64];

static void setup(void)
{
    strcpy(dir, "/tmp/solder-cli-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    ck_assert_int_eq(system(cmd), 0);
}

static const char *or_default(const char *env, const char *dflt)
{
    return getenv(env) ? getenv(env) : dflt;
}

/* %M stands for the models, %D for the test's folder. */
static void expand(char *to, size_t n, const char *from)
{
    size_t k = 0;
    to[0] = 0;
    for (; *from && k + 1 < n; from++) {
        const char *word = from[0] == '%' && from[1] == 'M' ? or_default("SOLDER_MODELS", "tests/models")
                           : from[0] == '%' && from[1] == 'D' ? dir : NULL;
        if (word) {
            k += (size_t)snprintf(to + k, n - k, "%s", word);
            from++;
        } else {
            to[k++] = *from;
            to[k] = 0;
        }
    }
}

/* Runs the tool; both streams go to text. Answers the exit status, or -1 when it was killed. */
static int solder(const char *args, char *text, size_t n)
{
    char filled[2000], cmd[2500];
    expand(filled, sizeof filled, args);
    snprintf(cmd, sizeof cmd, "%s %s 2>&1", or_default("SOLDER_BIN", "build/gcc/bin/solder"), filled);
    FILE *p = popen(cmd, "r");
    ck_assert_ptr_nonnull(p);
    size_t k = 0, m;
    while ((m = fread(text + k, 1, n - 1 - k, p)) > 0)
        k += m;
    text[k] = 0;
    int status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static unsigned lines(const char *text)
{
    unsigned n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static const char *const models[] = {"qwen3",       "llama", "deepseek_v3", "qwen3_next", "llama_sdpa",
                                     "gemma3_text", "phi3",  "gpt_neox",    "qwen3_f16"};
enum { N_MODELS = sizeof models / sizeof *models };

/* f16 rounds after each op, in another order when fused. */
static const char *tolerance(const char *model)
{
    return strstr(model, "f16") ? "2e-3" : "1e-5";
}

/* The stored logits are what ONNX Runtime 1.30 answers. */
START_TEST(logits)
{
    char args[500], text[4000];
    const char *m = models[_i / 3], *how[] = {"", "--fused", "--target ref"};
    snprintf(args, sizeof args,
             "run %%M/%s/model.onnx --input input_ids=%%M/%s/input_ids.i64 --compare %%M/%s/logits.f32 --tol %s %s",
             m, m, m, tolerance(m), how[_i % 3]);
    ck_assert_msg(solder(args, text, sizeof text) == 0, "%s: %s", args, text);
    ck_assert_ptr_nonnull(strstr(text, "f32[1, 8, 128]"));
    ck_assert_ptr_nonnull(strstr(text, "largest difference"));
}
END_TEST

START_TEST(fused_file_runs)
{
    char args[500], text[4000];
    const char *m = models[_i];
    snprintf(args, sizeof args, "fuse %%M/%s/model.onnx -o %%D/f.onnx", m);
    ck_assert_msg(solder(args, text, sizeof text) == 0, "%s", text);
    snprintf(args, sizeof args,
             "run %%D/f.onnx --input input_ids=%%M/%s/input_ids.i64 --compare %%M/%s/logits.f32 --tol %s", m, m, tolerance(m));
    ck_assert_msg(solder(args, text, sizeof text) == 0, "%s", text);
    snprintf(args, sizeof args, "fuse %%M/%s/model.onnx -o %%D/f.txt", m);
    ck_assert_msg(solder(args, text, sizeof text) == 0, "%s", text);
    snprintf(args, sizeof args,
             "run %%D/f.txt --input input_ids=%%M/%s/input_ids.i64 --compare %%M/%s/logits.f32 --tol %s", m, m, tolerance(m));
    ck_assert_msg(solder(args, text, sizeof text) == 0, "%s", text);
}
END_TEST

START_TEST(report)
{
    char text[4000];
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx --report", text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "qk_norm_rope                  2"));
    ck_assert_ptr_nonnull(strstr(text, "157 -> 39"));
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx --report=json", text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "\"nodes\": [157, 39]"));
    ck_assert_int_eq(solder("fuse %M/deepseek_v3/model.onnx --dim T=8 --report", text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "planned peak bytes"));
    ck_assert_int_eq(solder("fuse %M/engine/qwen3_30b_tp1.fx.json.gz --report", text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "nodes"));
}
END_TEST

/* Launches and bytes that each rule saved add up; what nearly matched, and what was refused, is told with an example. */
START_TEST(report_says_why_not)
{
    char text[8000];
    ck_assert_int_eq(solder("dump %M/qwen3/model.onnx | sed -e '/^%/s/) : .*/)/' "
                            "-e 's/^%mean = mean(%pow_1; axes = .-1.)/%mean = mean(%pow_1; axes = [-2])/' "
                            "-e 's/^%val_187 = softmax(%add_8; axis = -1)/%val_187 = softmax(%add_8; axis = -2)/' "
                            ">%D/planted.txt", text, sizeof text), 0);
    ck_assert_int_eq(solder("fuse %D/planted.txt --report", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "rms_norm                      1  norm.pat:30: expected axes = [-1], found axes = [-2] in "
                               "%mean (node 'mul_3')\n") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "attention                     1  attention.pat:21: expected axis = -1, found axis = -2 in "
                               "%val_187 (node 'matmul_2')\n") != NULL, "%s", text);
    ck_assert_msg(!strstr(text, "refused"), "%s", text);
    ck_assert_int_eq(solder("fuse %D/planted.txt --report=json", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "\"near_misses\": [{\"count\": 1, \"why\": \"expected axes = [-1], found axes = [-2] in %mean\","
                               " \"node\": \"mul_3\", \"place\": \"norm.pat:30\"}]") != NULL, "%s", text);
    ck_assert_int_eq(solder("fuse %M/llama/model.onnx --report=json", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "\"add_rms_norm\": {\"fired\": 4, \"launches_saved\": 4, \"bytes_saved\": 8192,") != NULL, "%s",
                  text);
    int saved = 0, before, after;
    for (const char *at = text; (at = strstr(at, "\"launches_saved\": ")) != NULL; at++)
        saved += atoi(at + strlen("\"launches_saved\": "));
    ck_assert_int_eq(sscanf(strstr(text, "\"launches\": ["), "\"launches\": [%d, %d]", &before, &after), 2);
    ck_assert_int_eq(before - after, saved);
}
END_TEST

START_TEST(pieces)
{
    char text[8000];
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx --split-at softmax,silu_mul --report", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "rms_norm                      9 of 9 ") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "attention                     0 of 2 ") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "attention                     2  it crosses partitions, between matmul and softmax (node "
                               "'matmul_2')\n") != NULL, "%s", text);
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx --split-at softmax --report=json", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "\"attention\": {\"fired\": 0, \"fired_in_one_piece\": 2, \"launches_saved\": 0,") != NULL,
                  "%s", text);
    ck_assert_int_eq(solder("explain %M/qwen3/model.onnx --split-at softmax --rule attention", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "REFUSED   it crosses partitions, between matmul and softmax\n") != NULL, "%s", text);
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx --split-at softmax,nothing", text, sizeof text), 1);
    ck_assert_msg(strstr(text, "--split-at: there is no op 'nothing'") != NULL, "%s", text);
}
END_TEST

START_TEST(expected_counts)
{
    char text[4000];
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx --expect rms_norm=9 --expect qk_norm_rope=2", text, sizeof text), 0);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx -o %D/out.txt --expect rms_norm=9 --expect rope_neox=5", text,
                            sizeof text), 1);
    ck_assert_msg(strstr(text, "qwen3/model.onnx: rule rope_neox fired 4 times, not 5") != NULL, "%s", text);
    char path[100];
    snprintf(path, sizeof path, "%s/out.txt", dir);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx --expect nothing=1", text, sizeof text), 1);
    ck_assert_msg(strstr(text, "no rule 'nothing'") != NULL, "%s", text);
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx --expect rms_norm", text, sizeof text), 2);
    ck_assert_int_eq(solder("fuse %M/qwen3/model.onnx --expect rms_norm=x", text, sizeof text), 2);
}
END_TEST

START_TEST(explanations)
{
    static const struct { const char *args, *told; } cases[] = {
        {"explain %M/qwen3/model.onnx --rule add_rms_norm", "rule add_rms_norm fired 4 times\n"},
        {"explain %M/qwen3/model.onnx --rule add_rms_norm", "  FAILS     expected add, found %embedding = gather("},
        {"explain %M/qwen3/model.onnx --rule add_rms_norm --node val_88",
         "node 'val_88' went with a match of rule reciprocal_of_sqrt\n"},
        {"explain %M/qwen3/model.onnx --rule add_rms_norm --node mean_3", "node 'mean_3' went with a match of rule rms_norm\n"},
        {"explain %M/qwen3/model.onnx --rule add_rms_norm --node add_9", "no part of it is around %mul_14, %add_9 = add_rms_norm("},
        {"explain %M/qwen3/model.onnx --rule silu_mul -O0", "  REFUSED   "},
        {"explain %D/wide.txt --rule rope_neox", "  REFUSED   rope: kernel sld_cpu_rope wants D <= 1024"},
    };
    char text[8000];
    ck_assert_int_eq(solder("--version; printf '"
                            "input %%x : f32[2, 8192]\ninput %%c : f32[2, 8192]\ninput %%s : f32[2, 8192]\n"
                            "%%a = slice(%%x; axes = [-1], starts = [4096], ends = [8192], steps = [1])\n%%n = neg(%%a)\n"
                            "%%b = slice(%%x; axes = [-1], starts = [0], ends = [4096], steps = [1])\n"
                            "%%r = concat(%%n, %%b; axis = -1)\n%%p = mul(%%x, %%c)\n%%q = mul(%%r, %%s)\n"
                            "%%y = add(%%p, %%q)\noutput y = %%y\n' >%D/wide.txt", text, sizeof text), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(solder(cases[i].args, text, sizeof text) == 0, "%s: %s", cases[i].args, text);
        ck_assert_msg(strstr(text, cases[i].told) != NULL, "%s: %s", cases[i].args, text);
    }
}
END_TEST

/* What there is to fuse in graphs of a serving engine. */
START_TEST(engine_counts)
{
    static const char *const cases[] = {
        "qwen3_next_fp8_tp2.fx.json.gz --expect gated_rms_norm_group_quant_unrounded=12 --expect gated_rms_norm_group_quant=0",
        "qwen3_next_fp8_tp2.fx.json.gz --world 2 --tokens 1..8192 --expect all_reduce_add_rms_norm_any_width=32",
        "deepseek_v3_tp8.fx.json.gz --world 8 --tokens 1..4681 --expect all_reduce_add_rms_norm_any_width=16",
        "deepseek_v3_tp8.fx.json.gz --world 8 --tokens 1..4682 --expect all_reduce_add_rms_norm_any_width=0",
        "deepseek_v3_tp8.fx.json.gz --world 6 --tokens 1..64 --expect all_reduce_add_rms_norm_any_width=0",
        "llama70b_fp8_tp4.fx.json.gz --world 4 --tokens 1..4096 --expect all_reduce_add_rms_norm_any_width=160 "
        "--expect all_reduce_rms_norm_static_quant_allow_contract_change=159 --expect rms_norm_static_quant=1",
        "llama70b_fp8_tp4.fx.json.gz --expect rms_norm_static_quant=1 --expect add_rms_norm_static_quant=159 "
        "--expect act_static_quant_and_silu=80",
    };
    char args[400], text[4000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(args, sizeof args, "fuse %%M/engine/%s", cases[i]);
        ck_assert_msg(solder(args, text, sizeof text) == 0, "%s: %s", args, text);
    }
}
END_TEST

/* One condition fails, and that is what is told. */
#define HEADS(d, weight, quant)                                                                                 \
    "input %%x : bf16[6, 4, " d "]\ninput %%z : bf16[6, 4, " d "]\ninput %%w : " weight "[" d "]\n"              \
    "%%n = gated_rms_norm(%%x, %%w, %%z; eps = 1e-06)\n%%r = reshape(%%n; shape = [24, " d "])\n" quant          \
    "\noutput q = %%q\n"
#define ROWS(weight) "input %%x : bf16[6, 256]\ninput %%w : " weight "[256]\n%%n = rms_norm(%%x, %%w; eps = 1e-06)\n"     \
    "%%q, %%c = group_quant(%%n; group = 128, to = f8e4m3fn)\noutput q = %%q\n"
START_TEST(norm_quant_near_misses)
{
    static const struct { const char *graph, *rule, *told; } cases[] = {
        {HEADS("128", "bf16", "%%q, %%c = group_quant(%%r; group = 64, to = f8e4m3fn)"), "gated_rms_norm_group_quant",
         "FAILS     expected H == group, found H = 128, group = 64\n"},
        {HEADS("64", "bf16", "%%f = reshape(%%r; shape = [6, 256])\n%%q, %%c = group_quant(%%f; group = 128, to = f8e4m3fn)"),
         "group_quant_of_reshape", "FAILS     expected D % group == 0, found D = 64, group = 128\n"},
        {HEADS("128", "bf16", "const %%s : f32[] = 0.1\n%%q = static_quant(%%r, %%s; to = f8e4m3fn)"),
         "gated_rms_norm_group_quant", "no part of it is in the graph"},
        {HEADS("128", "f32", "%%q, %%c = group_quant(%%r; group = 128, to = f8e4m3fn)"), "gated_rms_norm_group_quant_unrounded",
         "FAILS     expected dtype(w) == dtype(x), found w : f32[128], x : bf16["},
        {ROWS("f32"), "rms_norm_group_quant", "FAILS     expected dtype(w) == dtype(x), found w : f32[256], x : bf16[6, 256]\n"},
    };
    char args[1200], text[4000];
    ck_assert_int_eq(solder("fuse %M/engine/qwen3_next_fp8_tp2.fx.json.gz --report", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "rounded elsewhere than by the chain, as allow_contract_change lets it:\n"
                               "  gated_rms_norm_group_quant_unrounded     12\n") != NULL, "%s", text);
    ck_assert_int_eq(solder("fuse %M/engine/qwen3_next_fp8_tp2.fx.json.gz --report --opt allow_contract_change=off", text, sizeof text), 0);
    ck_assert_msg(!strstr(text, "rounded elsewhere"), "%s", text);
    ck_assert_int_eq(solder("fuse %M/qwen3_f16/model.onnx --report", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "lets it:\n  rms_norm_rounded_once          9\n  add_rms_norm_rounded_once      4\n") != NULL, "%s", text);
    /* A last group that is shorter than the others has no scale: no graph holds it. */
    ck_assert_int_eq(solder("--version >/dev/null; printf 'solder 1\ninput %%x : bf16[4, 100]\n"
                            "%%q, %%k = group_quant(%%x; group = 64, to = f8e4m3fn)\noutput q = %%q\n' >%D/ragged.txt", text, sizeof text), 0);
    ck_assert_int_eq(solder("fuse %D/ragged.txt", text, sizeof text), 1);
    ck_assert_msg(strstr(text, ":3:10: group_quant: the condition N % group == 0 does not hold with N = 100, group = 64") != NULL, "%s", text);
    /* A match that is found from each of its roots is told once. */
    ck_assert_int_eq(solder("fuse %M/engine/deepseek_v3_tp8.fx.json.gz --tokens 257..8192 --opt fuse_mla_dual_rms_norm=off --report",
                            text, sizeof text), 0);
    ck_assert_msg(strstr(text, "mla_dual_rms_norm                            8  option 'fuse_mla_dual_rms_norm' is off") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "mla_rope_kvcache                             8  gate tokens <= mla_rope_max") != NULL, "%s", text);
    ck_assert_int_eq(solder("fuse %M/engine/deepseek_v3_tp8.fx.json.gz --world 8 --tokens 1..64 --opt old_collectives=on --report",
                            text, sizeof text), 0);
    ck_assert_msg(strstr(text, "expected H in {512, 1024, 2048, 4096}, found H = 7168 (node 'fused_add_rms_norm.0')") != NULL,
                  "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "16  option 'collectives' is off: 'old_collectives' is on, which it excludes"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(args, sizeof args, "--version >/dev/null; printf 'solder 1\n%s' >%%D/near.txt; %s explain %%D/near.txt --rule %s",
                 cases[i].graph, or_default("SOLDER_BIN", "build/gcc/bin/solder"), cases[i].rule);
        ck_assert_msg(solder(args, text, sizeof text) == 0, "%s: %s", args, text);
        ck_assert_msg(strstr(text, cases[i].told) != NULL, "%s: %s", args, text);
    }
}
END_TEST

START_TEST(symbolic_tokens)
{
    char text[4000];
    /* Three tokens instead of eight: the symbol follows from the file's size. */
    ck_assert_int_eq(
        solder("dump %M/deepseek_v3/model.onnx >%D/model.txt; head -c 24 %M/deepseek_v3/input_ids.i64 >%D/ids", text,
               sizeof text),
        0);
    ck_assert_int_eq(solder("run %M/deepseek_v3/model.onnx --fused --input input_ids=%D/ids", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "f32[1, 3, 128]") != NULL, "%s", text);
    ck_assert_int_eq(solder("run %M/deepseek_v3/model.onnx --dim T=4 --input input_ids=%D/ids", text, sizeof text),
                     1);
    ck_assert_ptr_nonnull(strstr(text, "24 bytes where 32 are wanted"));
}
END_TEST

START_TEST(outputs_are_written)
{
    char text[4000];
    ck_assert_int_eq(
        solder("run %M/llama/model.onnx --input input_ids=%M/llama/input_ids.i64 --output linear_14=%D/out.f32", text,
               sizeof text),
        0);
    ck_assert_int_eq(
        solder(
            "run %M/llama/model.onnx --fused --input input_ids=%M/llama/input_ids.i64 --compare linear_14=%D/out.f32",
            text, sizeof text),
        0);
}
END_TEST

START_TEST(errors)
{
    static const struct { const char *args; int status; const char *message;
    } cases[] = {
        {"", 2, "a command is wanted"},
        {"frobnicate", 2, "unknown command 'frobnicate'"},
        {"fuse", 2, "one model is wanted"},
        {"fuse --no-such", 2, "bad option"},
        {"fuse --report=xml x", 2, "--report"},
        {"explain %M/qwen3/model.onnx", 2, "--rule is wanted"},
        {"explain %M/qwen3/model.onnx --rule nothing", 1, "there is no rule 'nothing'"},
        {"explain %M/qwen3/model.onnx --rule rms_norm --node nothing", 1, "the model has no node 'nothing'"},
        {"run", 2, "one model is wanted"},
        {"run x --tol abc", 2, "--tol wants a number"},
        {"run x --target gpu", 2, "--target"},
        {"dump", 2, "one model is wanted"},
        {"fuse %D/absent.onnx", 1, "absent.onnx"},
        {"fuse %D", 1, "solder: "},
        {"dump %M/qwen3/model.fx.json.gz#nokey", 1, "nokey"},
        {"run %M/llama/model.onnx", 1, "input 'input_ids' is not given"},
        {"run %M/llama/model.onnx --input ids=%M/llama/input_ids.i64", 1, "no input 'ids'"},
        {"run %M/llama/model.onnx --input input_ids=%D/absent", 1, "absent"},
        {"run %M/llama/model.onnx --input input_ids=%M/llama/logits.f32", 1, "4096 bytes where 64 are wanted"},
        {"run %M/llama/model.onnx --input input_ids=%M/llama/input_ids.i64 --input input_ids=%M/llama/input_ids.i64",
         2, "given twice"},
        {"run %M/llama/model.onnx --input input_ids=%M/llama/input_ids.i64 --compare %M/llama/input_ids.i64", 1,
         "64 bytes"},
        {"run %M/llama/model.onnx --input input_ids=%M/llama/input_ids.i64 --compare %M/qwen3/logits.f32", 1,
         "differs by"},
        {"run %M/llama/model.onnx --input input_ids=%M/llama/input_ids.i64 --compare nothing=%M/llama/logits.f32", 1,
         "no output 'nothing'"},
        {"run %M/llama/model.onnx --dim T=3 --input input_ids=%M/llama/input_ids.i64", 1, "no symbolic dim 'T'"},
        {"fuse %M/llama/model.onnx -o %D/no/such/folder.onnx", 1, "cannot write"},
        {"fuse %M/llama/model.onnx -o %D/no/such/folder.txt", 1, "cannot write"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[8000];
        int status = solder(cases[i].args, text, sizeof text);
        ck_assert_msg(status == cases[i].status, "solder %s: exit %d: %s", cases[i].args, status, text);
        ck_assert_msg(strstr(text, cases[i].message) != NULL, "solder %s: %s", cases[i].args, text);
        ck_assert_ptr_nonnull(strstr(text, "solder: "));
    }
}
END_TEST

static void write_file(const char *name, const void *bytes, size_t n)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    ck_assert(f && fwrite(bytes, 1, n, f) == n && !fclose(f));
}

START_TEST(usage)
{
    static const struct { const char *args, *message;
    } cases[] = {
        {"help frobnicate", "unknown command 'frobnicate'"},
        {"run x --input", "--input wants a value (see: solder help run)"},
        {"run x --repeat 0", "--repeat wants a whole number from 1 on, got '0'"},
        {"run x --repeat 2x", "got '2x'"},
        {"run x --threads 0", "--threads wants a whole number from 1 on, got '0'"},
        {"run x --tol -1", "--tol wants a number"},
        {"run x y", "one model is wanted"},
        {"fuse x --max-rewrites abc", "--max-rewrites wants a whole number"},
        {"fuse x --max-rewrites 4294967296", "--max-rewrites wants a whole number"},
        {"fuse x --target gpu", "--target is cpu, ref or hip, not 'gpu'"},
        {"fuse %M/deepseek_v3/model.onnx --dim T", "--dim wants NAME=N"},
        {"fuse %M/deepseek_v3/model.onnx --dim T=-1", "--dim wants NAME=N"},
        {"fuse %M/deepseek_v3/model.onnx --dim T=99999999999999999999", "--dim wants NAME=N"},
        {"fuse %M/deepseek_v3/model.onnx --dim T=8 --dim T=8", "dim 'T' is given twice"},
        {"run %M/llama/model.onnx --input %M/llama/input_ids.i64", "--input wants NAME=FILE"},
        {"ops x", "no argument is wanted"},
        {"demo", "one folder is wanted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[8000];
        int status = solder(cases[i].args, text, sizeof text);
        ck_assert_msg(status == 2 && lines(text) == 1, "solder %s: exit %d: %s", cases[i].args, status, text);
        ck_assert_msg(strstr(text, cases[i].message) && strstr(text, "see: solder help"), "%s", text);
    }
}
END_TEST

/* S follows from the second input, and only then T from the first. */
START_TEST(symbols_follow_from_sizes)
{
    static const char model[] = "symbol T in [0, 99]\nsymbol S in [1, 99]\ninput %x : f32[T, S]\ninput %y : f32[S]\n"
                                "%z = add(%x, %y)\noutput z = %z\n";
    static const float x[6] = {1, 2, 3, 4, 5, 6}, y[3] = {10, 20, 30}, z[6] = {11, 22, 33, 14, 25, 36};
    char text[4000];
    write_file("m.txt", model, sizeof model - 1);
    write_file("x", x, sizeof x);
    write_file("y", y, sizeof y);
    write_file("z", z, sizeof z);
    write_file("odd", x, 20);
    int s = solder("run %D/m.txt --input x=%D/x --input y=%D/y --compare %D/z --tol 0", text, sizeof text);
    ck_assert_msg(s == 0 && strstr(text, "f32[2, 3]"), "%s", text);
    s = solder("run %D/m.txt --input x=%D/odd --input y=%D/y", text, sizeof text);
    ck_assert_msg(s == 1 && strstr(text, "its dims do not follow from"), "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "--input x=FILE   f32[T, S]"));
    s = solder("run %D/m.txt --input x=%D/x --input y=%D/y --dim S=2", text, sizeof text);
    ck_assert_msg(s == 1 && strstr(text, "12 bytes where 8 are wanted"), "%s", text);
    s = solder("run %D/m.txt --dim T=0 --input x=/dev/null --input y=/dev/null", text, sizeof text);
    ck_assert_msg(s == 1 && strstr(text, "symbol 'S' is 0, outside its range [1, 99]"), "%s", text);
}
END_TEST

START_TEST(nan_and_infinity_compare)
{
    static const char model[] = "input %x : f32[4]\noutput x = %x\n";
    float x[4] = {1, NAN, INFINITY, -INFINITY};
    char text[4000];
    const char *run = "run %D/m.txt --input x=%D/x --compare %D/want";
    write_file("m.txt", model, sizeof model - 1);
    write_file("x", x, sizeof x);
    write_file("want", x, sizeof x);
    ck_assert_msg(solder(run, text, sizeof text) == 0, "%s", text);
    for (int i = 1; i < 4; i++) {
        float want[4] = {1, NAN, INFINITY, -INFINITY};
        want[i] = 2;
        write_file("want", want, sizeof want);
        int s = solder(run, text, sizeof text);
        ck_assert_msg(s == 1 && strstr(text, "output 'x': NaN or infinity on one side only"), "%s", text);
    }
    x[0] = 1.5f;
    write_file("want", x, sizeof x);
    int s = solder("run %D/m.txt --input x=%D/x --compare %D/want --tol 0.4", text, sizeof text);
    ck_assert_msg(s == 1 && strstr(text, "largest difference 0.5 at element 0 of 4"), "%s", text);
}
END_TEST

/* Nothing but the file itself is left, a device stays a device, and a lost report is a failure. */
START_TEST(files_appear_whole)
{
    char text[4000];
    ck_assert_int_eq(solder("fuse %M/llama/model.onnx -o %D/m.txt && cd %D && ls -A", text, sizeof text), 0);
    ck_assert_str_eq(text, "m.txt\n");
    /* What is no regular file is written to, not replaced. */
    ck_assert_int_eq(solder("help fuse >%D/help; mkfifo %D/pipe", text, sizeof text), 0);
    ck_assert_int_eq(solder("fuse %D/m.txt -o %D/pipe & cat %D/pipe >%D/copy; wait; test -p %D/pipe && cmp %D/m.txt %D/copy",
                            text, sizeof text), 0);
    if (access("/dev/full", W_OK))
        return;
    ck_assert_int_eq(solder("fuse %D/m.txt -o /dev/full", text, sizeof text), 1);
    ck_assert_msg(strstr(text, "cannot write /dev/full: No space left") && lines(text) == 1, "%s", text);
    ck_assert_int_eq(solder("ops 2>%D/errors >/dev/full", text, sizeof text), 1);
}
END_TEST

/* Token ids outside the vocabulary are the kernel's to find; nothing is written. */
START_TEST(bad_data)
{
    char text[4000];
    ck_assert_int_eq(solder("help >/dev/null; printf '\\377\\377\\377\\177\\0\\0\\0\\0%.0s' 1 2 3 4 5 6 7 8 >%D/ids",
                            text, sizeof text),
                     0);
    ck_assert_int_eq(
        solder("run %M/llama/model.onnx --input input_ids=%D/ids --output linear_14=%D/out", text, sizeof text), 1);
    ck_assert_msg(strstr(text, "(gather)") != NULL && lines(text) == 1, "%s", text);
    char out[100];
    snprintf(out, sizeof out, "%s/out", dir);
    ck_assert_int_ne(access(out, F_OK), 0);
}
END_TEST

/* The fused graphs as text, constants elided; `make golden` rewrites them. */
START_TEST(golden_dumps)
{
    char args[300], text[4000];
    const char *m = models[_i];
    if (getenv("UPDATE")) {
        snprintf(args, sizeof args, "dump --fused %%M/%s/model.onnx >tests/runtime/golden/%s.txt", m, m);
        ck_assert_msg(solder(args, text, sizeof text) == 0, "%s", text);
    }
    snprintf(args, sizeof args, "dump --fused %%M/%s/model.onnx >%%D/dump && diff tests/runtime/golden/%s.txt %%D/dump", m, m);
    ck_assert_msg(solder(args, text, sizeof text) == 0, "%s", text);
}
END_TEST

START_TEST(lists)
{
    char text[60000];
    ck_assert_int_eq(solder("ops", text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "op rms_norm(x: F[*B, H], w: G[H]; eps: float, centred: bool = false) -> F[*B, H]"));
    ck_assert_int_eq(solder("rules", text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "qk_norm_rope"));
    ck_assert_int_eq(solder("kernels", text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "sld_cpu_sdpa"));
    ck_assert_int_eq(solder("help", text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "solder fuse MODEL"));
    ck_assert_int_eq(solder("--version", text, sizeof text), 0);
}
END_TEST

START_TEST(demo)
{
    char text[8000];
    ck_assert_int_eq(solder("demo %M/qwen3", text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "planned peak memory"));
    ck_assert_int_eq(solder("demo %D", text, sizeof text), 1);
}
END_TEST

Suite *cli_suite(void)
{
    Suite *s = suite_create("cli");
    TCase *t = tcase_create("solder");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, logits, 0, 3 * N_MODELS);
    tcase_add_loop_test(t, fused_file_runs, 0, N_MODELS);
    tcase_add_test(t, report);
    tcase_add_test(t, explanations);
    tcase_add_test(t, report_says_why_not);
    tcase_add_test(t, pieces);
    tcase_add_test(t, expected_counts);
    tcase_add_test(t, engine_counts);
    tcase_add_test(t, norm_quant_near_misses);
    tcase_add_test(t, symbolic_tokens);
    tcase_add_test(t, outputs_are_written);
    tcase_add_test(t, errors);
    tcase_add_test(t, usage);
    tcase_add_test(t, symbols_follow_from_sizes);
    tcase_add_test(t, nan_and_infinity_compare);
    tcase_add_test(t, files_appear_whole);
    tcase_add_test(t, bad_data);
    tcase_add_loop_test(t, golden_dumps, 0, 3); /* the small ones: qwen3, llama, deepseek_v3 */
    tcase_add_test(t, lists);
    tcase_add_test(t, demo);
    suite_add_tcase(s, t);
    return s;
}
