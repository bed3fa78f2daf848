# Rules that come to an end although they add as many ops as they remove, or more.
use "prelude.pat"
op sub(a: T[*A], b: T[*A]) -> T[*A]
op square(x: T[*A]) -> T[*A]
op style(x: T[*A]; of: {neox, gptj, none} = none, n: int) -> T[*A]
# Down through other ops.
rule distribute in simplify {
  match   { y = mul(add(a: T[*A], b: T[*A]), c: T[*A]) }
  replace { y = add(mul(a, c), mul(b, c)) }
}
rule neg_of_add in simplify {
  match   { y = neg(add(a, b)) }
  replace { y = add(neg(a), neg(b)) }
}
rule neg_of_mul in simplify {
  match   { y = neg(mul(a, b)) }
  replace { y = mul(neg(a), b) }
}
rule transpose_up in fuse {
  match   { y = neg(transpose(x; perm = p)) }
  replace { y = transpose(neg(x); p) }
}
# What grows is of a smaller kind.
rule sub_is_add in simplify {
  match   { y = sub(a, b) }
  replace { y = add(a, neg(b)) }
}
rule square_is_mul in fuse {
  match   { y = square(x) }
  replace { y = mul(x, x) }
}
# One literal becomes another.
rule neox_is_gptj in simplify {
  match   { y = style(x; neox, n) }
  replace { y = style(x; gptj, n) }
}
rule gptj_is_none in fuse {
  match   { y = style(x; gptj, n) }
  replace { y = style(x; n) }
}
# Two values at once, of which one reads what the other does not.
rule join in fuse {
  match   { s = add(a: F[*A, H], b: F[*A, H])
            y = norm(s, w; eps)
            yield y, s }
  replace { y, s = add_norm(a, b, w; eps) }
}
