use "../good/prelude.pat"
rule r in fuse {
  match   { y = norm(x, w; eps) }
  replace { y = add(norm(_, 2.0; eps = _), const c) }
}
