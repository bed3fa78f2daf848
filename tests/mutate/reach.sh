#!/bin/sh
# Which tests reach which line of the kernels of the CPU, those of reference too: sh tests/mutate/reach.sh FOLDER
#
# Leaves FOLDER/reach: source, file:line (of the source or a header), and tests of mutate_tests that run it, quick ones first.
# Suites that take no time are one test. The environment gives B, EXACT_CC and JOBS.
set -u
work=$(realpath "$1")
rm -rf "$work" && mkdir -p "$work/kernels/cpu" "$work/kernels/ref"
for c in kernels/cpu/*.c kernels/ref/*.c; do
    $EXACT_CC -Og --coverage -c -o "$work/$c.o" "$c" || exit 1
done
# Ranks are children, which end by _exit.
cat >"$work/ended.c" <<END
#include <sys/syscall.h>
#include <unistd.h>
void __gcov_dump(void);
void _exit(int status) { __gcov_dump(); syscall(SYS_exit_group, status); __builtin_unreachable(); }
END
$EXACT_CC --coverage -shared -o "$work/counted.so" "$work"/kernels/*/*.o "$work/ended.c" || exit 1
rm -f "$work"/*ended*.gcno

# Number of the job.
count() {
    at=$work/$1
    "$B/bin/mutate_tests" | awk '{ print $1 ~ /^(ref|pairs|cpu|fuse)$/ ? $1 : $2 }' | uniq | awk -v n="$JOBS" -v i="$1" 'NR % n == i % n' |
        while read -r test; do
            rm -rf "$at" && mkdir -p "$at$work" && cp -r "$work/kernels" "$at$work"
            begun=$(date +%s%N)
            LD_PRELOAD=$work/counted.so GCOV_PREFIX=$at "$B/bin/mutate_tests" "$test" >/dev/null 2>&1 ||
                { echo "mutate: without a mutant $test fails" >&2; touch "$work/failed"; exit; }
            took=$(($(date +%s%N) - begun))
            for source in "$at$work"/kernels/*/*.gcda; do
                at_source=${source#"$at$work"/}
                echo "${at_source%.gcda}:source"
                gcov -t -r -s "$PWD" "$source" 2>/dev/null
            done | awk -F: -v took="$took" -v test="$test" '
                $2 == "source" { source = $1 }
                $2 + 0 == 0 && $3 == "Source" { file = $4 }
                file ~ /^kernels/ && $1 ~ /[0-9]/ { print source "\t" file ":" ($2 + 0) "\t" took "\t" test }'
        done
}
for job in $(seq "$JOBS"); do count "$job" >"$work/lines.$job" & done
wait
[ ! -e "$work/failed" ] || exit 1
sort -t"	" -k1,1 -k2,2 -k3,3n "$work"/lines.* | awk -F'\t' '
    $1 FS $2 != key { if (key) print line; key = line = $1 FS $2; sep = FS }
    { line = line sep $4; sep = " " }
    END { if (key) print line }' >"$work/reach"
