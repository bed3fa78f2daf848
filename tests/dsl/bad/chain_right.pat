dtype F = {f16, f32}
op sum2(a: F[*A], b: F[*A]) -> F[*A]  commutative associative
op sum3(a: F[*A], b: F[*A], c: F[*A]) -> F[*A]
phase fuse
rule r in fuse {
  match   { y = sum3(a, b, c) }
  replace { y = sum2(a, b, c) }
}
