enum style = {neox, gptj}
enum layout = {nhd, hnd}
dtype F = {f16, bf16, f32}
op rope(x: F[*A, D]; style: style) -> F[*A, D]
