# Buffers: what the left side writes is written on the right, and read in the same order.
use "../good/prelude.pat"
op cache_write(k: F[T, H, D], slots: i64[T], inout kc: F[N, H, D]) -> F[N, H, D]
op rope_write(k: F[T, H, D], cos: F[T, D], slots: i64[T], inout kc: F[N, H, D]) -> (k2: F[T, H, D], kc2: F[N, H, D])
op rotate(k: F[T, H, D], cos: F[T, D]) -> F[T, H, D]
op attend(q: F[T, H, D], kc: F[N, H, D]) -> F[T, H, D]
op trace(x: T[*A]) -> T[*A]  effect

rule dropped in fuse {
  match   { k2 = rotate(k, cos)
            kc2 = cache_write(k2, slots, kc)
            yield k2, kc2 }
  replace { k2 = rotate(k, cos)
            kc2 = kc }
}
rule forgotten in fuse {
  match   { k2 = rotate(k, cos)
            kc2 = cache_write(k2, slots, kc)
            a = attend(q, kc2)
            yield a }
  replace { a = attend(q, kc) }
}
rule read_before in fuse {
  match   { k2 = rotate(k, cos)
            kc2 = cache_write(k2, slots, kc)
            a = attend(q, kc2)
            yield kc2, a }
  replace { k2, kc2 = rope_write(k, cos, slots, kc)
            a = attend(q, kc) }
}
rule another_buffer in fuse {
  match   { k2 = rotate(k, cos)
            kc2 = cache_write(k2, slots, kc)
            a = attend(q, other: F[N, H, D])
            b = add(a, attend(q, kc2))
            yield kc2, b }
  replace { k2, kc2 = rope_write(k, cos, slots, kc)
            o2 = cache_write(k2, slots, other)
            b = attend(q, kc2) }
}
rule written_twice in fuse {
  match   { kc2 = cache_write(rotate(k, cos), slots, kc) }
  replace { _, kc1 = rope_write(k, cos, slots, kc)
            kc2 = cache_write(k, slots, kc) }
}
rule traced in fuse {
  match   { y = neg(trace(x)) }
  replace { y = neg(x) }
}
rule inside in fuse {
  match   { k2 = rotate(k, cos)
            kc2 = cache_write(k2, slots, kc) }
  replace { kc2 = cache_write(k2, slots, kc) }
}
rule old_version in fuse {
  match   { k2 = rotate(k, cos)
            kc2 = cache_write(k2, slots, kc)
            a = attend(attend(q, kc), trace(kc2))
            yield k2, kc2, a }
  replace { k2, kc2 = rope_write(k, cos, slots, kc)
            a = attend(attend(q, kc2), trace(kc2)) }
}
