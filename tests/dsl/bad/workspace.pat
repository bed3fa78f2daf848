# Memory to work in is a number of bytes, once in a row.
use "../good/prelude.pat"
op turn(x: T[*A, H]; eps: float, mode: {fast, slow}) -> T[*A, H]
kernel turn {
  hip one workspace H > 4 when H == 1
  hip two workspace eps when H == 2
  hip three workspace A when H == 3
  hip four workspace 4 * K when H == 4
  hip five workspace mode when H == 5
}
kernel neg { hip workspace 4 workspace 8; ref }
