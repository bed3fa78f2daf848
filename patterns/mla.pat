# Multi-head latent attention (DeepSeek-AI 2024) of serving engines: rows of a projection are [latent of queries |
# latent of keys and values | rotated dims of keys], and the cache holds rows [latent | rotated dims], one for a token.
use "qk_norm_rope_kvcache.pat"

option fuse_mla_dual_rms_norm    : bool = on at O1
option fuse_rope_kvcache_cat_mla : bool = on at O2
option lift_mla_queries          : bool = on at O2
option fuse_mla_decode_queries   : bool = on at O2 requires fuse_rope_kvcache_cat_mla, lift_mla_queries
# Whether attention takes queries in f8 where the cache holds f8, and in which format.
option mla_f8_queries      : bool = on at O2 excludes mla_f8_fnuz_queries
option mla_f8_fnuz_queries : bool

# A batch of these many tokens at most is one of decode steps: buckets beyond hold prompts, and stay as they are.
option max_num_seqs             : int = 256
option num_speculative_tokens   : int = 0
option mla_decode_max_token_num : int = max_num_seqs * (1 + num_speculative_tokens)
option mla_rope_max_token_num   : int = mla_decode_max_token_num

dtype Q1 = {f16, bf16, f32, f8e4m3fn, f8e4m3fnuz}  # of queries that are ready for attention

op mla_dual_rms_norm(x: F[S, W], wq: G[A], wkv: G[C]; eps: float, eps_kv: float)
   -> (q: F[S, A], kv: F[S, C], pe: F[S, W - A - C])
# The last R dims of each head of q, and pe, are turned; [kv | turned pe] is written.  All rows of q come back, also
# those that no slot names.
op mla_rope_cache(q: F[S, H, N], kv: F[S, C], pe: F[S, 1, R], positions: i64[P],
                  cos_sin: T1[L, R], scale: f32[*A]; neox: bool, mla_kv_cache_update...)
   -> (q1: F[S, H, N], pe1: F[S, 1, R], done: F[0])
   effect where R <= N, R % 2 == 0
# Queries as the cache holds keys: all but the last `rope` dims of a head multiplied by the layer's weights of keys,
# [N - rope, latent], then the last ones; rounded to F, then stored as f8 by the layer's scale where `to` is f8.
op mla_latent_queries(q: F[S, H, N]; layer: string, latent: int, rope: int, to: Q1)
   -> to[S, H, latent + rope] where rope < N
# Both at once, where nothing else reads turned queries and keys.
op mla_decode_queries(q: F[S, H, N], kv: F[S, C], pe: F[S, 1, R], positions: i64[P],
                      cos_sin: T1[L, R], scale: f32[*A]; mla_rope_cache..., to: Q1)
   -> (queries: to[S, H, C + R], done: F[0])
   effect where R < N, R % 2 == 0
# Attention of every row, decode step or part of a prompt, over the rows of the cache that its sequence has.
op paged_latent_attention(queries: Q1[S, H, D], out: F[S, M], updated: F[0]; layer: string) -> F[S, M]
   where M % H == 0

rule mla_dual_rms_norm in fuse enabled fuse_mla_dual_rms_norm {
  match   { q0, kv0, pe = split(x: F[S, W]; sizes = [A, C, R], axis = -1)
            q = rms_norm(q0, wq: G[A]; eps)
            kv = rms_norm(kv0, wkv: G[C]; eps = eps_kv)
            yield q, kv, pe }
  where   W == A + C + R
  replace { q, kv, pe = mla_dual_rms_norm(x, wq, wkv; eps, eps_kv) }
  test "DeepSeek" { S = 5, W = 2112, A = 1536, C = 512, R = 64, F = bf16; fires 1 }
}

# The rotation as DeepSeek's models write it: one table row for each token, repeated for queries and keys together.
pattern whole_twice(c: F[S, N]) = reshape(concat(c, c; -1); shape = [S, 1, M])
pattern pairs_of(c: F[S, N])    = reshape(expand(reshape(c; shape = [S, N, 1]); [S, N, 2]); shape = [S, 1, M])
for [repeated, style, neox] in {[whole_twice, neox, true], [pairs_of, gptj, false]}
rule mla_rotary_of_table in fuse enabled fuse_rope {
  match   { c, s = split(gather(cos_sin: F[L, R], positions: i64[S]; axis = -2); sizes = [N, N], axis = -1)
            cos = repeated(c)
            sin = repeated(s)
            q1 = rope(q: F[S, H, R], cos, sin; style)
            k1 = rope(pe: F[S, 1, R], cos, sin; style)
            done = mla_kv_cache_update(kv, k1, scale; ...)
            yield q1, k1, done }
  where   R == 2 * N, R > 0
  replace { q1, k1 = rotary_embedding(positions, q, pe, cos_sin; head_size = R, neox)
            done = mla_kv_cache_update(kv, k1, scale; ...) }
}

