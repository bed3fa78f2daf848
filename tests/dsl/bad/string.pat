use "no end
phase a
