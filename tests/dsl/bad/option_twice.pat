enum style = {neox, gptj}
enum style = {other}
option a : bool = on
option a : int
