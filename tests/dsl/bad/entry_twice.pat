use "../good/prelude.pat"
vocab v {
  "A"(x) -> neg(x)
  "A"(y) -> drop
}
