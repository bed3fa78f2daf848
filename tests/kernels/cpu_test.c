/* The fast kernels against the reference kernels on random operands.
 *
 * Tolerance: the result is rounded once to its dtype, which can differ by one unit of the last place where
 * the f32 value before it differs at all: rel = eps(dtype), and 16 eps for f32 itself, where exp, tanh and
 * division add their own roundings. A sum over `length` terms of size at most 1 adds abs = (length + 8) * 2^-24.
 * Kernels that move elements are exact. What is stored as 8-bit float may be a neighbour in one of eight elements,
 * where a unit of the last place before it made a difference; its scale has the tolerance of the operands. */
#include "launch.h"

Suite *cpu_suite(void);

#define FLOATS "f16 bf16 f32"
#define ANY "bool u8 i8 i32 i64 f8e4m3fn f16 bf16 f32 f64"

/* $ stands for each of the dtypes. Operands are random in [-1, 1); those named %p in [0.1, 1.1), and every other 64 elements
 * of those named %t are as small as 2^-134. */
typedef struct fast { const char *dtypes, *text; int length; } fast;

static const fast cases[] = {
    {FLOATS, "input %x : $[3, 5, 7]\ninput %y : $[3, 5, 7]\n%r = add(%x, %y)", 1},
    {FLOATS, "input %x : $[3, 1, 7]\ninput %y : $[5, 1]\n%r = add(%x, %y)", 1},
    {FLOATS, "input %x : $[1, 5000]\ninput %y : $[]\n%r = sub(%x, %y)", 1},
    {FLOATS, "input %x : $[2, 3, 1]\ninput %y : $[2, 1, 9]\n%r = sub(%x, %y)", 1},
    {FLOATS, "input %x : $[3, 2500]\ninput %y : $[2500]\n%r = mul(%x, %y)", 1},
    {FLOATS, "input %x : $[4, 3]\ninput %y : $[4, 1]\n%r = mul(%x, %y)", 1},
    {FLOATS, "input %x : $[0, 3]\ninput %y : $[3]\n%r = mul(%x, %y)", 1},
    {FLOATS, "input %x : $[3]\ninput %p : $[4, 3]\n%r = div(%x, %p)", 1},
    {FLOATS, "input %x : $[]\ninput %p : $[]\n%r = div(%x, %p)", 1},
    {FLOATS, "input %x : $[2, 1111]\n%r = neg(%x)", 1},
    {FLOATS, "input %p : $[4099]\n%r = sqrt(%p)", 1},
    {FLOATS, "input %p : $[33]\n%r = rsqrt(%p)", 1},
    {FLOATS, "input %x : $[33]\n%r = exp(%x)", 1},
    {FLOATS, "input %x : $[33]\n%r = sigmoid(%x)", 1},
    {FLOATS, "input %x : $[3, 11]\n%r = silu(%x)", 1},
    {FLOATS, "input %x : $[33]\n%r = gelu(%x)", 1},
    {FLOATS, "input %x : $[33]\n%r = gelu(%x; approximate = tanh)", 1},
    {FLOATS, "input %x : $[3, 4, 129]\n%r = softmax(%x; axis = -1)", 129},
    {FLOATS, "input %x : $[5, 1]\n%r = softmax(%x; axis = -1)", 1},
    {FLOATS, "input %x : $[0, 4]\n%r = softmax(%x; axis = -1)", 1},
    {"f32", "const %x : f32[2, 2] = [0xff800000, 0xff800000, 0xff800000, 1.0]\n%r = softmax(%x; axis = -1)", 2},
    {"f32", "const %x : f32[2, 2] = [0x7fc00000, 1.0, 1.0, 0x7fc00000]\n%r = softmax(%x; axis = -1)", 2},
    {ANY, "input %x : $[2, 3, 5, 7]\n%r = transpose(%x; perm = [0, 2, 1, 3])", 0},
    {ANY, "input %x : $[2, 3, 5]\n%r = transpose(%x; perm = [2, 0, 1])", 0},
    {ANY, "input %x : $[2, 3, 0]\n%r = transpose(%x; perm = [2, 0, 1])", 0},
    {ANY, "input %x : $[]\n%r = transpose(%x)", 0},
    {ANY, "input %x : $[1, 6, 1, 4]\n%r = transpose(%x; perm = [0, 2, 1, 3])", 0},
    {ANY, "input %x : $[4, 3, 5]\n%r = swapaxes(%x; a = -1, b = 0)", 0},
    {ANY, "input %x : $[2, 1, 3]\n%r = expand(%x; shape = [4, 2, 5, 3])", 0},
    {ANY, "input %x : $[3, 1]\n%r = expand(%x; shape = [3, 9])", 0},
    {ANY, "input %x : $[]\n%r = expand(%x; shape = [2, 2])", 0},
    {ANY, "input %x : $[4, 9]\n%r = slice(%x; axes = [1], starts = [2], ends = [7])", 0},
    {ANY, "input %x : $[6, 9]\n%r = slice(%x; axes = [0, 1], starts = [-1, 8], ends = [-7, 0], steps = [-2, -3])", 0},
    {ANY, "input %x : $[6, 3]\n%r = slice(%x; axes = [0], starts = [4], ends = [4])", 0},
    {FLOATS, "input %x : $[37, 300]\ninput %y : $[300, 19]\n%r = matmul(%x, %y)", 300},
    {FLOATS, "input %x : $[2, 1, 5, 33]\ninput %y : $[3, 33, 9]\n%r = matmul(%x, %y)", 33},
    {FLOATS, "input %x : $[2, 3, 17]\ninput %y : $[17, 2100]\n%r = matmul(%x, %y)", 17},
    {FLOATS, "input %x : $[17]\ninput %y : $[4, 17, 3]\n%r = matmul(%x, %y)", 17},
    {FLOATS, "input %x : $[4, 3, 17]\ninput %y : $[17]\n%r = matmul(%x, %y)", 17},
    {FLOATS, "input %x : $[17]\ninput %y : $[17]\n%r = matmul(%x, %y)", 17},
    {FLOATS, "input %x : $[3, 0]\ninput %y : $[0, 2]\n%r = matmul(%x, %y)", 1},
    {FLOATS, "input %x : $[0, 3]\ninput %y : $[3, 2]\n%r = matmul(%x, %y)", 1},
    {FLOATS, "input %x : $[2, 3, 130]\ninput %w : $[21, 130]\ninput %b : $[21]\n%r = linear(%x, %w, %b)", 130},
    {FLOATS, "input %x : $[130]\ninput %w : $[5, 130]\n%r = linear(%x, %w)", 130},
    {FLOATS, "input %x : $[2, 0]\ninput %w : $[3, 0]\ninput %b : $[3]\n%r = linear(%x, %w, %b)", 1},
    {FLOATS, "input %x : $[3, 67]\ninput %w : $[67]\n%r = rms_norm(%x, %w; eps = 1e-06)", 67},
    {FLOATS, "input %x : $[2, 3, 64]\ninput %w : f32[64]\n%r = rms_norm(%x, %w; eps = 1e-06)", 64},
    {FLOATS, "input %x : $[0, 64]\ninput %w : f32[64]\n%r = rms_norm(%x, %w; eps = 1e-06)", 64},
    {FLOATS, "input %x : $[3, 67]\ninput %y : $[3, 67]\ninput %w : $[67]\n"
             "%r, %s = add_rms_norm(%x, %y, %w; eps = 1e-06)", 67},
    {FLOATS, "input %x : $[3, 67]\ninput %w : $[67]\ninput %z : $[3, 67]\n"
             "%r = gated_rms_norm(%x, %w, %z; eps = 1e-06)", 67},
    {FLOATS, "input %x : $[3, 1111]\ninput %y : $[3, 1111]\n%r = silu_mul(%x, %y)", 1},
    {FLOATS, "input %x : $[33]\ninput %y : $[33]\n%r = gelu_mul(%x, %y)", 1},
    {FLOATS, "input %x : $[33]\ninput %y : $[33]\n%r = gelu_mul(%x, %y; approximate = tanh)", 1},
    {FLOATS, "input %x : $[2, 3, 5, 16]\ninput %c : $[1, 1, 5, 16]\ninput %s : $[1, 1, 5, 16]\n"
             "%r = rope(%x, %c, %s; style = neox)", 1},
    {FLOATS, "input %x : $[2, 3, 5, 10]\ninput %c : $[2, 1, 5, 6]\ninput %s : $[2, 1, 5, 6]\n"
             "%r = rope(%x, %c, %s; style = gptj)", 1},
    {FLOATS, "input %x : $[2, 3, 5, 10]\ninput %c : $[5, 4]\ninput %s : $[5, 4]\n"
             "%r = rope(%x, %c, %s; style = gptj_neox)", 1},
    {FLOATS, "input %p : i64[5]\ninput %q : $[5, 96]\ninput %k : $[5, 32]\ninput %t : $[100, 24]\n"
             "%r, %u = rotary_embedding(%p, %q, %k, %t; head_size = 32, neox = true)", 1},
    {FLOATS, "input %p : i64[3]\ninput %q : $[3, 2, 32]\ninput %k : $[3, 1, 32]\ninput %t : f32[100, 32]\n"
             "%r, %u = rotary_embedding(%p, %q, %k, %t; head_size = 32, neox = false)", 1},
    {FLOATS, "input %n : i64[4]\ninput %x : $[4, 256]\ninput %v : $[64]\ninput %w : $[64]\ninput %t : $[100, 32]\n"
             "%r, %u, %s = qk_norm_rotary(%x, %v, %w, %n, %t; kv_heads = 1, eps = 1e-06, eps_k = 0.001, neox = false)",
     64},
    {FLOATS, "input %x : $[3, 131]\ninput %v : $[64]\ninput %w : $[50]\n"
             "%r, %u, %s = mla_dual_rms_norm(%x, %v, %w; eps = 1e-06, eps_kv = 0.001)", 64},
    {FLOATS, "input %x : $[3, 77]\ninput %v : $[65]\ninput %w : $[1]\n"
             "%r, %u, %s = mla_dual_rms_norm(%x, %v, %w; eps = 1e-06, eps_kv = 0.001)", 65},
    {FLOATS, "input %q : $[2, 5, 4, 18]\ninput %k : $[2, 5, 2, 18]\ninput %w : f32[18]\ninput %v : f32[18]\n"
             "input %c : $[1, 1, 5, 12]\ninput %s : $[1, 1, 5, 12]\n"
             "%r, %t = qk_norm_rope(%q, %k, %w, %v, %c, %s; eps = 1e-06, eps_k = 0.001, style = neox)", 18},
    {FLOATS, "input %q : $[2, 5, 1, 8]\ninput %k : $[2, 5, 3, 8]\ninput %w : $[8]\ninput %v : $[8]\n"
             "input %c : $[5, 4]\ninput %s : $[5, 4]\n"
             "%r, %t = qk_norm_rope(%q, %k, %w, %v, %c, %s; eps = 1e-06, eps_k = 0.001, style = gptj_neox)", 8},
    {FLOATS, "input %q : $[2, 6, 11, 20]\ninput %k : $[2, 2, 13, 20]\ninput %v : $[2, 2, 13, 9]\n"
             "input %m : $[2, 1, 11, 13]\n%r = sdpa(%q, %k, %v, %m; scale = 0.25)", 33},
    {FLOATS, "input %q : $[1, 1, 1, 33]\ninput %k : $[1, 1, 300, 33]\ninput %v : $[1, 1, 300, 33]\n"
             "%r = sdpa(%q, %k, %v; scale = 3.0)", 333},
    {"f32", "input %q : f32[1, 1, 2, 4]\ninput %k : f32[1, 1, 3, 4]\ninput %v : f32[1, 1, 3, 2]\n"
            "const %m : f32[2, 3] = [0xff800000, 0xff800000, 0xff800000, 0.0, 0xff800000, 0.0]\n"
            "%r = sdpa(%q, %k, %v, %m; scale = 1.0)", 7},
    {"f32", "input %q : f32[1, 1, 2, 4]\ninput %k : f32[1, 1, 3, 4]\ninput %v : f32[1, 1, 3, 2]\n"
            "const %m : f32[2, 3] = [0xff800000, 0xff800000, 0xff800000, 0.0, 0xff800000, 0.0]\n"
            "%r = sdpa(%q, %k, %v, %m; safe = true)", 7},
    {FLOATS, "input %x : $[5, 300]\nconst %s : f32[] = 0.003\n%r = static_quant(%x, %s; to = f8e4m3fn)", 1},
    {FLOATS, "input %x : $[2, 0]\nconst %s : f32[] = 0.003\n%r = static_quant(%x, %s; to = f8e4m3fn)", 1},
    {FLOATS, "input %x : $[7]\nconst %s : f32[] = 1000.0\n%r = static_quant(%x, %s; to = f8e4m3fnuz, full = true)", 1},
    {FLOATS, "input %x : $[5, 384]\n%r, %s = group_quant(%x; group = 128, to = f8e4m3fn)", 1},
    {FLOATS, "input %x : $[2, 5, 36]\n%r, %s = group_quant(%x; group = 9, to = f8e4m3fnuz, pow2 = true, columns = true)", 1},
    {"bf16", "const %x : bf16[3] = [0x7f80, 0xff80, 0x7fc0]\nconst %y : bf16[3] = [1.0, 1.0, 1.0]\n%r = add(%x, %y)", 1},
    {"f32", "const %x : f32[2, 2] = [0x7f800000, 1.0, 0.0, 0.0]\n%r, %s = group_quant(%x; group = 2, to = f8e4m3fn)", 1},
    {"f32", "const %x : f32[2, 2] = [0x7fc00000, 1.0, 0.0, 0.0]\n%r, %s = group_quant(%x; group = 2, to = f8e4m3fnuz)", 1},
    {FLOATS, "input %x : $[3, 68]\ninput %w : $[68]\nconst %s : f32[] = 0.02\n"
             "%r, %y = rms_norm_static_quant(%x, %w, %s; eps = 1e-06, to = f8e4m3fn)", 68},
    {FLOATS, "input %x : $[3, 64]\ninput %w : $[64]\n"
             "%r, %s, %y = rms_norm_group_quant(%x, %w; eps = 1e-06, centred = true, group = 32, to = f8e4m3fnuz)", 64},
    {FLOATS, "input %x : $[3, 67]\ninput %y : $[3, 67]\ninput %w : $[67]\nconst %s : f32[] = 0.02\n"
             "%r, %n, %t = add_rms_norm_static_quant(%x, %y, %w, %s; eps = 1e-06, to = f8e4m3fn)", 67},
    {FLOATS, "input %x : $[4, 256]\ninput %y : $[4, 256]\ninput %w : $[256]\n"
             "%r, %s, %n, %t = add_rms_norm_group_quant(%x, %y, %w; eps = 1e-06, group = 128, to = f8e4m3fn, columns = true)",
     256},
    {FLOATS, "input %x : $[3, 128]\ninput %w : $[128]\ninput %z : $[3, 128]\n"
             "%r, %s, %y = gated_rms_norm_group_quant(%x, %w, %z; eps = 1e-06, to = f8e4m3fn)", 128},
    {FLOATS, "input %x : $[3, 128]\ninput %w : $[128]\ninput %z : $[3, 128]\n"
             "%r, %s, %y = gated_rms_norm_group_quant(%x, %w, %z; eps = 1e-06, to = f8e4m3fn, contract = unrounded)", 128},
    {FLOATS, "input %x : $[3, 100]\ninput %w : $[100]\ninput %z : $[3, 100]\n"
             "%r, %s, %y = gated_rms_norm_group_quant(%x, %w, %z; eps = 1e-06, to = f8e4m3fn, contract = unrounded)", 100},
    {FLOATS, "input %x : $[3, 134]\n%r = silu_and_mul(%x)", 1},
    /* More rows, and longer ones and groups, than are computed at a time. */
    {FLOATS, "input %x : $[3, 1111]\ninput %w : $[1111]\n%r = rms_norm(%x, %w; eps = 1e-06)", 1111},
    {FLOATS, "input %x : $[11, 320]\ninput %w : $[320]\nconst %s : f32[] = 0.02\n"
             "%r, %y = rms_norm_static_quant(%x, %w, %s; eps = 1e-06, to = f8e4m3fn)", 320},
    {FLOATS, "input %x : $[2, 2176]\ninput %y : $[2, 2176]\ninput %w : $[2176]\n"
             "%r, %s, %n, %t = add_rms_norm_group_quant(%x, %y, %w; eps = 1e-06, group = 128, to = f8e4m3fn)", 2176},
    {FLOATS, "input %x : $[2, 2560]\n%r, %s = group_quant(%x; group = 1280, to = f8e4m3fnuz, full = true)", 1},
    {FLOATS, "input %x : $[2, 2055]\n%r, %s = group_quant(%x; group = 2055, to = f8e4m3fn)", 1},
    {FLOATS, "input %x : $[21, 128]\ninput %w : $[128]\ninput %z : $[21, 128]\n"
             "%r, %s, %y = gated_rms_norm_group_quant(%x, %w, %z; eps = 1e-06, to = f8e4m3fn)", 128},
    {FLOATS, "input %x : $[3, 5000]\n%r = silu_and_mul(%x)", 1},
    {"f16 bf16", "input %x : $[2, 4]\nconst %w : f32[4] = [0x7fffffff, 1.0, 0.5, -1.0]\n"
                 "%r = rms_norm(%x, %w; eps = 1e-06)", 4},
    {FLOATS, "input %x : $[2, 3, 66]\n%r = gelu_and_mul(%x)", 1},
    {FLOATS, "input %x : $[66]\n%r = gelu_and_mul(%x; approximate = tanh)", 1},
    {FLOATS, "input %x : $[3, 67]\ninput %y : $[3, 67]\nconst %s : f32[] = 0.02\n"
             "%r, %n = act_mul_static_quant(%x, %y, %s; act = silu, to = f8e4m3fn)", 1},
    {FLOATS, "input %x : $[3, 64]\ninput %y : $[3, 64]\n"
             "%r, %s, %n = act_mul_group_quant(%x, %y; act = gelu, group = 32, to = f8e4m3fn, columns = true)", 1},
    {FLOATS, "input %x : $[3, 134]\nconst %s : f32[] = 0.02\n"
             "%r, %n = act_and_mul_static_quant(%x, %s; act = gelu_tanh, to = f8e4m3fnuz)", 1},
    {FLOATS, "input %x : $[2, 4200]\ninput %y : $[2, 4200]\nconst %s : f32[] = 0.003\n"
             "%r, %n = act_mul_static_quant(%x, %y, %s; act = silu, to = f8e4m3fn)", 1},
    {FLOATS, "input %x : $[3, 256]\n%r, %s, %n = act_and_mul_group_quant(%x; act = silu, group = 64, to = f8e4m3fn)", 1},
    {FLOATS, "input %x : $[3, 1111]\n%r = all_reduce(%x; group = \"tp\")", 0},
    {"bf16 f32", "input %t : $[3, 384]\n%r, %s = group_quant(%t; group = 64, to = f8e4m3fn, floor = 1.0e-44)", 1},
    {"bf16 f32", "input %t : $[4, 60]\n%r, %s = group_quant(%t; group = 5, to = f8e4m3fnuz, floor = 1.0e-44)", 1},
    /* The largest numbers there are, an infinity, what is not a number, and nothing but zeros. */
    {FLOATS, "const %x : $[2, 4] = [60000.0, -60000.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0]\n"
             "%r, %s = group_quant(%x; group = 4, to = f8e4m3fn)", 1},
    {"f32", "const %x : f32[2, 4] = [0x7f800000, 1.0, -2.0, 0.0, 0x7fc00000, 1.0, -2.0, 3.0]\n"
            "%r, %s = group_quant(%x; group = 4, to = f8e4m3fn)", 1},
    {"f32", "const %x : f32[2, 4] = [3.0e38, -3.0e38, 1.0, 0.5, 1.0e-38, 0.0, -1.0e-38, 0.0]\n"
            "%r, %s = group_quant(%x; group = 4, to = f8e4m3fnuz, pow2 = true)", 1},
    {"f32", "const %x : f32[2, 4] = [1.0e18, -1.0e18, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0]\ninput %w : f32[4]\n"
            "%r, %s, %n = rms_norm_group_quant(%x, %w; eps = 1e-06, group = 4, to = f8e4m3fn)", 1},
    {FLOATS, "input %x : $[3, 11]\n%r = reduce_scatter(%x; group = \"tp\", ranks = 1)", 0},
    {FLOATS, "input %x : $[3, 11]\n%r = own_rows(%x; group = \"tp\", ranks = 1)", 0},
    {FLOATS, "input %x : $[3, 11]\n%r = all_gather(%x; group = \"tp\", ranks = 1, rows = 3)", 0},
    {FLOATS, "input %x : $[3, 67]\ninput %y : $[3, 67]\ninput %w : $[67]\n"
             "%r, %n, %s = add_rms_norm_pad(%x, %y, %w; eps = 1e-06, pads = [0, 0, 0, 13])", 67},
    {FLOATS, "input %x : $[1, 4, 3, 16]\ninput %k : $[1, 2, 5, 16]\ninput %v : $[1, 2, 5, 24]\nconst %s : f32[] = 0.02\n"
             "%r = sdpa_static_quant(%x, %k, %v, _, %s; scale = 0.25, to = f8e4m3fn)", 24},
    /* The mean is rounded to 16 bits, to the middle of two codes, before it is quantised. */
    {"f16", "const %x : f16[1, 1, 1, 1] = [0.0]\nconst %k : f16[1, 1, 2, 1] = [0.0, 0.0]\n"
            "const %v : f16[1, 1, 2, 1] = [1.0625, 1.0634765625]\nconst %s : f32[] = 1.0\n"
            "%r = sdpa_static_quant(%x, %k, %v, _, %s; scale = 1.0, to = f8e4m3fn)", 2},
    {"bf16", "const %x : bf16[1, 1, 1, 1] = [0.0]\nconst %k : bf16[1, 1, 2, 1] = [0.0, 0.0]\n"
             "const %v : bf16[1, 1, 2, 1] = [1.0625, 1.0703125]\nconst %s : f32[] = 1.0\n"
             "%r = sdpa_static_quant(%x, %k, %v, _, %s; scale = 1.0, to = f8e4m3fn)", 2},
    {FLOATS, "input %q : $[1, 2, 0, 4]\ninput %k : $[1, 1, 3, 4]\ninput %v : $[1, 1, 3, 4]\n"
             "%r = sdpa(%q, %k, %v)", 1},
    /* The widest heads. */
    {FLOATS, "input %x : $[2, 1024]\ninput %c : $[1, 1024]\ninput %s : $[1, 1024]\n%r = rope(%x, %c, %s; style = neox)", 1},
    {FLOATS, "input %q : $[1, 2, 1, 1024]\ninput %k : $[1, 2, 1, 1024]\ninput %w : $[1024]\ninput %c : $[1, 1024]\n"
             "%r, %t = qk_norm_rope(%q, %k, %w, %w, %c, %c; eps = 1e-06, eps_k = 0.001, style = neox)", 1024},
    {FLOATS, "input %q : $[1, 1, 2, 1024]\ninput %k : $[1, 1, 3, 1024]\ninput %v : $[1, 1, 3, 1024]\n%r = sdpa(%q, %k, %v; scale = 0.03)", 1024},
};

