# Enums, options, gates and families.
use "prelude.pat"
enum style = {neox, gptj}
op rope(x: F[*A, D], cos: F[*C, W]; style: style, part: int = 0) -> F[*A, D]
op norm_quant(x: F[*A, H], w: G[H]; eps: float, group: int) -> F[*A, H]
op gelu_quant(x: F[*A, H]; group: int) -> F[*A, H]
op scaled(x: F[*A]; by: style) -> F[*A]

option max_num_seqs : int = 128
option num_speculative_tokens : int
option cudagraph_tokens : int = max_num_seqs * (1 + num_speculative_tokens)
option fuse_norm : bool = on at O1
option fuse_rope : bool = off requires fuse_norm
option fuse_slow : bool = off excludes fuse_rope
option fuse_quant : bool = true at O2 requires fuse_norm

for [width, outer] in {[64, norm], [128, norm]}, tail in {neg, gelu} rule quant in fuse enabled fuse_quant {
  match   { y = tail(outer(x: F[*A, width], w; eps)) }
  gate    tokens <= cudagraph_tokens or world == 1 and not fuse_slow
  replace { y = norm_quant(x, w; eps, group = width) }
}
for style in {neox, gptj}, D in {f16, bf16} rule turned in fuse enabled fuse_rope, fuse_norm {
  match   { y = rope(rope(x: D[*A, N], c; style, part = _), c; style = style, part = _) }
  gate    tokens in {1, 2, 4}, world in {1, max(2, 4)}, min(tokens, 8) < 9
  replace { y = rope(x, c; style) }
}
for scale in {2.0, -3} rule scaled in fuse {
  match   { y = mul(scaled(x; by = neox), scale) }
  replace { y = scaled(x; by = gptj) }
}
kernel norm_quant { cpu when tokens <= 64 and world == 1; ref }
