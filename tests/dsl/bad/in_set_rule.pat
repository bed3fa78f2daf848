use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(neg(x: F[H])) }
  where   H in 8
  replace { y = x }
}
