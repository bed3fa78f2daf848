# RMS normalisation (Zhang and Sennrich 2019): y = x * rsqrt(mean(x^2) + eps) * w over the
# last dim.  Recognised as exporters decompose it, then joined with what surrounds it.
use "normalise.pat"

option fuse_norm        : bool = on at O1
option fuse_act_padding : bool = on at O1 requires fuse_norm

# Rules may round in other places than the ops that they replace, and leave what is not a number out of a scale.
option allow_contract_change : bool = on at O1

# Small ops of 16 bits round each for itself, what joins them rounds once.
dtype Wide  = {f32, f64}
dtype Short = {f16, bf16}

# One rounding, to the dtype of x; everything before it in f32.  `centred`: the weight is 1 + w.
op rms_norm(x: F[*B, H], w: G[H]; eps: float, centred: bool = false) -> F[*B, H]
# Subtracts the mean first, and adds a bias (Ba et al. 2016).
op layer_norm(x: F[*B, H], w: G[H], bias: G[H]?; eps: float) -> F[*B, H]
# sum = a + b rounded; y is the norm of the unrounded sum.
op add_rms_norm(a: F[*B, H], b: F[*B, H], w: G[H]; rms_norm...)
   -> (y: F[*B, H], sum: F[*B, H])
   commutative
# And y once more as rows with zeros behind them, as products with padded weights want them.
op add_rms_norm_pad(a: F[*B, H], b: F[*B, H], w: G[H]; rms_norm..., pads: ints)
   -> (p: F[pad(a, pads)], y: F[*B, H]?, sum: F[*B, H]?)
   where H > 0
# rms_norm(x, w) * silu(z)
op gated_rms_norm(x: F[*B, H], w: G[H], z: F[*B, H]; eps: float) -> F[*B, H]

pattern rms(x; eps) = mul(x, rsqrt(add(mean(mul(x, x); axes = [-1], keepdims = true), const eps)))

# The weight is applied in the dtype of x, or (below) in f32 before the cast back.
pattern weighted_rms(x, w; eps) = mul(w, rms(x; eps)) | mul(w, cast(rms(cast(x; f32); eps); dtype(x)))

for [norm_of_small_ops, F, allowed] in {[rms_norm, Wide, fuse_norm],
                                        [rms_norm_rounded_once, Short, allow_contract_change]}
rule norm_of_small_ops in fuse enabled fuse_norm, allowed {
  match   { y = weighted_rms(x: F[*B, H], w: G[H]; eps) }
  replace { y = rms_norm(x, w; eps) }
  test "rows" { B = [2, 3], H = 8; fires 1 }
  test "row"  { H = 64, eps = 1e-6; fires 1 }
}

rule rms_norm_in_f32 in fuse enabled fuse_norm {
  match   { y = cast(rms_norm(cast(x: F[*B, H]; f32), w; ...); dtype(x)) }
  replace { y = rms_norm(x, w; ...) }
  test "f16" { H = 8, F = f16; fires 1 }
}

# Weights centred on zero: 1 + w, made in f32 for one norm or for several.
for [norm, norm_centred] in {[rms_norm, rms_norm_centred], [add_rms_norm, add_rms_norm_centred]}
rule norm_centred in fuse enabled fuse_norm {
  match   { f = cast(w: G[H]; f32)
            c = add(f, 1.0)
            y... = norm(x..., c; eps)
            yield f, c, y... }
  replace { f = f
            c = c
            y... = norm(x..., w; eps, centred = true) }
  test "bf16" { H = 64, dtype = bf16; fires 1 }
}
for [norm, norm_centred_f32] in {[rms_norm, rms_norm_centred_f32], [add_rms_norm, add_rms_norm_centred_f32]}
rule norm_centred_f32 in fuse enabled fuse_norm {
  match   { c = add(w: f32[H], 1.0)
            y... = norm(x..., c; eps)
            yield c, y... }
  replace { c = c
            y... = norm(x..., w; eps, centred = true) }
  test "f16" { H = 64, dtype = f16; fires 1 }
}

