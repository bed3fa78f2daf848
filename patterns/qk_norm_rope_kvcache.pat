# What stands between the projection of queries, keys and values and attention: the norm of each head, rotation,
# and the write into a paged cache that is reached by the name of its layer (semantics of the cache: kernels/cache.h).
# Rounded where the unfused ops round: after the norm, after the rotation, in the dtype of the cache.
use "engine.pat"
use "attention.pat"

phase fuse_parts  # what larger fusions have left

option fuse_qk_norm_rope_kvcache  : bool = on at O2
option fuse_rope_kvcache          : bool = on at O2
option enable_qk_norm_rope_fusion : bool = on at O2
option rope_kvcache_fusion_max_token_num : int = 256

dtype T1 = {f16, bf16, f32}  # of the table [cos | sin] of rotations

# qkv rows are [queries | kv_heads keys | kv_heads values].  Heads of queries and keys are normed with weights
# wq and wk, or 1 + wq and 1 + wk (`centred`).
op qk_norm_rotary(qkv: F[S, W], wq: G[D], wk: G[D], positions: i64[P], cos_sin: T1[L, R];
                  kv_heads: int, eps: float, eps_k: float, centred: bool = false, neox: bool)
   -> (q: F[S, W - 2 * kv_heads * D], k: F[S, kv_heads, D], v: F[S, kv_heads, D])
   where W % D == 0, R <= D, R % 2 == 0
op qk_norm_rope_cache(qkv: F[S, W], wq: G[D], wk: G[D], positions: i64[P], cos_sin: T1[L, R];
                      qk_norm_rotary..., kv_cache_update...)
   -> (q: F[S, W - 2 * kv_heads * D], k: F[S, kv_heads, D], v: F[S, kv_heads, D], done: F[0],
       cache: to[0, layout, block, kv_heads, D]?)
   effect where W % D == 0, R <= D, R % 2 == 0
op rope_cache(qkv: F[S, W], positions: i64[P], cos_sin: T1[L, R];
              kv_heads: int, head_size: int, neox: bool, kv_cache_update...)
   -> (q: F[S, W - 2 * kv_heads * head_size], k: F[S, kv_heads, head_size], v: F[S, kv_heads, head_size],
       done: F[0], cache: to[0, layout, block, kv_heads, head_size]?)
   effect where W % head_size == 0, R <= head_size, R % 2 == 0

# ---- rotations as torch writes them become the op of engines ----
pattern both_halves(c: F[S, N]) = { h = reshape(c; shape = [S, 1, N])
                                    concat(h, h; -1) }
pattern each_twice(c: F[S, N]) = reshape(expand(reshape(c; shape = [S, 1, N, 1]); [S, 1, N, 2]);
                                         shape = [S, 1, M])
for [repeated, style, neox] in {[both_halves, neox, true], [each_twice, gptj, false]}
rule rotary_of_table in fuse enabled fuse_rope {
  match   { c, s = split(gather(cos_sin: F[L, R], positions: i64[S]; axis = -2); sizes = [N, N], axis = -1)
            q1 = rope(q: F[S, Hq, D], repeated(c), repeated(s); style)
            k1 = rope(k: F[S, Hk, D], repeated(c), repeated(s); style)
            done, cache = kv_cache_update(k1, v; ...)
            yield c, s, q1, k1, done, cache }
  where   R == 2 * N, R <= D, D > 0
  replace { c = c; s = s
            q2, k2 = rotary_embedding(positions, reshape(q; [S, Hq * D]), reshape(k; [S, Hk * D]), cos_sin;
                                      head_size = D, neox)
            q1 = reshape(q2; [S, Hq, D])
            k1 = reshape(k2; [S, Hk, D])
            done, cache = kv_cache_update(k1, v; ...) }
  test "heads" { S = 3, Hq = 4, Hk = 2, D = 8, R = 6, N = 3, dtype = bf16; fires 1 }
}

pattern normed_heads(x: F[S, N], w: G[D]; H, eps, centred) =
    reshape(rms_norm(reshape(x; shape = [S, H, D]), w; eps, centred); shape = [S, H * D])

