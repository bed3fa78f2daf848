#!/bin/sh
# Makes mutants, kills them and reports: sh tests/mutate/mutate.sh FOLDER
#
# The environment gives what mutate.mk says, and N (mutants of each kind, drawn by SEED; all when it is empty), WHAT (of
# rules, cpu, hip; all three when it is empty), EACH=line (of kernels one mutant of each line) and JOBS. Exit
# status 1 when a mutant survives without an explanation.
set -u
work=$1
what=${WHAT:-rules cpu hip}
export JOBS="${JOBS:-2}" REACH="$work/reach/reach"
mkdir -p "$work"
rm -f "$work"/*.results

# Those of a list that are made.
draw() {
    if [ -z "${N:-}${EACH:-}" ]; then cat "$work/$1.all"; return; fi
    awk -v seed="${SEED:-1}" 'BEGIN { srand(seed) } { printf "%.9f\t%s\n", rand(), $0 }' "$work/$1.all" | sort | cut -f2- |
        if [ "${EACH:-}" = line ]; then awk -F'\t' '!seen[$2, $3]++'; else cat; fi |
        if [ -n "${N:-}" ]; then head -n "$N"; else cat; fi
}

# Kills the mutants of a list by several processes.
run() {
    draw "$1" >"$work/$1.list"
    for job in $(seq "$JOBS"); do
        rm -rf "$work/$1.$job"
        awk -v n="$JOBS" -v i="$job" 'NR % n == i % n' "$work/$1.list" >"$work/$1.$job.list"
        sh "tests/mutate/$2.sh" "$work/$1.$job.list" "$work/$1.$job" >"$work/$1.$job.results" &
    done
    wait
}

status=0
for kind in $what; do
    case $kind in
    rules)
        "$B/bin/mutate_rules" list patterns/*.pat >"$work/rules.all"
        NEAR_MADE=/dev/null "$B/bin/near_check" --write "$work/cases" patterns/*.pat >"$work/near.txt"
        run rules rules ;;
    cpu)
        awk -f tests/mutate/kernels.awk kernels/*.h kernels/cpu/*.[ch] kernels/ref/*.[ch] >"$work/cpu.all"
        sh tests/mutate/reach.sh "$work/reach" || exit
        run cpu kernels ;;
    hip) # no emulated device has these libraries
        awk -f tests/mutate/kernels.awk $(ls kernels/hip/*.hip kernels/hip/*.[ch] | grep -v -e blas -e nccl) >"$work/hip.all"
        run hip kernels ;;
    *) echo "mutate: there is no '$kind'" >&2; exit 2 ;;
    esac
    printf '\n%s\n\n' "$kind"
    awk -v full="$([ -z "${N:-}${EACH:-}" ] && echo 1 || echo 0)" -v kind="$kind" -v list="$work/$kind.all" -f tests/mutate/report.awk \
        tests/mutate/equivalent.txt tests/gen/golden/near.txt "$work/$kind.all" "$work/$kind".*.results || status=1
done
exit $status
