use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(neg(x: FF[1])) }
  replace { y = x }
}
