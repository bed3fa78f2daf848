# Ops of a serving engine (vLLM's custom ops) as its fusion passes see them: functional, with
# caches reached through the name of a layer and order kept by zero-element values.
use "fx.pat"
use "act.pat"
use "act_quant.pat"
use "norm_quant.pat"

# cos_sin rows are [cos | sin] of one position; heads lie in the last dim or the last two.
op rotary_embedding(positions: i64[P], q: F[S, *A], k: F[S, *B], cos_sin: G[L, R]; head_size: int, neox: bool)
   -> (q1: F[S, *A], k1: F[S, *B])
   where head_size > 0, R <= head_size, R % 2 == 0
# As scaled_quant; the scale comes back, for who reads it behind.
op per_tensor_quant(x: F[*A, N], scale: f32[*S]; scaled_quant...) -> (q: to[*A, N], scale1: f32[*S])
op scaled_mm(a: F8[M, K], b: F8[K, N], a_scale: f32[*S], b_scale: f32[*W]; to: dtype) -> to[M, N]
op moe_forward(x: F[S, H], logits: F[S, E]; layer: string) -> F[S, H]
op gdn_attention(qkvz: F[S, N], ba: F[S, M]; heads: int, head_dim: int, layer: string)
   -> (core: F[S, heads, head_dim], z: F[S, heads, head_dim])

# What a cache is stands in its type: dtype, [0 blocks, layout, block size, heads, head size].  `engine`: as the engine
# has it, of which the graph knows nothing.
enum cache_layout = {engine, nhd, hnd, packed, shuffle}
op kv_cache_update(k: F[S, H, D], v: F[S, H, E]; layer: string, layout: cache_layout = engine, block: int = 0,
                   to: dtype = bf16)
   -> (done: F[0], cache: to[0, layout, block, H, D]?) effect
op mla_kv_cache_update(kv: F[S, R], pe: F[S, 1, P], scale: f32[*A]; layer: string, cache: string)
   -> F[0] effect
op paged_attention(q: F[S, Hq, D], k: F[S, Hk, D], v: F[S, Hk, E], updated: F[0]; layer: string)
   -> F[S, Hq, E]
op paged_mla_attention(q: F[S, H, D], kv: F[S, R], pe: F[S, 1, P], out: F[S, N], updated: F[0]; layer: string)
   -> F[S, N]
   where N % H == 0

rule per_tensor_quant_is_scaled_quant in normalise {
  match   { q, scale1 = per_tensor_quant(x: F[*A, N], scale: f32[*S]; ...) }
  replace { q = scaled_quant(x, scale; ...)
            scale1 = scale }
  test "queries" { A = [3], N = 64, S = [1], F = bf16, to = f8e4m3fn; fires 1 }
}

vocab fx {
  "vllm_ir.rms_norm.default"(x, weight, epsilon, variance_size?) where variance_size == none
      -> rms_norm(x, weight; eps = epsilon)
  "vllm_ir.fused_add_rms_norm.default"(x, x_residual, weight, epsilon, variance_size?)
      where variance_size == none
      -> add_rms_norm(x, x_residual, weight; eps = epsilon)
  "vllm.all_reduce.default"(tensor, group_name) -> all_reduce(tensor; group = group_name)
  "_C.rotary_embedding.default"(positions, query, key, head_size, cos_sin_cache, is_neox)
      -> rotary_embedding(positions, query, key, cos_sin_cache; head_size, neox = is_neox)
  "vllm.rocm_aiter_triton_rotary_embedding.default"(positions, query, key, head_size, cos_sin_cache, is_neox)
      -> rotary_embedding(positions, query, key, cos_sin_cache; head_size, neox = is_neox)
  "_C.silu_and_mul.default"(result, input) -> silu_and_mul(input)
  "_C.static_scaled_fp8_quant.default"(result, input, scale, group_shape?; val_dtype?)
      where group_shape == none
      -> scaled_quant(input, scale; to = val_dtype)
  "vllm.rocm_aiter_per_tensor_quant.default"(out, x, scale, is_dynamic = false; val_dtype?)
      where is_dynamic == false
      -> per_tensor_quant(x, scale; to = val_dtype)
  "vllm.rocm_aiter_group_fp8_quant.default"(x, group_size, transpose_scale = false; val_dtype?)
      where transpose_scale == false
      -> group_quant(x; group = group_size, to = val_dtype)
  "vllm.scaled_mm.default"(a, b, a_scale, b_scale; val_dtype?)
      -> scaled_mm(a, b, a_scale, b_scale; to = val_dtype)
  "vllm.moe_forward.default"(hidden_states, router_logits, layer_name)
      -> moe_forward(hidden_states, router_logits; layer = layer_name)
  "vllm.gdn_attention_core.default"(mixed_qkvz, ba, num_heads, head_dim, layer_name)
      -> gdn_attention(mixed_qkvz, ba; heads = num_heads, head_dim, layer = layer_name)
  "vllm.unified_kv_cache_update.default"(key, value, layer_name)
      -> kv_cache_update(key, value; layer = layer_name)
  "vllm.unified_mla_kv_cache_update.default"(kv_c_normed, k_pe, layer_name, kv_cache_dtype, k_scale)
      -> mla_kv_cache_update(kv_c_normed, k_pe, k_scale; layer = layer_name, cache = kv_cache_dtype)
  "vllm.unified_attention_with_output.default"(query, key, value, output, layer_name, output_scale?,
                                               output_block_scale?,
                                               kv_cache_dummy_dep)
      where output_scale == none, output_block_scale == none
      -> paged_attention(query, key, value, kv_cache_dummy_dep; layer = layer_name)
  "vllm.unified_mla_attention_with_output.default"(q, kv_c_normed, k_pe, output, layer_name, output_scale?,
                                                   kv_cache_dummy_dep)
      where output_scale == none
      -> paged_mla_attention(q, kv_c_normed, k_pe, output, kv_cache_dummy_dep; layer = layer_name)
}
