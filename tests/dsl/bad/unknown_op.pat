use "../good/prelude.pat"
rule r in fuse {
  match   { y = nge(neg(x)) }
  replace { y = x }
}
