# The cache was written in pieces of 16 bytes, and read row by row: both halves worked, and the answers were noise.
phase fuse
dtype F = {f16, bf16}
enum cache_layout = {nhd, shuffle}
op cache_write(k: F[T, Hk, D]; layer: string, layout: cache_layout, block: int) -> F[0, layout, block, Hk, D] effect
op attention(q: F[T, Hq, D], k: F[T, Hk, D]; layer: string) -> F[T, Hq, D] effect
op decode(q: F[T, Hq, D], cache: F[0, layout, B, Hk, D]; layer: string, layout: cache_layout) -> F[T, Hq, D]
rule decode in fuse {
  match   { y = attention(q, k; layer) }
  replace { c = cache_write(k; layer, layout = shuffle, block = 16)
            y = decode(q, c; layer, layout = nhd) }
}
