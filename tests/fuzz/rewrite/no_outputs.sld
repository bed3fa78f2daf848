# off=0 # seed=1 # tokens=5
solder 1
input %x : i64[2]
