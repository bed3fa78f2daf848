dtype T = any
op a(x: T[1.5], y: T[_, 2], z: T[[1]]) -> T[-1]
