dtype T = any
op a(x: T[N]) -> T[N]  where N == "four"
