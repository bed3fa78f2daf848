# How torch FX graphs (torch.export: raw ATen, core ATen) spell the ops, what torch alone
# has, and how that becomes the ops that the other files speak of.
#
# Parameters stand in the order and under the names of torch's schema.  Two more names take
# what the graph records of the result: `val_dtype` and `val_shape`.  A `dtype` or `val_dtype`
# that feeds no attribute is what the operands are cast to, as torch does.
use "norm.pat"

# ---- ops of torch ----
op index(x: T[*A], indices: I[*B]...) -> T[index(A, indices)]  # advanced indexing
op index_put(x: T[*A], values: T[*V], indices: I[*B]...; accumulate: bool = false) -> T[*A]
op select_scatter(x: T[*A], src: T[*B]; axis: axis, index: int) -> T[*A]
op scatter_value(x: T[*A], i: I[*B], value: T[]; axis: axis) -> T[*A]
op sort(x: T[*A]; axis: axis = -1, descending: bool = false) -> (values: T[*A], indices: i64[*A])
op histc(x: F[*A]; bins: int, lo: float, hi: float) -> F[bins]
op diff(x: T[*A], prepend: T[*B]; axis: axis) -> T[with(A, axis, size(A, axis) + size(B, axis) - 1)]
op repeat_interleave(x: T[*A]; repeats: int, axis: axis) -> T[with(A, axis, repeats * size(A, axis))]
op eye(; n: int, to: dtype) -> to[n, n]
# pads: pairs from the last axis backwards
op pad_last(x: T[*A], value: T[*V]; pads: ints, shape: ints) -> T[expand(V, shape)]
op conv1d(x: F[B, C, L], w: F[M, D, W], bias: F[M]?; stride: int, padding: int, dilation: int, group: int)
   -> F[B, M, (L + 2 * padding - dilation * (W - 1) - 1) / stride + 1]
   where stride > 0, dilation > 0, dilation * (W - 1) < L + 2 * padding  # the window fits
# Rows offsets[e - 1] to offsets[e] of x times matrix e of w.
op grouped_mm(x: F[R, K], w: F[E, K, N], offsets: i32[E]) -> F[R, N]
# The norm with the mean and 1/sqrt(variance + eps) of each row.
op native_layer_norm(x: F[*B, H], w: F[H], bias: F[H]?; eps: float)
   -> (y: F[*B, H], mean: F[*B, 1], rstd: F[*B, 1])
op any(x: T[*A]; axis: axis, keepdims: bool = false) -> bool[reduce(A, axis, keepdims)]
op max_dim(x: T[*A]; axis: axis, keepdims: bool = false)
   -> (values: T[reduce(A, axis, keepdims)], indices: i64[reduce(A, axis, keepdims)])
# src under the shape of x.
op reshape_as(src: T[*B], x: T[*A]) -> T[*A] where numel(B) == numel(A)

