use "../good/prelude.pat"
condition a(n) = n > 1 and b(n)
condition b(n) = c(n) or n == 7
condition c(n) = not a(n)
condition self() = self()
rule r in fuse {
  match   { y = neg(neg(x: F[*A, H])) }
  where   a(H), self()
  replace { y = x }
}
