

#   Everything that the grammar offers, badly laid out.   
use   "../good/prelude.pat"   # the ops
enum style={neox,gptj}
enum cache_layout = { nhd , shuffle }
option fuse_all:bool=on at O1 # needs a reason to be off
option most_tokens   :   int=256 requires fuse_all excludes fuse_none
option fuse_none : bool


dtype I= {i32,i64}
dtype LONG ,SHORT=any
op scatter( inout cache:T[ *A ] ,x:T[*B]?;layout:cache_layout=nhd,sizes : ints=[ 1,-2 , 3 ] )->(T[*A],n:host i64[])effect where   rank( x )<=4,rank(cache)>1 and not(rank(x)==2) or - 1 <rank(x)
op a_rather_long_name_of_an_op(first: T[*A, N + 1], second: T[*A, N * 2], third: T[*A, N % 3], fourth: T[_]...) -> T[*A, (N - 1) / 2]
commutative
kernel neg{cpu wide when rank(x)<= 4 supports rank(x) <= 8;ref}
kernel softmax { hip workspace 4*units when rank(x)<3;ref }
condition half(x)=dtype(x) in {f16,bf16}
condition few( )   = tokens<=most and a_rather_long_condition(most, tokens, world) or another_one_that_is_long(world)
kernel mul,cast{cpu when half( x );ref}
kernel where,and ,or,
not, another_with_a_long_name, and_one_more_of_these_long_names, so_that_the_line_is_full, end{ ref
}
kernel add {
# the fast one
cpu one_stage when dtype(a) in {f32,f16} and rank(a) == 1
or rank(a) == 2
    hip two_stage when rank(a) <= 256KiB ; ref }
pattern weighted(x,w;eps)=mul(w,norm(x,w;...))|{xf=cast(x;f32)
n=norm(xf,w;eps);mul(w,cast(n;dtype(x)))}where rank(x)>1,
rank(x) < 4
pattern below(x) =
neg(x) # one
# another
| { y = neg(x)

neg(y) }
for s in {neox,gptj},n in {1,2}
rule family in fuse enabled fuse_all,fuse_none{match{y=neg(below(x:F[*A,H]))}where H%8==0 and H in{64,128},
H != 72
gate most_tokens<=256
replace{y=x}
test "it fires"{H=64;fires 1}
test "it does not"{H = 65,dtype = f32;fires 0 because H}
}
rule block in fuse {
match {

# what is found
s = add(a:F[*A,H],b)
y,_ = add_norm(s,2.0~1e-3,-1.5e0;eps=_)
yield y,s

}
where H % 8 == 0
replace {
y,s=add_norm(a,b,w;eps)
}
}
op joined(x:T[*A],w:T[*A];a_rather_long_name_of_an_op... ,concat...,exact:bool=false)->(y:T[*A],sum:T[*A]?)
rule rests in fuse{match{y,more ...=joined(xs...,neg(w); ...)
yield y,more ...}replace{y,more...=joined( xs...,w;...)}}
rule one_line in fuse{match{y=where(not(c),neg(a_rather_long_name_of_an_op(x,y,z,0.7978845608028654~4e-3)),concat(xs...;axis=-1))}replace{y=x}}
vocab onnx{"Neg"@18(x)->neg(x)
"Concat"(xs...;axis)->concat(xs...;axis) # joined
"Assert"(x...;message)->drop # left out
"Linear"(x,w,bias?;a=1,mode=f32,l=[],s="none; # no comment",n=none)where a==1,s=="none",n == none->linear(x,w,bias)
}
phase at
op last(x:T[]) -> T[]
# the end
