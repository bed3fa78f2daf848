use "../good/prelude.pat"
condition wide(n) = n >= 64
condition both(a, b) = wide(a) and wide(b)
rule r in fuse {
  match   { y = neg(neg(x: F[*A, H])) }
  where   wide(H, 3), wide(), both(H)
  gate    wide(1, 2)
  replace { y = x }
}
kernel neg { ref when wide }
