use "../good/prelude.pat"
option seen : bool = on
option unseen : bool = on
option of_default : int = 8
option by_default : int = of_default * 2
rule r in fuse enabled seen {
  match   { y = neg(neg(x)) }
  gate    tokens <= by_default
  replace { y = x }
}
