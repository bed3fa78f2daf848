use "../good/prelude.pat"
option fast : bool = on
op turn(x: F[*A, H]) -> F[*A, H]  where H % 64 == 0, H >= 0
kernel turn {
  cpu a when H % 8 == 0 and H <= 512
  cpu b when dtype(x) in {f16, bf16, f32}
  ref
}
rule a in fuse {
  match   { y = turn(turn(x: F[*A, H])) }
  where   H + 1 > 0, H % 64 != 65, H % 3 == 0 or H % 3 > 0
  gate    world > 0, tokens / 2 <= tokens, fast or not fast, tokens < 100
  replace { y = x }
}
