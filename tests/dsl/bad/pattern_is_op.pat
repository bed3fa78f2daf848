use "../good/prelude.pat"
pattern neg(x) = mul(x, x)
