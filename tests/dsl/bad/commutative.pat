dtype T = any
op a(x: T[1]) -> T[1]  commutative
