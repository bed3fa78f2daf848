use "../good/prelude.pat"
rule two_sizes in fuse {
  match   { y = neg(x: F[A, 3]) }
  where   A == 2, A == 4
  replace { y = x }
}
rule two_dtypes in fuse {
  match   { y = cast(x: f32[*A]; to = _) }
  where   dtype(x) in {f16, bf16}
  replace { y = neg(y) }
}
rule no_rank in fuse {
  match   { y = linear(x: F[], w) }
  replace { y = neg(y) }
}
