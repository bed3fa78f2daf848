use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(x?) }
  replace { y = x }
}
rule q in fuse {
  match   { y = neg(x) }
  replace { y = add(x, none) }
}
