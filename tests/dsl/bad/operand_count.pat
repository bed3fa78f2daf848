use "../good/prelude.pat"
rule r in fuse {
  match   { y = add(neg(x, x), concat(; axis = 1)) }
  replace { y = linear(x) }
}
