dtype T, T = any
dtype T = {f32}
dtype f32 = any
op a(x: T[1]) -> T[1]
