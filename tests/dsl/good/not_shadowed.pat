# Rules of which one looks as if it left nothing to the other, and does.
use "prelude.pat"
option fast  : bool = on
option other : bool = on
op fused(x: F[*A]) -> F[*A]
op narrow(x: F[*A, H]) -> F[*A, H]
kernel fused  { ref }
kernel narrow { ref when H <= 4096 }
kernel neg    { ref }

# The kernel of the first leaves something.
rule some_widths in fuse {
  match   { y = softmax(neg(x: F[*A, H]); -1) }
  replace { y = narrow(x) }
}
rule all_widths in fuse {
  match   { y = softmax(neg(x: F[*A, H]); -1) }
  replace { y = fused(x) }
}
# So does its gate, and what turns it on.
rule few_tokens in fuse {
  match   { y = gelu(neg(x: F[*A])) }
  gate    tokens <= 256
  replace { y = fused(x) }
}
rule more_tokens in fuse enabled other {
  match   { y = gelu(neg(x: F[*A])) }
  gate    tokens <= 512
  replace { y = fused(x) }
}
rule one_option in fuse enabled fast {
  match   { y = gelu(neg(x: F[*A]); tanh) }
  replace { y = fused(x) }
}
rule other_option in fuse enabled other {
  match   { y = gelu(neg(x: F[*A]); tanh) }
  replace { y = fused(x) }
}
# A value that must not be read by others is read twice here.
rule once in fuse {
  match   { y = add(neg(neg(x: F[*A])), z: F[*A]) }
  replace { y = fused(x) }
}
rule twice in fuse {
  match   { n = neg(neg(x: F[*A]))
            y = add(n, n) }
  replace { y = fused(x) }
}
# Here others may read it.
rule nobody in fuse {
  match   { y = mul(neg(x: F[*A]), neg(x)) }
  replace { y = fused(x) }
}
rule anybody in fuse {
  match   { n = neg(x: F[*A])
            y = mul(n, neg(x))
            yield y, n }
  replace { y = fused(x)
            n = neg(x) }
}
# Numbers, sizes and types that only some have.
rule near_two in fuse {
  match   { y = mul(gelu(x: F[*A]), 2.0) }
  replace { y = fused(x) }
}
rule about_two in fuse {
  match   { y = mul(gelu(x: F[*A]), 2.0 ~ 1e-2) }
  replace { y = fused(x) }
}
rule three_dims in fuse {
  match   { y = neg(gelu(x: F[A, B, C])) }
  replace { y = fused(x) }
}
rule any_rank in fuse {
  match   { y = neg(gelu(x: F[*A])) }
  replace { y = fused(x) }
}
rule even in fuse {
  match   { y = neg(softmax(x: F[*A, H]; -1)) }
  where   H % 16 == 0
  replace { y = fused(x) }
}
rule rather_even in fuse {
  match   { y = neg(softmax(x: F[*A, H]; -1)) }
  where   H % 24 == 0
  replace { y = fused(x) }
}
