use "../good/prelude.pat"
op neg(x: T[1]) -> T[1]
phase fuse
pattern p(x) = neg(x)
pattern p(x) = neg(x)
