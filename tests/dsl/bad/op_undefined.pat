use "../good/prelude.pat"
op matmul(a: F[*A], b: F[*B]) -> F[matmul(A, B)]
op expand(x: T[*A]; shape: ints) -> T[expand(A, shape)]
op permute(x: T[*A]; perm: ints) -> T[permute(A, perm)]
op rest(x: T[*A, H], y: T[*B, K]) -> T[*A, H - K]
op parts(x: T[*A, H]; n: int) -> T[*A, H / n]
op topk(x: T[*A]; k: int, axis: axis) -> T[topk(A, k, axis)]
op squeeze(x: T[*A]; axes: axes) -> T[squeeze(A, axes)]
op conv(x: T[*A], w: T[*W]) -> T[conv(A, W, [], [], [])]

rule product in fuse {
  match   { y = neg(add(x: F[A, B], z: F[B, D])) }
  replace { y = neg(matmul(x, z)) }
}
rule product_open in fuse {
  match   { y = neg(add(x: F[*A], z: F[*C])) }
  replace { y = add(x, matmul(x, z)) }
}
rule nothing_left in fuse {
  match   { y = neg(neg(x: F[A, B])) }
  replace { y = rest(x, x) }
}
rule negative in fuse {
  match   { y = neg(rest(x: F[A, B], z: F[C, D])) }
  replace { y = rest(z, x) }
}
rule parts_of_none in fuse {
  match   { y = neg(reshape(x: F[A, B]; shape = [K])) }
  replace { y = reshape(parts(x; n = K); shape = [K]) }
}
rule more_than_all in fuse {
  match   { y = neg(reshape(x: F[A, B]; shape = [K])) }
  replace { y = reshape(topk(x; k = K, axis = -1); shape = [K]) }
}
rule squeezed in fuse {
  match   { y = neg(reshape(x: F[A, B]; shape = [K])) }
  replace { y = squeeze(x; axes = [-1]) }
}
rule expanded in fuse {
  match   { y = neg(reshape(x: F[A, B]; shape = [K])) }
  replace { y = expand(x; shape = [K, K]) }
}
rule permuted in fuse {
  match   { y = neg(reshape(x: F[A, B]; shape = [K])) }
  replace { y = permute(x; perm = [0, 1, 2]) }
}
rule split_beyond in fuse {
  match   { y = neg(reshape(x: F[A, B]; shape = [K])) }
  replace { a, b = split(x; sizes = [K, B - K], axis = -1)
            y = neg(a) }
}
rule split_odd in fuse {
  match   { y = neg(reshape(x: F[A, B]; shape = [K])) }
  replace { a, b = split(x; sizes = [], axis = -1)
            y = neg(a) }
}
rule inferred in fuse {
  match   { y = neg(reshape(x: F[A, B]; shape = [K])) }
  replace { y = reshape(x; shape = [-1, K]) }
}
rule zero_copied in fuse {
  match   { y = neg(neg(x)) }
  replace { y = reshape(x; shape = [0, -1], allowzero = false) }
}
rule joined in fuse {
  match   { y = neg(neg(x: F[*A])) }
  replace { y = concat(x, x; axis = -1) }
}
rule convolved in fuse {
  match   { y = neg(neg(x: F[A, B, C])) }
  replace { y = conv(x, x) }
}
rule divided in fuse {
  match   { y = neg(reshape(x: F[A]; shape = [B, C])) }
  replace { y = reshape(reshape(x; [A / B * B]); [B, C]) }
}
