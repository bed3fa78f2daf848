dtype T, U = any
op a(x: T[1]; n: int) -> U[1]
op b(x: T[1]; n: int) -> n[1]
