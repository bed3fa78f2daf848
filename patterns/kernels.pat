# Which kernels compute an op on which target, in order of preference.  `ref` is the
# oracle and backs `cpu`.  A row without condition covers everything that the op's signature allows.
# cpu kernels compute in f32, so f64 is left to ref.
use "attn_quant.pat"
use "onnx.pat"
use "act.pat"
use "norm_quant.pat"
use "act_quant.pat"

# ---- fused ops ----
kernel rms_norm {
  hip when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H % 16 == 0 and H <= 32768; cpu
      when dtype(x) in {f16, bf16, f32} and H <= 16384; ref
}
kernel add_rms_norm {
  hip when dtype(a) in {f16, bf16} and dtype(w) == dtype(a) and H % 16 == 0 and H <= 32768; cpu
      when dtype(a) in {f16, bf16, f32} and H <= 16384; ref
}
kernel gated_rms_norm {
  hip when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H == 128; cpu
      when dtype(x) in {f16, bf16, f32} and H <= 16384; ref
}
kernel layer_norm   { ref }
kernel silu_mul     { cpu when dtype(g) in {f16, bf16, f32}; ref }
kernel gelu_mul     { cpu when dtype(g) in {f16, bf16, f32}; ref }
kernel rope         { cpu when dtype(x) in {f16, bf16, f32} and D <= 1024; ref when D <= 4096 }
kernel qk_norm_rope { cpu when dtype(q) in {f16, bf16, f32} and D <= 1024; ref when D <= 4096 }
kernel sdpa         { cpu when dtype(q) in {f16, bf16, f32} and D <= 1024 and E <= 1024; ref when E <= 4096 }
kernel add_rms_norm_pad {
  cpu when dtype(a) in {f16, bf16, f32} and H <= 16384; ref
}
kernel sdpa_static_quant {
  cpu when dtype(q) in {f16, bf16, f32} and D <= 1024 and E <= 1024; ref when E <= 4096
}

# ---- quantisation, alone and behind a norm ----
kernel static_quant {
  hip when dtype(x) in {f16, bf16} and numel(x) % 128 == 0; cpu
      when dtype(x) in {f16, bf16, f32} and N <= 16384; ref
}
kernel group_quant {
  hip when dtype(x) in {f16, bf16} and group == 128 and pow2 == false and columns == false; cpu
      when dtype(x) in {f16, bf16, f32} and N <= 16384; ref
}
kernel scaled_quant        { ref }
kernel token_quant         { ref }
kernel group_quant_columns { ref }
kernel rms_norm_static_quant {
  hip when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H % 16 == 0 and H <= 32768; cpu
      when dtype(x) in {f16, bf16, f32} and H <= 16384; ref
}
kernel rms_norm_group_quant {
  hip when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H % 16 == 0 and H <= 32768
      and (group == 128 or group == H) and pow2 == false and columns == false; cpu
      when dtype(x) in {f16, bf16, f32} and H <= 16384; ref
}
kernel add_rms_norm_static_quant {
  hip when dtype(a) in {f16, bf16} and dtype(w) == dtype(a) and H % 16 == 0 and H <= 32768; cpu
      when dtype(a) in {f16, bf16, f32} and H <= 16384; ref
}
kernel add_rms_norm_group_quant {
  hip when dtype(a) in {f16, bf16} and dtype(w) == dtype(a) and H % 16 == 0 and H <= 32768
      and (group == 128 or group == H) and pow2 == false and columns == false; cpu
      when dtype(a) in {f16, bf16, f32} and H <= 16384; ref
}
kernel gated_rms_norm_group_quant {
  hip when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H == 128 and pow2 == false
      and contract == chain; cpu when dtype(x) in {f16, bf16, f32}
      and H <= 16384; ref
}
kernel silu_and_mul {
  hip when dtype(x) in {f16, bf16} and N % 256 == 0; cpu when dtype(x) in {f16, bf16, f32} and N <= 32768; ref
}
kernel gelu_and_mul         { cpu when dtype(x) in {f16, bf16, f32} and N <= 32768; ref }
kernel act_mul_static_quant { cpu when dtype(g) in {f16, bf16, f32} and N <= 16384; ref }
kernel act_mul_group_quant  { cpu when dtype(g) in {f16, bf16, f32} and N <= 16384; ref }
kernel act_and_mul_static_quant {
  hip when dtype(x) in {f16, bf16} and N % 256 == 0 and act == silu; cpu
      when dtype(x) in {f16, bf16, f32} and N <= 32768; ref
}
kernel act_and_mul_group_quant {
  hip when dtype(x) in {f16, bf16} and N % 256 == 0 and act == silu and group == 128 and pow2 == false
      and columns == false; cpu when dtype(x) in {f16, bf16, f32}
      and N <= 32768; ref
}

