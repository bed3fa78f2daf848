# Rows that only the implementation knows: no operand and no attribute says how many there are.
phase fuse
dtype F = {f16, bf16}
op moe_align(x: F[T, H], experts: i64[T, K]) -> (rows: F[R, H], order: i64[T * K])
