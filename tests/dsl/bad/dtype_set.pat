dtype A = f32
dtype B = {}
dtype C = {1}
