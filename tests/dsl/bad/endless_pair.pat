# In different phases, which follow each other until nothing changes.
use "../good/prelude.pat"
rule out in simplify {
  match   { y = neg(add(a, b)) }
  replace { y = add(neg(a), neg(b)) }
}
rule in_again in fuse {
  match   { y = add(neg(a), neg(b)) }
  replace { y = neg(add(a, b)) }
}
rule tanh_is_none in simplify {
  match   { y = gelu(x; approximate = tanh) }
  replace { y = gelu(x) }
}
rule none_is_tanh in fuse {
  match   { y = gelu(x; none) }
  replace { y = gelu(x; tanh) }
}
