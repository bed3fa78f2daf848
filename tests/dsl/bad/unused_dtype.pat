dtype T = any
dtype U = {f32}
op a(x: T[1]) -> T[1]
