use "../good/prelude.pat"
op interleave(x: F[*A, H]) -> F[*A, H]  where H % 2 == 0
op narrow(x: F[*A, H]; group: int) -> F[*A, H]  where group <= H, H in {64, 128}
rule even in fuse {
  match   { y = softmax(x: F[*A, H]; axis = _) }
  replace { y = interleave(x) }
}
rule even_by_set in fuse {
  match   { y = softmax(x: F[*A, H]; axis = _) }
  where   H in {32, 63}
  replace { y = interleave(x) }
}
rule group in fuse {
  match   { y = softmax(x: F[*A, H]; axis = _) }
  where   H in {64, 128}
  replace { y = narrow(x; group = 96) }
}
rule cancelled in fuse {
  match   { y = reshape(x: F[A, K]; shape = [B, K]) }
  replace { y = reshape(neg(reshape(x; [A * K])); [B, K]) }
}
rule cancelled_dim in fuse {
  match   { r = reshape(x: F[A, K]; shape = [B, K])
            y = linear(r, w: F[N, K]) }
  replace { r = r
            y = reshape(linear(x, w); [B, N]) }
}
