use "../good/prelude.pat"
rule first in fuse {
  match   { y = neg(cast(x; ..., to)) }
  replace { y = x }
}
rule twice in fuse {
  match   { y = neg(cast(x; ..., ...)) }
  replace { y = x }
}
kernel neg, { ref }
condition no_brackets = 3 > 2
