use "../good/prelude.pat"
vocab v { "A"(x) -> neg(neg(x)) }
