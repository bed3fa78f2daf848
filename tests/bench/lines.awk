# Lines of .pat files without blank ones and comments, by what they declare: awk -f lines.awk FILE.pat...
function keyword(line) { return match(line, /^[a-z]+/) ? substr(line, 1, RLENGTH) : "" }
/^[ ]*(#|$)/ { next }
{
    word = keyword($0)
    if (word != "")
        kind = word == "for" || word == "pattern" ? "rule" : word == "condition" ? "kernel" : word ~ /^(rule|kernel|op)$/ ? word : "other"
    if (kind == "rule" && match($0, /^  ([a-z]+|\})/))
        test = $1 == "test"
    if ($0 ~ /^[^ ]/)
        test = 0
    name = FILENAME
    sub(/.*\//, "", name)
    n[name, test ? "test" : kind]++
    if (!(name in seen)) { seen[name] = 1; names[++files] = name }
}
function row(name, rule, kernel, op, other, test) {
    printf "%-26s %6d %8d %5d %6d %7d %6d\n", name, rule, kernel, op, other, rule + kernel + op + other, test
}
END {
    print "file                        rules  kernels   ops  other  in all  tests"
    for (i = 1; i <= files; i++) {
        f = names[i]
        row(f, n[f, "rule"], n[f, "kernel"], n[f, "op"], n[f, "other"], n[f, "test"])
        rule += n[f, "rule"]; kernel += n[f, "kernel"]; op += n[f, "op"]; other += n[f, "other"]; test += n[f, "test"]
    }
    row("all", rule, kernel, op, other, test)
}