enum { N_CASES = sizeof cases / sizeof *cases };

/* xorshift32, in [0, 1) */
static double uniform(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state / 4294967296.0;
}

static void fill_inputs(launched *l)
{
    uint32_t state = 2463534242u;
    for (uint32_t i = 0; i < l->args.n_in; i++) {
        sld_value v = sld_operand(l->g, sld_first_node(l->g), i);
        if (!v || sld_kind(l->g, v) != SLD_VALUE_INPUT)
            continue;
        size_t n = kern_numel(&l->in[i]);
        bool positive = *sld_value_name(l->g, v) == 'p', tiny = *sld_value_name(l->g, v) == 't', whole = !kern_is_float(l->in[i].dtype);
        l->in[i].data = n ? malloc(n * kern_size(l->in[i].dtype)) : NULL;
        for (size_t k = 0; k < n; k++) {
            double u = uniform(&state);
            double size = tiny && k / 64 % 2 ? 0x1p-134 : 1;
            kern_put(&l->in[i], k, positive ? u + 0.1 : whole ? floor(u * 100) : size * (2 * u - 1));
        }
    }
}

static void free_inputs(launched *l)
{
    for (uint32_t i = 0; i < l->args.n_in; i++) {
        sld_value v = sld_operand(l->g, sld_first_node(l->g), i);
        if (v && sld_kind(l->g, v) == SLD_VALUE_INPUT)
            free(l->in[i].data);
    }
}

