dtype T = any
op a(xs: T[1]..., y: T[1]) -> T[1]
