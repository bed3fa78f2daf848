dtype T = any
dtype F = {f16, bf16, f32}
op neg(x: T[*A]) -> T[*A]
op add(a: T[*A], b: T[*A]) -> T[*A] commutative
op scale(x: F[*A]; by: float, axis: axis = -1) -> F[*A]
op norm(x: F[*A, H], w: F[H]; eps: float) -> F[*A, H]
op add_norm(a: F[*A, H], b: F[*A, H], w: F[H]; eps: float) -> (y: F[*A, H], sum: F[*A, H])
op join(xs: T[*A]...; axis: axis) -> T[concat(xs, axis)]
op reshape(x: T[*A]; shape: ints) -> T[reshape(A, shape)] view
phase fuse
pattern twice(x) = { a = neg(x)
                     neg(a) }
rule r {
  match   { y = twice(x) }
  replace { y = x }
}
