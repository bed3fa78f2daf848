/* Norms, and the quantisations that read them. */
#include "rows.h"

#define INPUTS "input %x : {t}[{T}, {N}]\ninput %w : {t}[{N}]\nconst %s : f32[] = 0.02\n"
#define BOTH "input %b : {t}[{T}, {N}]\n"
#define ADDED(i, x, r) "%n" i ", %r" i " = add_rms_norm(%" x ", %" r ", %w; eps = {eps})\n"
#define ADDED_OUT(i, x, r) "%r" i " = add(%" x ", %" r ")\n{spelled:" i "}"
/* Four norms, of which the last is not quantised. */
#define FOUR "%r0 = identity(%x)\n{norm:0}{quant:0}{back:0}" ADDED("1", "y0", "x") "{quant:1}{back:1}" ADDED("2", "y1", "r1") \
             "{quant:2}{back:2}" ADDED("3", "y2", "r2") "output n = %n3\n"
#define FOUR_OUT "%r0 = identity(%x)\n{spelled:0}{quant:0}{back:0}" ADDED_OUT("1", "y0", "x") "{quant:1}{back:1}" \
                 ADDED_OUT("2", "y1", "r1") "{quant:2}{back:2}" ADDED_OUT("3", "y2", "r2") "output n = %n3\n"
#define FOUR_SMALL "%r0 = identity(%x)\n{norm:0}{small:0}{back:0}" ADDED("1", "y0", "x") "{small:1}{back:1}" ADDED("2", "y1", "r1") \
                   "{small:2}{back:2}" ADDED("3", "y2", "r2") "output n = %n3\n"
#define SCALED "\noutput q# = %q#\noutput k# = %k#\n"

/* Quantisation in small ops: by one scale, of rows, of groups. */
#define CLAMPED(x, scaled, top, to) "const %hi# : f32[] = " top "\nconst %lo# : f32[] = -" top "\n%v# = cast(%" x "#; to = f32)\n" scaled \
                                    "%C# = clip(%p#, %lo#, %hi#)\n%q# = cast(%C#; to = " to ")\noutput q# = %q#\n"
#define BY_PRODUCT "%R# = reciprocal(%s)\n%p# = mul(%v#, %R#)\n"
#define SMALL_ROWS(x, top, least) "const %t# : f32[] = " top "\nconst %least# : f32[] = " least "\n%A# = abs(%" x "#)\n" \
                                  "%M# = reduce_max(%A#; axes = [-1], keepdims = true)\n%F# = cast(%M#; to = f32)\n%D# = div(%F#, %t#)\n" \
                                  "%k# = clip(%D#, %least#, _)\noutput k# = %k#\n"
#define BY_SCALES "%R# = reciprocal(%k#)\n%p# = mul(%v#, %R#)\n"

