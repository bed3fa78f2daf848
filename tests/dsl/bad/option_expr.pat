use "../good/prelude.pat"
option most : int = 256
option fast : bool = on requires most
option least : int = fast + 1
option bits : int = 8 requires fast
rule r in fuse enabled most {
  match   { y = neg(neg(x)) }
  gate    tokens and fast, most + fast, log(tokens) < 3, tokens <= 2.0, fast == most, tokens in {1, fast}, least < bits
  replace { y = x }
}
