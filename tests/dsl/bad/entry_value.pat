use "../good/prelude.pat"
vocab v {
  "A"(x) -> norm(x, x; eps = small)
  "B"(x; e = 1 + 2) -> norm(x, x; eps = e)
}
