# The ops that graphs are made of.  Importers turn foreign ops into these (onnx.pat,
# fx.pat); rules rewrite them into the fused ops of the other files.
#
# Axes count from the end (-1 is the last).  A result type may call the shape functions of
# dsl/LANGUAGE.md.  `view`: the result is the operand's bytes under another shape.
# `contents f`: elements of small integer results follow from the operands, so that shapes
# computed inside a graph become symbolic dims.

dtype T, U = any
dtype F, G = {f16, bf16, f32, f64}
dtype I, J = {i32, i64}
dtype N    = {i32, i64, f16, bf16, f32, f64}

# What kernels take: on the GPU, and on the CPU, where they compute in f32.
condition bits16(x) = dtype(x) in {f16, bf16}
condition floats(x) = dtype(x) in {f16, bf16, f32}

# ---- arithmetic, broadcasting as in NumPy ----
op add(a: T[*A], b: T[*B]) -> T[broadcast(A, B)] commutative contents add
op sub(a: T[*A], b: T[*B]) -> T[broadcast(A, B)] contents sub
op mul(a: T[*A], b: T[*B]) -> T[broadcast(A, B)] commutative contents mul
op div(a: T[*A], b: T[*B]) -> T[broadcast(A, B)] contents div
op floor_div(a: T[*A], b: T[*B]) -> T[broadcast(A, B)] contents div
op pow(a: F[*A], b: N[*B]) -> F[broadcast(A, B)]
op minimum(a: T[*A], b: T[*B]) -> T[broadcast(A, B)] commutative contents min
op maximum(a: T[*A], b: T[*B]) -> T[broadcast(A, B)] commutative contents max
op equal(a: T[*A], b: T[*B]) -> bool[broadcast(A, B)] commutative
op not_equal(a: T[*A], b: T[*B]) -> bool[broadcast(A, B)] commutative
op less(a: T[*A], b: T[*B]) -> bool[broadcast(A, B)]
op less_equal(a: T[*A], b: T[*B]) -> bool[broadcast(A, B)]
op greater(a: T[*A], b: T[*B]) -> bool[broadcast(A, B)]
op greater_equal(a: T[*A], b: T[*B]) -> bool[broadcast(A, B)]
op and(a: bool[*A], b: bool[*B]) -> bool[broadcast(A, B)] commutative
op or(a: bool[*A], b: bool[*B]) -> bool[broadcast(A, B)] commutative
op not(x: bool[*A]) -> bool[*A]
op where(c: bool[*C], a: T[*A], b: T[*B]) -> T[broadcast(C, A, B)]

op neg(x: T[*A]) -> T[*A] contents neg
op abs(x: T[*A]) -> T[*A]
op is_nan(x: F[*A]) -> bool[*A]
op sqrt(x: F[*A]) -> F[*A]
op reciprocal(x: F[*A]) -> F[*A]
op rsqrt(x: F[*A]) -> F[*A]
op exp(x: F[*A]) -> F[*A]
op log(x: F[*A]) -> F[*A]
op log1p(x: F[*A]) -> F[*A]
op sin(x: F[*A]) -> F[*A]
op cos(x: F[*A]) -> F[*A]
op tanh(x: F[*A]) -> F[*A]
op erf(x: F[*A]) -> F[*A]
op relu(x: F[*A]) -> F[*A]
op sigmoid(x: F[*A]) -> F[*A]
op silu(x: F[*A]) -> F[*A]  # x * sigmoid(x)
op gelu(x: F[*A]; approximate: {none, tanh} = none) -> F[*A]
op softplus(x: F[*A]) -> F[*A]  # log(1 + exp(x))
op clip(x: T[*A], lo: T[]?, hi: T[]?) -> T[*A]
op cast(x: T[*A]; to: dtype) -> to[*A] contents copy

# ---- reductions; empty axes mean all ----
op mean(x: F[*A]; axes: axes, keepdims: bool = true) -> F[reduce(A, axes, keepdims)]
op sum(x: N[*A]; axes: axes, keepdims: bool = true) -> N[reduce(A, axes, keepdims)]
op reduce_max(x: T[*A]; axes: axes, keepdims: bool = true) -> T[reduce(A, axes, keepdims)]
op reduce_min(x: T[*A]; axes: axes, keepdims: bool = true) -> T[reduce(A, axes, keepdims)]
op softmax(x: F[*A]; axis: axis) -> F[*A]
op cumsum(x: N[*A]; axis: axis, exclusive: bool = false, reverse: bool = false) -> N[*A]
op topk(x: T[*A]; k: int, axis: axis = -1, largest: bool = true, sorted: bool = true)
   -> (values: T[topk(A, k, axis)], indices: i64[topk(A, k, axis)])
