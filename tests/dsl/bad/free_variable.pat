use "../good/prelude.pat"
rule r in fuse {
  match   { y = norm(x: F[*A, H], w; eps) }
  where   K > 2, x == 1
  replace { y = norm(x, w; eps = epsilon) }
}
