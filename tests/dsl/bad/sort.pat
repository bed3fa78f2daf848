use "../good/prelude.pat"
op size_of_dim(x: T[A]) -> T[size(A, 0)]
op broadcast_dim(x: T[A]) -> T[broadcast(A)]
op too_few(x: T[A]) -> T[ceildiv(A)]
op too_many(x: T[*A]; axis: axis) -> T[size(A, axis, 2)]
op no_list(x: T[*A]) -> T[broadcast(A, x, 3)]
op no_star(x: T[*A]) -> T[A]
op string(x: T[*A]; n: string) -> T[n]
op float(x: T[*A]; n: float) -> T[n]
op list(x: T[*A, N]) -> T[N] where *A == 3
op number(x: T[N]) -> T[N] where N
op operand(x: T[*A]) -> T[x]
op dtype_as_size(x: T[*A]) -> T[dtype(x)]
op dtypes(x: T[N]) -> T[N] where dtype(x) < f16
op words(x: T[N]; mode: {fast, slow}) -> T[N] where mode == quick, slow
op bytes_of_dims(x: T[*A, N]) -> T[N] where bytes(A) < 3
op remainder(x: T[N]; eps: float) -> T[N] where eps % 2 == 0, N + 1
kernel number { cpu when N == 2 supports K < 3 and dtype(x) == 3; ref }
