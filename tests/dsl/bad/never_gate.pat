use "../good/prelude.pat"
option most : int = 256
option fast : bool = on
rule a in fuse enabled fast {
  match   { y = neg(neg(x)) }
  gate    tokens <= 16 and tokens >= 17
  replace { y = x }
}
rule b in fuse enabled fast {
  match   { y = gelu(gelu(x: F[*A])) }
  gate    tokens < most, not fast
  replace { y = x }
}
rule c in fuse enabled fast {
  match   { y = softmax(softmax(x: F[*A, H]; axis = _); axis = _) }
  gate    tokens > most, world in {2, 4}, tokens * 2 < most, most > 0
  replace { y = x }
}
