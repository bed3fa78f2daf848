# Ops of the random rules in prover_test.c: one for each form of a signature and each shape function.
dtype T = any
dtype F = {f16, bf16, f32}
dtype I = {i32, i64}
phase fuse

op neg(x: T[*A]) -> T[*A]
op cast(x: T[*A]; to: dtype) -> to[*A]
op add(a: T[*A], b: T[*B]) -> T[broadcast(A, B)]  commutative
op same(a: T[*A], b: T[*A]) -> T[*A]
op like(a: T[*A], b: F[*B]) -> F[*A]
op matmul(a: F[*A], b: F[*B]) -> F[matmul(A, B)]
op linear(x: F[*A, K], w: F[M, K]) -> F[*A, M]

op reshape(x: T[*A]; shape: ints) -> T[reshape(A, shape)]
op reshape0(x: T[*A]; shape: ints) -> T[reshape(A, shape, false)]
op expand(x: T[*A]; shape: ints) -> T[expand(A, shape)]
op transpose(x: T[*A]; perm: ints) -> T[permute(A, perm)]
op swapaxes(x: T[*A]; a: axis, b: axis) -> T[swap(A, a, b)]
op transposed(x: T[*A]; flag: bool) -> T[transpose_if(A, flag)]
op concat(xs: T[*A]...; axis: axis) -> T[concat(xs, axis)]
op stack(xs: T[*A]...; axis: axis) -> T[stack(xs, axis)]
op split(x: T[*A]; sizes: ints, axis: axis) -> T[split(A, sizes, axis, 0)]...
op chunk(x: T[*A]; axis: axis, parts: int) -> T[split(A, [], axis, parts)]...
op slice(x: T[*A]; axes: axes, starts: ints, ends: ints) -> T[slice(A, axes, starts, ends, [])]
op select(x: T[*A]; axis: axis) -> T[select(A, axis)]
op gather(x: T[*A], i: I[*B]; axis: axis) -> T[gather(A, B, axis)]
op reduce(x: T[*A]; axes: axes, keepdims: bool) -> T[reduce(A, axes, keepdims)]
op squeeze(x: T[*A]; axes: axes) -> T[squeeze(A, axes)]
op unsqueeze(x: T[*A]; axes: ints) -> T[unsqueeze(A, axes)]
op flatten(x: T[*A]; first: int, last: int) -> T[flatten(A, first, last)]
op resize(x: T[*A]; axis: axis, n: int) -> T[with(A, axis, n)]  where n >= 0
op topk(x: T[*A]; n: int, axis: axis) -> T[topk(A, n, axis)]
op pad(x: T[*A]; pads: ints) -> T[pad(A, pads)]

op halve(x: T[*A, H]) -> T[*A, H / 2]  where H % 2 == 0
op half_up(x: T[*A, H]) -> T[*A, ceildiv(H, 2)]
op pair(x: T[*A, H], y: T[*A, K]) -> T[*A, H + K]
op rest(x: T[*A, H], y: T[*B, K]) -> T[*A, H - K]  where K <= H
op parts(x: T[*A, H]; n: int) -> T[*A, H / n]
op modulo(x: T[*A, H]; n: int) -> T[*A, H % n]
op grow(x: T[*A, H]; n: int) -> T[*A, H * n]  where n > 0
op tile(x: T[*A, H]; n: int) -> T[*A, H / n, n]  where n > 0, H % n == 0
op odd(x: T[*A, H]) -> T[*A, H % 2]
op trace(x: T[*A, N, N]) -> T[*A, N]
op twice(x: T[*A, N], y: T[2 * N]) -> T[*A, N]
op first(x: T[N, *A]) -> T[*A]
op count(x: T[*A]) -> T[numel(A)]
op ranked(x: T[*A]) -> T[rank(A), *A]
op last(x: T[*A]; axis: axis) -> T[size(A, axis)]
op least(x: T[*A, N], y: T[M]) -> T[*A, min(N, M)]
op most(x: T[*A, N], y: T[M]) -> T[*A, max(N, M)]
op cut(x: T[*A, N]; from: int, to: int) -> T[*A, cut(N, from, to)]
