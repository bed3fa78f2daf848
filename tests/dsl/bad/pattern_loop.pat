use "../good/prelude.pat"
pattern p(x) = neg(q(x))
pattern q(x) = mul(x, p(x))
