phase a $
phase é
phase c
