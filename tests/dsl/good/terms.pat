# Every kind of term, type, literal and condition.
use "prelude.pat"
op scale(x: F[*A]; by: float, n: int = 1 MiB, s: string = "a \"quoted\" \\ word") -> F[*A]
op quant(x: F[*A], scale: host f32[], zero: host f32[]?) -> f8e4m3fn[*A]
op quant_by(x: F[*A], scale: f32[], zero: f32[]?) -> f8e4m3fn[*A]
op seed() -> (i64[], i64[])
op shift(x: F[*A], by: i64[]) -> F[*A]
op sum(a: F[*A], b: F[*A]) -> F[*A] commutative associative
op style(x: F[*A]; of: {neox, gptj}, to: {one} = one) -> F[*A]
pattern odd(x;) = neg(x)
pattern even(x) = odd(x) where rank(x) == 2, dtype(x) != bf16 | { y = neg(x) neg(y) } where rank(x) - 1 == 2
rule numbers in fuse {
  match   { y = scale(mul(mul(add(x: F[N], 2), -3), -0.5 ~ 1e-2); by = _, n, s = _) }
  where   n * 2 + 1 - N / 3 % 4 <= 4 KiB, not n == 1 GiB, n >= -4, n < 100 or N > 2, n < 8 or not true
  replace { y = scale(x; inf, n) }
}
rule optional in fuse {
  match   { y = quant_by(neg(x: F[*A]), s, z?) }
  where   const(s), const(z)
  replace { y = quant(x, s, z) }
}
rule typed_optional in fuse {
  match   { y = linear(neg(x), w, b?: F[M]) }
  replace { y = linear(x, w, b) }
}
rule on_the_host in fuse {
  match   { y = quant_by(neg(x), s: host f32[]) }
  replace { y = quant(x, s, none) }
}
rule no_operands in fuse {
  match   { a, _ = seed()
            y = shift(neg(x), a) }
  replace { a, b = seed()
            y = shift(x, b) }
}
rule chain in fuse {
  match   { y = sum(neg(a), b, c) }
  replace { y = sum(sum(a, b), c) }
}
rule alternatives in fuse {
  match   { y = style(even(x: F[*A]); neox) }
  replace { y = style(x; gptj, one) }
  test "two dims"   { fires 1 }
  test "with sizes" { A = [2, 3]; fires 1 }
}
