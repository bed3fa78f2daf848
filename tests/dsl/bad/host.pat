# A scale that a kernel computes is not on the host when the next one is launched.
use "../good/prelude.pat"
op quant(x: F[*A], scale: f32[]) -> f8e4m3fn[*A]
op quant_by_value(x: F[*A], scale: host f32[]) -> f8e4m3fn[*A]
rule quant_by_value in fuse {
  match   { y = quant(x, scale) }
  replace { y = quant_by_value(x, scale) }
}
rule quant_by_constant in fuse {
  match   { y = quant(x, scale) }
  where   const(scale)
  replace { y = quant_by_value(x, scale) }
}