op argmax(x: T[*A]; axis: axis, keepdims: bool = true) -> i64[reduce(A, axis, keepdims)]

# ---- shape ----
op identity(x: T[*A]) -> T[*A] view contents copy
op reshape(x: T[*A]; shape: ints, allowzero: bool = true)
   -> T[reshape(A, shape, allowzero)] view contents copy
op squeeze(x: T[*A]; axes: axes = []) -> T[squeeze(A, axes)] view contents copy
op unsqueeze(x: T[*A]; axes: ints) -> T[unsqueeze(A, axes)] view contents copy
op flatten(x: T[*A]; first: int = 0, last: int = -1) -> T[flatten(A, first, last)] view contents copy
op transpose(x: T[*A]; perm: ints = []) -> T[permute(A, perm)]  # empty perm reverses the axes
op swapaxes(x: T[*A]; a: axis, b: axis) -> T[swap(A, a, b)]
op expand(x: T[*A]; shape: ints) -> T[expand(A, shape)]
op concat(xs: T[*A]...; axis: axis) -> T[concat(xs, axis)] contents concat
op split(x: T[*A]; sizes: ints = [], axis: axis, parts: int = 0) -> T[split(A, sizes, axis, parts)]...
op slice(x: T[*A]; axes: axes = [], starts: ints, ends: ints, steps: ints = [])
   -> T[slice(A, axes, starts, ends, steps)] contents slice
op select(x: T[*A]; axis: axis, index: int) -> T[select(A, axis)]
op pad(x: T[*A], value: T[]?; pads: ints, mode: {constant, reflect, edge} = constant) -> T[pad(A, pads)]
op tril(x: T[*A]; diagonal: int = 0) -> T[*A]
op triu(x: T[*A]; diagonal: int = 0) -> T[*A]

# ---- shapes as data, and generators ----
op shape(x: T[*A]; start: int = 0, end: int = 9223372036854775807)
   -> i64[cut(rank(A), start, end)] contents dims
op size(x: T[*A]; axis: axis) -> i64[] contents size
op arange(; start: int = 0, limit: int, step: int = 1, to: dtype = i64)
   -> to[ceildiv(limit - start, step)] contents range
op full(value: T[*V]; shape: ints) -> T[expand(V, shape)] contents full

# ---- indexing ----
op gather(x: T[*A], i: I[*B]; axis: axis) -> T[gather(A, B, axis)] contents gather
op gather_elements(x: T[*A], i: I[*B]; axis: axis) -> T[*B]
op gather_nd(x: T[*A], i: I[*B]; batch_dims: int = 0) -> T[gather_nd(A, B, batch_dims)]
op scatter_nd(x: T[*A], i: I[*B], updates: T[*C]; reduction: {none, add, mul, max, min} = none) -> T[*A]
op scatter_elements(x: T[*A], i: I[*B], updates: T[*C]; axis: axis,
                    reduction: {none, add, mul, max, min} = none) -> T[*A]
op slice_scatter(x: T[*A], src: T[*B]; axis: axis, start: int = 0, end: int = 9223372036854775807,
                 step: int = 1) -> T[*A]

# ---- products ----
op matmul(a: F[*A], b: F[*B]) -> F[matmul(A, B)]
op linear(x: F[*A, K], w: F[M, K], bias: F[M]?) -> F[*A, M]  # x w^T + bias
op gemm(a: F[*A], b: F[*B], c: F[*C]?; alpha: float = 1.0, beta: float = 1.0, trans_a: bool = false,
        trans_b: bool = false)
   -> F[matmul(transpose_if(A, trans_a), transpose_if(B, trans_b))]
op conv(x: F[*A], w: F[*B], bias: F[M]?; strides: ints = [], pads: ints = [], dilations: ints = [],
        group: int = 1,
        auto_pad: {NOTSET, VALID, SAME_UPPER, SAME_LOWER} = NOTSET) -> F[conv(A, B, strides, pads, dilations)]
