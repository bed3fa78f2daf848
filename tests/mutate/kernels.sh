#!/bin/sh
# Kills mutants of kernels: sh tests/mutate/kernels.sh LIST FOLDER >RESULTS
#
# LIST is what kernels.awk prints. Prints for each mutant what killed it, operator, file, line and its new text, by tabs:
# the compiler, the suites of tests/kernels (the ones that know the file first), the emulation for HIP sources, or
# verification (VERIFY_LINK, a command that links it with an object in front; left out when empty).
# The environment gives B, KERNEL_CC, TEST_LINK, EMU_CC, EMU_LINK and EMU_O, as the Makefile has them.
set -u
list=$1 work=$2
mkdir -p "$work"
tab=$(printf '\t')

# The suites that know a file.
suites_of() {
    case ${1##*/} in
    collective.*) echo collective ;;
    mla.*) echo mla ;;
    paged.*) echo paged ;;
    qkv.* | rotary.h) echo qkv mla cpu ;;
    *) echo cpu chain ref ;;
    esac
}

run_suites() {
    for suite in $1; do
        CK_FORK=no CK_RUN_SUITE=$suite CK_DEFAULT_TIMEOUT=60 timeout 120 "$work/tests" >"$work/err" 2>&1 || return 1
    done
}

# Sources that have to be compiled again when a file changes.
users_of() {
    case $1 in
    *.c) echo "$1" ;;
    *) grep -l "$1" "$B"/kernels/cpu/*.d "$B"/kernels/ref/*.d | sed "s|^$B/||; s|\.d$|.c|" ;;
    esac
}

judge_c() {
    objects=
    for source in $(users_of "$1"); do
        object=$work/$(basename "$source" .c).o
        $KERNEL_CC -I"$work/kernels" -c -o "$object" "$work/$source" >"$work/err" 2>&1 || { echo compiler; return; }
        objects="$objects $object"
    done
    $TEST_LINK -o "$work/tests" $objects $TEST_LIBS >"$work/err" 2>&1 || { echo compiler; return; }
    run_suites "$(suites_of "$1")" || { echo "its suites"; return; }
    run_suites "cpu chain collective mla paged qkv ref" || { echo "other suites"; return; }
    [ -z "${VERIFY_LINK:-}" ] && { echo survivor; return; }
    $VERIFY_LINK -o "$work/verify" $objects $VERIFY_LIBS >"$work/err" 2>&1 || { echo compiler; return; }
    timeout 300 "$work/verify" --cases "${CASES:-4}" --elements 4096 --failures 1 --targets ref,cpu --quiet patterns/*.pat \
        >"$work/err" 2>&1 </dev/null
    [ $? -eq 1 ] && echo verification || echo survivor
}

judge_hip() {
    $EMU_CC -I"$work/kernels/hip" -c -x c++ -o "$work/m.o" "$work/$1" >"$work/err" 2>&1 || { echo compiler; return; }
    others=$(printf '%s\n' $EMU_O | grep -v "/$1.o\$")
    $EMU_LINK -o "$work/tests" "$work/m.o" $others >"$work/err" 2>&1 || { echo compiler; return; }
    timeout 300 "$work/tests" >"$work/err" 2>&1 && echo survivor || echo emulation
}

while IFS=$tab read -r op file line text; do
    rm -rf "$work/kernels"
    cp -r kernels "$work/kernels"
    printf '%s\n' "$text" >"$work/text"
    awk -v n="$line" -v f="$work/text" 'BEGIN { getline t <f } FNR == n { print t; next } { print }' "$file" >"$work/$file"
    case $file in
    *.hip) verdict=$(judge_hip "$file") ;;
    *) verdict=$(judge_c "$file") ;;
    esac
    printf '%s\t%s\t%s:%s\t%s\n' "$verdict" "$op" "$file" "$line" "$text"
done <"$list"
