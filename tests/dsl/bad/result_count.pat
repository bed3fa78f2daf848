use "../good/prelude.pat"
rule r in fuse {
  match   { y, s = neg(x) }
  replace { y = add_norm(x, x, x; 1.0) }
}
