use "../good/prelude.pat"
pattern p(x) = neg(x)
rule r in fuse {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
