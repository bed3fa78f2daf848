# A rotated slice is written back in place; the fused op reads the buffer after that write, which waits for the slice.
phase fuse
dtype F = {f16, bf16}
op slice(x: F[T, N]; start: int, end: int) -> F[T, cut(N, start, end)]
op rotate(x: F[T, R], cos_sin: F[T, R]) -> F[T, R]
op slice_write(part: F[T, R], inout x: F[T, N]; start: int) -> F[T, N]
op slice_rotate(x: F[T, N], cos_sin: F[T, cut(N, start, end)]; start: int, end: int) -> F[T, cut(N, start, end)]
rule slice_rotate in fuse {
  match   { r = rotate(slice(qkv; start, end), cos_sin)
            qkv2 = slice_write(r, qkv; start)
            y = slice(qkv2; start, end)
            yield r, qkv2, y }
  replace { qkv2 = qkv2
            y = y
            r = slice_rotate(qkv2, cos_sin; start, end) }
}
