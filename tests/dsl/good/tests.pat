# Tests in rules: dims, rank variables, dtypes, attributes, captured numbers, alternatives, reasons.
use "prelude.pat"
pattern scaled(x; by) = mul(x, const by) | mul(mul(x, 1.0), const by)
rule halves in fuse {
  match   { a, b = split(x: F[*B, N]; sizes = [K, K], axis = -1)
            y = concat(scaled(b; by), a; -1) }
  where   K % 4 == 0, dtype(x) in {f16, bf16}
  replace { y = neg(x) }
  test "small"       { K = 8, dtype = bf16; fires 1 }
  test "three dims"  { B = [2, 3], N = 16, F = f16, by = 0.25; fires 1 }
  test "odd"         { N = 6; fires 0 because K }
  test "wrong dtype" { K = 4, F = f32; fires 0 because dtype }
}
rule softmax_last in fuse {
  match   { y = softmax(gelu(x: F[*B, H]; approximate = how); axis) }
  where   H in {80, 96}
  gate    tokens <= 256
  replace { y = neg(x) }
  test "tanh" { how = tanh, H = 80, axis = -1; fires 1 }
  test "wide" { H = 128; fires 0 because H }
  test "many" { tokens = 512; fires 0 because tokens }
}