/* 8-bit floats: the same codes, or neighbours in one of eight. */
static void compare_codes(const sld_tensor *got, const sld_tensor *want, const char *text)
{
    size_t others = 0, set = 0, n = kern_numel(want);
    for (size_t k = 0; k < n; k++) {
        int a = ((const uint8_t *)got->data)[k], b = ((const uint8_t *)want->data)[k];
        bool nan = isnan(kern_get(got, k)) && isnan(kern_get(want, k)); /* of either sign */
        ck_assert_msg(nan || (abs(a - b) <= 1 && isnan(kern_get(got, k)) == isnan(kern_get(want, k))),
                      "element %zu: code %02x, reference %02x\n%s", k, (unsigned)a, (unsigned)b, text);
        others += a != b && !nan;
        set += (b & 0x7f) != 0;
    }
    ck_assert_msg(set || !n, "all codes are 0\n%s", text);
    ck_assert_msg(others * 8 <= n, "%zu of %zu elements have other codes\n%s", others, n, text);
}

static void compare(const launched *fast, const launched *ref, int length)
{
    for (uint32_t i = 0; i < ref->args.n_out; i++) {
        const sld_tensor *want = &ref->out[i], *got = &fast->out[i];
        if (want->dtype == SLD_F8E4M3FN || want->dtype == SLD_F8E4M3FNUZ) {
            compare_codes(got, want, fast->text);
            continue;
        }
        bool scale = i && kern_size(ref->out[0].dtype) == 1; /* or what was rounded before */
        double eps = scale ? launch_eps(ref->in[0].dtype) : launch_eps(want->dtype), rel = want->dtype == SLD_F32 ? 16 * eps : eps;
        double abs = (length + 8) * 0x1p-24;
        bool lively = kern_numel(want) == 0 || kern_numel(&ref->in[0]) == 0;
        for (size_t k = 0, n = kern_numel(want); k < n; k++) {
            lively |= kern_get(want, k) != 0;
            ck_assert_msg(launch_agree(got, want, k, length ? rel : 0, length ? abs : 0),
                          "result %u, element %zu: %.9g, reference %.9g\n%s", i, k, kern_get(got, k),
                          kern_get(want, k), fast->text);
        }
        ck_assert_msg(lively, "all results are 0\n%s", fast->text);
    }
}