# ---- over ranks: on the CPU by the thresholds of AITER's fused kernels and what fits their pool; on GPUs by measurement
# on 2 and 4 of them, and as far as that went.  That 80 rows fit the pool is stated so that a batch which does not is told
# of the pool ----
kernel all_reduce {
  hip when dtype(x) in {f16, bf16} and numel(A) % 8 == 0; cpu when dtype(x) in {f16, bf16, f32}; ref
}
kernel reduce_scatter { cpu when dtype(x) in {f16, bf16, f32}; ref }
kernel own_rows       { cpu; ref }
kernel all_gather     { cpu; ref }
kernel all_reduce_rms_norm {
  hip one_stage when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H % 8 == 0 and H <= 16384
      and (world == 2 and bytes(x) <= 32 MiB or world == 4 and bytes(x) <= 64 KiB or world == 8
           and bytes(x) <= 32 KiB)
  hip two_stage when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H % 8 == 0 and H <= 16384
      and world in {4, 8} and bytes(x) <= 32 MiB
  cpu one_stage when bytes(x) <= 64 MiB and dtype(x) in {f16, bf16} and H % 8 == 0 and H <= 8192
      and numel(B) <= 80
      and (world == 2 or world == 4 and bytes(x) < 256 KiB or world == 8 and bytes(x) < 128 KiB)
  cpu two_stage when world in {2, 4, 8} and dtype(x) in {f16, bf16, f32} and H % 8 == 0 and H >= 512
      and H <= 16384
      and bytes(x) <= 64 MiB
}
kernel all_reduce_rms_norm_static_quant {
  hip one_stage when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H % 16 == 0 and H <= 16384
      and (world == 2 and bytes(x) <= 32 MiB or world == 4 and bytes(x) <= 64 KiB or world == 8
           and bytes(x) <= 32 KiB)
  hip two_stage when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H % 16 == 0 and H <= 16384
      and world in {4, 8} and bytes(x) <= 32 MiB
  cpu one_stage when bytes(x) <= 64 MiB and dtype(x) in {f16, bf16} and H % 8 == 0 and H <= 8192
      and numel(B) <= 80
      and (world == 2 or world == 4 and bytes(x) < 256 KiB or world == 8 and bytes(x) < 128 KiB)
  cpu two_stage when world in {2, 4, 8} and dtype(x) in {f16, bf16, f32} and H % 8 == 0 and H >= 512
      and H <= 16384
      and bytes(x) <= 64 MiB
}
kernel all_reduce_rms_norm_group_quant {
  hip one_stage when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H % 16 == 0 and H <= 16384
      and (group == 128 or group == H) and pow2 == false
      and (world == 2 and bytes(x) <= 32 MiB or world == 4 and bytes(x) <= 64 KiB or world == 8
           and bytes(x) <= 32 KiB)
  hip two_stage when dtype(x) in {f16, bf16} and dtype(w) == dtype(x) and H % 16 == 0 and H <= 16384
      and (group == 128 or group == H) and pow2 == false
      and world in {4, 8} and bytes(x) <= 32 MiB
  cpu one_stage when bytes(x) <= 64 MiB and dtype(x) in {f16, bf16} and H % 8 == 0 and H <= 8192
      and numel(B) <= 80
      and (world == 2 or world == 4 and bytes(x) < 256 KiB or world == 8 and bytes(x) < 128 KiB)
  cpu two_stage when world in {2, 4, 8} and dtype(x) in {f16, bf16, f32} and H % 8 == 0 and H >= 512
      and H <= 16384
      and bytes(x) <= 64 MiB
}

