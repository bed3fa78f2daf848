use "../good/prelude.pat"
# Another order of the dims.
rule swapped in fuse {
  match   { y = neg(x: F[A, B]) }
  replace { y = reshape(x; [B, A]) }
}
# A rank more.
rule unsqueezed in fuse {
  match   { y = neg(x: F[A, B]) }
  replace { y = reshape(x; [A, B, 1]) }
}
# Another dtype.
rule widened in fuse {
  match   { y = neg(x: F[*A]) }
  replace { y = cast(x; f32) }
}
# Only equal when H is even.
rule halves in fuse {
  match   { y = neg(x: F[*A, H]) }
  replace { a, b = split(x; [H / 2, H / 2], -1)
            y = concat(a, b; -1) }
}
# The bias may stretch the shape.
rule biased in fuse {
  match   { y = add(norm(x: F[*A, H], w; eps = _), b) }
  replace { y = neg(x) }
}