static const fragment fragments[] = {
    {"small.product", CLAMPED("n", BY_PRODUCT, "448.0", "f8e4m3fn")},
    {"small.quotient", CLAMPED("n", "%p# = div(%v#, %s)\n", "224.0", "f8e4m3fnuz")},
    {"small.full", CLAMPED("n", BY_PRODUCT, "240.0", "f8e4m3fnuz")},
    {"small.tokens", SMALL_ROWS("n", "448.0", "4.359654e-06") CLAMPED("n", BY_SCALES, "448.0", "f8e4m3fn")},
    {"small.fnuz", SMALL_ROWS("n", "224.0", "8.719308e-06") CLAMPED("n", "%p# = div(%v#, %k#)\n", "224.0", "f8e4m3fnuz")},
    {"small.groups", "%G# = reshape(%n#; shape = [257, 4, 64])\n" SMALL_ROWS("G", "448.0", "4.359654e-06")
                     CLAMPED("G", "%p# = div(%v#, %k#)\n", "448.0", "f8e4m3fn")},
    {"norm.op", "%n# = rms_norm(%r#, %w; eps = {eps})\n"},
    {"norm.spelled", "{spelled:#}"},
    {"spelled", "const %e# : f32[] = {eps}\n%a# = cast(%r#; to = f32)\n%b# = mul(%a#, %a#)\n"
                "%c# = mean(%b#; axes = [-1], keepdims = true)\n%f# = add(%c#, %e#)\n%g# = rsqrt(%f#)\n%h# = mul(%a#, %g#)\n"
                "%i# = cast(%h#; to = {t})\n%n# = mul(%i#, %w)\n"},
    {"quant.static", "%q# = static_quant(%n#, %s; to = {to})\noutput q# = %q#\n"},
    {"quant.full", "%q# = static_quant(%n#, %s; to = {to}, full = true)\noutput q# = %q#\n"},
    {"quant.token", "%q#, %k# = token_quant(%n#; to = {to})" SCALED},
    {"quant.g128", "%q#, %k# = group_quant(%n#; group = 128, to = {to})" SCALED},
    {"quant.g64", "%q#, %k# = group_quant(%n#; group = 64, to = {to})" SCALED},
    {"quant.columns", "%q#, %k# = group_quant_columns(%n#; group = 128, to = {to})" SCALED},
    {"quant.columns64", "%q#, %k# = group_quant_columns(%n#; group = 64, to = {to}, full = true)" SCALED},
    {"quant.pow2", "%q#, %k# = group_quant(%n#; group = 32, to = {to}, pow2 = true)" SCALED},
    {"back", "%y# = silu(%r#)\n"},
    {"gate.op", "%h = gated_rms_norm(%a, %w, %g; eps = {eps})\n"},
    {"gate.spelled", "const %e : f32[] = {eps}\n%i = cast(%a; to = f32)\n%j = mul(%i, %i)\n%k = mean(%j; axes = [-1], keepdims = true)\n"
                     "%l = add(%k, %e)\n%m = rsqrt(%l)\n%o = mul(%i, %m)\n%v = cast(%w; to = f32)\n%p = mul(%o, %v)\n"
                     "%A = cast(%g; to = f32)\n%r = silu(%A)\n%u = mul(%p, %r)\n%h = cast(%u; to = {t})\n"},
    {"order.sum_first", "%r = reshape(%x; shape = [6, 64])\n%t = add(%r, %b)\n"},
    {"order.residual_first", "%r = reshape(%x; shape = [6, 64])\n%t = add(%b, %r)\n"},
    {"one.sum", "%v = cast(%w; to = f32)\n%u = add(%v, %o)\n%u2 = identity(%u)\n"},
    {"one.cast", "%v = cast(%w; to = f32)\n%u = add(%v, %o)\n%u2 = add(%v, %o)\n"},
    {"view.none", "%v = identity(%n0)\n"},
    {"view.heads", "%v = reshape(%n0; shape = [257, 2, 128])\n"},
};

#define GATED(tail) \
    "input %x : {t}[{T}, {heads}, {D}]\ninput %z : {t}[{T}, {heads}, {D}]\ninput %w : {t}[{D}]\nconst %s : f32[] = 0.02\n" \
    "%a = reshape(%x; shape = [-1, {D}])\n%g = reshape(%z; shape = [-1, {D}])\n{gate}" \
    "%n = reshape(%h; shape = [{T}, -1])\n" tail
#define HEADS "%c, %f = group_quant(%n; group = {D}, to = {to})\noutput c = %c\noutput f = %f\n"
#define ONE_NORM "%n0 = rms_norm(%x, %w; eps = 1e-06)\n"
#define ONE_SUM BOTH "%n, %t = add_rms_norm(%x, %b, %w; eps = 1e-06)\n"
#define STATIC "%q = static_quant(%n, %s; to = f8e4m3fn)\noutput q = %q\n"

#define PADDED(i, from, r) "%n" i ", %r" i " = add_rms_norm(%" from ", %" r ", %w; eps = 1e-05)\n%o" i " = matmul(%n" i ", %router)\n" \
                           "%p" i " = pad(%n" i ", %zero; pads = [0, 0, 0, 192])\noutput o" i " = %o" i "\noutput p" i " = %p" i "\n"