vocab fx {
  "aten.layer_norm.default"(input, normalized_shape, weight, bias?, eps = 1e-5, cudnn_enable = true)
      -> layer_norm(input, weight, bias; eps)
  "aten.native_layer_norm.default"(input, normalized_shape, weight, bias?, eps)
      -> native_layer_norm(input, weight, bias; eps)
  "aten.isnan.default"(self) -> is_nan(self)
  "aten.any.dim"(self, dim, keepdim = false) -> any(self; axis = dim, keepdims = keepdim)
  "aten.max.dim"(self, dim, keepdim = false) -> max_dim(self; axis = dim, keepdims = keepdim)

  # ---- arithmetic ----
  "aten.add.Tensor"(self, other; alpha = 1) where alpha == 1 -> add(self, other)
  "aten.add_.Tensor"(self, other; alpha = 1) where alpha == 1 -> add(self, other)
  "aten.add.Scalar"(self, other, alpha = 1) where alpha == 1 -> add(self, other)
  "aten.sub.Tensor"(self, other; alpha = 1) where alpha == 1 -> sub(self, other)
  "aten.sub_.Tensor"(self, other; alpha = 1) where alpha == 1 -> sub(self, other)
  "aten.sub.Scalar"(self, other, alpha = 1) where alpha == 1 -> sub(self, other)
  "aten.rsub.Scalar"(self, other, alpha = 1) where alpha == 1 -> sub(other, self)
  "aten.mul.Tensor"(self, other) -> mul(self, other)
  "aten.mul_.Tensor"(self, other) -> mul(self, other)
  "aten.mul.Scalar"(self, other) -> mul(self, other)
  "aten.div.Tensor"(self, other) -> div(self, other)
  "aten.div_.Tensor"(self, other) -> div(self, other)
  "aten.div.Scalar"(self, other) -> div(self, other)
  "aten.div.Tensor_mode"(self, other; rounding_mode) where rounding_mode == "floor" -> floor_div(self, other)
  "aten.floor_divide.default"(self, other) -> floor_div(self, other)
  "aten.pow.Tensor_Scalar"(self, exponent) -> pow(self, exponent)
  "aten.pow.Tensor_Tensor"(self, exponent) -> pow(self, exponent)
  "aten.minimum.default"(self, other) -> minimum(self, other)
  "aten.maximum.default"(self, other) -> maximum(self, other)
  "aten.eq.Tensor"(self, other) -> equal(self, other)
  "aten.eq.Scalar"(self, other) -> equal(self, other)
  "aten.ne.Tensor"(self, other) -> not_equal(self, other)
  "aten.ne.Scalar"(self, other) -> not_equal(self, other)
  "aten.lt.Tensor"(self, other) -> less(self, other)
  "aten.lt.Scalar"(self, other) -> less(self, other)
  "aten.le.Tensor"(self, other) -> less_equal(self, other)
  "aten.le.Scalar"(self, other) -> less_equal(self, other)
  "aten.gt.Tensor"(self, other) -> greater(self, other)
  "aten.gt.Scalar"(self, other) -> greater(self, other)
  "aten.ge.Tensor"(self, other) -> greater_equal(self, other)
  "aten.ge.Scalar"(self, other) -> greater_equal(self, other)
  "aten.logical_and.default"(self, other) -> and(self, other)
  "aten.bitwise_and.Tensor"(self, other) -> and(self, other)
  "aten.__and__.Tensor"(self, other) -> and(self, other)
  "aten.logical_or.default"(self, other) -> or(self, other)
  "aten.bitwise_or.Tensor"(self, other) -> or(self, other)
  "aten.__or__.Tensor"(self, other) -> or(self, other)
  "aten.logical_not.default"(self) -> not(self)
  "aten.bitwise_not.default"(self) -> not(self)
  "aten.where.self"(condition, self, other) -> where(condition, self, other)
  "aten.where.ScalarSelf"(condition, self, other) -> where(condition, self, other)
  "aten.where.ScalarOther"(condition, self, other) -> where(condition, self, other)
  "aten.masked_fill.Scalar"(self, mask, value) -> where(mask, value, self)
  "aten.masked_fill_.Scalar"(self, mask, value) -> where(mask, value, self)
  "aten.masked_fill.Tensor"(self, mask, value) -> where(mask, value, self)
  "aten.masked_fill_.Tensor"(self, mask, value) -> where(mask, value, self)
  "aten.clamp.default"(self, min?, max?) -> clip(self, min, max)
  "aten.clamp_.default"(self, min?, max?) -> clip(self, min, max)
  "aten.neg.default"(self) -> neg(self)
  "aten.abs.default"(self) -> abs(self)
  "aten.sqrt.default"(self) -> sqrt(self)
  "aten.reciprocal.default"(self) -> reciprocal(self)
  "aten.rsqrt.default"(self) -> rsqrt(self)
  "aten.exp.default"(self) -> exp(self)
  "aten.log.default"(self) -> log(self)
  "aten.log1p.default"(self) -> log1p(self)
  "aten.sin.default"(self) -> sin(self)
  "aten.cos.default"(self) -> cos(self)
  "aten.tanh.default"(self) -> tanh(self)
  "aten.erf.default"(self) -> erf(self)
  "aten.relu.default"(self) -> relu(self)
  "aten.sigmoid.default"(self) -> sigmoid(self)
  "aten.silu.default"(self) -> silu(self)
  "aten.gelu.default"(self; approximate = "none") where approximate == "none" -> gelu(self)
  "aten.gelu.default"(self; approximate = "none") where approximate == "tanh"
      -> gelu(self; approximate = tanh)
  "aten.softplus.default"(self, beta = 1, threshold = 20) where beta == 1, threshold == 20 -> softplus(self)

  # ---- dtype, copies ----
  "aten.to.dtype"(self, dtype, non_blocking?, copy?, memory_format?) -> cast(self; to = dtype)
  "aten.to.dtype_layout"(self; dtype?, val_dtype?) -> cast(self; to = val_dtype)
  "aten.to.device"(self, device, dtype, non_blocking?, copy?, memory_format?) -> cast(self; to = dtype)
  "aten._to_copy.default"(self; dtype?, val_dtype?) -> cast(self; to = val_dtype)
  "aten.type_as.default"(self, other; val_dtype?) -> cast(self; to = val_dtype)
  "aten.copy.default"(self, src, non_blocking?; val_shape?, val_dtype?) -> expand(src; shape = val_shape)
  "aten.copy_.default"(self, src, non_blocking?; val_shape?, val_dtype?) -> expand(src; shape = val_shape)
  "aten.alias.default"(self) -> identity(self)
  "aten.clone.default"(self) -> identity(self)
  "aten.contiguous.default"(self) -> identity(self)
  "aten.detach.default"(self) -> identity(self)
  "aten.detach_.default"(self) -> identity(self)
  "aten.lift_fresh_copy.default"(self) -> identity(self)
  "aten.dropout.default"(input, p, train) where train == false -> identity(input)
  "aten._assert_tensor_metadata.default"(x...) -> drop

  # ---- reductions ----
  "aten.mean.dim"(self, dim, keepdim = false; dtype?) -> mean(self; axes = dim, keepdims = keepdim)
  "aten.sum.dim_IntList"(self, dim, keepdim = false; dtype?) -> sum(self; axes = dim, keepdims = keepdim)
  "aten.amax.default"(self, dim = [], keepdim = false) -> reduce_max(self; axes = dim, keepdims = keepdim)
  "aten.amin.default"(self, dim = [], keepdim = false) -> reduce_min(self; axes = dim, keepdims = keepdim)
  "aten.argmax.default"(self, dim, keepdim = false) -> argmax(self; axis = dim, keepdims = keepdim)
  "aten.softmax.int"(self, dim, dtype?) -> softmax(self; axis = dim)
  "aten._softmax.default"(self, dim, half_to_float) where half_to_float == false -> softmax(self; axis = dim)
  "aten.cumsum.default"(self, dim; dtype?) -> cumsum(self; axis = dim)
  "aten.topk.default"(self, k, dim = -1, largest = true, sorted = true)
      -> topk(self; k, axis = dim, largest, sorted)
  "aten.sort.default"(self, dim = -1, descending = false) -> sort(self; axis = dim, descending)
  "aten.histc.default"(self, bins = 100, min = 0, max = 0) -> histc(self; bins, lo = min, hi = max)
  "aten.diff.default"(self, n = 1, dim = -1, prepend, append?) where n == 1, append == none
      -> diff(self, prepend; axis = dim)

  # ---- shape ----
  "aten.view.default"(self, size) -> reshape(self; shape = size)
  "aten._unsafe_view.default"(self, size) -> reshape(self; shape = size)
  "aten.reshape.default"(self, shape) -> reshape(self; shape)
  "aten.flatten.using_ints"(self, start_dim = 0, end_dim = -1)
      -> flatten(self; first = start_dim, last = end_dim)
  "aten.squeeze.dim"(self, dim) -> squeeze(self; axes = dim)
  "aten.squeeze.dims"(self, dim) -> squeeze(self; axes = dim)
  "aten.unsqueeze.default"(self, dim) -> unsqueeze(self; axes = dim)
  "aten.permute.default"(self, dims) -> transpose(self; perm = dims)
  "aten.transpose.int"(self, dim0, dim1) -> swapaxes(self; a = dim0, b = dim1)
  "aten.t.default"(self) -> transpose(self)
  "aten.expand.default"(self, size; implicit?) -> expand(self; shape = size)
  "aten.cat.default"(tensors..., dim = 0) -> concat(tensors...; axis = dim)
  "aten.split_with_sizes.default"(self, split_sizes, dim = 0) -> split(self; sizes = split_sizes, axis = dim)
  "aten.chunk.default"(self, chunks, dim = 0) -> split(self; parts = chunks, axis = dim)
  "aten.slice.Tensor"(self, dim = 0, start = 0, end = 9223372036854775807, step = 1)
      -> slice(self; axes = dim, starts = start, ends = end, steps = step)
  "aten.select.int"(self, dim, index) -> select(self; axis = dim, index)
  "aten.slice_scatter.default"(self, src, dim = 0, start = 0, end = 9223372036854775807, step = 1)
      -> slice_scatter(self, src; axis = dim, start, end, step)
  "aten.select_scatter.default"(self, src, dim, index) -> select_scatter(self, src; axis = dim, index)
  "aten.repeat_interleave.self_int"(self, repeats, dim; output_size?)
      -> repeat_interleave(self; repeats, axis = dim)
  "aten.pad.default"(self, pad, mode = "constant", value = 0; val_shape?) where mode == "constant"
      -> pad_last(self, value; pads = pad, shape = val_shape)
  "aten.constant_pad_nd.default"(self, pad, value = 0; val_shape?)
      -> pad_last(self, value; pads = pad, shape = val_shape)
  "aten.tril.default"(self, diagonal = 0) -> tril(self; diagonal)
  "aten.triu.default"(self, diagonal = 0) -> triu(self; diagonal)

  # ---- symbolic integers ----
  "aten.sym_size.int"(self, dim) -> size(self; axis = dim)
  "<built-in function add>"(a, b) -> add(a, b)
  "<built-in function sub>"(a, b) -> sub(a, b)
  "<built-in function mul>"(a, b) -> mul(a, b)
  "<built-in function floordiv>"(a, b) -> floor_div(a, b)

  # ---- generators; memory without contents reads as zero ----
  "aten.arange.default"(end; dtype?, val_dtype?) -> arange(; limit = end, to = val_dtype)
  "aten.arange.start"(start, end; dtype?, val_dtype?) -> arange(; start, limit = end, to = val_dtype)
  "aten.arange.start_step"(start, end, step = 1; dtype?, val_dtype?)
      -> arange(; start, limit = end, step, to = val_dtype)
  "aten.full.default"(size, fill_value; dtype?) -> full(fill_value; shape = size)
  "aten.full_like.default"(self, fill_value; dtype?, val_shape?) -> full(fill_value; shape = val_shape)
  "aten.ones.default"(size; dtype?) -> full(1; shape = size)
  "aten.zeros.default"(size; dtype?) -> full(0; shape = size)
  "aten.new_ones.default"(self, size; dtype?) -> full(1; shape = size)
  "aten.new_zeros.default"(self, size; dtype?) -> full(0; shape = size)
  "aten.ones_like.default"(self; dtype?, val_shape?) -> full(1; shape = val_shape)
  "aten.zeros_like.default"(self; dtype?, val_shape?) -> full(0; shape = val_shape)
  "aten.empty.memory_format"(size; dtype?) -> full(0; shape = size)
  "aten.empty_permuted.default"(size, physical_layout; dtype?) -> full(0; shape = size)
  "aten.empty_like.default"(self; dtype?, val_shape?) -> full(0; shape = val_shape)
  "aten.new_empty.default"(self, size; dtype?) -> full(0; shape = size)
  "aten.scalar_tensor.default"(s; dtype?) -> identity(s)
  "aten.eye.default"(n; dtype?, val_dtype?) -> eye(; n, to = val_dtype)

  # ---- indexing ----
  "aten.embedding.default"(weight, indices, padding_idx?, scale_grad_by_freq?, sparse?)
      -> gather(weight, indices; axis = 0)
  "aten.index_select.default"(self, dim, index) -> gather(self, index; axis = dim)
  "aten.gather.default"(self, dim, index; sparse_grad?) -> gather_elements(self, index; axis = dim)
  "aten.index.Tensor"(self, indices...) -> index(self, indices...)
  "aten.index_put.default"(self, indices..., values, accumulate = false)
      -> index_put(self, values, indices...; accumulate)
  "aten.index_put_.default"(self, indices..., values, accumulate = false)
      -> index_put(self, values, indices...; accumulate)
  "aten.scatter.value"(self, dim, index, value) -> scatter_value(self, index, value; axis = dim)
  "aten.scatter_.value"(self, dim, index, value) -> scatter_value(self, index, value; axis = dim)
  "aten.scatter.src"(self, dim, index, src) -> scatter_elements(self, index, src; axis = dim)
  "aten.scatter_.src"(self, dim, index, src) -> scatter_elements(self, index, src; axis = dim)

  # ---- products ----
  "aten.mm.default"(self, mat2) -> matmul(self, mat2)
  "aten.bmm.default"(self, mat2) -> matmul(self, mat2)
  "aten.matmul.default"(self, other) -> matmul(self, other)
  "aten.linear.default"(input, weight, bias?) -> linear(input, weight, bias)
  "aten.addmm.default"(self, mat1, mat2; beta = 1, alpha = 1) where beta == 1, alpha == 1
      -> gemm(mat1, mat2, self)
  "aten.conv1d.default"(input, weight, bias?, stride = 1, padding = 0, dilation = 1, groups = 1)
      -> conv1d(input, weight, bias; stride, padding, dilation, group = groups)
  "aten.convolution.default"(input, weight, bias?, stride, padding, dilation, transposed, output_padding,
                             groups)
      where transposed == false -> conv1d(input, weight, bias; stride, padding, dilation, group = groups)
  "transformers.grouped_mm_fallback.default"(input, weight, offs) -> grouped_mm(input, weight, offs)
}

