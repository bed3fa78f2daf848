# How ONNX (opsets 13 to 23) spells the ops.  `@n`: since opset n.  What stands before ';'
# are inputs, behind it attributes; an input in the place of one of our attributes must be
# known when the model is read.
use "norm.pat"

vocab onnx {
  # ---- arithmetic ----
  "Add"(a, b) -> add(a, b)
  "Sub"(a, b) -> sub(a, b)
  "Mul"(a, b) -> mul(a, b)
  "Div"(a, b) -> div(a, b)
  "Pow"(x, y) -> pow(x, y)
  "Min"(a, b) -> minimum(a, b)
  "Max"(a, b) -> maximum(a, b)
  "Equal"(a, b) -> equal(a, b)
  "Less"(a, b) -> less(a, b)
  "LessOrEqual"(a, b) -> less_equal(a, b)
  "Greater"(a, b) -> greater(a, b)
  "GreaterOrEqual"(a, b) -> greater_equal(a, b)
  "And"(a, b) -> and(a, b)
  "Or"(a, b) -> or(a, b)
  "Not"(x) -> not(x)
  "Where"(c, a, b) -> where(c, a, b)
  "IsNaN"(x) -> is_nan(x)
  "Neg"(x) -> neg(x)
  "Abs"(x) -> abs(x)
  "Sqrt"(x) -> sqrt(x)
  "Reciprocal"(x) -> reciprocal(x)
  "Exp"(x) -> exp(x)
  "Log"(x) -> log(x)
  "Sin"(x) -> sin(x)
  "Cos"(x) -> cos(x)
  "Tanh"(x) -> tanh(x)
  "Erf"(x) -> erf(x)
  "Relu"(x) -> relu(x)
  "Sigmoid"(x) -> sigmoid(x)
  "Swish"@24(x; alpha = 1.0) where alpha == 1.0 -> silu(x)
  "Gelu"@20(x; approximate = "none") -> gelu(x; approximate)
  "Softplus"(x) -> softplus(x)
  "Clip"(x, lo?, hi?) -> clip(x, lo, hi)
  "Cast"(x; to, saturate = 1, round_mode = "up") -> cast(x; to)
  "Identity"(x) -> identity(x)
  "Dropout"(x, ratio?, training_mode?; seed = 0) -> identity(x)

  # ---- reductions ----
  "ReduceMean"@18(x, axes?; keepdims = 1, noop_with_empty_axes = 0) where noop_with_empty_axes == 0
      -> mean(x; axes, keepdims)
  "ReduceMean"(x; axes = [], keepdims = 1) -> mean(x; axes, keepdims)
  "ReduceSum"(x, axes?; keepdims = 1, noop_with_empty_axes = 0) where noop_with_empty_axes == 0
      -> sum(x; axes, keepdims)
  "ReduceMax"@18(x, axes?; keepdims = 1, noop_with_empty_axes = 0) where noop_with_empty_axes == 0
      -> reduce_max(x; axes, keepdims)
  "ReduceMax"(x; axes = [], keepdims = 1) -> reduce_max(x; axes, keepdims)
  "ReduceMin"@18(x, axes?; keepdims = 1, noop_with_empty_axes = 0) where noop_with_empty_axes == 0
      -> reduce_min(x; axes, keepdims)
  "ReduceMin"(x; axes = [], keepdims = 1) -> reduce_min(x; axes, keepdims)
  "Softmax"(x; axis = -1) -> softmax(x; axis)
  "CumSum"(x, axis; exclusive = 0, reverse = 0) -> cumsum(x; axis, exclusive, reverse)
  "TopK"(x, k; axis = -1, largest = 1, sorted = 1) -> topk(x; k, axis, largest, sorted)
  "ArgMax"(x; axis = 0, keepdims = 1, select_last_index = 0) where select_last_index == 0
      -> argmax(x; axis, keepdims)

  # ---- shape ----
  "Reshape"(x, shape; allowzero = 0) -> reshape(x; shape, allowzero)
  "Squeeze"(x, axes?) -> squeeze(x; axes)
  "Unsqueeze"(x, axes) -> unsqueeze(x; axes)
  "Transpose"(x; perm = []) -> transpose(x; perm)
  "Expand"(x, shape) -> expand(x; shape)
  "Concat"(xs...; axis) -> concat(xs...; axis)
  "Split"@18(x, sizes?; axis = 0, num_outputs = 0) -> split(x; sizes, axis, parts = num_outputs)
  "Split"(x, sizes?; axis = 0) -> split(x; sizes, axis)
  "Slice"(x, starts, ends, axes?, steps?) -> slice(x; axes, starts, ends, steps)
  "Pad"(x, pads, value?; mode = "constant") -> pad(x, value; pads, mode)
  "Trilu"(x, k = 0; upper = 1) where upper == 0 -> tril(x; diagonal = k)
  "Trilu"(x, k = 0; upper = 1) where upper == 1 -> triu(x; diagonal = k)
  "Shape"(x; start = 0, end = 9223372036854775807) -> shape(x; start, end)
  "Range"(start, limit, delta) -> arange(; start, limit, step = delta)
  "ConstantOfShape"(shape; value = 0.0) -> full(value; shape)

  # ---- indexing ----
  "Gather"(x, i; axis = 0) -> gather(x, i; axis)
  "GatherElements"(x, i; axis = 0) -> gather_elements(x, i; axis)
  "GatherND"(x, i; batch_dims = 0) -> gather_nd(x, i; batch_dims)
  "ScatterND"(x, i, updates; reduction = "none") -> scatter_nd(x, i, updates; reduction)
  "ScatterElements"(x, i, updates; axis = 0, reduction = "none")
      -> scatter_elements(x, i, updates; axis, reduction)

  # ---- products and norms ----
  "MatMul"(a, b) -> matmul(a, b)
  "Gemm"(a, b, c?; alpha = 1.0, beta = 1.0, transA = 0, transB = 0)
      -> gemm(a, b, c; alpha, beta, trans_a = transA, trans_b = transB)
  "Conv"(x, w, bias?; strides = [], pads = [], dilations = [], group = 1, auto_pad = "NOTSET",
         kernel_shape = [])
      where auto_pad == "NOTSET" -> conv(x, w, bias; strides, pads, dilations, group)
  "LayerNormalization"@17(x, w, bias?; axis = -1, epsilon = 1e-5, stash_type = 1) where axis == -1
      -> layer_norm(x, w, bias; eps = epsilon)
  "RMSNormalization"@23(x, w; axis = -1, epsilon = 1e-5, stash_type = 1) where axis == -1
      -> rms_norm(x, w; eps = epsilon)
}
