# What kernels are bound for, and what they support.
use "prelude.pat"
enum style = {neox, gptj}
op turn(x: F[*A, H], y: F[*A, N]; style: style, part: int, eps: float = 1e-5) -> F[*A, H]
   where H % 64 == 0, H <= N
kernel turn {
  cpu small when H in {512, 4096} and bytes(x) <= 256 KiB and world <= 4 supports H <= 4096
      and bytes(x) <= 1 MiB
  cpu other when bytes(x) <= 128 KiB and world <= 8 supports H % 8 == 0 and world < 9
  cpu exact when eps < 1e-3 and H / 64 < 3 and style == neox supports H in {0, 64, 128} and dtype(x) != f64
  cpu late when tokens <= 64 or style == gptj and part > 2 supports max(tokens, 64) == 64 or part >= 3
  cpu last when H > 64 supports N > 64
  hip slow syncs workspace 4 * units * (H / 64) + min(N, part) when N > 64
  ref
}
# So many cases that not all can be tried.
enum order = {rows, columns, tiles}
op pass(x: F[*A, H], y: F[*A, N]; order: order, a: int, b: int, c: int) -> F[*A, H]
kernel pass {
  cpu one when H == 128 and N == 16 and a == 1 and b == 2 and c == 3 and order == rows
      and dtype(x) in {f16, bf16}
  cpu two when H in {64, 96, 112, 120, 128} and N % 16 == 0 and a == 4 and b == 5 and c == 6 and order != rows
  cpu three when H == 256 and N == 32 and a in {7, 8} and b == 9 and c == 10 and order != tiles
  cpu four when H == 512 and N == 48 and a == 11 and b in {12, 13} and c == 14 and order == columns
  cpu five when H == 1024 and N == 64 and a == 15 and b == 16 and c in {17, 18} and order == tiles
  cpu six when H == 2048 and N == 80 and a == 21 and b == 22 and c == 23 and order == rows
  cpu seven when H == 4096 and N == 96 and a == 24 and b == 25 and c == 26 and order == columns
  ref when H <= 4096 and N <= 4096 and a < 20 and b < 20 and c < 20 supports c < 21
}
