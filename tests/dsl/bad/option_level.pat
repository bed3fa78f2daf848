option fuse_everything : bool = on at O4
