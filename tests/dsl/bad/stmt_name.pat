use "../good/prelude.pat"
rule r in fuse {
  match   { neg(x)
            y = neg(x) }
  replace { y = x }
}
