use "../good/prelude.pat"
rule r in fuse {
	match { y = neg(neg(x)) }
	replace { y = nag(x) }
}
