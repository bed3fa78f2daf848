use "../good/prelude.pat"
rule r in fuse {
  match   { y = norm(x, w; eps, eps = 1.0) }
  replace { y = x }
}
