# Each use of a pattern doubles the choices; more than 64 uses are not even counted.
use "../good/prelude.pat"
pattern two(x) = neg(x) | cast(x; f32)
rule deep in fuse {
  match   { y = two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(two(x))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))) }
  replace { y = neg(x) }
}
