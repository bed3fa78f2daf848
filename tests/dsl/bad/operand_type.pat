use "../good/prelude.pat"
rule width in fuse {
  match   { y = mul(x: F[*A, H], w: F[K]) }
  replace { y = norm(x, w; eps = 1e-6) }
}
rule rank in fuse {
  match   { y = neg(x) }
  replace { y = softmax(neg(linear(x, x)); -1) }
}
rule may_be_bool in fuse {
  match   { y = neg(x: T[*A]) }
  replace { y = softmax(x; -1) }
}
rule two_dtypes in fuse {
  match   { y = cast(add(a: F[*A, H], b: F[*A, H]); f16) }
  replace { t = cast(a; f16)
            y = add(t, b) }
}
rule maybe_absent in fuse {
  match   { y = linear(x: F[*A, K], w: F[K, K], bias?) }
  replace { y = add(linear(x, w), bias) }
}