rule qk_norm_rope_kvcache in fuse enabled fuse_qk_norm_rope_kvcache {
  match   { q0, k0, v0 = split(qkv: F[S, W]; sizes = [N, M, M], axis = -1)
            q1 = normed_heads(q0, wq: G[D]; H = Hq, eps, centred)
            k1 = normed_heads(k0, wk: G[D]; H = Hk, eps = eps_k, centred)
            q2, k2 = rotary_embedding(positions, q1, k1, cos_sin: T1[L, R]; head_size = D, neox)
            k3 = reshape(k2; shape = [S, Hk, D])
            v3 = reshape(v0; shape = [S, Hk, D])
            done, cache = kv_cache_update(k3, v3; ...)
            yield q2, k2, k3, v0, v3, done, cache }
  where   D in {64, 128, 256}, W == (Hq + 2 * Hk) * D
  gate    tokens <= rope_kvcache_fusion_max_token_num
  replace { q2, k3, v3, done, cache = qk_norm_rope_cache(qkv, wq, wk, positions, cos_sin; kv_heads = Hk, ...)
            k2 = reshape(k3; shape(k2))
            v0 = reshape(v3; shape(v0)) }
  test "neox" { tokens = 5, S = 5, N = 512, M = 128, W = 768, Hq = 8, Hk = 2, D = 64, R = 64, F = bf16;
                fires 1 }
  test "too many tokens" { tokens = 257, S = 5, N = 512, M = 128, W = 768, Hq = 8, Hk = 2, D = 64, R = 64;
                           fires 0 }
  test "head of 80" { tokens = 5, S = 5, N = 640, M = 160, W = 960, Hq = 8, Hk = 2, D = 80, R = 64;
                      fires 0 because D }
}

# Where the one above may not: the cache without norms, norms without the cache.
rule rope_kvcache in fuse enabled fuse_rope_kvcache {
  match   { q0, k0, v0 = split(qkv: F[S, W]; sizes = [N, M, M], axis = -1)
            q2, k2 = rotary_embedding(positions, q0: F[S, N], k0, cos_sin: T1[L, R]; head_size = D, neox)
            k3 = reshape(k2; shape = [S, Hk, D])
            v3 = reshape(v0; shape = [S, Hk, D])
            done, cache = kv_cache_update(k3, v3; ...)
            yield q2, k2, k3, v0, v3, done, cache }
  where   D in {64, 128, 256}, W == N + 2 * Hk * D, W % D == 0
  gate    tokens <= rope_kvcache_fusion_max_token_num
  replace { q2, k3, v3, done, cache = rope_cache(qkv, positions, cos_sin; kv_heads = Hk, head_size = D, ...)
            k2 = reshape(k3; shape(k2))
            v0 = reshape(v3; shape(v0)) }
  test "llama" { tokens = 5, S = 5, N = 512, M = 128, W = 768, Hk = 2, D = 64, R = 64, F = bf16; fires 1 }
}
rule qk_norm_rotary in fuse_parts enabled enable_qk_norm_rope_fusion {
  match   { q0, k0, v0 = split(qkv: F[S, W]; sizes = [N, M, M], axis = -1)
            q1 = normed_heads(q0, wq: G[D]; H = Hq, eps, centred)
            k1 = normed_heads(k0, wk: G[D]; H = Hk, eps = eps_k, centred)
            q2, k2 = rotary_embedding(positions, q1, k1, cos_sin: T1[L, R]; head_size = D, neox)
            yield q2, k2, v0 }
  where   D in {64, 128, 256}, W == (Hq + 2 * Hk) * D
  replace { q2, k3, v3 = qk_norm_rotary(qkv, wq, wk, positions, cos_sin; kv_heads = Hk, ...)
            k2 = reshape(k3; shape(k2))
            v0 = reshape(v3; shape(v0)) }
}

# On the GPU heads and what turns of them are powers of two; on the CPU heads lie on the stack.
condition heads_on_gpu(size) =
    F in {f16, bf16} and dtype(cos_sin) == F and size in {64, 128, 256} and R in {16, 32, 64, 128, 256}
kernel rotary_embedding, rope_cache {
  hip when heads_on_gpu(head_size)
  cpu when F != f64 and head_size <= 1024
  ref when head_size <= 4096
}
kernel qk_norm_rotary, qk_norm_rope_cache {
  hip when heads_on_gpu(D) and G == F
  cpu when F != f64 and D <= 1024
  ref when D <= 4096
}
kernel kv_cache_update { hip when bits16(k) and D % 8 == 0; cpu when floats(k) and D <= 1024; ref }
