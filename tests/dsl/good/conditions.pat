# Conditions with names, rows that several ops share, and `...` for attributes.
use "prelude.pat"
option widest : int = 4096
op scaled(x: F[*A, H]; eps: float, full: bool = false, part: int = 1) -> F[*A, H]
   where even(H)
op scaled_neg(x: F[*A, H]; eps: float, full: bool = false, part: int = 1) -> F[*A, H]
   where even(H)
condition even(n)              = n % 2 == 0
condition bits16(condition)    = dtype(condition) in {f16, bf16}
condition between(n, low, top) = n >= low and n <= top
condition fits(n)              = n % 4 == 0 and between(n, 4, min(H + 8, 4096 * 2))  # H is that of the place
condition few() =
    tokens <= widest or
    world > 1  # of the run
pattern narrow(x: F[*A, H]; eps, part) = scaled(x; full = false, ...) where H <= 64
rule kept in fuse {
  match   { y = neg(scaled(x: F[*A, H]; ...)) }
  where   bits16(x) or between(H, 4, 8)
  gate    few()
  replace { y = scaled_neg(x; ...) }
  test "narrow"    { H = 8, F = f32; fires 1 }
  test "wide"      { H = 16, F = f32; fires 0 because dtype }
  test "many rows" { H = 8, tokens = 5000; fires 0 because tokens }
}
rule through_pattern in fuse {
  match   { y = neg(neg(narrow(x; part = parts, ...))) }
  where   parts > 0
  replace { y = scaled(x; part = parts, ...) }
}
for [neg_too, dt] in {[with_neg, dtype(x)], [without, f32]}
rule shared in fuse enabled neg_too {
  match   { y = neg(cast(cast(x: f32[*A]; f64); f32)) }
  replace { y = neg(cast(x; dt)) }
  test "option of the choice" { neg_too = on, A = [3]; fires 1 }
}
option with_neg : bool = off
option without  : bool = off
kernel scaled, scaled_neg {
  cpu wide when fits(H) and bits16(x) supports not even(H + 1)
  ref
}
