use "../good/prelude.pat"
op fused(x: F[*A, H], w: G[H]; eps: float) -> F[*A, H]
kernel fused {
  hip narrow when H <= 512
  hip wide   when H > 4096
  ref
}
rule middle in fuse {
  match   { y = neg(norm(x: F[*A, H], w; eps)) }
  where   H in {1024, 8192}
  replace { y = fused(x, w; eps) }
}
