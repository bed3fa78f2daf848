dtype A = {f32, f61}
op a(x: A[1], y: f23[1]) -> B[1]
