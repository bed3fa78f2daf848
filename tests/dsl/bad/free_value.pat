use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(neg(input)) }
  replace { y = add(imput, zz) }
}
