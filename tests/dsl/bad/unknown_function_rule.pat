use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(neg(x)) }
  where   shaep(y) == shape(x)
  replace { y = x }
}
