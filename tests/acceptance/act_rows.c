/* Gated activations, and the quantisations that read them. */
#include "rows.h"

#define SPLIT "input %x : {t}[{T}, {2*N}]\nconst %s : f32[] = 0.02\n{act}"
#define TWO "input %g : {t}[{T}, {N}]\ninput %u : {t}[{T}, {N}]\nconst %s : f32[] = 0.02\n"
#define GROUPS(attrs) "%q, %k = group_quant(%n; " attrs ")\noutput q = %q\noutput k = %k\n"

static const fragment fragments[] = {
    {"act.silu", "%n = silu_and_mul(%x)\n"},
    {"act.gelu", "%n = gelu_and_mul(%x)\n"},
    {"act.tanh", "%n = gelu_and_mul(%x; approximate = tanh)\n"},
    {"act.spelled", "%g, %u = split(%x; sizes = [{N}, {N}], axis = -1)\n%v = silu(%g)\n%n = mul(%v, %u)\n"},
    {"act.slices", "%g = slice(%x; axes = [-1], starts = [0], ends = [{N}], steps = [1])\n"
                   "%u = slice(%x; axes = [-1], starts = [{N}], ends = [{2*N}], steps = [1])\n%v = silu(%g)\n%n = mul(%v, %u)\n"},
    {"two.silu", "%n = silu_mul(%g, %u)\n"},
    {"two.gelu", "%n = gelu_mul(%g, %u)\n"},
    {"two.tanh", "%n = gelu_mul(%g, %u; approximate = tanh)\n"},
    {"two.spelled", "%v = silu(%g)\n%n = mul(%v, %u)\n"},
    {"static", "%q = static_quant(%n, %s; to = {to})\noutput q = %q\n"},
    {"quant.token", "%q, %k = token_quant(%n; to = {to})\noutput q = %q\noutput k = %k\n"},
    {"quant.groups", GROUPS("group = 128, to = {to}")},
    {"quant.columns", "%q, %k = group_quant_columns(%n; group = 128, to = {to})\noutput q = %q\noutput k = %k\n"},
    {"quant.pow2", GROUPS("group = 64, to = {to}, pow2 = true")},
    {"also.read", "output n = %n\n"},
    {"also.nothing", ""},
};

#define SIZES "T=32,64 N=128,256 t=bf16,f16 to=f8e4m3fn,f8e4m3fnuz "
static const row rows[] = {
    {"activation and one scale", SIZES "act=silu,gelu,tanh also=nothing,read", SPLIT "{static}{also}",
     "act_static_quant_and=1 ~static_quant=0 ~silu_and_mul=0", .results = SAME},
    {"written out, one scale", SIZES "act=spelled,slices also=nothing,read", SPLIT "{static}{also}",
     "act_static_quant_and=1 ~split=0 ~slice=0 ~mul=0", .results = NEARLY},
    {"activation and groups", SIZES "act=silu,gelu,tanh quant=groups,pow2", SPLIT "{quant}",
     "act_group_quant_and=1 ~group_quant=0", .results = SAME},
    {"activation, columns or tokens", SIZES "act=silu quant=token,columns", SPLIT "{quant}",
     "act_group_quant_and=1 ~token_quant=0 ~group_quant_columns=0", .results = SAME_BY_REF},
    {"written out, groups", SIZES "act=spelled,slices quant=token,groups,columns", SPLIT "{quant}",
     "act_group_quant_and=1 ~split=0 ~slice=0 ~group_quant=0", .results = NEARLY},
    {"of two tensors, one scale", SIZES "two=silu,gelu,tanh,spelled also=nothing,read", TWO "{two}{static}{also}",
     "act_static_quant_by=1 ~static_quant=0", .results = NEARLY},
    {"of two tensors, groups", SIZES "two=silu,gelu,tanh,spelled quant=groups,columns,token", TWO "{two}{quant}",
     "act_group_quant_by=1 ~group_quant=0", .results = NEARLY},
    {"the option off", "T=64 N=256 t=bf16 to=f8e4m3fn act=silu quant=groups", SPLIT "{quant}",
     "act_group_quant_and=0 ~group_quant=1", .results = SAME, "fuse_act_quant", "fuse_act_quant=off"},
    {"halves the other way round", "T=32 N=128 t=bf16,f16 to=f8e4m3fn", "input %x : {t}[{T}, {2*N}]\nconst %s : f32[] = 0.02\n"
     "%u, %g = split(%x; sizes = [{N}, {N}], axis = -1)\n%v = silu(%g)\n%n = mul(%v, %u)\n{static}",
     "act_static_quant_and=0 act_static_quant_by=1 ~split=1", .results = NEARLY},
    {"no rows, one row", "T=0,1 N=128 t=bf16,f16,f32 to=f8e4m3fn act=silu quant=groups", SPLIT "{quant}", "act_group_quant_and=1", .results = SAME},
};

const table act_table = TABLE(rows, fragments);
