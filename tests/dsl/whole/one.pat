# Rules that meet those of other.pat on one node.
use "../good/prelude.pat"
rule wide_norm in fuse {
  match   { y = norm(add(a: F[*B, H], b: F[*B, H]), w; eps) }
  where   H % 64 == 0
  replace { y = norm(a, w; eps) }
}
rule two_signs in fuse {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
rule sum_and_softmax in fuse {
  match   { s = add(a: F[*B, H], b: F[*B, H])
            y = softmax(s; axis = -1)
            yield y, s }
  replace { s = add(a, b)
            y = gelu(s) }
}
rule small_batch in fuse {
  match   { y = gelu(gelu(x)) }
  gate    tokens <= 16
  replace { y = gelu(x) }
}
rule tanh in fuse {
  match   { y = gelu(neg(x); tanh) }
  replace { y = gelu(x; tanh) }
}
