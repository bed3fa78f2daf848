# Rules, options and kernels that depend on the run, for run_test.c.
dtype T = any
dtype F = {f16, bf16, f32}
phase fuse

option decode                 : bool = on at O1
option wide                   : bool = on at O2
option both                   : bool = off requires decode, wide
option debug                  : bool = off excludes wide
option on_hip                 : bool = on
option remainders             : bool = off
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
op scaled(x: T[*A]; by: float, order: ints = [], flag: bool = false, way: {up, down} = up, to: dtype = f32)
   -> T[*A]
op of_numbers(x: T[*A]; by: float, order: ints, flag: bool, way: {up, down}, to: dtype) -> T[*A]
op of_gates(x: T[*A]) -> T[*A]
kernel scaled { ref }
kernel of_numbers {
  cpu low when by < 0.5 and by != 0.25 and by / 2.0 - 1.0 <= by * 2.0 + 1.0 and -by < 0.0 and not flag
      and way != down and order == [1, 0]
  cpu listed when by < 0.5 and order != [1, 0] and order != [] and to != f16
  cpu high when by > 1.0 and by >= 1.5 and by != 3.0
}
kernel of_gates    { ref }
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
# Conditions of every kind: of a rule over what it captures, of kernels over attributes, of a gate over the run.
rule of_numbers in fuse {
  match   { y = neg(scaled(x: T[*A]; by, order, flag, way, to)) }
  where   by != 16.0, by < 8.0, -by > -4.0, by / 2.0 - 0.25 <= 1.5, by >= 0.0, not (flag and by == 1.0),
          rank(x) - 1 < 4 or flag, way != down or by * 2.0 > 4.0, to != bf16
  replace { y = of_numbers(x; by, order, flag, way, to) }
  test "low"       { A = [2], by = 0.375, order = [1, 0], flag = false, way = up, to = f32; fires 1 }
  test "low, down" { A = [2], by = 2.5, order = [1, 0], flag = false, way = down, to = f32; fires 1 }
  test "listed"    { A = [2], by = 0.375, order = [0, 1], flag = true, way = up, to = f32; fires 1 }
  test "high"      { A = [2], by = 1.5, order = [], flag = true, way = up, to = f16; fires 1 }
  test "no kernel" { A = [2], by = 3.0, order = [], flag = false, way = up, to = f32; fires 0 because by }
  test "order"     { A = [2], by = 0.375, order = [], flag = false, way = up, to = f32; fires 0 because order }
  test "16"        { A = [2], by = 16.0, order = [], flag = false, way = up, to = f32; fires 0 because by }
  test "8"         { A = [2], by = 8.0, order = [], flag = false, way = up, to = f32; fires 0 because by }
  test "4"         { A = [2], by = 4.0, order = [], flag = false, way = up, to = f32; fires 0 because by }
  test "3.75"      { A = [2], by = 3.75, order = [], flag = false, way = up, to = f32; fires 0 because by }
  test "below 0"   { A = [2], by = -1.0, order = [], flag = false, way = up, to = f32; fires 0 because by }
  test "flag"      { A = [2], by = 1.0, order = [], flag = true, way = up, to = f32; fires 0 because flag }
  test "five dims" { A = [2, 1, 1, 1, 1], by = 2.0, order = [], flag = false, way = up, to = f32;
                     fires 0 because x }
  test "down" { A = [2], by = 1.5, order = [], flag = false, way = down, to = f32; fires 0 because way }
}
rule of_gates in fuse enabled remainders {
  match   { y = gelu(gelu(x)) }
  gate    tokens % 8 == 0, tokens - 1 < 4096, ceildiv(tokens, 64) != 3, not (tokens == 24 and world == 2),
          -tokens <= -16 or world > 1, min(tokens, 512) > max(world, 7)
  replace { y = of_gates(x) }
  test "as it may"   { tokens = 64, world = 1, remainders = on; fires 1 }
  test "remainder"   { tokens = 65, world = 1, remainders = on; fires 0 because tokens }
  test "too many"    { tokens = 4104, world = 1, remainders = on; fires 0 because tokens }
  test "three times" { tokens = 192, world = 1, remainders = on; fires 0 because tokens }
  test "both"        { tokens = 24, world = 2, remainders = on; fires 0 because world }
  test "one of them" { tokens = 24, world = 1, remainders = on; fires 1 }
  test "few, alone"  { tokens = 8, world = 1, remainders = on; fires 0 because world }
  test "few"         { tokens = 8, world = 2, remainders = on; fires 1 }
  test "many ranks"  { tokens = 8, world = 8, remainders = on; fires 0 because world }
}
