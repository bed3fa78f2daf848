use "../good/prelude.pat"
vocab v { "A"(x) -> norm(x, x) }
