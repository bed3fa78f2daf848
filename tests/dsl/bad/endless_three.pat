# Three rules in a circle.
use "../good/prelude.pat"
op sub(a: T[*A], b: T[*A]) -> T[*A]
op minus(a: T[*A], b: T[*A]) -> T[*A]
op less(a: T[*A], b: T[*A]) -> T[*A]
rule first in simplify {
  match   { y = sub(a, b) }
  replace { y = minus(a, b) }
}
rule second in simplify {
  match   { y = minus(a, b) }
  replace { y = less(a, b) }
}
rule third in fuse {
  match   { y = less(a, b) }
  replace { y = sub(a, b) }
}
