# Rules that are never reached.
use "../../../patterns/ops.pat"

phase normalise quiet
phase fuse
option fast   : bool = on
option faster : bool = off requires fast
op fused(x: F[*A]) -> F[*A]
op fused_norm(x: F[*A, H], w: F[H]; eps: float) -> F[*A, H]
op join(a: F[*A], b: F[*A]) -> F[*A] commutative
op soft(x: F[*A, H], w: F[H]; eps: float, style: {plain, sharp} = plain) -> F[*A, H]
kernel fused      { ref }
kernel fused_norm { ref }
kernel exp        { ref }
kernel rsqrt      { ref }
kernel mul        { ref }

# The same match, asking for less.
rule any_size in fuse {
  match   { y = exp(neg(x: F[*A])) }
  replace { y = fused(x) }
}
rule one_size in fuse {
  match   { y = exp(neg(x: F[*B, H])) }
  where   H % 16 == 0
  replace { y = tanh(x) }
}
# Both orders of a sum, a captured attribute, a set within a set, an option that brings another.
rule first in fuse enabled fast {
  match   { y = soft(join(a: F[*A, H], neg(b)), w; eps, style = _) }
  where   H in {64, 128, 256}
  gate    tokens <= 512
  replace { y = fused_norm(a, w; eps) }
}
rule second in fuse enabled faster {
  match   { y = soft(join(neg(p), q: F[*B, N]), v; eps = 1e-5, style = sharp) }
  where   N in {64, 256}
  gate    tokens < 100
  replace { y = fused_norm(q, v; eps = 1e-5) }
}
# A rule above it always takes what it wants first, wherever that is declared.
rule above in fuse {
  match   { y = relu(sigmoid(tanh(x))) }
  replace { y = fused(x) }
}
rule inner in fuse {
  match   { y = sigmoid(tanh(x)) }
  replace { y = exp(x) }
}
# An earlier phase spells it otherwise.
rule no_reciprocal in normalise {
  match   { y = reciprocal(x) }
  replace { y = rsqrt(mul(x, x)) }
}
rule late in fuse {
  match   { y = mul(x: F[*A], reciprocal(z: F[*A])) }
  replace { y = div(x, z) }
}
