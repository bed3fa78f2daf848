dtype T = any
op a(x: T[N]) -> T[M, *A]  where K > 2
kernel a { cpu when H == 8; ref }
