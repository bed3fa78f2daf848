# Words that mean something in one place only are names in all others.
use "prelude.pat"
enum enum = {option, at, match}
option gate      : bool = on
option workspace : int = 4
option requires  : int = workspace
phase excludes
op for(test: F[*A, N]; because: enum, supports: {view, op}, host: int = 8, effect: int, contents: int)
   -> F[*A, N]
kernel for { ref }
pattern associative(enabled, gate; host) = { test = neg(enabled);
                                             for(test; because = option, op, host, effect = _, contents = _) }
rule host in excludes enabled gate {
  match   { enum = associative(at: F[*requires, excludes], supports; because) }
  where   because > excludes, dtype(at) in {f32}
  gate    tokens <= requires
  replace { enum = for(at; at, view, host = because, effect = 1, contents = 2) }
}
rule option in excludes {
  match   { y = for(for(x; because = e, supports = s, host, effect, contents); because = e, supports = s,
                    host, effect, contents) }
  where   e == match or effect > contents
  replace { y = for(x; because = e, supports = s, host, effect, contents) }
}
vocab other {
  "All"(dtype, phase?; view = 1, match, op = none) where view == 1 -> drop
  "None"() -> drop
  "For"(because; supports) -> for(because; option, op, effect = supports, contents = 0)
}
