# One spelling for everything that exporters write in several ways, and removal of the
# shape noise between ops, so that the rules of the other files need no variants for it.
# `r = r` keeps a value that others may read as well.
use "ops.pat"

phase normalise quiet
phase caches  # what a cache is, before ops that write it are joined with others
phase fuse

# ---- views: one reshape, or none ----
rule squeeze_is_reshape in normalise {
  match   { y = squeeze(x; axes = _) }
  replace { y = reshape(x; shape(y)) }
  test "as written" { fires 1 }
}
rule unsqueeze_is_reshape in normalise {
  match   { y = unsqueeze(x; axes = _) }
  replace { y = reshape(x; shape(y)) }
  test "as written" { fires 1 }
}
rule flatten_is_reshape in normalise {
  match   { y = flatten(x; first = _, last = _) }
  replace { y = reshape(x; shape(y)) }
  test "as written" { fires 1 }
}
rule identity in normalise {
  match   { y = identity(x) }
  replace { y = x }
  test "as written" { fires 1 }
}
rule reshape_of_reshape in normalise {
  match   { r = reshape(x; shape = _)
            y = reshape(r; shape = _) }
  replace { r = r
            y = reshape(x; shape(y)) }
}
rule reshape_to_itself in normalise {
  match   { y = reshape(x; shape = _) }
  where   shape(y) == shape(x)
  replace { y = x }
  test "as written" { fires 1 }
}
rule expand_to_itself in normalise {
  match   { y = expand(x; shape = _) }
  where   shape(y) == shape(x)
  replace { y = x }
  test "as written" { fires 1 }
}
rule cast_to_itself in normalise {
  match   { y = cast(x; to = _) }
  where   dtype(y) == dtype(x)
  replace { y = x }
  test "as written" { fires 1 }
}
rule slice_of_everything in normalise {
  match   { y = slice(x; axes = _, starts = _, ends = _, steps = st) }
  where   shape(y) == shape(x), ones(st)
  replace { y = x }
  test "as written" { fires 1 }
}
rule concat_of_one in normalise {
  match   { y = concat(x; axis = _) }
  replace { y = x }
  test "as written" { fires 1 }
}
rule concat_of_nothing in normalise {
  match   { y = concat(a, b: T[*A, 0]; axis = -1) }
  replace { y = a }
  test "no dims pass" { A = [2, 3]; fires 1 }
}

# ---- permutations: one transpose, or none ----
rule swapaxes_is_transpose in normalise {
  match   { y = swapaxes(x; a, b) }
  replace { y = transpose(x; swap_perm(rank(x), a, b)) }
  test "as written" { fires 1 }
}
rule transpose_of_transpose in normalise {
  match   { r = transpose(x; perm = p)
            y = transpose(r; perm = q) }
  replace { r = r
            y = transpose(x; compose(p, q)) }
  test "three axes" { p = [2, 0, 1], q = [1, 0, 2]; fires 1 }
}
rule transpose_to_itself in normalise {
  match   { y = transpose(x; perm = p) }
  where   identity(p)
  replace { y = x }
  test "as written" { fires 1 }
}

# ---- arithmetic ----
rule add_zero in normalise {
  match   { y = add(x, 0.0) }
  where   shape(y) == shape(x)
  replace { y = x }
  test "as written" { fires 1 }
}
rule mul_one in normalise {
  match   { y = mul(x, 1.0) }
  where   shape(y) == shape(x)
  replace { y = x }
  test "as written" { fires 1 }
}
rule square in normalise {
  match   { y = pow(x, 2.0) }
  replace { y = mul(x, x) }
  test "as written" { fires 1 }
}
rule reciprocal_of_sqrt in normalise {
  match   { r = sqrt(x)
            y = reciprocal(r) }
  replace { r = r
            y = rsqrt(x) }
  test "as written" { fires 1 }
}
rule one_over_sqrt in normalise {
  match   { y = div(1.0, sqrt(x)) }
  where   shape(y) == shape(x)
  replace { y = rsqrt(x) }
  test "as written" { fires 1 }
}
# Of a mean of squares: the power of -inf is 0, the root is not a number.
rule power_minus_half in normalise {
  match   { s = add(mean(mul(x, x); axes = _, keepdims = _), const eps)
            y = pow(s, -0.5) }
  where   shape(y) == shape(s)
  replace { s = s
            y = rsqrt(s) }
  test "as written" { fires 1 }
}
rule divide_by_sqrt in normalise {
  match   { y = div(x, sqrt(v)) }
  replace { y = mul(x, rsqrt(v)) }
  test "as written" { fires 1 }
}
rule silu in normalise {
  match   { y = mul(x, sigmoid(x)) }
  replace { y = silu(x) }
  test "as written" { fires 1 }
}

# ---- products ----
# Weights as torch has them, [results, operands]: no copy of them is turned.
rule matmul_is_linear in normalise {
  match   { t = transpose(w: F[M, K]; perm = [1, 0])
            y = matmul(x: F[*A, K], t)
            yield t, y }
  replace { t = t
            y = linear(x, w, none) }
  test "rows" { A = [2, 3], K = 4, M = 5; fires 1 }
}
rule gemm_is_linear in normalise {
  match   { t = transpose(w: F[M, K]; perm = [1, 0])
            y = gemm(x: F[N, K], t, bias: F[M])
            yield t, y }
  replace { t = t
            y = linear(x, w, bias) }
  test "rows" { N = 3, K = 4, M = 5; fires 1 }
}
# Rows merged before a product and split after it: the product works on the unmerged rows.
rule merged_rows in normalise {
  match   { r = reshape(x: F[*A, K]; shape = [M, K])
            y = matmul(r, w: F[K, N]) }
  where   rank(x) > 2, K > 0
  replace { r = r
            y = reshape(matmul(x, w); [M, N]) }
  test "three dims"       { A = [2, 3], K = 4; fires 1 }
  test "no rows to merge" { A = [2], K = 4; fires 0 because rank }
}
rule merged_rows_of_linear in normalise {
  match   { r = reshape(x: F[*A, K]; shape = [M, K])
            y = linear(r, w: F[N, K], bias?) }
  where   rank(x) > 2, K > 0
  replace { r = r
            y = reshape(linear(x, w, bias); [M, N]) }
  test "three dims" { A = [2, 3], K = 4; fires 1 }
}
rule merged_batch in normalise {
  match   { y = matmul(reshape(a: F[B, H, S, D]; shape = [N, S, D]),
                       reshape(b: F[B, H, D, L]; shape = [N, D, L])) }
  where   D > 0
  replace { y = reshape(matmul(a, b); [N, S, L]) }
  test "as written" { fires 1 }
}

# A transpose of merged batches is one of the batches themselves.
rule merged_transpose in normalise {
  match   { y = reshape(transpose(reshape(x; shape = [N, L, D]); perm = [0, 2, 1]); shape = [B, H, D, L]) }
  replace { y = transpose(reshape(x; [B, H, L, D]); [0, 1, 3, 2]) }
  test "as written" { fires 1 }
}
