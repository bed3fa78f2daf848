# Both are on from O2.
option one_pass : bool = on at O1 requires wide
option wide : bool = off
option narrow : bool = on at O2 excludes wide
