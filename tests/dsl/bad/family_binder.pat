use "../good/prelude.pat"
for G == 3 rule a in fuse {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
for G in {} rule b in fuse {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
for [f, g] in {[neg, gelu], neg, [neg], [neg, 1 + 2]} rule c in fuse {
  match   { y = f(g(x)) }
  replace { y = x }
}
for 3 in {neg} rule d in fuse {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
for f in {neg}, [g, f] in {[gelu, neg]} rule e in fuse {
  match   { y = f(g(x)) }
  replace { y = x }
}