rule mla_rope_kvcache in fuse enabled fuse_rope_kvcache_cat_mla {
  match   { part = slice(q: F[S, H, N]; [-1], starts = [A], ends = [N], steps = [1])
            part1, pe1 = rotary_embedding(positions, part, pe: F[S, 1, R], cos_sin: T1[L, R];
                                          head_size = R, neox)
            q1 = concat(slice(q; [-1], starts = [0], ends = [A], steps = [1]), part1; -1)
            done = mla_kv_cache_update(kv, pe1, scale; ...)
            yield q1, pe1, done }
  where   N == A + R
  gate    tokens <= mla_rope_max_token_num
  replace { q1, pe1, done = mla_rope_cache(q, kv, pe, positions, cos_sin, scale; ...) }
  test "decode" { tokens = 256, S = 5, H = 16, N = 192, A = 128, R = 64, F = bf16; fires 1 }
  test "prompts" { tokens = 257, S = 5, H = 16, N = 192, A = 128, R = 64, F = bf16;
                   fires 0 because tokens }
  test "speculation" { tokens = 512, num_speculative_tokens = 1, S = 5, H = 16, N = 192, A = 128, R = 64;
                       fires 1 }
}

# What attention does with queries before it begins becomes an op of its own.
for [queries, to] in {[mla_f8_fnuz_queries, f8e4m3fnuz], [mla_f8_queries, f8e4m3fn]}
rule mla_latent_queries_quant in caches enabled lift_mla_queries, queries {
  match   { done = mla_kv_cache_update(kv: F[S, C], pe: F[S, 1, R], scale; layer, cache = "fp8")
            y = paged_mla_attention(q: F[S, H, N], kv, pe, out, done; layer)
            yield done, y }
  where   R < N
  gate    tokens <= mla_decode_max_token_num
  replace { done = done
            ready = mla_latent_queries(q; layer, latent = C, rope = R, to)
            y = paged_latent_attention(ready, out, done; layer) }
}
rule mla_latent_queries in caches enabled lift_mla_queries {
  match   { y = paged_mla_attention(q: F[S, H, N], kv: F[S, C], pe: F[S, 1, R], out, done; layer) }
  where   R < N, floats(q)
  gate    tokens <= mla_decode_max_token_num
  replace { ready = mla_latent_queries(q; layer, latent = C, rope = R, to = dtype(q))
            y = paged_latent_attention(ready, out, done; layer) }
}
rule mla_decode_queries in fuse enabled fuse_mla_decode_queries {
  match   { q1, pe1, done = mla_rope_cache(q, kv: F[S, C], pe: F[S, 1, R], positions, cos_sin, scale; ...)
            queries = mla_latent_queries(q1; layer, latent = C, rope = R, to)
            yield done, queries }
  replace { queries, done = mla_decode_queries(q, kv, pe, positions, cos_sin, scale; ...) }
}

# On the GPU the sizes of DeepSeek's models: heads of 128 + 64 dims, latents of 512.
condition deepseek(latent, rope) = F in {f16, bf16} and latent == 512 and rope == 64
condition ready()                = to == F or to in {f8e4m3fn, f8e4m3fnuz}
condition whole_values(width)    = width > 0 and width % (32 * H) == 0
kernel mla_dual_rms_norm {
  hip when bits16(x) and G == F and A % 8 == 0 and C % 8 == 0 and W % 8 == 0 and W <= 8192
  cpu when floats(x) and A <= 16384 and C <= 16384
  ref
}
kernel mla_kv_cache_update { hip when deepseek(R, P); cpu when floats(kv) and R <= 4096 and P <= 1024; ref }
kernel mla_rope_cache {
  hip when deepseek(C, R) and N == 192 and T1 == F
  cpu when floats(q) and N <= 1024 and C <= 4096
  ref when N <= 4096
}
kernel mla_latent_queries {
  hip when deepseek(latent, rope) and N == 192 and ready()
  cpu when floats(q) and N <= 1024 and N - rope <= 256
  ref
}
kernel mla_decode_queries {
  hip when deepseek(C, R) and N == 192 and ready() and T1 == F
  cpu when floats(q) and N <= 1024 and N - R <= 256 and C <= 4096
  ref when N <= 4096
}
kernel paged_latent_attention {
  hip workspace 65792 * units + 1024 * S * H
      when D == 576 and bits16(out) and whole_values(M) and (Q1 == F or Q1 in {f8e4m3fn, f8e4m3fnuz})
  ref when D <= 4096
}
kernel paged_mla_attention {
  hip workspace 65792 * units + 2176 * S * H when deepseek(R, P) and D == 192 and whole_values(N)
  ref when D <= 4096
}
