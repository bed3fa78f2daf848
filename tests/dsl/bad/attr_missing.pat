use "../good/prelude.pat"
rule r in fuse {
  match   { y = norm(x, w) }
  replace { y = softmax(x) }
}
