# Words of the language as names of ops and attributes.
dtype T = any
op where(c: bool[*C], a: T[*A], b: T[*B]) -> T[broadcast(C, A, B)]
op and(a: bool[*A], b: bool[*B]) -> bool[broadcast(A, B)] commutative
op or(a: bool[*A], b: bool[*B]) -> bool[broadcast(A, B)] commutative
op not(x: bool[*A]) -> bool[*A]
op slice(x: T[*A]; match: int, dtype: dtype = f32, view: {op, phase} = op) -> T[*A] where match > 0
op full(value: T[]; shape: ints) -> T[expand(value, shape)] contents full
op any_shape(x: T[_]) -> ()  effect
op update(inout cache: T[*A], x: T[*B]) -> T[*A]
op two(x: T[*A]) -> (y: T[*A], sum: T[*A]?)
kernel where {
  cpu when dtype(a) == f32 and rank(c) <= 4
  cpu wide
  ref
}
phase all
rule r {
  match   { y = where(not(not(c)), a, b) }
  replace { y = where(c, a, b) }
}
rule s {
  match   { y = slice(x; match, view = phase) }
  replace { y = slice(x; match) }
}
