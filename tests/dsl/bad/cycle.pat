# The write-back of a slice is kept and reads what its own replacement is computed from.
use "../good/prelude.pat"
op slice_write(x: F[T, N], part: F[T, R]; start: int) -> F[T, N]
op cut(x: F[T, N]; start: int, size: int) -> F[T, size]
op rotate(x: F[T, R], cos: F[T, R]) -> F[T, R]
op rotate_in_place(x: F[T, N], cos: F[T, R]; start: int) -> F[T, R]
rule rotate_in_place in fuse {
  match   { s = cut(q: F[T, N]; start, size = R)
            r = rotate(s, cos: F[T, R])
            w = slice_write(q, r; start)
            yield r, w }
  replace { w = w
            r = rotate_in_place(w, cos; start) }
}
