# Attention that stores what it gives as 8-bit floats.
use "attention.pat"
use "quant.pat"
use "paged_attention.pat"

option fuse_attn_quant : bool requires fuse_attention

op sdpa_static_quant(q: F[B, Hq, S, D], k: F[B, Hk, L, D], v: F[B, Hk, L, E], mask: F[*M]?, by: f32[];
                     sdpa..., static_quant...)
   -> to[B, Hq, S, E] where Hq % Hk == 0

rule sdpa_static_quant in fuse enabled fuse_attn_quant {
  match   { o = sdpa(q: F[B, Hq, S, D], k: F[B, Hk, L, D], v: F[B, Hk, L, E], mask?; ...)
            q8 = static_quant(o, by: f32[]; ...) }
  replace { q8 = sdpa_static_quant(q, k, v, mask, by; ...) }
  test "grouped heads" { B = 1, Hq = 4, Hk = 2, S = 3, L = 5, D = 8, E = 16, dtype = bf16, to = f8e4m3fn,
                         fuse_attn_quant = on; fires 1 }
}

# ---- over paged caches ----
op paged_attention_static_quant(q: F[S, Hq, D], k: F[S, Hk, D], v: F[S, Hk, E], updated: F[0], by: f32[];
                                paged_attention..., static_quant...)
   -> to[S, Hq, E]
op decode_attention_static_quant(q: F[S, Hq, D], cache: C[0, layout, B, Hk, D], by: f32[];
                                 decode_attention..., static_quant...)
   -> to[S, Hq, D] where Hq % Hk == 0
op paged_latent_attention_static_quant(queries: Q1[S, H, D], out: F[S, M], updated: F[0], by: f32[];
                                       paged_latent_attention..., static_quant...)
   -> to[S, M]
   where M % H == 0
op paged_latent_attention_group_quant(queries: Q1[S, H, D], out: F[S, M], updated: F[0];
                                      paged_latent_attention..., group_quant...)
   -> (q: to[S, M], s: f32[transpose_if(with(out, -1, M / group), columns)])
   where group > 0, M % group == 0, M % H == 0
op paged_mla_attention_static_quant(q: F[S, H, D], kv: F[S, R], pe: F[S, 1, P], out: F[S, M], updated: F[0],
                                    by: f32[]; paged_mla_attention..., static_quant...)
   -> to[S, M]
   where M % H == 0
op paged_mla_attention_group_quant(q: F[S, H, D], kv: F[S, R], pe: F[S, 1, P], out: F[S, M], updated: F[0];
                                   paged_mla_attention..., group_quant...)
   -> (q: to[S, M], s: f32[transpose_if(with(out, -1, M / group), columns)])
   where group > 0, M % group == 0, M % H == 0

rule paged_attention_static_quant in fuse enabled fuse_attn_quant {
  match   { o = paged_attention(q: F[S, Hq, D], k, v: F[S, Hk, E], updated; layer)
            q8 = static_quant(o, by: f32[]; ...) }
  replace { q8 = paged_attention_static_quant(q, k, v, updated, by; ...) }
  test "grouped heads" { S = 3, Hq = 4, Hk = 2, D = 8, E = 8, dtype = bf16, to = f8e4m3fn,
                         fuse_attn_quant = on; fires 1 }
  test "values of another width" { S = 3, Hq = 4, Hk = 2, D = 8, E = 16, dtype = bf16, to = f8e4m3fn,
                                   fuse_attn_quant = on; fires 0 }
}
rule decode_attention_static_quant in fuse enabled fuse_attn_quant {
  match   { o = decode_attention(q, cache; ...)
            q8 = static_quant(o, by: f32[]; ...) }
  replace { q8 = decode_attention_static_quant(q, cache, by; ...) }
  test "scales of tokens" { layout = nhd, scales = token, dtype = bf16, to = f8e4m3fn, fuse_attn_quant = on;
                            fires 1 }
  test "one scale" { layout = nhd, scales = one, dtype = bf16, to = f8e4m3fn, fuse_attn_quant = on; fires 1 }
}
for [attention, latent_static_quant] in {[paged_latent_attention, paged_latent_attention_static_quant],
                                         [paged_mla_attention, paged_mla_attention_static_quant]}
rule latent_static_quant in fuse enabled fuse_attn_quant {
  match   { q8 = static_quant(attention(latents...; layer), by: f32[]; ...) }
  replace { q8 = latent_static_quant(latents..., by; ...) }
}
for [attention, latent_group_quant] in {[paged_latent_attention, paged_latent_attention_group_quant],
                                        [paged_mla_attention, paged_mla_attention_group_quant]}
rule latent_group_quant in fuse enabled fuse_attn_quant {
  match   { q8, s = group_quant(attention(latents...; layer); ...) }
  replace { q8, s = latent_group_quant(latents...; ...) }
}

kernel paged_attention_static_quant {
  cpu when bits16(q) and D == E and D <= 1024; ref when D == E and D <= 4096
}
kernel decode_attention_static_quant {
  cpu general when D in {64, 80, 96, 112, 120, 128, 192, 256} and Hq <= 16 * Hk and plain() and scales == one
      and bits16(q) and layout != engine and pieces(16)
  cpu fallback when D <= 1024 and scales == one and readable()
  ref when D <= 4096 and readable()
}
kernel paged_latent_attention_static_quant, paged_latent_attention_group_quant { ref when D <= 4096 }
kernel paged_mla_attention_static_quant, paged_mla_attention_group_quant { ref when D <= 4096 }
