# Rules that show what --explain prints.
use "../good/prelude.pat"
op cache_write(k: F[T, D], inout kc: F[N, D]) -> F[N, D]
op neg_write(k: F[T, D], inout kc: F[N, D]) -> F[N, D]
op sum(a: F[*A], b: F[*A]) -> F[*A]  commutative associative
op sum3(a: F[*A], b: F[*A], c: F[*A]) -> F[*A]
kernel norm { cpu when H <= 4096; ref }
kernel neg_write { ref when N > 0 }

pattern part(x: F[*A, R]) = slice_of(x) | gelu(x; approximate = _)
pattern slice_of(x) = { a, b = split(x; sizes = [h, h], axis = -1)
                        concat(neg(b), a; -1) }

# Two halves, exchanged or passed through.
rule halves in fuse {
  match   { y = part(x: F[*A, H]) }
  where   H % 8 == 0
  replace { y = softmax(x; -1) }
}
rule joined in fuse {
  match   { s = add(a: F[*B, H], b: F[*B, H])
            y = norm(s, w; eps)
            yield y, s }
  where   H in {64, 128}
  replace { y, s = add_norm(a, b, w; eps) }
}
rule written in fuse {
  match   { k2 = neg(k: F[T, D])
            kc2 = cache_write(k2, kc: F[N, D])
            yield k2, kc2 }
  replace { k2 = k2
            kc2 = neg_write(k, kc) }
}
rule chain in fuse {
  match   { y = sum(a, b, neg(c)) }
  replace { y = sum3(neg(neg(a)), b, neg(c)) }
}
