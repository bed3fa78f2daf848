# Kernels that cover nothing of what rules let through, and some of it.
use "../good/prelude.pat"
op fused(x: F[*A, H], w: G[H]; eps: float, style: {plain, sharp} = plain) -> F[*A, H]
op by_tokens(x: F[*A]) -> F[*A]
kernel fused {
  cpu when dtype(x) == f16 and H in {512, 1024} supports H <= 4096
  ref when style == plain and dtype(x) != bf16 and H <= 2048
}
kernel by_tokens { hip when tokens > 512; cpu when tokens > 256 and world == 1 }

# Nothing: sizes, the word that it gives, dtypes, tokens.
rule too_wide in fuse {
  match   { y = neg(norm(x: F[*A, N], w; eps)) }
  where   N > 4096, N % 128 == 0
  replace { y = fused(x, w; eps) }
}
rule fixed_width in fuse {
  match   { y = neg(neg(norm(x: F[*A, 8192], w; eps))) }
  replace { y = fused(x, w; eps) }
}
rule sharp in fuse {
  match   { y = gelu(norm(x: F[*A, N], w; eps)) }
  where   dtype(x) in {bf16, f32}
  replace { y = fused(x, w; eps, style = sharp) }
}
rule decode in fuse {
  match   { y = gelu(gelu(x: F[*A])) }
  gate    tokens <= 256
  replace { y = by_tokens(x) }
}
# Some: the rule speaks of what decides.
rule some_widths in fuse {
  match   { y = softmax(norm(x: F[*A, N], w; eps); -1) }
  where   N <= 4096, dtype(x) == f32
  replace { y = fused(x, w; eps) }
}
# It leaves that to the kernels.
rule any_width in fuse {
  match   { y = softmax(neg(norm(x: F[*A, N], w; eps)); -1) }
  replace { y = fused(x, w; eps) }
}
