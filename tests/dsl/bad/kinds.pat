# What is compared, computed or given to an attribute must be of the right kind.
use "../good/prelude.pat"
rule number_alone in fuse {
  match   { y = norm(x: F[*A, H], w; eps) }
  where   H + 1
  replace { y = x }
}
rule list_and_number in fuse {
  match   { y = transpose(x; perm = p) }
  where   p == 1
  replace { y = x }
}
rule modulo in fuse {
  match   { y = norm(x: F[*A, H], w; eps) }
  where   eps % 2 == 0
  replace { y = x }
}
rule no_condition in fuse {
  match   { y = norm(x: F[*A, H], w; eps) }
  where   H > 1 and eps
  replace { y = x }
}
rule arguments in fuse {
  match   { y = transpose(x: F[A, B]; perm = p) }
  where   identity(p, p)
  replace { y = x }
}
rule no_value in fuse {
  match   { y = transpose(x: F[A, B]; perm = p) }
  where   rank(A) == 2
  replace { y = x }
}
rule attribute in fuse {
  match   { y = norm(x: F[*A, H], w; eps) }
  replace { y = softmax(norm(x, w; eps); axis = 0.5 + eps) }
}
rule list in fuse {
  match   { y = transpose(x: F[A, B]; perm = _) }
  replace { y = transpose(x; A + 1) }
}
