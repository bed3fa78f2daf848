# Defaults that depend on each other, and options that require each other.
option a : int = b + 1
option b : int = 2 * c
option c : int = a
option d : bool = off requires e
option e : bool = off requires f
option f : bool = off requires d
