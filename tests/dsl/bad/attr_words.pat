use "../good/prelude.pat"
op turn(x: F[*A]; style: {neox, gptj}) -> F[*A]
op fast_turn(x: F[*A]; style: {gptj, neox}) -> F[*A]
op by_axis(x: F[*A]; at: axis, size: float) -> F[*A]
rule words in fuse {
  match   { y = turn(x; style) }
  replace { y = fast_turn(x; style) }
}
rule kinds in fuse {
  match   { y = by_axis(x; at, size) }
  replace { y = by_axis(x; at = size, size = at) }
}
