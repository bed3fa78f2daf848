use "../good/prelude.pat"
vocab v {
  "A"(input) -> neg(imput)
  "B"(x) where y == 1 -> neg(x)
}
