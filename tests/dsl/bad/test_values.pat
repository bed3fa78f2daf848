use "../good/prelude.pat"
option most : int = 3
option sw   : bool = on
op shift(x: F[*A, H]; eps: float, mode: {up, down}, axis: axis, perm: ints, flag: bool) -> F[*A, H]
rule r in fuse enabled sw {
  match   { y = neg(shift(neg(x: F[*A, H]); eps, mode, axis, perm, flag)) }
  where   H <= 8
  gate    tokens <= most
  replace { y = shift(x; eps, mode, axis, perm, flag) }
  test "a list"    { A = 2; fires 1 }
  test "a size"    { H = [3]; fires 1 }
  test "a dtype"   { F = 3; fires 1 }
  test "a float"   { eps = up; fires 1 }
  test "a word"    { mode = left; fires 1 }
  test "an axis"   { axis = [1]; fires 1 }
  test "numbers"   { perm = 3; fires 1 }
  test "a flag"    { flag = 7; fires 1 }
  test "a number"  { H = 2.5; fires 1 }
  test "a name"    { A = [2, Z]; fires 1 }
  test "tokens"    { tokens = off; fires 1 }
  test "an option" { most = on; fires 1 }
  test "a switch"  { sw = 3; fires 1 }
  test "all"       { dtype = 3; fires 1 }
}
