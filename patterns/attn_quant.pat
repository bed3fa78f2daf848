# Attention that stores what it gives as 8-bit floats.
use "attention.pat"
use "quant.pat"

option fuse_attn_quant : bool requires fuse_attention

op sdpa_static_quant(q: F[B, Hq, S, D], k: F[B, Hk, L, D], v: F[B, Hk, L, E], mask: F[*M]?, by: f32[];
                     scale: float = 1.0, safe: bool = false, to: dtype, full: bool = false)
   -> to[B, Hq, S, E]
   where to in {f8e4m3fn, f8e4m3fnuz}, Hq % Hk == 0

rule sdpa_static_quant in fuse enabled fuse_attn_quant {
  match   { q8 = static_quant(sdpa(q: F[B, Hq, S, D], k: F[B, Hk, L, D], v: F[B, Hk, L, E], mask?; scale,
                                   safe), by: f32[];
                              to, full) }
  replace { q8 = sdpa_static_quant(q, k, v, mask, by; scale, safe, to, full) }
  test "grouped heads" { B = 1, Hq = 4, Hk = 2, S = 3, L = 5, D = 8, E = 16, dtype = bf16, to = f8e4m3fn,
                         fuse_attn_quant = on; fires 1 }
}
