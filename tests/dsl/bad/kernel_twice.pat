use "../good/prelude.pat"
kernel neg {
  cpu fast when rank(x) == 2
  cpu fast
  cpu
}