#define SIZE "T=257 N=256 "
#define DTYPES "t=bf16,f16 to=f8e4m3fn,f8e4m3fnuz eps=1e-05,1e-06 "
static const row rows[] = {
    {"norm and one scale", SIZE DTYPES "norm=op quant=static,full", INPUTS FOUR,
     "rms_norm_static_quant=1 add_rms_norm_static_quant=2 ~add_rms_norm=1 ~static_quant=0", .results = SAME},
    {"norm and scales of groups", SIZE DTYPES "norm=op quant=g128,g64,pow2", INPUTS FOUR,
     "rms_norm_group_quant=1 add_rms_norm_group_quant=2 ~add_rms_norm=1 ~group_quant=0", .results = SAME},
    {"norm and scales of tokens or by columns", SIZE DTYPES "norm=op quant=token,columns,columns64", INPUTS FOUR,
     "rms_norm_group_quant=1 add_rms_norm_group_quant=2 ~add_rms_norm=1 ~token_quant=0", .results = SAME_BY_REF},
    {"first norm written out, one scale", SIZE DTYPES "norm=spelled quant=static,full", INPUTS FOUR,
     "rms_norm_static_quant=1 add_rms_norm_static_quant=2 ~add_rms_norm=1 ~static_quant=0", .results = NEARLY},
    {"first norm written out, groups", SIZE DTYPES "norm=spelled quant=token,g128,g64,columns", INPUTS FOUR,
     "rms_norm_group_quant=1 add_rms_norm_group_quant=2 ~add_rms_norm=1 ~group_quant=0", .results = NEARLY},
    {"all written out", SIZE DTYPES "quant=static,full", INPUTS FOUR_OUT, "rms_norm_static_quant=1 add_rms_norm_static_quant=2 ~mul=0", .results = NEARLY},
    {"written out, groups", SIZE DTYPES "quant=token,g128,g64", INPUTS FOUR_OUT, "rms_norm_group_quant=1 add_rms_norm_group_quant=2 ~mul=0", .results = NEARLY},
    {"one scale, in small ops", SIZE "t=bf16,f16 eps=1e-05,1e-06 norm=op,spelled small=product,quotient,full", INPUTS FOUR_SMALL,
     "rms_norm_static_quant=1 add_rms_norm_static_quant=2 ~clip=0 ~cast=0", .results = NEARLY},
    {"tokens or groups, in small ops", SIZE "t=bf16,f16 eps=1e-05,1e-06 norm=op,spelled small=tokens,fnuz,groups", INPUTS FOUR_SMALL,
     "rms_norm_group_quant=1 add_rms_norm_group_quant=2 ~clip=0 ~cast=0 ~reduce_max=0", .results = NEARLY},
    {"clamped elsewhere", SIZE "t=bf16 eps=1e-06 norm=op", INPUTS "%r0 = identity(%x)\n{norm:0}const %hi : f32[] = 400.0\n"
     "const %lo : f32[] = -400.0\n%v = cast(%n0; to = f32)\n%p = div(%v, %s)\n%c = clip(%p, %lo, %hi)\n%q = cast(%c; to = f8e4m3fn)\noutput q = %q\n",
     "static_quant_in_small_ops=0 ~static_quant=0 ~clip=1", .results = SAME, "clip"},
    {"the option off", SIZE DTYPES "norm=op quant=static", INPUTS FOUR, "rms_norm_static_quant=0 add_rms_norm_static_quant=0", .results = SAME,
     "fuse_norm_quant", "fuse_norm_quant=off"},
    {"small ops of 16 bits, their rounding kept", SIZE "t=bf16,f16 eps=1e-06", INPUTS "%r0 = identity(%x)\n{spelled:0}output n = %n0\n",
     "rms_norm_rounded_once=0 ~rms_norm=0 ~rsqrt=1", .results = SAME, "allow_contract_change", "allow_contract_change=off"},
    {"small ops of f32, their rounding kept", SIZE "t=f32 eps=1e-06", INPUTS "%r0 = identity(%x)\n{spelled:0}output n = %n0\n",
     "rms_norm=1 ~rsqrt=0", .results = NEARLY, NULL, "allow_contract_change=off"},
    {"weights of another dtype", "t=bf16,f16", "input %x : {t}[5, 256]\ninput %w : f32[256]\nconst %s : f32[] = 0.02\n"
     "%n = rms_norm(%x, %w; eps = 1e-06)\n" STATIC, "rms_norm_static_quant=0", .results = SAME, "expected dtype(w) == dtype(x)"},

    {"gated, T 8, two heads", "T=8 heads=2 D=128 t=bf16,f16 to=f8e4m3fn eps=1e-05,1e-06 gate=op,spelled", GATED(HEADS),
     "gated_rms_norm_group_quant_unrounded=1 gated_rms_norm_group_quant=0 ~gated_rms_norm=0 ~group_quant=0", .results = NEARLY},
    {"gated, sizes", "T=1,3,4,512,1024,2048,4096 heads=1 D=64,128,256 t=bf16 to=f8e4m3fn,f8e4m3fnuz eps=1e-06 gate=op", GATED(HEADS),
     "gated_rms_norm_group_quant_unrounded=1", .results = NEARLY},
    {"gated, the contract kept", "T=1,8,33 heads=2 D=128 t=bf16,f16 to=f8e4m3fn,f8e4m3fnuz eps=1e-05,1e-06 gate=op,spelled", GATED(HEADS),
     "gated_rms_norm_group_quant_unrounded=0 gated_rms_norm_group_quant=1", .results = NEARLY, NULL, "allow_contract_change=off"},
    {"gated, groups of another width", "T=8 heads=2 D=128 t=bf16 to=f8e4m3fn eps=1e-06 gate=op",
     GATED("%c, %f = group_quant(%n; group = 64, to = {to})\noutput c = %c\noutput f = %f\n"),
     "gated_rms_norm_group_quant=0 ~gated_rms_norm=1 ~group_quant=1", .results = SAME, "expected H == group"},
    {"gated, wide groups", "T=8 heads=4 D=64 t=bf16 to=f8e4m3fn eps=1e-06 gate=op",
     GATED("%c, %f = group_quant(%n; group = 128, to = {to})\noutput c = %c\noutput f = %f\n"),
     "gated_rms_norm_group_quant=0 ~gated_rms_norm=1 ~group_quant=1", .results = SAME, "gated_rms_norm"},
    {"gated, one scale", "T=8 heads=2 D=128 t=bf16,f16 eps=1e-06 gate=op,spelled", GATED(STATIC),
     "gated_rms_norm_group_quant=0 ~static_quant=1", .results = NEARLY, "no part of it"},
    {"no gate", "t=bf16", "input %n : {t}[8, 256]\n%q, %k = group_quant(%n; group = 128, to = f8e4m3fn)\noutput q = %q\noutput k = %k\n",
     "gated_rms_norm_group_quant=0 ~group_quant=1", .results = SAME},

    {"one norm, two quantisations", SIZE "t=bf16,f16 view=none,heads", INPUTS ONE_NORM
     "%q, %k = group_quant(%n0; group = 128, to = f8e4m3fn)\n{view}%p, %j = group_quant(%v; group = 128, to = f8e4m3fn)\n"
     "output q = %q\noutput k = %k\noutput p = %p\noutput j = %j\n", "rms_norm_group_quant=1 ~group_quant=0 ~rms_norm=0", .results = SAME},
    {"one norm, quantised in two ways", SIZE "t=bf16,f16", INPUTS ONE_NORM
     "%q, %k = group_quant(%n0; group = 128, to = f8e4m3fn)\n%p = static_quant(%n0, %s; to = f8e4m3fn)\n"
     "output q = %q\noutput k = %k\noutput p = %p\n", "rms_norm_group_quant=1 rms_norm_static_quant=0 ~rms_norm=0 ~static_quant=1", .results = SAME},
    {"one norm, quantised and read", SIZE "t=bf16,f16", INPUTS ONE_NORM
     "%q, %k = group_quant(%n0; group = 128, to = f8e4m3fn)\noutput q = %q\noutput k = %k\noutput n = %n0\n",
     "rms_norm_group_quant=1 ~rms_norm=0 ~group_quant=0", .results = SAME},
    {"views between norm and quantisation", "t=bf16,f16", "input %x : {t}[6, 256]\ninput %w : {t}[256]\n" ONE_NORM
     "%r = reshape(%n0; shape = [3, 512])\n%u = reshape(%r; shape = [2, 3, 256])\n%q, %k = group_quant(%u; group = 128, to = f8e4m3fn)\n"
     "output q = %q\noutput k = %k\n", "rms_norm_group_quant=1 ~rms_norm=0", .results = SAME},
    {"reshape between sum and norm", "t=bf16,f16", "input %x : {t}[2, 3, 64]\ninput %b : {t}[2, 3, 64]\ninput %w : {t}[64]\n%t = add(%x, %b)\n"
     "%r = reshape(%t; shape = [6, 64])\n%n = rms_norm(%r, %w; eps = 1e-06)\noutput n = %n\noutput r = %r\n",
     "add_rms_norm_of_reshape=1 ~add=0", .results = NEARLY},
    {"reshape and residual", "t=bf16,f16 order=sum_first,residual_first", "input %x : {t}[2, 3, 64]\ninput %b : {t}[6, 64]\ninput %w : {t}[64]\n{order}"
     "%n = rms_norm(%t, %w; eps = 1e-06)\noutput n = %n\noutput t = %t\n", "add_rms_norm=1 ~add=0", .results = NEARLY},
    {"padding of three layers", "t=bf16,f16", "input %x : {t}[5, 2880]\ninput %b : {t}[5, 2880]\ninput %w : {t}[2880]\n"
     "input %router : {t}[2880, 128]\nconst %zero : {t}[] = 0.0\n"
     PADDED("0", "x", "b") PADDED("1", "n0", "r0") PADDED("2", "n1", "r1"), "add_rms_norm_pad=3 ~pad=0", .results = SAME},
    {"cut instead of padded", "t=bf16", "input %x : {t}[5, 64]\ninput %b : {t}[5, 64]\ninput %w : {t}[64]\n"
     "%n, %r = add_rms_norm(%x, %b, %w; eps = 1e-06)\n%p = pad(%n; pads = [0, 0, 0, -8])\noutput p = %p\noutput r = %r\n",
     "add_rms_norm_pad=0", .results = SAME, "expected tail > 0"},
    {"weights that stand for 1 + w", "t=bf16,f16 to=f8e4m3fn,f8e4m3fnuz", "input %x : {t}[6, 256]\ninput %w : {t}[256]\n"
     "const %o : f32[] = 1.0\n%v = cast(%w; to = f32)\n%u = add(%v, %o)\n%n = rms_norm(%x, %u; eps = 1e-06)\n"
     "%q, %k = group_quant(%n; group = 128, to = {to})\noutput q = %q\noutput k = %k\n",
     "rms_norm_group_quant=1 ~add=0 ~cast=0", .results = SAME},
    {"one 1 + w for several norms", SIZE "t=bf16,f16 one=sum,cast", INPUTS BOTH "const %o : f32[] = 1.0\n{one}"
     "%n, %k = add_rms_norm(%x, %b, %u; eps = 1e-06)\n%m = rms_norm(%k, %u2; eps = 1e-06)\n%q = static_quant(%m, %s; to = f8e4m3fn)\n"
     "%v2 = add(%m, %n)\n%l = rms_norm(%v2, %u2; eps = 1e-06)\noutput n = %n\noutput q = %q\noutput l = %l\n",
     "rms_norm_centred=2 add_rms_norm_centred=1 rms_norm_static_quant=1 ~add=0 ~cast=0", .results = NEARLY},
    {"1 + w read elsewhere, too", SIZE "t=bf16,f16", INPUTS "const %o : f32[] = 1.0\n{one.sum}output u = %u\n"
     "%n = rms_norm(%x, %u; eps = 1e-06)\noutput n = %n\n", "rms_norm_centred=1 ~add=1 ~cast=1", .results = NEARLY},
    {"1 + w in 16 bits", SIZE "t=bf16,f16", INPUTS "const %o : {t}[] = 1.0\n%u = add(%w, %o)\n"
     "%n = rms_norm(%x, %u; eps = 1e-06)\noutput n = %n\n", "rms_norm_centred=0 ~add=1", .results = SAME, "expected"},

    {"no rows, one row", "T=0,1 N=256 t=bf16,f16,f32", INPUTS "%n = rms_norm(%x, %w; eps = 1e-06)\n" STATIC, "rms_norm_static_quant=1", .results = SAME},
    {"dead residual", SIZE "t=bf16,f16", INPUTS ONE_SUM STATIC, "add_rms_norm_static_quant=1 ~add_rms_norm=0", .results = SAME},
    {"live residual", SIZE "t=bf16,f16", INPUTS ONE_SUM STATIC "output t = %t\n", "add_rms_norm_static_quant=1 ~add_rms_norm=0", .results = SAME},
    {"live residual and norm", SIZE "t=bf16,f16", INPUTS ONE_SUM STATIC "output t = %t\noutput n = %n\n",
     "add_rms_norm_static_quant=1 ~add_rms_norm=0", .results = SAME},
    {"live residual, groups", SIZE "t=bf16,f16", INPUTS ONE_SUM "%q, %k = group_quant(%n; group = 128, to = f8e4m3fn)\n"
     "output q = %q\noutput k = %k\noutput t = %t\n", "add_rms_norm_group_quant=1 ~add_rms_norm=0", .results = SAME},
};

const table norm_table = TABLE(rows, fragments);
