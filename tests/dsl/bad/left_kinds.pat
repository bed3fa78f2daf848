# Sizes in types, lists and words on the left.
use "../good/prelude.pat"
enum style = {neox, gptj}
op turn(x: F[*A]; style: style, by: float, n: int, to: ints) -> F[*A]
rule float_as_size in fuse {
  match   { y = turn(neg(x: F[by]); style, by, n, to) }
  replace { y = neg(x) }
}
rule constant_as_size in fuse {
  match   { y = mul(neg(x: F[c]), const c) }
  replace { y = neg(x) }
}
rule shape_function in fuse {
  match   { y = neg(neg(x: F[min(H, 2)])) }
  replace { y = x }
}
rule only_computed in fuse {
  match   { y = neg(neg(x: F[H, K + 1])) }
  replace { y = x }
}
rule two_runs in fuse {
  match   { y = neg(turn(x: F[*A]; neox, by = _, n = _, to = [*A, *A])) }
  replace { y = x }
}
rule run_of_nothing in fuse {
  match   { y = neg(turn(x; neox, by = _, n = _, to = [*A])) }
  replace { y = x }
}
rule one_name_two_kinds in fuse {
  match   { y = turn(turn(x; neox, by = n, n = _, to = _); neox, by = _, n, to = _) }
  replace { y = x }
}
rule word_alone in fuse {
  match   { y = turn(x; style, by, n, to) }
  where   n == neox
  replace { y = x }
}
rule word_of_another in fuse {
  match   { y = turn(x; style, by, n, to) }
  where   style == tanh
  replace { y = x }
}
rule function_of_a_function in fuse {
  match   { y = transpose(turn(x; style, by, n, to); perm) }
  where   identity(compose(perm, to))
  replace { y = x }
}
rule constant_in_a_list in fuse {
  match   { y = mul(neg(x: F[H]), const c) }
  where   H == c
  replace { y = reshape(neg(x); [c]) }
}
