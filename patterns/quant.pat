# Quantisation to 8-bit floats: stored = round(x / scale), and x is about stored * scale.
use "norm.pat"

dtype F8 = {f8e4m3fn, f8e4m3fnuz}

# Magnitudes end at 448 (e4m3fn) or 224 (e4m3fnuz; `full`: 240, all that the format has).
op static_quant(x: F[*A, N], scale: f32[]; to: F8, full: bool = false) -> to[*A, N]
# One scale for each run of `group` elements: its largest magnitude, at least `floor`, over the largest that is
# stored; `pow2` rounds it up to a power of two.  `columns`: the scales of all rows for one group stand together.
op group_quant(x: F[*A, N]; group: int, to: F8, floor: float = 1e-10, full: bool = false,
               pow2: bool = false, columns: bool = false)
   -> (q: to[*A, N], scale: f32[transpose_if(with(x, -1, N / group), columns)])
   where group > 0, N % group == 0
# As engines write them: a scale of any shape; one scale for each row; scales in memory by columns, under the shape
# of rows.
op scaled_quant(x: F[*A, N], scale: f32[*S]; to: F8, full: bool = false) -> to[*A, N]
op token_quant(x: F[*A, N]; to: F8, full: bool = false) -> (q: to[*A, N], scale: f32[*A, 1])
op group_quant_columns(x: F[M, N]; group: int, to: F8, full: bool = false, pow2: bool = false)
   -> (q: to[M, N], scale: f32[M, N / group])
   where group > 0, N % group == 0

rule token_quant_is_group_quant in normalise {
  match   { q, scale = token_quant(x: F[*A, N]; ...) }
  where   N > 0
  replace { q, scale = group_quant(x; group = N, floor = 0.001953125, ...) }
  test "rows" { A = [3], N = 48, to = f8e4m3fn; fires 1 }
}
rule group_quant_by_columns in normalise {
  match   { q, scale = group_quant_columns(x: F[M, N]; ...) }
  replace { q, s = group_quant(x; columns = true, ...)
            scale = transpose(s; [1, 0]) }
  test "rows" { M = 3, N = 256, group = 128, to = f8e4m3fn; fires 1 }
}
rule scaled_quant_by_one in normalise {
  match   { q = scaled_quant(x, scale: f32[]; ...) }
  replace { q = static_quant(x, scale; ...) }
  test "scalar" { to = f8e4m3fn; fires 1 }
}
rule scaled_quant_by_one_of_one in normalise {
  match   { q = scaled_quant(x, scale: f32[1]; ...) }
  replace { q = static_quant(x, reshape(scale; []); ...) }
  test "one" { to = f8e4m3fn; fires 1 }
}

# As torch writes them out: in f32, over the scale or times its reciprocal, clamped.  Groups are rows of a reshape.
pattern over(x, scale) = div(x, scale) | mul(x, reciprocal(scale))

for [top, low, least, to, full] in {[448.0, -448.0, 4.359654017857143e-06, f8e4m3fn, false],
                                    [224.0, -224.0, 8.719308035714286e-06, f8e4m3fnuz, false],
                                    [240.0, -240.0, 8.138020833333333e-06, f8e4m3fnuz, true]}
rule token_quant_in_small_ops in normalise enabled allow_contract_change {
  match   { scale = clip(div(cast(reduce_max(abs(x: F[*A, N]); [-1], keepdims = true); f32), top), least,
                         none)
            q = cast(clip(over(cast(x; f32), scale), low, top); to)
            yield scale, q }
  where   N > 0
  replace { q, scale = group_quant(x; group = N, to, floor = 0.001953125, full) }
  test "rows" { A = [3], N = 48, F = bf16; fires 1 }
}
for [top, low, to, full] in {[448.0, -448.0, f8e4m3fn, false], [224.0, -224.0, f8e4m3fnuz, false],
                             [240.0, -240.0, f8e4m3fnuz, true]}
rule static_quant_in_small_ops in normalise {
  match   { q = cast(clip(over(cast(x: F[*A, N]; f32), scale: f32[*S]), low, top); to) }
  where   shape(q) == shape(x)
  replace { q = scaled_quant(x, scale; to, full) }
  test "one scale" { A = [3], N = 48, S = [], F = bf16; fires 1 }
}

# A quantisation reads what a reshape hides, so that the op that computes it is seen.
rule static_quant_of_reshape in normalise {
  match   { r = reshape(x: F[*B, H]; shape = _)
            q = static_quant(r, scale: f32[]; ...) }
  replace { r = r
            q = reshape(static_quant(x, scale; ...); shape(q)) }
  test "heads" { B = [3, 4], H = 16, dtype = bf16, to = f8e4m3fn; fires 1 }
}
rule static_quant_of_transpose in normalise {
  match   { t = transpose(x: F[*B, H]; perm = p)
            q = static_quant(t, scale: f32[]; ...) }
  replace { t = t
            q = transpose(static_quant(x, scale; ...); p) }
  test "heads" { B = [3, 4], H = 16, p = [1, 0, 2], dtype = bf16, to = f8e4m3fn; fires 1 }
}
# Groups of a row are groups of its parts (heads) where no group crosses two of them.
rule group_quant_of_reshape in normalise {
  match   { r = reshape(x: F[*A, D]; shape = _)
            q, scale = group_quant(r: F[*B, N]; columns = false, ...) }
  where   D % group == 0
  replace { r = r
            p, s = group_quant(x; ...)
            q = reshape(p; shape(q))
            scale = reshape(s; shape(scale)) }
  test "groups in heads" { A = [3, 4], D = 64, B = [3], N = 256, group = 32, to = f8e4m3fn; fires 1 }
  test "heads in groups" { A = [3, 4], D = 64, B = [3], N = 256, group = 128, to = f8e4m3fn;
                           fires 0 because D }
}

# The same value stored twice.
rule same_static_quant in normalise {
  match   { p = static_quant(x, scale; to, full)
            q = static_quant(x, scale; to, full)
            yield p, q }
  replace { p = p
            q = p }
  test "twice" { to = f8e4m3fn; fires 1 }
}
rule same_group_quant in normalise {
  match   { p, s = group_quant(x; group, to, floor, full, pow2, columns)
            q, t = group_quant(x; group, to, floor, full, pow2, columns)
            yield p, s, q, t }
  replace { p = p
            s = s
            q = p
            t = s }
  test "twice" { group = 32, to = f8e4m3fn; fires 1 }
}
