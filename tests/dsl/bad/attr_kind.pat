dtype T = any
op a(x: T[1]; n: integer, m: flaot = 1.0) -> T[1]
