use "../good/prelude.pat"
rule r in fuse {
  match   { y = norm(x, w; epps = e) }
  replace { y = x }
}
