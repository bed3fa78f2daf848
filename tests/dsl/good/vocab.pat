use "prelude.pat"

vocab onnx {
  "Neg"@18(x) -> neg(x)
  "Neg"(x) -> neg(x)
  "Concat"(xs...; axis) -> concat(xs...; axis)
  "Linear"(x, w, bias?; a = 1, mode = f32, l = [], s = "none", n = none) where a == 1, s == "none" -> linear(x, w, bias)
  "Scale"(x) -> mul(x, 2.0)
  "Assert"(x...; message) -> drop
  "Cast"(x; to = -1) where to == -1 -> cast(x; f32)
}
