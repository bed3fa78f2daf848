dtype F = any
op a(x: F[1]; e: float = 1e999) -> F[1]
