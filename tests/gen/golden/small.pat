# One rule with alternatives, commutative operands, a captured constant and two results.
dtype F = {f16, f32}

phase fuse

op add(a: F[*A], b: F[*B]) -> F[broadcast(A, B)]  commutative
op mul(a: F[*A], b: F[*B]) -> F[broadcast(A, B)]  commutative
op scale(x: F[*A]; by: float = 1.0) -> F[*A]
op add_scale(x: F[*A], y: F[*A]; by: float, style: {plain, wide} = plain) -> (out: F[*A], sum: F[*A])

kernel add_scale { cpu wide when style == wide and dtype(x) in {f32}; ref }

pattern scaled(x; by) = scale(x; by) | mul(x, const by)

rule add_scale in fuse {
  match   { sum = add(x: F[*A, H], y: F[*A, H])
            out = scaled(sum; by)
            yield out, sum }
  where   H in {64, 128}
  replace { out, sum = add_scale(x, y; by, style = wide) }
}

vocab onnx {
  "Add"(a, b) -> add(a, b)
  "Mul"@13(a, b) -> mul(a, b)
  "Scale"(x; factor = 1.0) where factor == 2.0 -> scale(x; by = factor)
}
