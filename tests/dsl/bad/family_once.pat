# A mistake of every instance is told once; one of a single instance names it.
use "../good/prelude.pat"
for f in {neg, gelu, softmax}, G in {64, 128} rule twice in fuse {
  match   { y = f(f(x: F[*A, G]; axis = _); axis = _) }
  where   H % 2 == 0
  replace { y = x }
}
