# What ranks that work together exchange.  Sequence parallelism: each rank norms the rows that are its own, instead of
# all rows on all ranks, and holds only its rows of the residual between layers.
use "norm.pat"
use "quant.pat"

option enable_sp : bool requires fuse_norm
# From so many tokens on; the engine's choice for 16-bit rows of 8192: 8 MiB for each of 8 ranks.
option sp_min_token_num : int = 4096

op all_reduce(x: F[*A]; group: string) -> F[*A]  # sum over the ranks of a group, in their order, rounded once
# Each rank has a run of rows, as long as those of the others: zeros follow the last row, also in what is gathered.
op reduce_scatter(x: F[M, *A]; group: string, ranks: int) -> F[ceildiv(M, ranks), *A] where ranks > 0
op own_rows(x: F[M, *A]; group: string, ranks: int) -> F[ceildiv(M, ranks), *A] where ranks > 0
op all_gather(x: T[K, *A]; group: string, ranks: int, rows: int) -> T[rows, *A]
   where ranks > 0, ceildiv(rows, ranks) == K

for N in {2, 4, 8}
rule all_reduce_add_rms_norm_by_rows in fuse enabled enable_sp {
  match   { y, sum = add_rms_norm(all_reduce(x: F[M, *A, H]; group), b, w; ...)
            yield y, sum }
  gate    world == N, tokens >= sp_min_token_num
  replace { n, s = add_rms_norm(reduce_scatter(x; group, ranks = N), own_rows(b; group, ranks = N), w; eps,
                                centred)
            y = all_gather(n; group, ranks = N, rows = M)
            sum = all_gather(s; group, ranks = N, rows = M) }
  test "too few tokens" { M = 8, A = [], H = 512, dtype = bf16, enable_sp = on, tokens = 8; fires 0 }
}
for N in {2, 4, 8}
rule all_reduce_rms_norm_by_rows in fuse enabled enable_sp {
  match   { sum = all_reduce(x: F[M, *A, H]; group)
            y = rms_norm(sum, w; ...)
            yield y, sum }
  gate    world == N, tokens >= sp_min_token_num
  replace { s = reduce_scatter(x; group, ranks = N)
            y = all_gather(rms_norm(s, w; ...); group, ranks = N, rows = M)
            sum = all_gather(s; group, ranks = N, rows = M) }
  test "too few tokens" { M = 8, A = [], H = 512, dtype = bf16, enable_sp = on, tokens = 8; fires 0 }
}
# What is gathered and cut again was never needed elsewhere.
rule own_rows_of_gathered in fuse enabled enable_sp {
  match   { g = all_gather(x: F[K, *A]; group, ranks, rows = _)
            y = own_rows(g; group, ranks) }
  where   shape(y) == shape(x)
  replace { g = g
            y = x }
  test "rows" { K = 4, A = [16], ranks = 2, enable_sp = on; fires 1 }
}
# Codes travel instead of what they stand for.
rule static_quant_of_gathered in fuse enabled enable_sp {
  match   { g = all_gather(x: F[K, *A, H]; ...)
            q = static_quant(g, scale: f32[]; ...) }
  replace { g = g
            q = all_gather(static_quant(x, scale; ...); ...) }
  test "rows" { K = 4, A = [], H = 64, ranks = 2, rows = 7, dtype = bf16, to = f8e4m3fn, enable_sp = on;
                fires 1 }
}
rule group_quant_of_gathered in fuse enabled enable_sp {
  match   { g = all_gather(x: F[K, *A, H]; ...)
            q, scale = group_quant(g; group = size, columns = false, ...) }
  replace { g = g
            p, s = group_quant(x; group = size, ...)
            q = all_gather(p; ...)
            scale = all_gather(s; ...) }
  test "rows" { K = 4, A = [], H = 64, ranks = 2, rows = 7, size = 32, dtype = bf16, to = f8e4m3fn,
                enable_sp = on; fires 1 }
}
