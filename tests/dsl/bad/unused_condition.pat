use "../good/prelude.pat"
condition wide(n) = n >= 64
condition of_other(n) = wide(n)
rule r in fuse {
  match   { y = neg(neg(x: F[*A, H])) }
  replace { y = x }
}
