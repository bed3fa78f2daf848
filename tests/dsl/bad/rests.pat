use "../good/prelude.pat"
dtype F8 = {f8e4m3fn, f8e4m3fnuz}
op early(x: F[*A]; late..., nothing..., early...) -> F[*A]
op late(x: F[*A]; by: float, to: F8 = f32) -> F[*A]
op both(x: F[*A]; by: int, late...) -> F[*A]
op optional(x: F[*A], y: G[*A]?; axis: axis) -> F[*A] where G == F
rule two in fuse {
  match   { y, _ = add_norm(xs..., more..., neg(w); eps) }
  replace { y, _ = add_norm(xs..., w; eps) }
}
rule other_number in fuse {
  match   { y, _ = add_norm(xs..., w; eps)
            z = norm(y, xs...; eps) }
  replace { z = y }
}
rule too_few in fuse {
  match   { y, s... = add_norm(x, neg(xs...), w; eps)
            yield y, more... }
  replace { y, s... = norm(x, xs..., w; eps) }
}
rule unknown in fuse {
  match   { y = neg(neg(xs...)) }
  replace { y = neg(ys...) }
}
rule same in fuse {
  match   { y... = neg(neg(xs...)) }
  replace { y... = xs... }
}
kernel neg { ref when F == f32 }
