#!/bin/sh
# Kills mutants of rules: sh tests/mutate/rules.sh LIST FOLDER >RESULTS
#
# LIST is what mutate_rules prints. Prints for each mutant what killed it, operator, owner, what was there and what came
# instead, by tabs. In turn: the checker on the rules that are concerned, the generator, the tests in these rules, matches
# and near misses of the rules as they were, the checker on the whole program, verification (B/bin/verify), and the suites
# that know what was changed.
# With QUICK verification and suites are left out for what is explained.
# The environment gives B, the build, and MUTATE_CC, which makes a shared object of C. The cases, of near_check --write, lie
# beside FOLDER.
set -u
list=$1 work=$2
cases=$(dirname "$work")/cases
mkdir -p "$work/patterns"
cp patterns/*.pat "$work/patterns"
verify=${VERIFY:-$B/bin/verify}

compile() { "$B/bin/mutate_rules" compile "$work/m.c" "$1" "$work"/patterns/*.pat >"$work/err" 2>&1; }
object()  { $MUTATE_CC -shared -o "$work/m.so" "$work/m.c" 2>>"$work/err"; }

# Cases of some rules that hold when these are compiled alone, as they are.
held_by() { echo "$work/held.$(printf %s "$1" | cksum | tr ' ' .)"; }
cases_of() {
    held=$(held_by "$1")
    [ -f "$held" ] || { compile "$1" && object && "$B/bin/replay" --holds "$work/m.so" "$cases" >"$held"; }
}

# Only the files that the rule needs.
verify() {
    files=$(grep -l "^rule $1[ {]" "$work"/patterns/*.pat)
    timeout 60 "$verify" --rule "$1" --ruleset "$work/m.so" --cases "${CASES:-8}" --elements 4096 --failures 1 \
        --targets ref,cpu --quiet $files >"$work/err" 2>&1 </dev/null
}

# Rules that pass, of those named, as they are.
sound() {
    cp patterns/*.pat "$work/patterns"
    for rule in $(printf %s "$1" | tr , ' '); do
        if [ ! -f "$work/sound.$rule" ]; then
            compile "$rule" && object && verify "$rule"
            echo $? >"$work/sound.$rule"
        fi
        [ "$(cat "$work/sound.$rule")" -ne 0 ] || echo "$rule"
    done
}

verified() {
    [ -x "$verify" ] || return 0
    rules_sound=$(sound "$rules")
    mutate
    compile "$rules" && object
    for rule in $rules_sound; do
        verify "$rule"
        [ $? -ne 1 ] || return 1
    done
}

# The suites that know what a mutant changes, on the whole program.
suites_of() {
    case $1 in
    all_reduce* | gpu_sum | *_stage) echo collective ;;
    decode_attention | plain | pieces | readable) echo paged ;;
    qk_norm_r* | rope_cache | rotary* | heads_on_gpu) echo qkv cpu ;;
    mla_* | deepseek | ready) echo mla ;;
    *) echo fuse cpu acceptance ;;
    esac
}

tested() {
    $MUTATE_CC -c -o "$work/all.o" "$work/all.c" >"$work/err" 2>&1 &&
        $TEST_LINK -o "$work/tests" "$work/all.o" $TEST_LIBS >>"$work/err" 2>&1 || return 0
    timeout 300 "$work/tests" $(suites_of "$1") >"$work/err" 2>&1
}

# What tells of a mutant when only some rules are compiled; nothing when they do as before.
noticed() {
    compile "$1"
    case $? in
    0) ;;
    10) echo checker; return ;;
    11) echo generation; return ;;
    *) echo crash; return ;;
    esac
    object || { echo "C compiler"; return; }
    timeout 60 "$B/bin/replay" "$work/m.so" "$(held_by "$1")" >"$work/err" 2>&1
    case $? in
    0) ;;
    3) echo "tests in rules" ;;
    4) echo "near misses" ;;
    5) echo "expected texts" ;;
    *) echo crash ;;
    esac
}

# By a proof, or a line of equivalent.txt.
explained() {
    printf 'survivor\t%s\t%s\t%s\t%s\t%s\n' "$op" "$owner" "$place" "$was" "$text" >"$work/one"
    awk -f tests/mutate/report.awk tests/mutate/equivalent.txt tests/gen/golden/near.txt "$work/one" >/dev/null
}

# The kernels that a mutant is about come alone, one op after the other, before the rules that make these ops.
judge() {
    for part in $parts; do
        verdict=$(noticed "$part")
        [ -z "$verdict" ] || { echo "$verdict"; return; }
    done
    [ -z "${QUICK:-}" ] || ! explained || { echo survivor; return; }
    "$B/bin/solderc" -o "$work/all.c" "$work"/patterns/*.pat >"$work/err" 2>&1 || { echo "checker, all rules"; return; }
    verified || { echo verification; return; }
    tested "$owner" || { echo "test suites"; return; }
    echo survivor
}

mutate() {
    { head -c "$begin" "$file"; printf %s "$text"; tail -c +$((end + 1)) "$file"; } >"$work/patterns/$name"
}

tab=$(printf '\t')
while IFS=$tab read -r op owner place begin end rules was text; do
    file=${place%:*} name=${place##*/}
    name=${name%:*}
    cp patterns/*.pat "$work/patterns"
    [ -n "$rules" ] || { printf 'not used\t%s\t%s\t%s\t%s\t%s\n' "$op" "$owner" "$place" "$was" "$text"; continue; }
    parts="$(printf %s "$rules" | tr , '\n' | grep '^=' | tr '\n' ' ')$rules"
    for part in $parts; do cases_of "$part"; done
    mutate
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$(judge)" "$op" "$owner" "$place" "$was" "$text"
done <"$list"