# Heads are split off before or after the norm of each; after is the one spelling.
rule rms_norm_of_transpose in normalise {
  match   { y = rms_norm(transpose(x; perm = [0, 2, 1, 3]), w; ...) }
  replace { y = transpose(rms_norm(x, w; ...); [0, 2, 1, 3]) }
  test "heads" { fires 1 }
}

for [norm_of_sum, F, allowed] in {[add_rms_norm, Wide, fuse_norm],
                                  [add_rms_norm_rounded_once, Short, allow_contract_change]}
rule norm_of_sum in fuse enabled fuse_norm, allowed {
  match   { sum = add(a: F[*B, H], b: F[*B, H])
            y = rms_norm(sum, w; ...)
            yield y, sum }
  replace { y, sum = add_rms_norm(a, b, w; ...) }
  test "decode" { B = [1], H = 128; fires 1 }
  test "too wide for the cpu, ref takes it" { H = 16392; fires 1 }
}

# Between the sum and its norm the rows are counted in another way.
for [norm_of_reshape, F, allowed] in {[add_rms_norm_of_reshape, Wide, fuse_norm],
                                      [add_rms_norm_of_reshape_rounded_once, Short, allow_contract_change]}
rule norm_of_reshape in fuse enabled fuse_norm, allowed {
  match   { sum = add(a: F[*B, H], b: F[*B, H])
            r = reshape(sum; shape = _)
            y = rms_norm(r: F[*C, H], w; ...)
            yield y, sum, r }
  replace { n, sum = add_rms_norm(a, b, w; ...)
            y = reshape(n; shape(y))
            r = reshape(sum; shape(r)) }
  test "batch and sequence" { B = [2, 3], C = [6], H = 16; fires 1 }
}

pattern zero() = none | 0.0
rule add_rms_norm_pad in fuse enabled fuse_act_padding {
  match   { y, sum = add_rms_norm(a: F[M, H], b, w: G[H]; ...)
            p = pad(y, zero(); pads = [0, 0, 0, tail])
            yield p, y, sum }
  where   tail > 0, H > 0
  replace { p, y, sum = add_rms_norm_pad(a, b, w; pads = [0, 0, 0, tail], ...) }
  test "rows of 16 for products of 24" { M = 3, H = 16, tail = 8, dtype = bf16; fires 1 }
  test "cut, not padded"               { M = 3, H = 16, tail = -8; fires 0 because tail }
}

for [norm_and_gate, F, allowed] in {[gated_rms_norm, Wide, fuse_norm],
                                    [gated_rms_norm_rounded_once, Short, allow_contract_change]}
rule norm_and_gate in fuse enabled fuse_norm, allowed {
  match   { y = mul(rms_norm(x: F[*B, H], w; eps), silu(z: F[*B, H])) }
  replace { y = gated_rms_norm(x, w, z; eps) }
  test "heads" { B = [4, 2], H = 16; fires 1 }
}
rule gated_rms_norm_in_f32 in fuse enabled fuse_norm {
  match   { y = cast(gated_rms_norm(cast(x: F[*B, H]; f32), w, cast(z: F[*B, H]; f32); eps); dtype(x)) }
  replace { y = gated_rms_norm(x, w, z; eps) }
  test "bf16" { H = 16, F = bf16; fires 1 }
}
# A weight that is widened only to be multiplied with f32.
rule gated_rms_norm_weight in fuse enabled fuse_norm {
  match   { y = gated_rms_norm(x: F[*B, H], cast(w: G[H]; f32), z; eps) }
  where   dtype(w) == dtype(x)
  replace { y = gated_rms_norm(x, w, z; eps) }
  test "bf16" { H = 16, dtype = bf16; fires 1 }
}
