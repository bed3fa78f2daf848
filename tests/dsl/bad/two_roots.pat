use "../good/prelude.pat"
rule r in fuse {
  match   { a = neg(x)
            b = softmax(z; -1) }
  replace { a = x
            b = z }
}
