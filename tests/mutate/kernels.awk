# Mutants of kernels' sources: operator, file, line, the new line; by tabs. One change each, by its text.
#
# Lines of comments, the preprocessor, prototypes and declarations without a value stay as they are.
function mutant(op, line) {
    if (line != $0 && !((op, FILENAME, FNR, line) in seen)) {
        seen[op, FILENAME, FNR, line] = 1
        gsub(/\t/, "    ", line)
        print op "\t" FILENAME "\t" FNR "\t" line
    }
}

# Replaces match number k of a pattern, for every k.
function each(op, pattern, with,   rest, done, part) {
    rest = $0
    done = ""
    while (match(rest, pattern)) {
        part = substr(rest, RSTART, RLENGTH)
        new = part
        sub(pattern, with, new)
        mutant(op, done substr(rest, 1, RSTART - 1) new substr(rest, RSTART + RLENGTH))
        done = done substr(rest, 1, RSTART + RLENGTH - 1)
        rest = substr(rest, RSTART + RLENGTH)
    }
}

function numbers(   rest, done, part) {
    rest = $0
    done = ""
    while (match(rest, /[^A-Za-z0-9_.][0-9]+(\.[0-9]+)?(e-?[0-9]+)?f?/)) {
        part = substr(rest, RSTART + 1, RLENGTH - 1)
        if (part ~ /[.e]/)
            mutant("constant", done substr(rest, 1, RSTART) "(1.25f * " part ")" substr(rest, RSTART + RLENGTH))
        else if (part + 0 >= 2)
            mutant("constant", done substr(rest, 1, RSTART) (part + 1) substr(rest, RSTART + RLENGTH))
        done = done substr(rest, 1, RSTART + RLENGTH - 1)
        rest = substr(rest, RSTART + RLENGTH)
    }
}

FNR == 1 { comment = 0; function_open = 0 }
/^[ ]*\/\*/ { comment = 1 }
comment { if (/\*\//) comment = 0; next }
{ sub(/[ ]*\/\*.*\*\/[ ]*$/, "") }
/^[ ]*#/ || /^[ ]*\/\// || /_Static_assert/ || /^[}{]/ || !/[;{]|\|\||&&|,$/ || /^[a-z].*\);$/ || /^(const|static|typedef|template|struct|enum|extern)/ { next }
/^[^ ]/ || /^ +[A-Za-z_][A-Za-z_0-9 ]* \**[a-z][^=(){}]*;$/ && !/^ +(return|goto|else)/ { next }
/^ +return "/ { next }
/for \(/ {
    each("short-loop", " < [^;&|]+;", "&")
    line = $0
    if (match(line, / < [^;&|]+;/))
        mutant("short-loop", substr(line, 1, RSTART + RLENGTH - 2) " - 1" substr(line, RSTART + RLENGTH - 1))
    each("long-loop", " < ", " <= ")
    each("late-start", " = 0[;,]", " = 1;")
}
!/for \(/ {
    each("relation", " < ", " <= ")
    each("relation", " > ", " >= ")
    each("relation", " <= ", " < ")
    each("relation", " >= ", " > ")
}
{
    each("equality", " == ", " != ")
    each("equality", " != ", " == ")
    each("and-or", " && ", " || ")
    each("and-or", " \\|\\| ", " \\&\\& ")
    each("sign", " \\+ ", " - ")
    each("sign", " - ", " + ")
    each("accumulate", " \\+= ", " = ")
    each("missing-scale", " [*/] [a-z_][A-Za-z0-9_.>-]*(\\[[a-z0-9 +*]*\\])?", "")
    each("divided", " \\* ", " / ")
    each("remainder", " % ", " / ")
    each("wrong-rounding", "(rounded<[A-Z]>|rounded|row_round|head_round|quant_round|rintf|nearbyintf)\\(", "(")
    each("wrong-rounding", "rintf", "floorf")
    each("max-min", "fmaxf?", "fminf")
    each("max-min", "fminf?", "fmaxf")
    each("max-min", "max_", "min_")
    each("no-magnitude", "fabsf?\\(", "(")
    each("wrong-slot", "kern_geti\\(([^,()]+), [a-z]+\\)", "(1 + &)")
    each("wrong-slot", "slots?\\[[a-z]+\\]", "(&+1)")
    each("wrong-operand", "in\\[0\\]", "in[1]")
    each("wrong-operand", "in\\[1\\]", "in[0]")
    each("wrong-operand", "in\\[2\\]", "in[1]")
    each("wrong-operand", "out\\[0\\]", "out[1]")
    each("wrong-operand", "out\\[1\\]", "out[0]")
    each("wrong-index", "\\[[a-z]+\\]", "[0]")
    each("flag", "true", "false")
    each("flag", "false", "true")
    each("skipped-barrier", "(__syncthreads|__threadfence|__threadfence_system|__syncwarp)\\(\\)", "(void)0")
    numbers()
}
/^ +(else )?if \(.*\)( \{)?$/ {
    line = $0
    sub(/if \(/, "if (!(", line)
    sub(/\)( \{)?$/, ")&", line)
    mutant("negated", line)
}
/^ +[][A-Za-z_.>()*0-9 +-]+ [-+*|]?= [^=].*;$/ && !/^ +(const |static |float |double |int |size_t |uint|int[0-9]|bool |norm |words |quantiser |turned |return|for|if|else|char |void |unsigned |sld_|T |auto |dim3 |half|struct )/ { mutant("dropped", "        ; /*" $0 " */") }
/^ +[a-z_]+(<[^;]*>)?\(.*\);$/ && !/^ +(return|for|if|else|while|LAUNCH)/ { mutant("dropped", "        ; /*" $0 " */") }
