# Rules that run on Solder's graph, on that of pointer_graph.h and through a table of functions. All values have one
# type, so that any op can read any value.
dtype F = {f16, bf16, f32}

phase simplify
phase fuse

op neg(x: F[*A]) -> F[*A]
op silu(x: F[*A]) -> F[*A]
op add(a: F[*A], b: F[*B]) -> F[broadcast(A, B)]  commutative
op mul(a: F[*A], b: F[*B]) -> F[broadcast(A, B)]  commutative
op rms_norm(x: F[*A]; eps: float) -> F[*A]
op quant(x: F[*A]; group: int = 128, style: {plain, wide} = plain) -> F[*A]
op roll(x: F[*A]; shifts: ints) -> F[*A]
op rope(q: F[*A], k: F[*A]) -> (q2: F[*A], k2: F[*A])
op mask(x: F[*A], by: F[*A]?) -> F[*A]
op sum(xs: F[*A]...) -> F[*A]
op add_rms_norm(a: F[*A], b: F[*A]; eps: float) -> (y: F[*A], sum: F[*A])
op silu_mul(gate: F[*A], up: F[*A]) -> F[*A]
op norm_quant(x: F[*A]; eps: float, group: int, style: {plain, wide}) -> F[*A]
op norm_rope(q: F[*A], k: F[*A]; eps: float) -> (q2: F[*A], k2: F[*A])
op masked_sum(by: F[*A], x: F[*A], xs: F[*A]...) -> F[*A]

kernel add          { ref stub }
kernel neg          { ref stub }
kernel quant        { ref stub }
kernel roll         { ref stub }
kernel add_rms_norm { ref stub }
kernel silu_mul     { ref stub }
kernel norm_quant   { ref stub }
kernel norm_rope    { ref stub }
kernel masked_sum   { ref stub }

rule neg_neg in simplify {
  match   { y = neg(neg(x)) }
  replace { y = x }
}

rule mul_one in simplify {
  match   { y = mul(x: F[*A, H], 1.0) }
  replace { y = x }
}

rule unmasked in simplify {
  match   { y = mask(x, none) }
  replace { y = x }
}

rule add_neg in simplify {
  match   { y = add(neg(a: F[*A, H]), neg(b: F[*A, H])) }
  replace { y = neg(add(a, b)) }
}

rule roll_roll in simplify {
  match   { y = roll(roll(x: F[M, N]; shifts = [i, j]); shifts = [k, l]) }
  replace { y = roll(x; shifts = [i + k, j + l]) }
}

rule add_rms_norm in fuse {
  match   { sum = add(a: F[*A, H], b: F[*A, H])
            y = rms_norm(sum; eps)
            yield y, sum }
  where   H % 4 == 0
  replace { y, sum = add_rms_norm(a, b; eps) }
}

rule silu_mul in fuse {
  match   { y = mul(silu(gate: F[*A, H]), up: F[*A, H]) }
  replace { y = silu_mul(gate, up) }
}

rule norm_quant in fuse {
  match   { y = quant(rms_norm(x: F[*A, H]; eps); group, style) }
  where   H % group == 0
  replace { y = norm_quant(x; eps, group, style) }
}

rule norm_rope in fuse {
  match   { q2, k2 = rope(rms_norm(q: F[*A]; eps), rms_norm(k: F[*A]; eps)) }
  replace { q2, k2 = norm_rope(q, k; eps) }
}

rule masked_sum in fuse {
  match   { y = mask(sum(x: F[*A, H], rest...), by: F[*A, H]) }
  replace { y = masked_sum(by, x, rest...) }
}

# What computes `by` loses a reader.
rule masked_quant in simplify {
  match   { y = mask(quant(x: F[*A, H]; group = 7, style), by: F[*A, H]) }
  replace { y = quant(x; group = 7, style) }
}