# ---- primitives ----
kernel matmul {
  hip when dtype(a) in {f16, bf16} and size(a, -1) > 0
      and (rank(B) == 2 or rank(A) == 3 and rank(B) == 3 and size(a, 0) == size(b, 0)); cpu
      when dtype(a) in {f16, bf16, f32}; ref
}
kernel add {
  hip when dtype(a) in {f16, bf16} and numel(A) == numel(B) and rank(A) == rank(B) and numel(A) % 8 == 0; cpu
      when dtype(a) in {f16, bf16, f32}; ref
}
kernel sub              { cpu when dtype(a) in {f16, bf16, f32}; ref }
kernel mul              { cpu when dtype(a) in {f16, bf16, f32}; ref }
kernel div              { cpu when dtype(a) in {f16, bf16, f32}; ref }
kernel floor_div        { ref }
kernel pow              { ref }
kernel minimum          { ref }
kernel maximum          { ref }
kernel equal            { ref }
kernel not_equal        { ref }
kernel less             { ref }
kernel less_equal       { ref }
kernel greater          { ref }
kernel greater_equal    { ref }
kernel and              { ref }
kernel or               { ref }
kernel not              { ref }
kernel where            { ref }
kernel neg              { cpu when dtype(x) in {f16, bf16, f32}; ref }
kernel abs              { ref }
kernel is_nan           { ref }
kernel sqrt             { cpu when dtype(x) in {f16, bf16, f32}; ref }
kernel reciprocal       { ref }
kernel rsqrt            { cpu when dtype(x) in {f16, bf16, f32}; ref }
kernel exp              { cpu when dtype(x) in {f16, bf16, f32}; ref }
kernel log              { ref }
kernel log1p            { ref }
kernel sin              { ref }
kernel cos              { ref }
kernel tanh             { ref }
kernel erf              { ref }
kernel relu             { ref }
kernel sigmoid          { cpu when dtype(x) in {f16, bf16, f32}; ref }
kernel silu             { cpu when dtype(x) in {f16, bf16, f32}; ref }
kernel gelu             { cpu when dtype(x) in {f16, bf16, f32}; ref }
kernel softplus         { ref }
kernel clip             { ref }
kernel cast             { ref }
kernel mean             { ref }
kernel sum              { ref }
kernel reduce_max       { ref }
kernel reduce_min       { ref }
kernel softmax          { cpu when dtype(x) in {f16, bf16, f32} and axis == -1 and size(x, axis) <= 16384; ref }
kernel cumsum           { ref }
kernel topk             { ref }
kernel argmax           { ref }
kernel identity         { ref }
kernel reshape          { ref }
kernel squeeze          { ref }
kernel unsqueeze        { ref }
kernel flatten          { ref }
kernel transpose        { hip when rank(A) <= 8; cpu; ref }
kernel swapaxes         { cpu; ref }
kernel expand           { cpu; ref }
kernel concat           { hip when rank(xs) <= 8; ref }
kernel split            { hip when rank(A) <= 8; ref }
kernel slice            { hip when rank(A) <= 8; cpu; ref }
kernel select           { ref }
kernel pad              { ref }
kernel tril             { ref }
kernel triu             { ref }
kernel shape            { ref }
kernel size             { ref }
kernel arange           { ref }
kernel full             { ref }
kernel gather           { ref }
kernel gather_elements  { ref }
kernel gather_nd        { ref }
kernel scatter_nd       { ref }
kernel scatter_elements { ref }
kernel slice_scatter    { ref }
kernel linear           { hip when dtype(x) in {f16, bf16}; cpu when dtype(x) in {f16, bf16, f32} and K <= 16384; ref }
kernel gemm             { ref }
kernel conv             { ref }
