use "../good/prelude.pat"
condition rank(x) = x == f16
condition wide(n, m, n) = n > m
condition wide(n) = n >= 64
condition lost() = K > 3 and missing(H)
condition odd(x) = dtype(x) in {f16, bf16} and
    x > 3
rule r in fuse {
  match   { y = neg(neg(x: F[*A, H])) }
  where   lost(), odd(x), wid(H)
  replace { y = x }
}
