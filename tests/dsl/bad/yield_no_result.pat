use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(x)
            yield x, z }
  replace { y = x }
}
