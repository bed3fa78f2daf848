use "../good/prelude.pat"
rule r in fuse {
  match   { y = softmax(x; axis = "last") }
  replace { y = cast(reshape(x; 3); {f32}) }
}
