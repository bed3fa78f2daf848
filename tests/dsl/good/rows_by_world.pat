# The second row takes what the first leaves: more bytes, at the same dtypes.
dtype F = {f32, f16, bf16}
op sum(x: F[*B, H]) -> F[*B, H]
kernel sum {
  hip one_stage when dtype(x) in {f16, bf16} and (world == 2 or world == 4 and bytes(x) <= 64 KiB)
  hip two_stage when dtype(x) in {f16, bf16} and world in {4, 8} and bytes(x) <= 32 MiB
}
