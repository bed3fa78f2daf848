use "prelude.pat"
dtype F8 = {f8e4m3fn, f8e4m3fnuz}
dtype Short = {f16, bf16}  # in a rule alone
op quant(x: F[*A]; to: F8 = f8e4m3fn, full: bool = false) -> to[*A]
op plain_quant(x: F[*A, H], w: G[H]; norm..., quant...) -> to[*A, H] where F in {f16, bf16}
op sum_quant(a: F[*A, H], b: F[*A, H], w: G[H]; norm..., to: F8) -> (q: to[*A, H], y: F[*A, H]?, sum: F[*A, H]?)
   where G in {f16, bf16}
pattern gate(x, y) = mul(gelu(x), y)
for [f, f_neg] in {[gate, gate_neg], [add, add_neg]}
rule f_neg in fuse {
  match   { z = neg(f(x: F[*A], more...)) }
  where   shape(z) == shape(x)
  replace { z = neg(x) }
}
rule sums in fuse {
  match   { n, rest... = add_norm(xs..., w: G[H]; ...)
            q = quant(n; to, full = _)
            yield q, n, rest... }
  where   dtype(w) in {f16, bf16}
  replace { q, n, rest... = sum_quant(xs..., w; ...) }
}
rule biased in fuse {
  match   { y = linear(neg(neg(x: Short[*A, K])), more...) }
  replace { y = linear(x, more...) }
}
kernel add_norm { hip when F in {f16, bf16} and G == F; ref }
