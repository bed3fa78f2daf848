# Multi-head latent attention (DeepSeek-AI 2024) of serving engines: rows of a projection are [latent of queries |
# latent of keys and values | rotated dims of keys], and the cache holds rows [latent | rotated dims], one for a token.
use "qk_norm_rope_kvcache.pat"

option fuse_mla_dual_rms_norm    : bool = on at O1
option fuse_rope_kvcache_cat_mla : bool = on at O2

# A batch of these many tokens at most is one of decode steps: buckets beyond hold prompts, and stay as they are.
option max_num_seqs             : int = 256
option num_speculative_tokens   : int = 0
option mla_decode_max_token_num : int = max_num_seqs * (1 + num_speculative_tokens)
option mla_rope_max_token_num   : int = mla_decode_max_token_num

op mla_dual_rms_norm(x: F[S, W], wq: G[A], wkv: G[C]; eps: float, eps_kv: float)
   -> (q: F[S, A], kv: F[S, C], pe: F[S, W - A - C])
# The last R dims of each head of q, and pe, are turned; [kv | turned pe] is written.  All rows of q come back, also
# those that no slot names.
op mla_rope_cache(q: F[S, H, N], kv: F[S, C], pe: F[S, 1, R], positions: i64[P], cos_sin: T1[L, R],
                  scale: f32[*A];
                  neox: bool, layer: string, cache: string)
   -> (q1: F[S, H, N], pe1: F[S, 1, R], done: F[0])
   effect where R <= N, R % 2 == 0

rule mla_dual_rms_norm in fuse enabled fuse_mla_dual_rms_norm {
  match   { q0, kv0, pe = split(x: F[S, W]; sizes = [A, C, R], axis = -1)
            q = rms_norm(q0, wq: G[A]; eps)
            kv = rms_norm(kv0, wkv: G[C]; eps = eps_kv)
            yield q, kv, pe }
  where   W == A + C + R
  replace { q, kv, pe = mla_dual_rms_norm(x, wq, wkv; eps, eps_kv) }
  test "DeepSeek" { S = 5, W = 2112, A = 1536, C = 512, R = 64, F = bf16; fires 1 }
}

rule mla_rope_kvcache in fuse enabled fuse_rope_kvcache_cat_mla {
  match   { part = slice(q: F[S, H, N]; [-1], starts = [A], ends = [N], steps = [1])
            part1, pe1 = rotary_embedding(positions, part, pe: F[S, 1, R], cos_sin: T1[L, R]; head_size = R,
                                          neox)
            q1 = concat(slice(q; [-1], starts = [0], ends = [A], steps = [1]), part1; -1)
            done = mla_kv_cache_update(kv, pe1, scale; layer, cache)
            yield q1, pe1, done }
  where   N == A + R
  gate    tokens <= mla_rope_max_token_num
  replace { q1, pe1, done = mla_rope_cache(q, kv, pe, positions, cos_sin, scale; neox, layer, cache) }
  test "decode" { tokens = 256, S = 5, H = 16, N = 192, A = 128, R = 64, F = bf16; fires 1 }
  test "prompts" { tokens = 257, S = 5, H = 16, N = 192, A = 128, R = 64, F = bf16;
                   fires 0 because tokens }
  test "speculation" { tokens = 512, num_speculative_tokens = 1, S = 5, H = 16, N = 192, A = 128, R = 64;
                       fires 1 }
}

kernel mla_dual_rms_norm   { cpu when dtype(x) in {f16, bf16, f32} and A <= 16384 and C <= 16384; ref }
kernel mla_kv_cache_update { cpu when dtype(kv) in {f16, bf16, f32} and R <= 4096 and P <= 1024; ref }
kernel mla_rope_cache {
  cpu when dtype(q) in {f16, bf16, f32} and N <= 1024 and C <= 4096; ref when N <= 4096
}
