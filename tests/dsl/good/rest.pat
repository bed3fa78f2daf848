use "prelude.pat"
rule r in fuse {
  match   { y = neg(concat(xs...; axis)) }
  replace { y = concat(xs...; axis) }
}
