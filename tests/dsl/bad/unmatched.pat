# A parameter that one alternative leaves out is no value of every match; nor may the condition read it.
use "../good/prelude.pat"
pattern moved(x, w) = add(x, w) | neg(x)
rule read in fuse {
  match   { y = neg(moved(x, w)) }
  replace { y = add(x, w) }
}
pattern maybe_norm(x, w) = norm(x, w; eps = _) | neg(x)
rule compared in fuse {
  match   { y = neg(maybe_norm(x, w)) }
  where   rank(w) == 1
  replace { y = neg(x) }
}
# One name, captured from a number and from a whole number.
op by(x: F[*A]; f: float) -> F[*A]
op times(x: F[*A]; n: int) -> F[*A]
pattern scaled(x; n) = by(x; f = n) | times(x; n)
rule kinds_differ in fuse {
  match   { y = neg(scaled(x; n)) }
  replace { y = by(x; f = n) }
}
rule value_and_number in fuse {
  match   { y = neg(mul(x, const x)) }
  replace { y = x }
}
