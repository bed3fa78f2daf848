use "../good/prelude.pat"
rule r in fuse {