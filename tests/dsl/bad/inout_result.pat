use "../good/prelude.pat"
op no_version(inout kc: F[N, H, D], x: F[*A]) -> F[*A]
op no_result(inout kc: F[N, H, D], x: F[*A]) -> ()
op two(inout kc: F[N], inout vc: G[N]) -> (G[N], F[N])
op left_out(inout kc: F[N]) -> (x: F[N], kc1: F[N]?)
