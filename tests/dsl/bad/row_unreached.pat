use "../good/prelude.pat"
op turn(x: F[*A, H]; part: int) -> F[*A, H]  where part in {1, 2, 3}
kernel turn {
  cpu a when H <= 512
  ref always
  cpu b when H in {64, 128}
  cpu c when H > 512 and part == 1
  cpu d when H > 256 and part > 1
  cpu e when H % 2 == 0
  ref never when H == 4
  hip only
}
