phase 1
op f(x F[1]) -> F[1]
phase good
rule r in good { match { y = } replace { } }
dtype F == any
op g(x: F[1]) -> F[1
