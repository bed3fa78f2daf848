dtype T = any
op neg(x: T[*A]) -> T[*A]
rule r {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