# Targets whose result shares memory with their first argument, and how a write to the result
# reaches that argument: `src` is what was written, the rest is the target's own call.  `drop`:
# whether memory is shared depends, or a write cannot be followed.
vocab fx_write {
  "aten.slice.Tensor"(src, self, dim = 0, start = 0, end = 9223372036854775807, step = 1)
      -> slice_scatter(self, src; axis = dim, start, end, step)
  "aten.select.int"(src, self, dim, index) -> select_scatter(self, src; axis = dim, index)
  "aten.view.default"(src, self, size) -> reshape_as(src, self)
  "aten.squeeze.dim"(src, self, dim) -> reshape_as(src, self)
  "aten.squeeze.dims"(src, self, dim) -> reshape_as(src, self)
  "aten.unsqueeze.default"(src, self, dim) -> reshape_as(src, self)
  "aten.transpose.int"(src, self, dim0, dim1) -> swapaxes(src; a = dim0, b = dim1)
  "aten.t.default"(src, self) -> transpose(src)
  "aten.alias.default"(src, self) -> identity(src)
  "aten.detach.default"(src, self) -> identity(src)
  "aten.permute.default"(x...) -> drop
  "aten.expand.default"(x...) -> drop
  "aten.split_with_sizes.default"(x...) -> drop
  "aten.chunk.default"(x...) -> drop
  "aten._unsafe_view.default"(x...) -> drop
  "aten.reshape.default"(x...) -> drop
  "aten.flatten.using_ints"(x...) -> drop
  "aten.contiguous.default"(x...) -> drop
  "aten.dropout.default"(x...) -> drop
  "aten.to.dtype"(x...) -> drop
  "aten.to.dtype_layout"(x...) -> drop
  "aten.to.device"(x...) -> drop
  "aten.type_as.default"(x...) -> drop
}

