enum axis = {rows, columns}
option tokens : int = 4
option on : bool
