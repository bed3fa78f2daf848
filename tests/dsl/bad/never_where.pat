use "../good/prelude.pat"
kernel gelu { ref when tokens <= 64 }
rule sizes in fuse {
  match   { y = gelu(neg(neg(x: F[*A, H]))) }
  where   H > 8, H < 7
  replace { y = gelu(x) }
}
rule remainders in fuse {
  match   { y = gelu(neg(neg(x: F[*A, H]))) }
  where   H % 8 == 1, H % 4 == 0
  replace { y = gelu(x) }
}
rule nothing in fuse {
  match   { y = gelu(neg(neg(x: F[*A, H]))) }
  where   H in {}
  replace { y = gelu(x) }
}
rule gates in fuse {
  match   { y = gelu(neg(neg(x: F[*A, H]))) }
  gate    tokens <= 8 and tokens > 9
  replace { y = gelu(x) }
}
