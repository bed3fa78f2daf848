use "../good/prelude.pat"
op scaled(x: F[*A]; by: float, part: int = 0) -> F[*A]
op merged(x: F[*A]; by: float, part: int = 0) -> F[*A]
op plain(x: F[*A]) -> F[*A]
pattern lost(x; by) = scaled(x; ...)
rule bound in fuse {
  match   { y = scaled(scaled(x; ...); ...) }
  replace { y = merged(x; by, part) }
}
rule unread in fuse {
  match   { y = neg(scaled(x; ...)) }
  replace { y = merged(x; by) }
}
vocab onnx {
  "Scaled"(x; by = 1.0) -> scaled(x; by, ...)
}
