# The scale is computed on the device just before; the fused kernel takes it by value when it is launched.
phase fuse
dtype F = {f16, bf16}
op absmax(x: F[*A]) -> f32[]
op quant(x: F[*A], scale: f32[]) -> f8e4m3fn[*A]
op norm(x: F[*A, H], w: F[H]; eps: float) -> F[*A, H]
op norm_quant(x: F[*A, H], w: F[H], scale: host f32[]; eps: float) -> f8e4m3fn[*A, H]
rule norm_quant in fuse {
  match   { n = norm(x, w; eps)
            y = quant(n, absmax(x)) }
  replace { y = norm_quant(x, w, absmax(x); eps) }
}
rule norm_quant_of_input in fuse {
  match   { y = quant(norm(x, w; eps), scale) }
  replace { y = norm_quant(x, w, scale; eps) }
}
