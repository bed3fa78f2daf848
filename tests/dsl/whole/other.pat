use "../good/prelude.pat"
rule norm_of_sum in fuse {
  match   { s: F[*B, H] = add(neg(b), a: F[*B, H])
            y: F[*B, H] = norm(s, w: F[H]; eps = 1e-5)
            yield y, s }
  where   H in {96, 128, 192}
  replace { y, s = add_norm(a, a, w; eps = 1e-5) }
}
rule three_signs in fuse {
  match   { y = neg(neg(gelu(neg(x)))) }
  replace { y = gelu(neg(x)) }
}
rule large_batch in fuse {
  match   { y = gelu(gelu(x); tanh) }
  gate    tokens > 16
  replace { y = gelu(x) }
}
rule not_tanh in fuse {
  match   { y = gelu(neg(x)) }
  replace { y = gelu(x) }
}
