use "../good/prelude.pat"
rule scalar in fuse {
  match   { y = gelu(neg(neg(x: F[*A, H]))) }
  where   rank(x) == 0
  replace { y = gelu(x) }
}
rule two_ranks in fuse {
  match   { y = gelu(neg(neg(x))) }
  where   rank(x) == 3, rank(y) == 4
  replace { y = gelu(x) }
}
