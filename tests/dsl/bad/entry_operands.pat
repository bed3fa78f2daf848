use "../good/prelude.pat"
vocab v {
  "A"(x) -> linear(x)
  "B"(x) -> neg(x, x)
}
