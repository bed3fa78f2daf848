use "../good/prelude.pat"
option one_pass : bool = off requires wide excludes two_pass
option wide : bool = off
option two_pass : bool = off requires narrow
option narrow : bool = off excludes wide
option all : bool = off requires one_pass, two_pass
rule r in fuse enabled one_pass, two_pass {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
rule s in fuse enabled all {
  match   { y = neg(cast(neg(x); to = _)) }
  replace { y = x }
}
