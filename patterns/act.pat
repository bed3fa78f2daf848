# Gated activations of the feed-forward block.
use "norm.pat" # its gated norm takes precedence over silu_mul

op silu_mul(g: F[*A], u: F[*A]) -> F[*A]                                          # silu(g) * u
op gelu_mul(g: F[*A], u: F[*A]; approximate: {none, tanh} = none) -> F[*A]        # gelu(g) * u

# gelu(x) = x/2 * (1 + erf(x / sqrt 2)), and its tanh form (Hendrycks and Gimpel 2016).
rule gelu_erf in normalise {
  match   { y = mul(mul(x, 0.5), add(erf(div(x, 1.4142135623730951)), 1.0)) }
  replace { y = gelu(x) }
}
rule gelu_erf_times in normalise {
  match   { y = mul(mul(x, add(erf(div(x, 1.4142135623730951)), 1.0)), 0.5) }
  replace { y = gelu(x) }
}
rule gelu_erf_mul in normalise {
  match   { y = mul(mul(x, 0.5), add(erf(mul(x, 0.7071067811865476)), 1.0)) }
  replace { y = gelu(x) }
}
pattern tanh_gate(x) = add(tanh(mul(add(x, mul(pow(x, 3.0), 0.044715)), 0.7978845608028654)), 1.0)
rule gelu_tanh in normalise {
  match   { y = mul(mul(x, 0.5), tanh_gate(x)) }
  replace { y = gelu(x; approximate = tanh) }
}

rule silu_mul in fuse {
  match   { y = mul(silu(g: F[*A]), u: F[*A]) }
  replace { y = silu_mul(g, u) }
}
rule gelu_mul in fuse {
  match   { y = mul(gelu(g: F[*A]; approximate = how), u: F[*A]) }
  replace { y = gelu_mul(g, u; approximate = how) }
}
