use "../good/prelude.pat"
vocab v {
  "A"@0(x) -> neg(x)
  "B"@70000(x) -> neg(x)
}
