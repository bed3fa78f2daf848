use "prelude.pat"
rule r in fuse {
  match   { y = concat(xs...; axis) }
  replace { y = concat(xs...; axis) }
}
