use "../good/prelude.pat"
for a in {1, 2, 3, 4, 5, 6, 7}, b in {1, 2, 3, 4, 5, 6, 7}, c in {1, 2, 3, 4, 5, 6} rule many in fuse {
  match   { y = mul(add(x, a), add(b, c)) }
  replace { y = neg(x) }
}
