# What kernels are bound for, and what they support.
use "prelude.pat"
enum style = {neox, gptj}
op turn(x: F[*A, H], y: F[*A, N]; style: style, part: int, eps: float = 1e-5) -> F[*A, H]  where H % 64 == 0, H <= N
kernel turn {
  cpu small when H in {512, 4096} and bytes(x) <= 256 KiB and world <= 4 supports H <= 4096 and bytes(x) <= 1 MiB
  cpu other when bytes(x) <= 128 KiB and world <= 8 supports H % 8 == 0 and world < 9
  cpu exact when eps < 1e-3 and H / 64 < 3 and style == neox supports H in {0, 64, 128} and dtype(x) != f64
  cpu late when tokens <= 64 or style == gptj and part > 2 supports max(tokens, 64) == 64 or part >= 3
  cpu last when H > 64 supports N > 64
  ref
}
