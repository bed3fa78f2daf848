# Tests in rules: values that break a condition, that fit no graph, that name nothing, and a wrong reason.
use "../good/prelude.pat"
rule wide in fuse {
  match   { y = neg(norm(x: F[*B, H], w; eps)) }
  where   H in {64, 128}, H % 32 == 0
  replace { y = norm(neg(x), w; eps) }
  test "too wide"       { H = 256; fires 1 }
  test "another reason" { H = 96; fires 0 because eps }
  test "no such name"   { D = 64; fires 1 }
}
rule split_evenly in fuse {
  match   { a, b = split(x: F[R, N]; sizes = [K, K], axis = -1)
            y = concat(b, a; -1) }
  replace { y = neg(x) }
  test "odd"  { N = 7, K = 3; fires 1 }
  test "even" { N = 6; fires 1 }
}
