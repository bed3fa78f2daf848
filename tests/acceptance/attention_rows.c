/* Attention and latents: with the quantisation of what it gives, and norms of what it takes. */
#include "rows.h"

#define ATTENTION "input %i : {t}[{B}, {H}, {S}, 128]\ninput %j : {t}[{B}, 8, {L}, 128]\ninput %v : {t}[{B}, 8, {L}, 128]\n" \
                  "const %s : f32[] = 0.02\n%o = sdpa(%i, %j, %v; scale = 0.088)\n%t = transpose(%o; perm = [0, 2, 1, 3])\n" \
                  "%n = reshape(%t; shape = [-1, {128*H}])\n"
#define STATIC "%q = static_quant(%n, %s; to = {to})\noutput q = %q\n"
#define LATENTS "input %x : {t}[{T}, 2112]\ninput %w : {t}[1536]\ninput %u : {t}[512]\nconst %s : f32[] = 0.02\n" \
                "%a, %b, %pe = split(%x; sizes = [1536, 512, 64], axis = -1)\n%n = rms_norm(%a, %w; eps = {eps})\n" \
                "%kv = rms_norm(%b, %u; eps = {eps})\noutput kv = %kv\noutput pe = %pe\n"

static const fragment fragments[] = {
    {"quant.none", "output n = %n\n"},
    {"quant.token", "%q, %k = token_quant(%n; to = f8e4m3fn)\noutput q = %q\noutput k = %k\n"},
    {"quant.static", "%q = static_quant(%n, %s; to = f8e4m3fn)\noutput q = %q\n"},
};

#define HEADS "B=2 S=4 L=9 H=32,40,64 t=bf16,f16 to=f8e4m3fn,f8e4m3fnuz"
static const row rows[] = {
    {"attention, one scale", HEADS, ATTENTION STATIC, "sdpa_static_quant=1 ~static_quant=0 ~sdpa=0", .results = SAME, NULL, "fuse_attn_quant=on"},
    {"attention, off by default", HEADS, ATTENTION STATIC, "sdpa_static_quant=0 ~sdpa=1 ~static_quant=1", .results = SAME, "fuse_attn_quant"},
    {"attention, not quantised", HEADS, ATTENTION "output n = %n\n", "sdpa_static_quant=0 ~sdpa=1", .results = SAME, NULL, "fuse_attn_quant=on"},
    {"attention, also read", "B=1 S=4 L=9 H=32 t=bf16 to=f8e4m3fn", ATTENTION STATIC "output n = %n\n", "sdpa_static_quant=0 ~sdpa=1", .results = SAME,
     "expected no reader outside the match", "fuse_attn_quant=on"},
    {"attention, groups", "B=1 S=4 L=9 H=32 t=bf16", ATTENTION "%q, %k = group_quant(%n; group = 128, to = f8e4m3fn)\noutput q = %q\noutput k = %k\n",
     "sdpa_static_quant=0 ~sdpa=1 ~group_quant=1", .results = SAME, "no part of it", "fuse_attn_quant=on"},
    {"norms of latents", "T=1,5,257 t=bf16,f16 eps=1e-05,1e-06 quant=none,token,static", LATENTS "{quant}", "mla_dual_rms_norm=1 ~rms_norm=0", .results = NEARLY},
    {"norms of latents, the option off", "T=5 t=bf16 eps=1e-06 quant=none", LATENTS "{quant}", "mla_dual_rms_norm=0 ~rms_norm=2", .results = SAME,
     "fuse_mla_dual_rms_norm", "fuse_mla_dual_rms_norm=off"},
};

const table attention_table = TABLE(rows, fragments);