/* One case with $ replaced. */
static void run_case(const fast *c, const char *dtype)
{
    char text[600];
    size_t n = 0;
    for (const char *p = c->text; *p; p++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s", *p == '$' ? 10 : 1, *p == '$' ? dtype : p);
    launched f = launch_parse(text);
    launch_prepare(&f);
    fill_inputs(&f);
    launched ref = f;
    ref.args.in = ref.in, ref.args.out = ref.out, ref.args.attrs = ref.attrs;
    f.args.in = f.in, f.args.out = f.out, f.args.attrs = f.attrs;
    launch_run(&f, SLD_TARGET_CPU);
    launch_run(&ref, SLD_TARGET_REF);
    ck_assert_msg(f.row->target == SLD_TARGET_CPU, "no cpu kernel covers\n%s", text);
    ck_assert_msg(!f.error && !ref.error, "%s %s\n%s", f.error, ref.error, text);
    compare(&f, &ref, c->length);
    launch_free_results(&f);
    launch_free_results(&ref);
    free_inputs(&f);
    launch_free(&f);
}

START_TEST(cpu_case)
{
    char dtypes[80], *rest = dtypes, *dtype;
    snprintf(dtypes, sizeof dtypes, "%s", cases[_i].dtypes);
    while ((dtype = strtok_r(rest, " ", &rest)))
        run_case(&cases[_i], dtype);
}
END_TEST

/* Refused as the reference refuses; tables that only heads of keys have, or only those of queries. */
#define NORM_ROPE(heads) \
    "input %q : f32[1, 2, 3, 4]\ninput %k : f32[1, 2, 2, 4]\ninput %w : f32[4]\ninput %c : f32[1, " heads ", 2, 4]\n"
START_TEST(cpu_refuses)
{
    static const char *const texts[] = {
        "input %x : f32[2, 4]\ninput %c : f32[2, 3]\ninput %s : f32[2, 3]\n%r = rope(%x, %c, %s; style = neox)",
        "input %x : f32[2, 4]\ninput %c : f32[3, 4]\ninput %s : f32[3, 4]\n%r = rope(%x, %c, %s; style = neox)",
        ("input %q : f32[1, 1, 2, 3]\ninput %k : f32[1, 1, 4, 3]\ninput %v : f32[1, 1, 4, 3]\ninput %m : f32[3]\n"
         "%r = sdpa(%q, %k, %v, %m)"),
        NORM_ROPE("2") "%r, %s = qk_norm_rope(%q, %k, %w, %w, %c, %c; style = neox, eps = 1e-06, eps_k = 1e-06)",
        NORM_ROPE("3") "%r, %s = qk_norm_rope(%q, %k, %w, %w, %c, %c; style = neox, eps = 1e-06, eps_k = 1e-06)",
    };
    launched l = launch_parse(texts[_i]);
    launch_prepare(&l);
    fill_inputs(&l);
    launch_run(&l, SLD_TARGET_CPU);
    ck_assert_int_eq(l.row->target, SLD_TARGET_CPU);
    const char *error = l.error;
    launch_free_results(&l);
    launch_run(&l, SLD_TARGET_REF);
    ck_assert_ptr_nonnull(error);
    ck_assert_str_eq(error, l.error);
    launch_free_results(&l);
    free_inputs(&l);
    launch_free(&l);
}
END_TEST

/* Heads of as many elements as the reference has room for. */
START_TEST(widest_heads)
{
    static const char *const texts[] = {
        "input %%x : f32[2, %d]\ninput %%c : f32[1, %d]\ninput %%s : f32[1, %d]\n%%r = rope(%%x, %%c, %%s; style = neox)",
        ("input %%q : f32[1, 2, 1, %d]\ninput %%k : f32[1, 2, 1, %d]\ninput %%w : f32[%d]\ninput %%c : f32[1, %d]\n"
         "%%r, %%t = qk_norm_rope(%%q, %%k, %%w, %%w, %%c, %%c; eps = 1e-06, eps_k = 0.001, style = neox)"),
        ("input %%q : f32[1, 1, 2, %d]\ninput %%k : f32[1, 1, 3, %d]\ninput %%v : f32[1, 1, 3, %d]\n"
         "%%r = sdpa(%%q, %%k, %%v)"),
    };
    char text[400];
    snprintf(text, sizeof text, texts[_i], 4096, 4096, 4096, 4096);
    launched l = launch_parse(text);
    launch_prepare(&l);
    fill_inputs(&l);
    launch_run(&l, SLD_TARGET_REF);
    ck_assert_msg(!l.error, "%s\n%s", l.error, text);
    launch_free_results(&l);
    free_inputs(&l);
    launch_free(&l);
}
END_TEST

/* f64 stays with the reference: the fast kernels compute in f32. */
START_TEST(cpu_leaves_f64)
{
    launched l = launch_parse("input %x : f64[3, 4]\ninput %w : f64[4]\n%r = rms_norm(%x, %w; eps = 1e-06)");
    char why[200];
    ck_assert_int_eq(sld_bind(l.g, sld_first_node(l.g), SLD_TARGET_CPU, NULL, why, sizeof why)->target, SLD_TARGET_REF);
    launch_free(&l);
}
END_TEST

/* Every op that has a fast kernel has a case; qkv_test.c and mla_test.c test those that reach a cache by the name of a
 * layer, collective_test.c those that only several ranks run. */
START_TEST(cpu_covered)
{
    const sld_ruleset *r = sld_ruleset_solder();
    for (uint32_t i = 0; i < r->n_kernels; i++) {
        char call[80];
        const sld_op_info *op = &r->ops[r->kernels[i].op];
        bool found = r->kernels[i].target != SLD_TARGET_CPU || strstr(r->kernels[i].when_text, "world");
        for (uint32_t k = 0; k < op->n_attrs; k++)
            found |= !strcmp(op->attrs[k].name, "layer");
        snprintf(call, sizeof call, " = %s(", r->ops[r->kernels[i].op].name);
        for (int k = 0; k < N_CASES && !found; k++)
            found = strstr(cases[k].text, call);
        ck_assert_msg(found, "%s has no case", r->kernels[i].name);
    }
}
END_TEST

Suite *cpu_suite(void)
{
    Suite *s = suite_create("cpu");
    TCase *t = tcase_create("against ref");
    tcase_add_loop_test(t, cpu_case, 0, N_CASES);
    tcase_add_loop_test(t, cpu_refuses, 0, 5);
    tcase_add_loop_test(t, widest_heads, 0, 3);
    tcase_add_test(t, cpu_leaves_f64);
    tcase_add_test(t, cpu_covered);
    suite_add_tcase(s, t);
    return s;
}