# ---- lowering ----
rule reshape_as_is_reshape in normalise {
  match   { y = reshape_as(src, x) }
  replace { y = reshape(src; shape(y)) }
}
rule conv1d_is_conv in normalise {
  match   { y = conv1d(x, w, bias?; stride, padding, dilation, group) }
  replace { y = conv(x, w, bias; strides = [stride], pads = [padding, padding], dilations = [dilation],
                     group) }
}
kernel reshape_as { ref }
kernel conv1d     { ref }
# A batched product whose right side was repeated for each head of a group, all batch dims merged.
rule merged_repeated_batch in normalise {
  match   { y = matmul(reshape(a: F[B, H, S, L]; shape = [N, S, L]),
                       reshape(b: F[B, K, G, L, D]; shape = [N, L, D])) }
  where   H == K * G, L > 0
  replace { y = reshape(matmul(a, reshape(b; [B, H, L, D])); [N, S, D]) }
}
# A write that covers the whole.
rule slice_scatter_of_everything in normalise {
  match   { y = slice_scatter(x, src; axis = _, start = 0, end = _, step = 1) }
  where   shape(src) == shape(x)
  replace { y = src }
}

# A part that is written back into what it was cut from, as torch functionalises q[..., a:] = f(q[..., a:]): what stays
# and what is new are joined, and whoever reads only one of them does not wait for the other.
rule written_tail_of_another_view in normalise {
  match   { x = reshape(m: T[*M]; shape = _)
            part = slice(x: T[*A, D]; [-1], starts = [start], ends = [D], steps = [1])
            z = reshape(m; shape = _)
            y = slice_scatter(z: T[*A, D], src: T[*A, R]; axis = -1, start, end = _, step = 1)
            yield x, part, z, y }
  where   start > 0, start + R == D
  replace { x = x
            part = part
            z = z
            y = concat(slice(x; [-1], starts = [0], ends = [start], steps = [1]), src; -1) }
  test "rotated dims" { M = [72], A = [3, 2], D = 12, R = 4, start = 8; fires 1 }
}
rule written_tail in normalise {
  match   { y = slice_scatter(x: T[*A, D], src: T[*A, R]; axis = -1, start, end = _, step = 1) }
  where   start > 0, start + R == D
  replace { y = concat(slice(x; [-1], starts = [0], ends = [start], steps = [1]), src; -1) }
  test "rotated dims" { A = [3, 2], D = 12, R = 4, start = 8; fires 1 }
}
rule written_head in normalise {
  match   { y = slice_scatter(x: T[*A, D], src: T[*A, R]; axis = -1, start = 0, end = _, step = 1) }
  where   R < D
  replace { y = concat(src, slice(x; [-1], starts = [R], ends = [D], steps = [1]); -1) }
  test "rotated dims" { A = [3, 2], D = 12, R = 4; fires 1 }
}
# And one between what stays.
rule written_middle in normalise {
  match   { y = slice_scatter(x: T[*A, D], src: T[*A, R]; axis = -1, start, end = _, step = 1) }
  where   start > 0, start + R < D
  replace { y = concat(slice(x; [-1], starts = [0], ends = [start], steps = [1]), src,
                       slice(x; [-1], starts = [start + R], ends = [D], steps = [1]); -1) }
  test "keys" { A = [3], D = 12, R = 4, start = 4; fires 1 }
}
rule first_of_joined in normalise {
  match   { x = concat(a: T[*A, N], b: T[*A, M]; -1)
            y = slice(x; [-1], starts = [0], ends = [N], steps = [1]) }
  replace { x = x
            y = a }
  test "two halves" { A = [2], N = 3, M = 5; fires 1 }
}
rule second_of_joined in normalise {
  match   { x = concat(a: T[*A, N], b: T[*A, M]; -1)
            y = slice(x; [-1], starts = [N], ends = [E], steps = [1]) }
  where   N + M == E
  replace { x = x
            y = b }
  test "two halves" { A = [2], N = 3, M = 5; fires 1 }
}
rule joined_and_split in normalise {
  match   { x = concat(a: T[*A, N], b: T[*A, M]; -1)
            y, z = split(x; sizes = [N, M], axis = -1) }
  replace { x = x
            y = a
            z = b }
}
rule behind_first_of_joined in normalise {
  match   { x = concat(a: T[*A, N], b: T[*A, M]; -1)
            y = slice(x; [-1], starts = [S], ends = [E], steps = [1]) }
  where   S > N, E >= S, E <= N + M
  replace { x = x
            y = slice(b; [-1], starts = [S - N], ends = [E - N], steps = [1]) }
  test "two halves" { A = [2], N = 3, M = 5, S = 4, E = 7; fires 1 }
}
rule joined_and_split_in_three in normalise {
  match   { x = concat(a: T[*A, N], b: T[*A, M], c: T[*A, K]; -1)
            y, z, w = split(x; sizes = [N, M, K], axis = -1) }
  replace { x = x
            y = a
            z = b
            w = c }
  test "three parts" { A = [2], N = 3, M = 5, K = 1; fires 1 }
}
# The same split twice, and a cut that a split makes as well.
rule same_split in normalise {
  match   { a, b = split(x; sizes, axis)
            c, d = split(x; sizes, axis)
            yield a, b, c, d }
  replace { a = a
            b = b
            c = a
            d = b }
}
rule same_split_in_three in normalise {
  match   { a, b, c = split(x; sizes, axis)
            d, e, f = split(x; sizes, axis)
            yield a, b, c, d, e, f }
  replace { a = a
            b = b
            c = c
            d = a
            e = b
            f = c }
}
rule last_of_three in normalise {
  match   { a, b, c = split(x: T[*A, D]; sizes = [N, M, _], axis = -1)
            y = slice(slice(x; [-1], starts = [N], ends = [D], steps = [1]); [-1], starts = [M], ends = [E],
                      steps = [1])
            yield a, b, c, y }
  where   N + E == D
  replace { a = a
            b = b
            c = c
            y = c }
  test "values" { A = [2], D = 9, N = 2, M = 3, E = 7; fires 1 }
}
