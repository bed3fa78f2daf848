# What the changes in mistakes.txt are made to.
dtype T = any
dtype F = {f16, bf16, f32}
dtype G = {f16, bf16, f32}
enum style = {neox, gptj}
option fuse_norm : bool = on at O1
option most : int = 256
phase simplify
phase fuse
op neg(x: T[*A]) -> T[*A]
op add(a: T[*A], b: T[*A]) -> T[*A]  commutative
op rope(x: F[*A, D]; style: style) -> F[*A, D]  where D % 2 == 0
op norm(x: F[*A, H], w: G[H]; eps: float = 1e-6) -> F[*A, H]
op add_norm(a: F[*A, H], b: F[*A, H], w: G[H]; eps: float) -> (y: F[*A, H], sum: F[*A, H])
op write(x: F[N], inout kc: F[M]) -> F[M]
op split(x: T[*A]; sizes: ints, axis: axis) -> T[split(A, sizes, axis, 0)]...
kernel norm { cpu when H % 8 == 0; ref }
kernel add_norm {
  cpu fast when H in {512, 1024} and tokens <= 64
  ref
}
pattern any_norm(x, w; eps) =
    norm(x, w; eps)
  | norm(neg(neg(x)), w; eps)
rule double_neg in simplify {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
rule add_norm in fuse enabled fuse_norm {
  match   { s = add(a: F[*A, H], b: F[*A, H])
            y = any_norm(s, w; eps)
            yield y, s }
  where   H % 8 == 0, H <= 8192
  gate    tokens <= most
  replace { y, s = add_norm(a, b, w; eps) }
  test "small" { A = [2], H = 8; fires 1 }
  test "odd" { A = [2], H = 9; fires 0 because H }
}
rule rope_neg in fuse {
  match   { y = neg(neg(neg(rope(x: F[*A, D]; style)))) }
  replace { y = rope(neg(x); style) }
}
vocab onnx {
  "Neg"(x) -> neg(x)
  "Add"@13(x, y) -> add(x, y)
  "Write"(x, c) -> write(x, c)
  "Split"(x; sizes, axis = -1) -> split(x; sizes, axis)
}
