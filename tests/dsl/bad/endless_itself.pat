# What a rule makes, it matches again.
use "../good/prelude.pat"
op sub(a: T[*A], b: T[*A]) -> T[*A]
rule swap in simplify {
  match   { y = sub(a, b) }
  replace { y = sub(b, a) }
}
rule grows in simplify {
  match   { y = neg(x) }
  replace { y = neg(neg(neg(x))) }
}
rule same in fuse {
  match   { y = gelu(x; approximate = _) }
  replace { y = gelu(x; approximate = tanh) }
}
