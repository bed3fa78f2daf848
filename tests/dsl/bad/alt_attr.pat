use "../good/prelude.pat"
pattern p(x; eps) = norm(x, x; eps) | norm(x, x; eps = _)
