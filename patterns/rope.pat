# Rotary position embedding (Su et al. 2021).  cos and sin broadcast against x from the right.
#   neox       the first R dims of a head turn as pairs (i, i + R/2); cos, sin [.., R]
#   gptj       as pairs (2i, 2i + 1); cos, sin [.., R]
#   gptj_neox  pairs (2i, 2i + 1) are read and (i, i + R/2) written; cos, sin [.., R/2]
use "norm.pat"

option fuse_rope : bool = on at O1

op rope(x: F[*A, D], cos: F[*C, W], sin: F[*C, W]; style: {neox, gptj, gptj_neox}) -> F[*A, D] where W <= D

pattern rotate_half(x: F[*A, R]) =
    concat(neg(slice(x; [-1], starts = [h], ends = [R], steps = [1])),
           slice(x; [-1], starts = [0], ends = [h], steps = [1]); -1)
    where 2 * h == R
  | { x1, x2 = split(x; sizes = [h, h], axis = -1)
      concat(neg(x2), x1; -1) }

pattern rotate_pairs(x: F[*A, R]) =
    reshape(concat(reshape(neg(slice(x; [-1], starts = [1], ends = [R], steps = [2])); shape = [*A, W, 1]),
                   reshape(slice(x; [-1], starts = [0], ends = [_], steps = [2]); shape = [*A, W, 1]); -1);
            shape = [*A, R])

rule rope_neox in fuse enabled fuse_rope {
  match   { y = add(mul(x: F[*A, R], cos: F[*C, R]), mul(rotate_half(x), sin: F[*C, R])) }
  where   shape(y) == shape(x)
  replace { y = rope(x, cos, sin; style = neox) }
  test "heads" { A = [1, 4, 3], C = [1, 1, 3], R = 8; fires 1 }
}

rule rope_gptj in fuse enabled fuse_rope {
  match   { y = add(mul(x: F[*A, R], cos: F[*C, R]), mul(rotate_pairs(x), sin: F[*C, R])) }
  where   shape(y) == shape(x), R % 2 == 0
  replace { y = rope(x, cos, sin; style = gptj) }
  test "heads" { A = [1, 4, 3], C = [1, 1, 3], R = 8; fires 1 }
}

rule rope_gptj_neox in fuse enabled fuse_rope {
  match   { a: F[*A, W] = slice(x: F[*A, R]; [-1], starts = [0], ends = [_], steps = [2])
            b = slice(x; [-1], starts = [1], ends = [R], steps = [2])
            y = concat(sub(mul(a, c: F[*C, W]), mul(b, s: F[*C, W])), add(mul(b, c), mul(a, s)); -1) }
  where   shape(y) == shape(x), 2 * W == R
  replace { y = rope(x, c, s; style = gptj_neox) }
  test "heads"                { A = [1, 4, 3], C = [3], R = 8; fires 1 }
  test "tables of full width" { A = [2], C = [2], R = 2, W = 1; fires 1 }
}

# The halves turned apart and joined: x1 cos - x2 sin, x2 cos + x1 sin, tables of half width.
rule rope_halves in fuse enabled fuse_rope {
  match   { a = slice(x: F[*A, R]; [-1], starts = [0], ends = [W], steps = [1])
            b = slice(x; [-1], starts = [W], ends = [R], steps = [1])
            y = concat(sub(mul(a, c: F[*C, W]), mul(b, s: F[*C, W])), add(mul(b, c), mul(a, s)); -1) }
  where   shape(y) == shape(x), 2 * W == R
  replace { y = rope(x, concat(c, c; -1), concat(s, s; -1); style = neox) }
  test "heads" { A = [2, 3], C = [3], R = 8; fires 1 }
}

rule rope_split_halves in fuse enabled fuse_rope {
  match   { a, b = split(x: F[*A, R]; sizes = [W, W], axis = -1)
            y = concat(sub(mul(a, c: F[*C, W]), mul(b, s: F[*C, W])), add(mul(b, c), mul(a, s)); -1) }
  where   shape(y) == shape(x)
  replace { y = rope(x, concat(c, c; -1), concat(s, s; -1); style = neox) }
  test "heads" { A = [2, 3], C = [3], R = 8, W = 4; fires 1 }
}
# The same of pairs, joined by stacking.
rule rope_pairs in fuse enabled fuse_rope {
  match   { a: F[*A, W] = slice(x: F[*A, R]; [-1], starts = [0], ends = [_], steps = [2])
            b = slice(x; [-1], starts = [1], ends = [R], steps = [2])
            first = sub(mul(a, c: F[*C, W]), mul(b, s: F[*C, W]))
            t = concat(reshape(first; shape = [*A, W, 1]),
                       reshape(add(mul(b, c), mul(a, s)); shape = [*A, W, 1]); -1)
            y = reshape(t; shape = [*A, R]) }
  where   shape(first) == shape(a), 2 * W == R, R <= 4096
  replace { y = rope(x, reshape(expand(reshape(c; [*C, W, 1]); [*C, W, 2]); [*C, R]),
                     reshape(expand(reshape(s; [*C, W, 1]); [*C, W, 2]); [*C, R]); style = gptj) }
  test "heads" { A = [2, 3], C = [3], R = 8, W = 4; fires 1 }
}

# Only the first dims of a head turn.
rule rope_partial in fuse enabled fuse_rope {
  match   { y = concat(rope(slice(x: F[*A, D]; [-1], starts = [0], ends = [R], steps = [1]), cos, sin; style),
                       slice(x; [-1], starts = [R], ends = [D], steps = [1]); -1) }
  replace { y = rope(x, cos, sin; style) }
  test "half of the head turns" { A = [2, 3], D = 16, R = 8; fires 1 }
}
rule rope_partial_split in fuse enabled fuse_rope {
  match   { r, tail = split(x; sizes = _, axis = -1)
            y = concat(rope(r, cos, sin; style), tail; -1) }
  replace { y = rope(x, cos, sin; style) }
  test "pairs" { style = gptj; fires 1 }
}
