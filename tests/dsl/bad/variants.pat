# A rule is compiled once for each choice of alternatives.
use "../good/prelude.pat"
pattern two(x) = neg(x) | neg(neg(x))
rule deep in fuse {
  match   { y = two(two(two(two(two(two(two(x))))))) }
  replace { y = neg(x) }
}
