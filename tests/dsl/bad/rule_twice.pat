use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
rule r { match { y = p(x) } replace { y = x } }
pattern p(x) = neg(x)
