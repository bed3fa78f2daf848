# The fused op rotates q and k and was believed to write the cache as well: the next step would attend to old keys.
phase fuse
dtype F = {f16, bf16}
op rope(q: F[T, Hq, D], k: F[T, Hk, D], cos_sin: F[T, D]) -> (q2: F[T, Hq, D], k2: F[T, Hk, D])
op cache_write(k: F[T, Hk, D], slots: i64[T], inout cache: F[N, Hk, D]) -> F[N, Hk, D]
op rope_and_cache(q: F[T, Hq, D], k: F[T, Hk, D], cos_sin: F[T, D], slots: i64[T]) -> (q2: F[T, Hq, D], k2: F[T, Hk, D])
rule rope_and_cache in fuse {
  match   { q2, k2 = rope(q, k, cos_sin)
            cache2 = cache_write(k2, slots, cache)
            yield q2, k2, cache2 }
  replace { q2, k2 = rope_and_cache(q, k, cos_sin, slots)
            cache2 = cache }
}
