enum style = {neox, gptj, neox, 3}
dtype F = {f16, bf16, f32}
op rope(x: F[*A, D]; style: stile, other: style = gptjx, third: {a, b, a}) -> F[*A, D]
phase fuse
rule r {
  match   { y = rope(x; _, neox, _) }
  where   other == gpjt
  replace { y = rope(x; neox, neox, b) }
}
