# A sum over ranks, the residual added to it, its RMS norm and the quantisation of that, as one op.  Without a residual
# nothing is added: the kernel reads no buffer for it.
use "collective.pat"

option fuse_norm_quant : bool = on at O1 requires fuse_norm
# What an op quantises that computes it first: the value as the chain of ops rounds it, or before it is rounded.
enum contract = {chain, unrounded}

option fuse_allreduce_rms : bool = on at O2 requires fuse_norm
# Which widths the kernels of the linked collectives library know: all, or those of its older releases.
option collectives     : bool = on at O1 excludes old_collectives
option old_collectives : bool

# sum = the reduced x + b; y is the norm of that before it is rounded.
op all_reduce_rms_norm(x: F[*B, H], w: G[H], b: F[*B, H]?; rms_norm..., ranks: string)
   -> (y: F[*B, H], sum: F[*B, H]?)
op all_reduce_rms_norm_static_quant(x: F[*B, H], w: G[H], scale: f32[], b: F[*B, H]?; all_reduce_rms_norm...,
                                    static_quant..., contract: contract = chain)
   -> (q: to[*B, H], y: F[*B, H]?, sum: F[*B, H]?)
op all_reduce_rms_norm_group_quant(x: F[*B, H], w: G[H], b: F[*B, H]?; all_reduce_rms_norm...,
                                   group_quant..., contract: contract = chain)
   -> (q: to[*B, H], scale: f32[transpose_if(with(x, -1, H / group), columns)], y: F[*B, H]?, sum: F[*B, H]?)
   where group > 0, H % group == 0

pattern any_width(x; ranks)           = all_reduce(x; group = ranks)
pattern old_width(x: F[*B, H]; ranks) = all_reduce(x; group = ranks) where H in {512, 1024, 2048, 4096}

for [reduced, library] in {[any_width, collectives], [old_width, old_collectives]}
rule all_reduce_add_rms_norm in fuse enabled fuse_allreduce_rms, library {
  match   { y, sum = add_rms_norm(reduced(x: F[*B, H]; ranks), b, w: G[H]; ...)
            yield y, sum }
  where   dtype(w) == dtype(x), floats(x), H % 8 == 0, H <= 16384, bits16(x) or H >= 512
  gate    world in {2, 4, 8}
  replace { y, sum = all_reduce_rms_norm(x, w, b; ...) }
  test "three ranks" { B = [4], H = 512, F = f32, G = f32, world = 3; fires 0 because world }
}
for [reduced, library] in {[any_width, collectives], [old_width, old_collectives]}
rule all_reduce_rms_norm in fuse enabled fuse_allreduce_rms, library {
  match   { sum = reduced(x: F[*B, H]; ranks)
            y = rms_norm(sum, w: G[H]; ...)
            yield y, sum }
  where   dtype(w) == dtype(x), floats(x), H % 8 == 0, H <= 16384, bits16(x) or H >= 512
  gate    world in {2, 4, 8}
  replace { y, sum = all_reduce_rms_norm(x, w, none; ...) }
  test "three ranks" { B = [4], H = 512, F = f32, G = f32, world = 3; fires 0 because world }
}

# The rules above have been at work, with and without a residual, when a quantisation is looked at.
for [allowed, contract] in {[allow_contract_change, unrounded], [fuse_allreduce_rms, chain]}
rule all_reduce_rms_norm_static_quant in fuse enabled fuse_norm_quant, fuse_allreduce_rms, allowed {
  match   { y, sum = all_reduce_rms_norm(x: F[*B, H], w, b?; ...)
            q = static_quant(y, scale: f32[]; ...)
            yield q, y, sum }
  replace { q, y, sum = all_reduce_rms_norm_static_quant(x, w, scale, b; contract = contract, ...) }
  test "three ranks" { B = [4], H = 512, dtype = bf16, to = f8e4m3fn, world = 3; fires 0 because world }
}
for [allowed, contract] in {[allow_contract_change, unrounded], [fuse_allreduce_rms, chain]}
rule all_reduce_rms_norm_group_quant in fuse enabled fuse_norm_quant, fuse_allreduce_rms, allowed {
  match   { y, sum = all_reduce_rms_norm(x: F[*B, H], w, b?; ...)
            q, scale = group_quant(y; ...)
            yield q, scale, y, sum }
  replace { q, scale, y, sum = all_reduce_rms_norm_group_quant(x, w, b; contract = contract, ...) }
  test "three ranks" { B = [4], H = 512, dtype = bf16, group = 128, to = f8e4m3fn, world = 3;
                       fires 0 because world }
}
