# In a program of rules, kernels and vocabularies: what none of them speaks of.
use "../good/prelude.pat"
op fused(x: F[*A]) -> F[*A]
op forgotten(x: F[*A]) -> F[*A]
op not_made(x: F[*A]) -> F[*A]
kernel fused    { ref }
kernel not_made { ref }
rule twice in fuse {
  match   { y = neg(neg(x: F[*A])) }
  replace { y = fused(x) }
}
vocab onnx { "Neg"(x) -> neg(x) }
