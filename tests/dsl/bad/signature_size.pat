# Signatures have room for so many variables.
use "../good/prelude.pat"
op many_dims(x0: F[D0, D1, D2, D3, D4, D5, D6, D7], x1: F[D8, D9, D10, D11, D12, D13, D14, D15], x2: F[D16,
   D17, D18, D19, D20, D21, D22, D23], x3: F[D24, D25, D26, D27, D28, D29, D30, D31], x4: F[D32, D33, D34,
   D35, D36, D37, D38, D39], x5: F[D40, D41, D42, D43, D44, D45, D46, D47], x6: F[D48, D49, D50, D51, D52,
   D53, D54, D55], x7: F[D56, D57, D58, D59, D60, D61, D62, D63], y: F[D64]) -> F[D0]
op many_ranks(x0: F[*A0], x1: F[*A1], x2: F[*A2], x3: F[*A3], x4: F[*A4], x5: F[*A5], x6: F[*A6], x7: F[*A7],
   x8: F[*A8], x9: F[*A9], x10: F[*A10], x11: F[*A11], x12: F[*A12], x13: F[*A13], x14: F[*A14], x15: F[*A15],
   x16: F[*A16], x17: F[*A17], x18: F[*A18], x19: F[*A19], x20: F[*A20], x21: F[*A21], x22: F[*A22], x23:
   F[*A23], x24: F[*A24], x25: F[*A25], x26: F[*A26], x27: F[*A27], x28: F[*A28], x29: F[*A29], x30: F[*A30],
   x31: F[*A31], x32: F[*A32]) -> F[*A0]
dtype T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16 = any
op many_dtypes(x0: T0[*A], x1: T1[*A], x2: T2[*A], x3: T3[*A], x4: T4[*A], x5: T5[*A], x6: T6[*A], x7: T7[*A],
   x8: T8[*A], x9: T9[*A], x10: T10[*A], x11: T11[*A], x12: T12[*A], x13: T13[*A], x14: T14[*A], x15: T15[*A],
   x16: T16[*A]) -> T0[*A]
