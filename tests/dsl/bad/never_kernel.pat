# Conditions of kernels that contradict themselves, each other, or the op.
use "../good/prelude.pat"
enum style = {neox, gptj}
op turn(x: F[*A, H], y: F[*A, H], n: T[N]; style: style, part: int, fast: bool) -> F[*A, H]  where H % 64 == 0, H <= N
kernel turn {
  cpu a when H < 0
  cpu b when H % 8 == 4
  cpu c when H in {32, 96}
  cpu d when part > 3 and part * 2 < 6
  cpu e when style == neox and style == gptj
  cpu f when style in {neox} and not style != gptj
  cpu g when dtype(x) == f16 and dtype(y) == bf16
  cpu h when dtype(x) == f64
  cpu i when N < 64 and H > 0
  cpu j when fast and not fast
  cpu k when 2 * part == 7
  cpu l when part / 4 > 2 and part < 10
  cpu m when min(H, N) > H
  cpu n when bytes(x) <= 64 and bytes(x) > 128
  cpu o when part > H and H > tokens and tokens > part
  cpu p when world == 0
  cpu q when H == 64 and (part == 1 or part == 2) and part > H
  ref
}
