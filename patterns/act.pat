# Gated activations of the feed-forward block.
use "norm.pat"  # its gated norm takes precedence over silu_mul

option fuse_act : bool = on at O1

op silu_mul(g: F[*A], u: F[*A]) -> F[*A]                                    # silu(g) * u
op gelu_mul(g: F[*A], u: F[*A]; approximate: {none, tanh} = none) -> F[*A]  # gelu(g) * u

# gelu(x) = x/2 * (1 + erf(x / sqrt 2)), and its tanh form (Hendrycks and Gimpel 2016).
# Constants stand in the dtype of x: 4e-3 is a half step of bf16.
pattern erf_gate(x) = add(erf(div(x, 1.4142135623730951 ~ 4e-3)), 1.0)
                    | add(erf(mul(x, 0.7071067811865476 ~ 4e-3)), 1.0)
pattern tanh_gate(x) = add(tanh(mul(add(x, mul(pow(x, 3.0), 0.044715 ~ 4e-3)), 0.7978845608028654 ~ 4e-3)),
                           1.0)
pattern half_of(x, gate) = mul(mul(x, 0.5), gate) | mul(x, mul(gate, 0.5)) | mul(mul(x, gate), 0.5)

rule gelu_erf in normalise {
  match   { y = half_of(x, erf_gate(x)) }
  replace { y = gelu(x) }
  test "all three places of the half" { fires 1 }
}
rule gelu_tanh in normalise {
  match   { y = half_of(x, tanh_gate(x)) }
  replace { y = gelu(x; approximate = tanh) }
  test "all three places of the half" { fires 1 }
}

rule silu_mul in fuse enabled fuse_act {
  match   { y = mul(silu(g: F[*A]), u: F[*A]) }
  replace { y = silu_mul(g, u) }
  test "feed-forward" { A = [2, 16]; fires 1 }
}
rule gelu_mul in fuse enabled fuse_act {
  match   { y = mul(gelu(g: F[*A]; approximate = how), u: F[*A]) }
  replace { y = gelu_mul(g, u; approximate = how) }
  test "tanh" { A = [2, 16], how = tanh; fires 1 }
}
