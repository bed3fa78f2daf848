use "../good/prelude.pat"
rule r in fuse {
  match   { }
  replace { y = x }
}
