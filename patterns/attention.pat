# Scaled dot-product attention (Vaswani et al. 2017) with grouped key/value heads
# (Ainslie et al. 2023), and the joined norm and rotation of its queries and keys.
use "rope.pat"

option fuse_attention    : bool = on at O1
option fuse_qk_norm_rope : bool = on at O2 requires fuse_norm, fuse_rope, fuse_attention

# Query head h reads key/value head h / (Hq / Hk); mask is added to scale * q k^T.  A row that
# sees no key gives NaN, or zeros when safe or when there are no keys at all.
op sdpa(q: F[B, Hq, S, D], k: F[B, Hk, L, D], v: F[B, Hk, L, E], mask: F[*M]?; scale: float = 1.0,
        safe: bool = false)
   -> F[B, Hq, S, E]
   where Hq % Hk == 0

# rms_norm over each head of q and k, heads before tokens, rope.  `centred`: weights are 1 + wq and 1 + wk.
op qk_norm_rope(q: F[B, S, Hq, D], k: F[B, S, Hk, D], wq: G[D], wk: G[D], cos: F[*C, W], sin: F[*C, W];
                eps: float, eps_k: float, centred: bool = false, style: {neox, gptj, gptj_neox})
   -> (q1: F[B, Hq, S, D], k1: F[B, Hk, S, D])

# Softmax in the dtype of the scores, or in f32.
pattern weights(x) = softmax(x; -1) | cast(softmax(cast(x; f32); -1); dtype(x))

rule attention in fuse enabled fuse_attention {
  match   { s = mul(matmul(q: F[B, H, S, D], kt: F[B, H, D, L]), const scale)
            t = add(s, m)
            o = matmul(weights(t), v: F[B, H, L, E]) }
  where   shape(t) == shape(s)
  replace { o = sdpa(q, transpose(kt; [0, 1, 3, 2]), v, m; scale) }
  test "causal" { B = 1, H = 2, S = 3, L = 5, D = 8, E = 4, scale = 0.35; fires 1 }
}
rule attention_divided in fuse enabled fuse_attention {
  match   { s = div(matmul(q: F[B, H, S, D], kt: F[B, H, D, L]), const by)
            t = add(s, m)
            o = matmul(weights(t), v: F[B, H, L, E]) }
  where   shape(t) == shape(s)
  replace { o = sdpa(q, transpose(kt; [0, 1, 3, 2]), v, m; scale = 1.0 / by) }
  test "causal" { B = 1, H = 2, S = 3, L = 5, D = 8, E = 4, by = 2.0; fires 1 }
}
rule attention_unscaled in fuse enabled fuse_attention {
  match   { s = matmul(q: F[B, H, S, D], kt: F[B, H, D, L])
            t = add(s, m)
            o = matmul(weights(t), v: F[B, H, L, E]) }
  where   shape(t) == shape(s)
  replace { o = sdpa(q, transpose(kt; [0, 1, 3, 2]), v, m) }
  test "causal" { S = 1, L = 7; fires 1 }
}
rule attention_unmasked in fuse enabled fuse_attention {
  match   { o = matmul(weights(mul(matmul(q: F[B, H, S, D], kt: F[B, H, D, L]), const scale)),
                       v: F[B, H, L, E]) }
  replace { o = sdpa(q, transpose(kt; [0, 1, 3, 2]), v, none; scale) }
  test "prefill" { S = 4, L = 4, scale = 0.5; fires 1 }
}

# torch's own attention: rows without a key are zeros, and the scale is shared out to queries and keys.
pattern safe_weights(x) = { p = weights(x)
                            where(is_nan(p), 0.0, p) }
rule attention_safe in fuse enabled fuse_attention {
  match   { s = matmul(q: F[B, H, S, D], kt: F[B, H, D, L])
            t = add(s, m)
            o = matmul(safe_weights(t), v: F[B, H, L, E]) }
  where   shape(t) == shape(s)
  replace { o = sdpa(q, transpose(kt; [0, 1, 3, 2]), v, m; safe = true) }
  test "torch" { S = 2, L = 3; fires 1 }
}
rule attention_safe_unmasked in fuse enabled fuse_attention {
  match   { o = matmul(safe_weights(matmul(q: F[B, H, S, D], kt: F[B, H, D, L])), v: F[B, H, L, E]) }
  replace { o = sdpa(q, transpose(kt; [0, 1, 3, 2]), v, none; safe = true) }
  test "torch" { S = 2, L = 3; fires 1 }
}
rule scaled_queries in fuse enabled fuse_attention {
  match   { o = sdpa(mul(q: F[B, H, S, D], const c), k, v, m?; ...) }
  replace { o = sdpa(q, k, v, m; scale = scale * c, ...) }
  test "quarter" { c = 0.25; fires 1 }
}
rule scaled_keys in fuse enabled fuse_attention {
  match   { o = sdpa(q, transpose(mul(kt: F[B, H, D, L], const c); perm = p), v, m?; ...) }
  replace { o = sdpa(q, transpose(kt; p), v, m; scale = scale * c, ...) }
  test "quarter" { c = 0.25, p = [0, 1, 3, 2]; fires 1 }
}

# Key/value heads repeated for each group of query heads: the op reads them once.
pattern repeat_kv(x: F[B, Hk, L, D]) =
    reshape(expand(reshape(x; shape = [B, Hk, 1, L, D]); [B, Hk, G, L, D]); shape = [B, Hk * G, L, D])

rule grouped_heads in fuse enabled fuse_attention {
  match   { o = sdpa(q, repeat_kv(k: F[B, Hk, L, D]), repeat_kv(v: F[B, Hk, L, E]), m?; ...) }
  replace { o = sdpa(q, k, v, m; ...) }
  test "four to one" { Hk = 2, L = 3; fires 1 }
}

pattern rotated_norm(x: F[B, S, H, D], w, cos, sin; eps, centred, style) =
    rope(transpose(rms_norm(x, w; ...); perm = [0, 2, 1, 3]), cos, sin; style)

rule qk_norm_rope in fuse enabled fuse_qk_norm_rope {
  match   { q1 = rotated_norm(q: F[B, S, Hq, D], wq: G[D], cos, sin; eps, centred, style)
            k1 = rotated_norm(k: F[B, S, Hk, D], wk: G[D], cos, sin; eps = eps_k, centred, style)
            o = sdpa(q1, k1, v, m?; ...)
            yield q1, k1, o }
  replace { q1, k1 = qk_norm_rope(q, k, wq, wk, cos, sin; ...)
            o = sdpa(q1, k1, v, m; ...) }
  test "grouped" { B = 1, S = 3, Hq = 4, Hk = 2, D = 8; fires 1 }
}
