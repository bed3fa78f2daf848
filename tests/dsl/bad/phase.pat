use "../good/prelude.pat"
rule r in fues {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
rule q in later {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
