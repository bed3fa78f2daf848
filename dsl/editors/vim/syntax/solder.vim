" Syntax of .pat files of Solder.
if exists('b:current_syntax')
  finish
endif

syntax keyword solderDeclaration use dtype enum option op condition kernel vocab phase pattern for rule
syntax keyword solderClause match replace yield where when gate test fires because supports workspace enabled requires
syntax keyword solderClause excludes at
syntax keyword solderModifier inout const commutative associative view effect contents quiet drop host
syntax keyword solderOperator in and or not
syntax keyword solderConstant none true false on off
syntax keyword solderType any bool u8 i8 i32 i64 f8e4m3fn f8e4m3fnuz f16 bf16 f32 f64
syntax keyword solderType int float string axis ints axes
syntax match solderCall /\<[A-Za-z_][A-Za-z0-9_]*\ze(/
syntax match solderSign /->\|\.\.\.\|[=!<>]=\|[-+*\/%<>=~|]/
syntax match solderNumber /\<[0-9]\+\(\.[0-9]\+\)\?\([eE][+-]\?[0-9]\+\)\?\( \?[KMG]iB\)\?\>/
syntax region solderString start=/"/ skip=/\\["\\]/ end=/"/ oneline
syntax match solderComment /#.*$/ contains=@Spell

highlight default link solderDeclaration Statement
highlight default link solderClause Keyword
highlight default link solderModifier StorageClass
highlight default link solderOperator Operator
highlight default link solderConstant Constant
highlight default link solderType Type
highlight default link solderCall Function
highlight default link solderSign Operator
highlight default link solderNumber Number
highlight default link solderString String
highlight default link solderComment Comment

let b:current_syntax = 'solder'
