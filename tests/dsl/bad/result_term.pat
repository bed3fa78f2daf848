use "../good/prelude.pat"
rule r in fuse {
  match   { y = neg(x) }
  replace { y, 2.0 = add_norm(x, x, x; 1.0) }
}
