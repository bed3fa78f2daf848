# Gated activations of the feed-forward block whose two operands stand in one tensor, and the quantisations that read
# them.  The product itself, y, is computed only where something else reads it; it is quantised as the chain rounds it.
use "act.pat"
use "quant.pat"

option fuse_act_quant : bool = on at O1 requires fuse_act

enum act = {silu, gelu, gelu_tanh}

# The first half of each row, through the activation, times the second.
op silu_and_mul(x: F[*A, N]) -> F[*A, N / 2] where N % 2 == 0
op gelu_and_mul(x: F[*A, N]; approximate: {none, tanh} = none) -> F[*A, N / 2] where N % 2 == 0

op act_mul_static_quant(g: F[*A, N], u: F[*A, N], scale: f32[]; act: act, static_quant...)
   -> (q: to[*A, N], y: F[*A, N]?)
op act_mul_group_quant(g: F[*A, N], u: F[*A, N]; act: act, group_quant...)
   -> (q: to[*A, N], scale: f32[transpose_if(with(g, -1, N / group), columns)], y: F[*A, N]?)
   where group > 0, N % group == 0
# The same of one tensor that holds both.
op act_and_mul_static_quant(x: F[*A, N], scale: f32[]; act: act, static_quant...)
   -> (q: to[*A, N / 2], y: F[*A, N / 2]?)
   where N % 2 == 0
op act_and_mul_group_quant(x: F[*A, N]; act: act, group_quant...)
   -> (q: to[*A, N / 2], scale: f32[transpose_if(with(x, -1, N / 2 / group), columns)], y: F[*A, N / 2]?)
   where group > 0, N % 2 == 0, N / 2 % group == 0

pattern by_silu(g, u) = silu_mul(g, u)
pattern by_gelu(g, u) = gelu_mul(g, u)
pattern by_tanh(g, u) = gelu_mul(g, u; approximate = tanh)
pattern and_silu(x)   = silu_and_mul(x)
pattern and_gelu(x)   = gelu_and_mul(x)
pattern and_tanh(x)   = gelu_and_mul(x; approximate = tanh)

# The halves split off, or cut by slices.
for [product, of_one] in {[silu_mul, silu_and_mul], [gelu_mul, gelu_and_mul]}
rule halves_split in fuse enabled fuse_act {
  match   { g, u = split(x: F[*A, N]; sizes = [H, H], axis = -1)
            y = product(g, u; ...) }
  where   N == 2 * H
  replace { y = of_one(x; ...) }
  test "halves" { A = [3], N = 64, H = 32, dtype = bf16; fires 1 }
}
for [product, of_one] in {[silu_mul, silu_and_mul], [gelu_mul, gelu_and_mul]}
rule halves_cut in fuse enabled fuse_act {
  match   { y = product(slice(x: F[*A, N]; [-1], starts = [0], ends = [H], steps = [1]),
                        slice(x; [-1], starts = [H], ends = [N], steps = [1]); ...) }
  where   N == 2 * H
  replace { y = of_one(x; ...) }
  test "halves" { A = [3], N = 64, H = 32, dtype = bf16; fires 1 }
}

for [product, quantised, act] in {
  [by_silu, act_mul_static_quant, silu], [and_silu, act_and_mul_static_quant, silu],
  [by_gelu, act_mul_static_quant, gelu], [and_gelu, act_and_mul_static_quant, gelu],
  [by_tanh, act_mul_static_quant, gelu_tanh], [and_tanh, act_and_mul_static_quant, gelu_tanh]}
rule act_static_quant in fuse enabled fuse_act_quant {
  match   { y: F[*A, N] = product(x...)
            q = static_quant(y, scale: f32[]; ...)
            yield q, y }
  replace { q, y = quantised(x..., scale; act = act, ...) }
  test "rows" { A = [3], N = 64, dtype = bf16, to = f8e4m3fn; fires 1 }
}
for [product, quantised, act] in {
  [by_silu, act_mul_group_quant, silu], [and_silu, act_and_mul_group_quant, silu],
  [by_gelu, act_mul_group_quant, gelu], [and_gelu, act_and_mul_group_quant, gelu],
  [by_tanh, act_mul_group_quant, gelu_tanh], [and_tanh, act_and_mul_group_quant, gelu_tanh]}
rule act_group_quant in fuse enabled fuse_act_quant {
  match   { y: F[*A, N] = product(x...)
            q, scale = group_quant(y; ...)
            yield q, scale, y }
  replace { q, scale, y = quantised(x...; act = act, ...) }
  test "rows" { A = [3], N = 64, dtype = bf16, group = 32, to = f8e4m3fn; fires 1 }
}
