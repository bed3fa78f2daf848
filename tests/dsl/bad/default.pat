dtype T = any
op a(x: T[1]; n: int = 1.5, m: {one, two} = three, l: ints = [1, 2.0], d: dtype = f33, s: string = 1) -> T[1]
