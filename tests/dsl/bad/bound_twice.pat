use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(x)
            y = neg(y) }
  replace { y = x }
}
