use "../good/prelude.pat"
pattern p(x) = neg(neg(x))
rule r in fuse {
  match   { y = p(x) }
  replace { y = p(x) }
}
