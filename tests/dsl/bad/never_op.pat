dtype F = {f16, bf16, f32}
op odd(x: F[*A, H]) -> F[*A, H]  where H % 2 == 1, H in {2, 4, 8}
op fine(x: F[*A, H]) -> F[*A, H]  where H % 2 == 1, H in {2, 4, 7}
