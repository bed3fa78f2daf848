use "../good/prelude.pat"
pattern p(x) = neg(x)
rule r in fuse {
  match   { y = p(x, z) }
  replace { y = x }
}
