# The decoder stack of tests/bench/match and its five fusions. Types are plain: what is measured is matching.
dtype F = {f16, bf16, f32}

op allreduce(x: F[*A]) -> F[*A]
op add(a: F[*A], b: F[*A]) -> F[*A]
op rms_norm(x: F[*A, H], w: F[*B, H]) -> F[*A, H]
op quant(x: F[*A, H], s: F[*B, H]) -> F[*A, H]
op matmul(x: F[*A, H], w: F[*B, H]) -> F[*A, H]
op split3(x: F[*A]) -> (q: F[*A], k: F[*A], v: F[*A])
op split2(x: F[*A]) -> (gate: F[*A], up: F[*A])
op heads(x: F[*A]) -> F[*A]
op rope(q: F[*A], k: F[*A], pos: F[*B], table: F[*C]) -> (q2: F[*A], k2: F[*A])
op kv_update(k: F[*A], v: F[*A], cache: F[*B], slots: F[*C]) -> F[*B]
op attention(q: F[*A], cache: F[*B]) -> F[*A]
op reshape(x: F[*A]) -> F[*A]
op silu(x: F[*A]) -> F[*A]
op mul(a: F[*A], b: F[*A]) -> F[*A]
op ar_add_norm(x: F[*A, H], r: F[*A, H], w: F[*B, H]) -> (y: F[*A, H], sum: F[*A, H])
op norm_quant(x: F[*A, H], w: F[*B, H], s: F[*C, H]) -> F[*A, H]
op qk_norm_rope_kv(qkv: F[*A, H], wq: F[*B, H], wk: F[*C, H], pos: F[*D], table: F[*E], cache: F[*G], slots: F[*I])
   -> (q2: F[*A, H], cache2: F[*G])
op silu_mul_quant(g: F[*A, H], u: F[*A, H], s: F[*B, H]) -> F[*A, H]

kernel ar_add_norm     { ref bench_kernel when H % 8 == 0 }
kernel norm_quant      { ref bench_kernel when H % 8 == 0 }
kernel qk_norm_rope_kv { ref bench_kernel when dtype(qkv) in {bf16, f16} and H % 8 == 0 }
kernel silu_mul_quant  { ref bench_kernel when H % 8 == 0 }
kernel reshape         { ref bench_kernel }

phase fuse

rule ar_add_norm {
  match   { sum = add(allreduce(x: F[*A, H]), r)
            y = rms_norm(sum, w)
            yield y, sum }
  replace { y, sum = ar_add_norm(x, r, w) }
}

rule qk_norm_rope_kv {
  match   { q, k, v = split3(qkv: F[*A, H])
            q2, k2 = rope(rms_norm(heads(q), wq), rms_norm(heads(k), wk), pos, table)
            c2 = kv_update(k2, v, cache, slots)
            yield q2, c2 }
  replace { q2, c2 = qk_norm_rope_kv(qkv, wq, wk, pos, table, cache, slots) }
}

rule norm_quant {
  match   { y = quant(rms_norm(x: F[*A, H], w), s) }
  replace { y = norm_quant(x, w, s) }
}

rule silu_mul_quant {
  match   { y = quant(mul(silu(g: F[*A, H]), u), s) }
  replace { y = silu_mul_quant(g, u, s) }
}

rule fold_reshape {
  match   { y = reshape(reshape(x)) }
  replace { y = reshape(x) }
}
