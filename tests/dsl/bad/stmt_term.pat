use "../good/prelude.pat"
rule r in fuse {
  match   { y = x }
  replace { y = x }
}
