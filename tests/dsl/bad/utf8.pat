use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(neg(x)) } # café
  replace { y = nag(x) } # naïve
}
