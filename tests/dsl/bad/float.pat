dtype F = any
op a(x: F[1]; e: float = 1e999) -> F[1]
op add(a: F[*A], b: F[*A]) -> F[*A]
phase p
rule r { match { y = add(x, 1.0 ~ -1e-3) } replace { y = x } }
