use "../good/prelude.pat"
pattern p(neg(x), 2.0) = neg(x)
