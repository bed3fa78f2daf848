# Which operator's mutants what killed, and what survived: awk -v full=1 -f report.awk EQUIVALENT NEAR RESULTS...
#
# EQUIVALENT has a line for mutants that change nothing: operator, owner, what was there, what comes instead (each may be *
# for any), and the reason, by tabs. NEAR tells of conditions that follow from others. A line that none of `list`,
# all mutants that there are, is like is told, and with `full`, when all were run, one that explains nothing. Exit status 1
# then, and when a survivor is not explained.
BEGIN { FS = "\t"; n_equal = n_near = n_left = 0 }

function trimmed(s) { gsub(/^[ ,:]+|[ ,]+$/, "", s); sub(/^(where|gate) +/, "", s); return s }

function speaks_of(op, line, t) {
    if (op == "drop-type")
        return index(line, " of " t ",")
    if (op == "drop-where")
        return index(line, "where of " t ":")
    return index(line, " of " t ", everywhere:") || index(line, "], " t ",") || index(line, "], " t ":") || index(line, " of " t ":")
}

# What the list of near misses says of a condition at a place.
function follows(op, place, was,   i, found, t) {
    t = trimmed(was)
    sub(/^.*\//, "", place)
    for (i = 0; i < n_near; i++) {
        if (index(near[i], place ":") != 1)
            continue
        if (speaks_of(op, near[i], t)) {
            if (near[i] !~ /: (it follows from what else|the ops of the match let through nothing)/)
                return 0
            found = 1
        }
    }
    return found
}

# Lines for kernels name a file as owner; a text that begins with ~ is a regular expression.
function is_like(i, op, owner, was, text) {
    return (e_op[i] == "*" || e_op[i] == op) && (e_owner[i] == "*" || e_owner[i] == owner) &&
           (e_was[i] == "*" || e_was[i] == trimmed(was)) &&
           (e_text[i] == "*" || e_text[i] == trimmed(text) || (e_text[i] ~ /^~/ && trimmed(text) ~ substr(e_text[i], 2)))
}

function explained(op, owner, place, was, text,   i) {
    for (i = 0; i < n_equal; i++)
        if (is_like(i, op, owner, was, text)) {
            needed[i]++
            return e_why[i]
        }
    return follows(op, place, was) ? "the condition follows from the rest of the match" : ""
}

FILENAME == ARGV[1] {
    if (/^#/ || NF < 5)
        next
    e_op[n_equal] = $1; e_owner[n_equal] = $2; e_was[n_equal] = $3; e_text[n_equal] = $4; e_why[n_equal++] = $5
    next
}
FILENAME == ARGV[2] { near[n_near++] = $0; next }
FILENAME == list {
    for (i = 0; i < n_equal; i++)
        there[i] += NF > 4 ? is_like(i, $1, $2, $7, $8) : is_like(i, $1, $2, "", $4)
    next
}

# Results: of rules with owner, place and what was there; of kernels with place and text.
{
    verdict = $1; op = $2
    rules = NF > 4
    owner = rules ? $3 : $3
    place = rules ? $4 : $3
    if (!rules)
        sub(/:[0-9]+$/, "", owner)
    was = rules ? $5 : ""; text = rules ? $6 : $4
    sub(/ \(no verification\)$/, "", verdict)
    if (verdict == "not used")
        next
    if (verdict == "survivor") {
        why = explained(op, owner, place, was, text)
        verdict = why == "" ? "survivors" : "equivalent"
        line = op ": " owner ", " place ": " (rules ? "`" trimmed(was) "` becomes `" trimmed(text) "`" : trimmed(text))
        if (why == "")
            left[n_left++] = line
        else
            reasons[why]++
    }
    ops[op]++
    verdicts[verdict]++
    cell[op, verdict]++
    all++
}

END {
    split("compiler,same code,checker,checker; all rules,generation,C compiler,crash,tests in rules,near misses,expected texts,its suites,other suites," \
          "emulation,verification,test suites,equivalent,survivors", order, ",")
    printf "| operator |"
    for (i = 1; i in order; i++) {
        sub(/;/, ",", order[i])
        if (verdicts[order[i]])
            printf " %s |", order[i]
    }
    printf " all |\n|"
    for (i = 0; i in order || i < 1; i++)
        if (!i || verdicts[order[i]])
            printf " --- |"
    printf " --- |\n"
    n = 0
    for (op in ops) names[n++] = op
    for (i = 0; i < n; i++)
        for (j = i + 1; j < n; j++)
            if (ops[names[j]] > ops[names[i]] || (ops[names[j]] == ops[names[i]] && names[j] < names[i])) {
                t = names[i]; names[i] = names[j]; names[j] = t
            }
    for (i = 0; i < n; i++) {
        printf "| %s |", names[i]
        for (j = 1; j in order; j++)
            if (verdicts[order[j]])
                printf " %s |", cell[names[i], order[j]] + 0 ? cell[names[i], order[j]] : ""
        printf " %d |\n", ops[names[i]]
    }
    printf "| all |"
    for (j = 1; j in order; j++)
        if (verdicts[order[j]])
            printf " %d |", verdicts[order[j]]
    printf " %d |\n\n", all
    different = all - verdicts["equivalent"] - verdicts["compiler"] - verdicts["same code"]
    printf "%d mutants, %d of which do not compile and %d are equivalent; of the others %d killed, %.1f %%\n", all,
           verdicts["compiler"], verdicts["equivalent"] + verdicts["same code"],
           different - n_left, different ? 100 * (different - n_left) / different : 100
    for (why in reasons)
        printf "equivalent: %d: %s\n", reasons[why], why
    for (i = 0; i < n_left; i++)
        printf "survivor: %s\n", left[i]
    for (i = 0; list && i < n_equal; i++)
        if (!(full ? needed[i] : there[i]) && (e_owner[i] ~ /^kernels\/hip/ ? "hip" : e_owner[i] ~ /^kernels/ ? "cpu" : "rules") == kind) {
            printf "explains nothing: %s %s %s => %s\n", e_op[i], e_owner[i], e_was[i], e_text[i]
            stale = 1
        }
    exit n_left || stale ? 1 : 0
}
