# RMS norms and the quantisations that read them as one op.  The norm itself, y, is computed only where something
# else reads it.
use "norm.pat"
use "quant.pat"
use "allreduce_rms.pat"  # its rules take precedence

op rms_norm_static_quant(x: F[*B, H], w: G[H], scale: f32[]; rms_norm..., static_quant...)
   -> (q: to[*B, H], y: F[*B, H]?)
op rms_norm_group_quant(x: F[*B, H], w: G[H]; rms_norm..., group_quant...)
   -> (q: to[*B, H], scale: f32[transpose_if(with(x, -1, H / group), columns)], y: F[*B, H]?)
   where group > 0, H % group == 0
op add_rms_norm_static_quant(a: F[*B, H], b: F[*B, H], w: G[H], scale: f32[]; rms_norm..., static_quant...)
   -> (q: to[*B, H], y: F[*B, H]?, sum: F[*B, H]?)
op add_rms_norm_group_quant(a: F[*B, H], b: F[*B, H], w: G[H]; rms_norm..., group_quant...)
   -> (q: to[*B, H], scale: f32[transpose_if(with(a, -1, H / group), columns)], y: F[*B, H]?, sum: F[*B, H]?)
   where group > 0, H % group == 0
op gated_rms_norm_group_quant(x: F[*B, H], w: G[H], z: F[*B, H]; eps: float, to: F8, floor: float = 1e-10,
                              full: bool = false, pow2: bool = false, contract: contract = chain)
   -> (q: to[*B, H], scale: f32[*B, 1], y: F[*B, H]?)

for [norm, norm_static_quant] in {[rms_norm, rms_norm_static_quant],
                                  [add_rms_norm, add_rms_norm_static_quant]}
rule norm_static_quant in fuse enabled fuse_norm_quant {
  match   { y, sum... = norm(x: F[*B, H], more..., w: G[H]; ...)
            q = static_quant(y, scale: f32[]; ...)
            yield q, y, sum... }
  where   dtype(w) == dtype(x)
  replace { q, y, sum... = norm_static_quant(x, more..., w, scale; ...) }
  test "f32"                     { B = [3], H = 64, F = f32, G = f32, to = f8e4m3fn; fires 1 }
  test "weight of another dtype" { B = [3], H = 64, F = f16, G = bf16, to = f8e4m3fn; fires 0 because dtype }
}
for [norm, norm_group_quant] in {[rms_norm, rms_norm_group_quant], [add_rms_norm, add_rms_norm_group_quant]}
rule norm_group_quant in fuse enabled fuse_norm_quant {
  match   { y, sum... = norm(x: F[*B, H], more..., w: G[H]; ...)
            q, scale = group_quant(y; ...)
            yield q, scale, y, sum... }
  where   dtype(w) == dtype(x)
  replace { q, scale, y, sum... = norm_group_quant(x, more..., w; ...) }
  test "f32" { B = [3], H = 64, F = f32, G = f32, group = 32, to = f8e4m3fn; fires 1 }
  test "weight of another dtype" { B = [3], H = 64, F = f16, G = bf16, group = 32, to = f8e4m3fn;
                                   fires 0 because dtype }
}

# The gated norm of a linear attention layer: x and z are heads, and a head is a group.
rule gated_rms_norm_group_quant_unrounded in fuse enabled fuse_norm_quant, allow_contract_change {
  match   { y = gated_rms_norm(x: F[*B, H], w: G[H], z; eps)
            q, scale = group_quant(y; columns = false, ...)
            yield q, scale, y }
  where   H == group, dtype(w) == dtype(x)
  replace { q, scale, y = gated_rms_norm_group_quant(x, w, z; contract = unrounded, ...) }
  test "head = group" { B = [2, 4], H = 128, group = 128, dtype = bf16, to = f8e4m3fn; fires 1 }
  test "two groups in a head" { B = [2, 4], H = 128, group = 64, dtype = bf16, to = f8e4m3fn;
                                fires 0 because H }
  test "weight of another dtype" { H = 128, group = 128, F = f16, G = f32, to = f8e4m3fn;
                                   fires 0 because dtype }
}
rule gated_rms_norm_group_quant in fuse enabled fuse_norm_quant {
  match   { y = gated_rms_norm(x: F[*B, H], w: G[H], z; eps)
            q, scale = group_quant(y; columns = false, ...)
            yield q, scale, y }
  where   H == group, dtype(w) == dtype(x)
  replace { q, scale, y = gated_rms_norm_group_quant(x, w, z; ...) }
  test "two groups in a head" { H = 128, group = 64, dtype = bf16, to = f8e4m3fn; fires 0 because H }
}
