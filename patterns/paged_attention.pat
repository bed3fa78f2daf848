# Attention of a decode step over a paged cache whose layout, block size and dtype the graph knows: what is written in
# one layout and read in another has no type.  Which of three kernels reads it is a matter of what each can do.
use "mla.pat"  # whose options say what a decode step is

option shuffle_kv_cache  : bool = off  # caches lie in pieces of 16 bytes, as matrix cores read them
option kv_cache_auto     : bool = on   # of the dtype of the batch
option kv_cache_e4m3fn   : bool = off excludes kv_cache_auto, kv_cache_e4m3fnuz
option kv_cache_e4m3fnuz : bool = off excludes kv_cache_auto
option kv_block_size     : int = 16

dtype C = {f16, bf16, f8e4m3fn, f8e4m3fnuz}

# Each row of q attends to what its sequence has in the cache up to the row's own token; with `window`, to the last
# `window` of these.  A sequence has at most `queries` rows, 0: any number.  scale 0: 1 / sqrt(D).  `sinks`: the layer
# has a logit for each head that takes part in the softmax and has no value.  scales: of an f8 cache, one for all
# keys and one for all values, or one for each token of a head.
op decode_attention(q: F[S, Hq, D], cache: C[0, layout, B, Hk, D]; layer: string, layout: cache_layout,
                    scale: float = 0.0, queries: int = 1, window: int = 0, soft_cap: float = 0.0,
                    sinks: bool = false, scales: {one, token} = one)
   -> F[S, Hq, D] where Hq % Hk == 0, C == F or C in {f8e4m3fn, f8e4m3fnuz}

# Layers whose attention is plain: no window, no soft cap, no sinks, the usual scale.
for [kind, to] in {[kv_cache_auto, dtype(k)], [kv_cache_e4m3fn, f8e4m3fn], [kv_cache_e4m3fnuz, f8e4m3fnuz]},
    block in {16, 32, 64, 128}, [queries, lo, hi] in {[1, 0, 0], [0, 1, 64]}
rule shuffled_attention in caches enabled shuffle_kv_cache, kind {
  match   { done, cache = kv_cache_update(k: F[S, Hk, D], v: F[S, Hk, D]; layer)
            o = paged_attention(q: F[S, Hq, D], k, v, done; layer)
            yield done, o }
  where   bits16(k), Hq % Hk == 0
  gate    tokens <= max_num_seqs * (1 + num_speculative_tokens), kv_block_size == block,
          num_speculative_tokens >= lo, num_speculative_tokens <= hi
  replace { done, c = kv_cache_update(k, v; layer, layout = shuffle, block, to)
            o = decode_attention(q, c; layer, layout = shuffle, queries) }
  test "decode" { tokens = 8, S = 8, Hq = 8, Hk = 2, D = 64, F = bf16, shuffle_kv_cache = on, kind = on,
                  kv_block_size = block, num_speculative_tokens = lo; fires 1 }
  test "prefill" { tokens = 8192, S = 8192, Hq = 8, Hk = 2, D = 64, F = bf16, shuffle_kv_cache = on,
                   kind = on,
                   kv_block_size = block, num_speculative_tokens = lo; fires 0 }
  test "other blocks" { tokens = 8, S = 8, Hq = 8, Hk = 2, D = 64, F = bf16, shuffle_kv_cache = on, kind = on,
                        kv_block_size = 8, num_speculative_tokens = lo; fires 0 }
}

# As AITER's: one written for a single shape, which has no softmax scale of its own to be given and takes scales of f8
# caches for each token, worth while when there is enough to do; one for plain attention; one for all else.  Shuffled
# caches lie in pieces of 16 bytes, of blocks and of heads.
condition plain()      = queries == 1 and window == 0 and soft_cap == 0.0 and not sinks
condition pieces(size) = layout != shuffle or B % size == 0 and D % size == 0
condition readable()   = bits16(q) and layout != engine and (pieces(16) or C == F and pieces(8))
kernel decode_attention {
  cpu assembly when S * Hq > 2 * units and D == 128 and B == 16 and layout == shuffle and Hq <= 16 * Hk
      and plain() and scale == 0.0 and bits16(q) and (C == F or scales == token)
  cpu general when D in {64, 80, 96, 112, 120, 128, 192, 256} and Hq <= 16 * Hk and plain() and scales == one
      and bits16(q) and layout != engine and pieces(16)
  cpu fallback when D <= 1024 and scales == one and readable()
  ref when D <= 4096 and readable()
  hip workspace 16 * units * (Hq / Hk) * (D + 2) when D in {64, 128} and Hq <= 16 * Hk and queries == 1
      and (scales == one or C != F) and readable()
}
# In the engine's own layout, of which the layer tells at run time.
kernel paged_attention { cpu when bits16(q) and D == E and D <= 1024; ref when D == E and D <= 4096 }
