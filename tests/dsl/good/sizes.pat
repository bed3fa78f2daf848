# A parameter of a pattern that is an element of a list or of a shape in it, passed on, and bound before or after.
use "prelude.pat"

op pad(x: T[*A]; pads: ints) -> T[*A]
op number(x: T[*A]; n: int) -> T[*A]
op padded_by(x: T[*A]; tail: int) -> T[*A]
kernel padded_by { ref }

pattern padded(x; tail)     = pad(x; pads = [0, tail])
pattern negated(x; n)       = neg(padded(x; tail = n))
pattern numbered(x; n)      = number(x; n)
pattern rows(x: T[M, H]; M) = neg(x)

rule element in fuse {
  match   { y = number(negated(x; n = t); n = t) }
  where   t > 2
  replace { y = padded_by(x; tail = t) }
}
rule element_first in fuse {
  match   { y = numbered(padded(neg(neg(x)); tail = t); n = t) }
  replace { y = padded_by(x; tail = t) }
}
rule element_last in fuse {
  match   { y = padded(numbered(neg(neg(neg(x))); n = t); tail = t) }
  replace { y = padded_by(x; tail = t) }
}
rule dim in fuse {
  match   { y = number(rows(x; M = t); n = t) }
  replace { y = padded_by(x; tail = t) }
}
