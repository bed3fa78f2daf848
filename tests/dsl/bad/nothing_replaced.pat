use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(neg(x)) }
  replace { z = x }
}
rule kept in fuse {
  match   { y = neg(neg(x)) }
  replace { y = y }
}
