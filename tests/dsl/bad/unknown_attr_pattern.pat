use "../good/prelude.pat"
pattern p(x; eps) = norm(x, x; eps)
rule r in fuse {
  match   { y = p(x; esp = e) }
  replace { y = x }
}
