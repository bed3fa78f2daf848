# What the generator could not compile is told before.
use "../../../patterns/ops.pat"
phase fuse
op by(x: F[*A]; n: int = 1, p: ints = [1, 2]) -> F[*A]

rule number_nobody_gives in fuse {
  match   { y = neg(by(x; n = 2 * k, p = _)) }
  replace { y = by(x; n = k) }
}
rule list_made_on_the_left in fuse {
  match   { y = neg(by(x: F[H]; p = shape(x))) }
  replace { y = neg(x) }
}
rule anything_on_the_right in fuse {
  match   { y = neg(by(x; p = [_, 2])) }
  replace { y = by(x; p = [_, 2]) }
}
rule lists_compared in fuse {
  match   { y = neg(by(x; p)) }
  where   p == p
  replace { y = neg(x) }
}
rule anything_compared in fuse {
  match   { y = neg(neg(x)) }
  where   _ == 4
  replace { y = neg(x) }
}
rule dims_of_no_type in fuse {
  match   { y = reshape(neg(x); shape = [*B, 4]) }
  replace { y = reshape(x; shape = [*B, 4]) }
}
rule list_in_a_condition in fuse {
  match   { y = neg(neg(x: F[*B, H])) }
  where   shape(x) == [*B, H]
  replace { y = x }
}
rule dims_as_a_number in fuse {
  match   { y = neg(neg(x: F[*B, H])) }
  where   B == B
  replace { y = x }
}
rule too_many in fuse {
  match   { y = neg(neg(exp(x))) }
  replace {
    a0 = tanh(x)
    a1 = tanh(x)
    a2 = tanh(x)
    a3 = tanh(x)
    a4 = tanh(x)
    a5 = tanh(x)
    a6 = tanh(x)
    a7 = tanh(x)
    a8 = tanh(x)
    a9 = tanh(x)
    a10 = tanh(x)
    a11 = tanh(x)
    a12 = tanh(x)
    a13 = tanh(x)
    a14 = tanh(x)
    a15 = tanh(x)
    a16 = tanh(x)
    a17 = tanh(x)
    a18 = tanh(x)
    a19 = tanh(x)
    a20 = tanh(x)
    a21 = tanh(x)
    a22 = tanh(x)
    a23 = tanh(x)
    a24 = tanh(x)
    a25 = tanh(x)
    a26 = tanh(x)
    a27 = tanh(x)
    a28 = tanh(x)
    a29 = tanh(x)
    a30 = tanh(x)
    a31 = tanh(x)
    a32 = tanh(x)
    a33 = tanh(x)
    a34 = tanh(x)
    a35 = tanh(x)
    a36 = tanh(x)
    a37 = tanh(x)
    a38 = tanh(x)
    a39 = tanh(x)
    a40 = tanh(x)
    a41 = tanh(x)
    a42 = tanh(x)
    a43 = tanh(x)
    a44 = tanh(x)
    a45 = tanh(x)
    a46 = tanh(x)
    a47 = tanh(x)
    a48 = tanh(x)
    a49 = tanh(x)
    a50 = tanh(x)
    a51 = tanh(x)
    a52 = tanh(x)
    a53 = tanh(x)
    a54 = tanh(x)
    a55 = tanh(x)
    a56 = tanh(x)
    a57 = tanh(x)
    a58 = tanh(x)
    a59 = tanh(x)
    a60 = tanh(x)
    a61 = tanh(x)
    a62 = tanh(x)
    a63 = tanh(x)
    y = neg(a0)
  }
}
