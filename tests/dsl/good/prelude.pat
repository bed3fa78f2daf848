# Ops that the other files of this folder and of bad/ use.
dtype T = any
dtype F = {f16, bf16, f32}
dtype G = {f16, bf16, f32}
phase simplify quiet
phase fuse
op add(a: T[*A], b: T[*B]) -> T[broadcast(A, B)]  commutative contents add
op mul(a: T[*A], b: T[*B]) -> T[broadcast(A, B)]  commutative
op neg(x: T[*A]) -> T[*A]
op cast(x: T[*A]; to: dtype) -> to[*A]
op softmax(x: F[*A]; axis: axis) -> F[*A]
op gelu(x: F[*A]; approximate: {none, tanh} = none) -> F[*A]
op reshape(x: T[*A]; shape: ints, allowzero: bool = true) -> T[reshape(A, shape, allowzero)]  view
op transpose(x: T[*A]; perm: ints = []) -> T[permute(A, perm)]
op concat(xs: T[*A]...; axis: axis) -> T[concat(xs, axis)]
op split(x: T[*A]; sizes: ints = [], axis: axis) -> T[split(A, sizes, axis, 0)]...
op linear(x: F[*A, K], w: F[M, K], bias: F[M]?) -> F[*A, M]
op norm(x: F[*A, H], w: G[H]; eps: float) -> F[*A, H]
op add_norm(a: F[*A, H], b: F[*A, H], w: G[H]; eps: float) -> (y: F[*A, H], sum: F[*A, H])
