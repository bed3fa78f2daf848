dtype T = any
op a(x: T[*A, *B]) -> T[*A]
