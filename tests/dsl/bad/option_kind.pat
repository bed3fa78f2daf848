option fuse_everything : float = 1.0
