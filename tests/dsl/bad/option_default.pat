phase fuse
option fuse_norm : bool = 3
option fuse_rope : bool = off at O2
option tokens_most : int = 256 at O1
option tokens_all : int = on
