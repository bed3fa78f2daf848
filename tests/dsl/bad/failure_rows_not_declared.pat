# The fused op pads the rows to whole blocks; the op that it stands for does not, and who reads the scales takes their
# rows for those of x.
phase fuse
dtype F = {f16, bf16}
op silu_mul(x: F[T, N]) -> F[T, N / 2]  where N % 2 == 0
op quant(x: F[T, K]; group: int) -> (y: f8e4m3fn[T, K], scales: f32[T, K / group])  where group > 0, K % group == 0
op silu_mul_quant(x: F[T, N]; group: int) -> (y: f8e4m3fn[T, N / 2], scales: f32[ceildiv(T, 4) * 4, N / 2 / group])
   where group > 0, N % 2 == 0
rule silu_mul_quant in fuse {
  match   { y, s = quant(silu_mul(x); group) }
  replace { y, s = silu_mul_quant(x; group) }
}
