use "../good/prelude.pat"
vocab v { "A"(x; n = 1) where n > 1 -> neg(x) }
