# Rules, options and kernels that depend on the run, for run_test.c.
dtype T = any
dtype F = {f16, bf16, f32}
phase fuse

option decode                 : bool = on at O1
option wide                   : bool = on at O2
option both                   : bool = off requires decode, wide
option debug                  : bool = off excludes wide
option on_hip                 : bool = on
option max_num_seqs           : int = 32
option num_speculative_tokens : int = 3
option decode_tokens          : int = max_num_seqs * (1 + num_speculative_tokens)
option limit                  : int = 1000 / max_num_seqs

op neg(x: T[*A]) -> T[*A]
op exp(x: T[*A]) -> T[*A]
op gelu(x: T[*A]) -> T[*A]
op norm(x: F[*B, H], w: F[H]; eps: float) -> F[*B, H]
op decode_neg(x: T[*A]) -> T[*A]
op prefill_exp(x: T[*A]) -> T[*A]
op neg_norm(x: F[*B, H], w: F[H]; eps: float) -> F[*B, H]
op few_tokens(x: T[*A]) -> T[*A]
op few_rows(x: T[S, H]) -> T[S, H]
op few_ranks(x: T[*A]) -> T[*A]
op of_hip(x: T[*A]) -> T[*A]
kernel neg         { ref }
kernel exp         { ref }
kernel gelu        { ref }
kernel norm        { ref }
kernel decode_neg  { cpu }
kernel prefill_exp { cpu }
kernel neg_norm {
  cpu table when H in {512, 1024, 2048, 4096} and dtype(x) != f32
  cpu bound when dtype(x) == f32 supports H <= 4096 and H * H <= 16777216 or dtype(x) != f32
}
kernel few_tokens { cpu when tokens <= 64; cpu alone when tokens == 100 }
kernel few_rows   { cpu small when S <= 64 and H % 8 == 0; cpu large when S > 64 }
kernel few_ranks  { cpu when world <= 4 }
kernel of_hip     { hip }

rule decode_neg in fuse enabled decode {
  match   { y = neg(neg(x)) }
  gate    tokens <= decode_tokens
  replace { y = decode_neg(x) }
  test "a step"     { tokens = 128; fires 1 }
  test "a prompt"   { tokens = 129; fires 0 because tokens }
  test "fewer seqs" { tokens = 128, max_num_seqs = 16; fires 0 because tokens }
  test "off"        { tokens = 1, decode = off; fires 0 because decode }
}
rule prefill_exp in fuse {
  match   { y = exp(exp(x)) }
  gate    tokens > 256, tokens <= 100 * limit, world in {1, 2, 4}
  replace { y = prefill_exp(x) }
  test "a prompt"    { tokens = 300, world = 2; fires 1 }
  test "three ranks" { tokens = 300, world = 3; fires 0 because world }
}
rule neg_norm in fuse enabled wide {
  match   { y = norm(neg(x: F[*B, H]), w; eps) }
  replace { y = neg_norm(x, w; eps) }
  test "in the table" { H = 4096, dtype = bf16; fires 1 }
  test "not in it"    { H = 7168, dtype = bf16; fires 0 because H }
}
rule few_tokens in fuse {
  match   { y = gelu(neg(x)) }
  replace { y = few_tokens(x) }
}
rule few_rows in fuse {
  match   { y = gelu(exp(x: T[S, H])) }
  replace { y = few_rows(x) }
}
rule few_ranks in fuse {
  match   { y = neg(gelu(x)) }
  replace { y = few_ranks(x) }
}
rule of_hip in fuse enabled on_hip {
  match   { y = exp(gelu(x)) }
  replace { y = of_hip(x) }
}
