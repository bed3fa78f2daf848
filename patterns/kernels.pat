# Which kernels compute an op on which target, in order of preference.  `ref` is the
# oracle and backs `cpu`.  A row without condition covers everything that the op's signature allows.
# cpu kernels compute in f32, so f64 is left to ref.
use "attn_quant.pat"
use "onnx.pat"
use "act.pat"
use "norm_quant.pat"
use "act_quant.pat"

# ---- fused ops ----
# Norms lie in registers on the GPU and on the stack of the CPU; groups are heads or whole rows there.
condition gpu_norm(x)  = bits16(x) and dtype(w) == dtype(x) and H % 16 == 0 and H <= 32768
condition gpu_groups() = (group == 128 or group == H) and not pow2 and not columns
condition cpu_norm(x)  = floats(x) and H <= 16384
kernel rms_norm, rms_norm_static_quant { hip when gpu_norm(x); cpu when cpu_norm(x); ref }
kernel rms_norm_group_quant            { hip when gpu_norm(x) and gpu_groups(); cpu when cpu_norm(x); ref }
kernel add_rms_norm, add_rms_norm_static_quant { hip when gpu_norm(a); cpu when cpu_norm(a); ref }
kernel add_rms_norm_group_quant        { hip when gpu_norm(a) and gpu_groups(); cpu when cpu_norm(a); ref }
kernel add_rms_norm_pad                { cpu when cpu_norm(a); ref }
condition gpu_head() = bits16(x) and G == F and H == 128
kernel gated_rms_norm { hip when gpu_head(); cpu when cpu_norm(x); ref }
kernel gated_rms_norm_group_quant {
  hip when gpu_head() and not pow2 and contract == chain
  cpu when cpu_norm(x)
  ref
}
kernel layer_norm              { ref }
kernel rope                    { cpu when floats(x) and D <= 1024; ref when D <= 4096 }
kernel qk_norm_rope            { cpu when floats(q) and D <= 1024; ref when D <= 4096 }
kernel sdpa, sdpa_static_quant { cpu when floats(q) and D <= 1024 and E <= 1024; ref when E <= 4096 }

# ---- activations and quantisation ----
condition gpu_halves() = bits16(x) and N % 256 == 0
condition cpu_halves() = floats(x) and N <= 32768
kernel silu_mul, gelu_mul       { cpu when floats(g); ref }
kernel silu_and_mul             { hip when gpu_halves(); cpu when cpu_halves(); ref }
kernel gelu_and_mul             { cpu when cpu_halves(); ref }
kernel act_mul_static_quant, act_mul_group_quant { cpu when floats(g) and N <= 16384; ref }
kernel act_and_mul_static_quant { hip when gpu_halves() and act == silu; cpu when cpu_halves(); ref }
kernel act_and_mul_group_quant {
  hip when gpu_halves() and act == silu and group == 128 and not pow2 and not columns
  cpu when cpu_halves()
  ref
}
kernel static_quant { hip when bits16(x) and numel(x) % 128 == 0; cpu when floats(x) and N <= 16384; ref }
kernel group_quant {
  hip when bits16(x) and group == 128 and not pow2 and not columns
  cpu when floats(x) and N <= 16384
  ref
}
kernel scaled_quant, per_tensor_quant, token_quant, group_quant_columns { ref }

# ---- over ranks: on the CPU by the thresholds of AITER's fused kernels and what fits their pool; on GPUs by measurement
# on 2 and 4 of them, and as far as that went.  That 80 rows fit the pool is stated so that a batch which does not is told
# of the pool ----
condition gpu_sum(part) = bits16(x) and dtype(w) == dtype(x) and H % part == 0 and H <= 16384
condition gpu_one_stage() =
    world == 2 and bytes(x) <= 32 MiB or world == 4 and bytes(x) <= 64 KiB or world == 8
    and bytes(x) <= 32 KiB
condition gpu_two_stage() = world in {4, 8} and bytes(x) <= 32 MiB
condition cpu_one_stage() =
    bytes(x) <= 64 MiB and bits16(x) and H % 8 == 0 and H <= 8192 and numel(B) <= 80
    and (world == 2 or world == 4 and bytes(x) < 256 KiB or world == 8 and bytes(x) < 128 KiB)
condition cpu_two_stage() =
    world in {2, 4, 8} and floats(x) and H % 8 == 0 and H >= 512 and H <= 16384 and bytes(x) <= 64 MiB
kernel all_reduce           { hip when bits16(x) and numel(A) % 8 == 0; cpu when floats(x); ref }
kernel reduce_scatter       { cpu when floats(x); ref }
kernel own_rows, all_gather { cpu; ref }
kernel all_reduce_rms_norm {
  hip one_stage when gpu_sum(8) and gpu_one_stage()
  hip two_stage when gpu_sum(8) and gpu_two_stage()
  cpu one_stage when cpu_one_stage()
  cpu two_stage when cpu_two_stage()
}
kernel all_reduce_rms_norm_static_quant {
  hip one_stage when gpu_sum(16) and gpu_one_stage()
  hip two_stage when gpu_sum(16) and gpu_two_stage()
  cpu one_stage when cpu_one_stage()
  cpu two_stage when cpu_two_stage()
}
kernel all_reduce_rms_norm_group_quant {
  hip one_stage when gpu_sum(16) and (group == 128 or group == H) and not pow2 and gpu_one_stage()
  hip two_stage when gpu_sum(16) and (group == 128 or group == H) and not pow2 and gpu_two_stage()
  cpu one_stage when cpu_one_stage()
  cpu two_stage when cpu_two_stage()
}

# ---- primitives ----
kernel matmul {
  hip when bits16(a) and size(a, -1) > 0
      and (rank(B) == 2 or rank(A) == 3 and rank(B) == 3 and size(a, 0) == size(b, 0))
  cpu when floats(a)
  ref
}
kernel linear { hip when bits16(x) and K > 0; cpu when floats(x) and K <= 16384; ref }
kernel add {
  hip when bits16(a) and numel(A) == numel(B) and rank(A) == rank(B) and numel(A) % 8 == 0
  cpu when floats(a)
  ref
}
kernel sub, mul, div             { cpu when floats(a); ref }
kernel neg, sqrt, rsqrt, exp, sigmoid, silu, gelu { cpu when floats(x); ref }
kernel softmax                   { cpu when floats(x) and axis == -1 and size(x, axis) <= 16384; ref }
kernel transpose, slice          { hip when rank(A) <= 8; cpu; ref }
kernel split                     { hip when rank(A) <= 8; ref }
kernel concat                    { hip when rank(xs) <= 8; ref }
kernel swapaxes, expand          { cpu; ref }
kernel floor_div, pow, minimum, maximum, abs, reciprocal, clip, cast { ref }
kernel log, log1p, sin, cos, tanh, erf, relu, softplus { ref }
kernel equal, not_equal, less, less_equal, greater, greater_equal, and, or, not, where, is_nan { ref }
kernel mean, sum, reduce_max, reduce_min, cumsum, topk, argmax, gemm, conv { ref }
kernel identity, reshape, squeeze, unsqueeze, flatten, select, pad, tril, triu { ref }
kernel shape, size, arange, full { ref }
kernel gather, gather_elements, gather_nd, scatter_nd, scatter_elements, slice_scatter { ref }
