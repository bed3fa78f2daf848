op add(a: T[*A]
phase p
