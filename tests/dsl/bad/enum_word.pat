dtype T = any
op a(x: T[1]; n: {one, 2}) -> T[1]
