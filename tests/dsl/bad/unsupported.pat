# A kernel that is bound outside the widths that it supports.
use "../good/prelude.pat"
op turn(x: F[*A, H]; part: int) -> F[*A, H]  where H % 8 == 0
kernel turn {
  cpu a when H in {512, 4096, 7168} supports H <= 4096
  cpu b when H <= 8192 supports H % 16 == 0
  cpu c when dtype(x) != f32 supports dtype(x) == f16
  cpu d supports part > 0
  hip a when tokens <= 64 and world <= 8 supports world <= 4
  ref supports H % 4 == 0
}
kernel neg { cpu supports tokens < 100 }
