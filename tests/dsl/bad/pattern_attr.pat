use "../good/prelude.pat"
pattern p(x; eps) = norm(x, x; eps)
rule r in fuse {
  match   { y = p(x; eps = 1.0 + 2.0) }
  replace { y = x }
}
