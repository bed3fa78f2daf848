use "prelude.pat"

pattern weighted(x, w; eps) = mul(w, norm(x, w; eps)) | { xf = cast(x; f32)
      n = norm(xf, w; eps);
      mul(w, cast(n; dtype(x))) } where rank(x) > 1

rule positional in simplify {
  match   { y = reshape(reshape(x: T[A, B, 2]; _); [A, 2 * B]) }
  where   rank(y) == 2 and not (A == 3 or B != 4)
  replace { y = reshape(x; [A, 2 * B]) }
}
rule captures in fuse {
  match   { s = add(a: F[*A, H], b: F[*A, H])
            y = weighted(s, w; eps)
            yield y, s }
  where   H % 8 == 0, H in {64, 128}, dtype(a) in {f32, bf16}
  replace { y, s = add_norm(a, b, w; eps) }
}
rule literals in fuse {
  match   { y = mul(add(x: F[*A, H], 2.0 ~ 1e-3), mul(mul(w: F[H], -1.5e0), const c)) }
  replace { y = norm(x, w; eps = c * 2.0) }
}
rule optional in fuse {
  match   { y = linear(x, w, none) }
  replace { y = linear(x, w) }
}
rule variadic in fuse {
  match   { a, _ = split(x; sizes = [H, H], axis = -1)
            y = gelu(a; approximate = tanh) }
  replace { b, _ = split(x; [H, H], -1)
            y = gelu(b; approximate = none) }
}
