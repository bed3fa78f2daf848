# What a match leaves of its pattern may be no node at all.
use "../good/prelude.pat"
pattern maybe(x) = x | neg(x)
rule nothing in fuse {
  match   { y = maybe(x) }
  replace { y = x }
}
