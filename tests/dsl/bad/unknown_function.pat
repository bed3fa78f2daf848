dtype T = any
op a(x: T[*A], y: T[*B]) -> T[brodcast(A, B)]
