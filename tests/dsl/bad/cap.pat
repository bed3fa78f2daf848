use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(neg(x)) }
  replace {
    a0 = neg(b0)
    a1 = neg(b1)
    a2 = neg(b2)
    a3 = neg(b3)
    a4 = neg(b4)
    a5 = neg(b5)
    a6 = neg(b6)
    a7 = neg(b7)
    a8 = neg(b8)
    a9 = neg(b9)
    a10 = neg(b10)
    a11 = neg(b11)
    a12 = neg(b12)
    a13 = neg(b13)
    a14 = neg(b14)
    a15 = neg(b15)
    a16 = neg(b16)
    a17 = neg(b17)
    a18 = neg(b18)
    a19 = neg(b19)
    a20 = neg(b20)
    a21 = neg(b21)
    a22 = neg(b22)
    a23 = neg(b23)
    a24 = neg(b24)
    y = x }
}
