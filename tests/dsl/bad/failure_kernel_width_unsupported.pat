# One block takes a whole row: widths up to 8192. The table of bindings had been copied from a kernel without that limit.
phase fuse
dtype F = {f16, bf16}
op add_norm(a: F[*B, H], b: F[*B, H], w: F[H]; eps: float) -> (y: F[*B, H], sum: F[*B, H])
kernel add_norm {
  hip one_row when H in {1024, 4096, 8192, 16384} supports H <= 8192 and H % 8 == 0
  hip wide    when H % 8 == 0 supports H % 8 == 0 and H <= 65536
  ref
}
