use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(s)
            s = neg(x) }
  replace { y = x }
}
