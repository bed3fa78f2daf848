use "../good/prelude.pat"
for f in {neg, 64} rule value in fuse {
  match   { y = f(neg(x)) }
  replace { y = x }
}
