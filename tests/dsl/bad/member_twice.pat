use "../good/prelude.pat"
op a(x: T[1], x: T[1]; x: int) -> (y: T[1], y: T[1])
pattern p(x, x; x) = neg(x)
vocab v { "A"(x, x) -> neg(x) }
