use "../good/prelude.pat"
pattern p(x) = { a = neg(x) b = neg(a) }
