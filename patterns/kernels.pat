# Which kernels compute an op on which target, in order of preference.  `ref` is the
# oracle and backs `cpu`.  A row without condition covers everything that the op's signature allows.
use "attention.pat"
use "act.pat"

# ---- fused ops ----
kernel rms_norm       { cpu when H <= 16384; ref }
kernel add_rms_norm   { cpu when H <= 16384; ref }
kernel gated_rms_norm { cpu when H <= 16384; ref }
kernel layer_norm     { ref }
kernel silu_mul       { cpu; ref }
kernel gelu_mul       { cpu; ref }
kernel rope           { cpu when D <= 1024; ref when D <= 4096 }
kernel qk_norm_rope   { cpu when D <= 1024; ref when D <= 4096 }
kernel sdpa           { cpu when D <= 1024 and E <= 1024; ref when E <= 4096 }

# ---- primitives ----
kernel matmul         { cpu when dtype(a) == f32; ref }
kernel add            { ref }
kernel sub            { ref }
kernel mul            { ref }
kernel div            { ref }
kernel floor_div      { ref }
kernel pow            { ref }
kernel minimum        { ref }
kernel maximum        { ref }
kernel equal          { ref }
kernel not_equal      { ref }
kernel less           { ref }
kernel less_equal     { ref }
kernel greater        { ref }
kernel greater_equal  { ref }
kernel and            { ref }
kernel or             { ref }
kernel not            { ref }
kernel where          { ref }
kernel neg            { ref }
kernel abs            { ref }
kernel sqrt           { ref }
kernel reciprocal     { ref }
kernel rsqrt          { ref }
kernel exp            { ref }
kernel log            { ref }
kernel log1p          { ref }
kernel sin            { ref }
kernel cos            { ref }
kernel tanh           { ref }
kernel erf            { ref }
kernel relu           { ref }
kernel sigmoid        { ref }
kernel silu           { ref }
kernel gelu           { ref }
kernel softplus       { ref }
kernel clip           { ref }
kernel cast           { ref }
kernel mean           { ref }
kernel sum            { ref }
kernel reduce_max     { ref }
kernel reduce_min     { ref }
kernel softmax        { ref }
kernel cumsum         { ref }
kernel topk           { ref }
kernel argmax         { ref }
kernel identity       { ref }
kernel reshape        { ref }
kernel squeeze        { ref }
kernel unsqueeze      { ref }
kernel flatten        { ref }
kernel transpose      { ref }
kernel swapaxes       { ref }
kernel expand         { ref }
kernel concat         { ref }
kernel split          { ref }
kernel slice          { ref }
kernel select         { ref }
kernel pad            { ref }
kernel tril           { ref }
kernel triu           { ref }
kernel shape          { ref }
kernel size           { ref }
kernel arange         { ref }
kernel full           { ref }
kernel gather         { ref }
kernel gather_elements { ref }
kernel gather_nd      { ref }
kernel scatter_nd     { ref }
kernel scatter_elements { ref }
kernel slice_scatter  { ref }
kernel linear         { ref }
kernel gemm           { ref }
kernel conv           { ref }
