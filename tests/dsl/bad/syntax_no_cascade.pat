dtype T = any
op first(x: T[*A] -> T[*A]
op second(x: T[*A]) -> T[*A]
phase p
rule r in p {
  match { y = second(second(x)) }
  replace { y = x }
}
