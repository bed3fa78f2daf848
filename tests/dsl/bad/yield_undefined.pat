use "../good/prelude.pat"
rule r in fuse {
  match   { s = neg(x)
            y = neg(s)
            yield y, s }
  replace { y = x }
}
