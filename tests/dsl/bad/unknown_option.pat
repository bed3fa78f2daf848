use "../good/prelude.pat"
option fuse_norm : bool = on requires fuse_rop
option fuse_rope : bool = on
option most : int = 2 * mots
rule r in fuse enabled fuse_nrm {
  match   { y = neg(neg(x)) }
  gate    token <= most
  replace { y = x }
}
rule s in fuse enabled fuse_norm, fuse_rope {
  match   { y = neg(cast(neg(x); to = _)) }
  replace { y = x }
}
