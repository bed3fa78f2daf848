#!/bin/sh
# Kills mutants of kernels: sh tests/mutate/kernels.sh LIST FOLDER >RESULTS
#
# LIST is what kernels.awk prints. Prints for each mutant what killed it, operator, file, line and its new text, by tabs:
# the compiler, or that it makes the same code, the suites that know the file, verification of the rules that make its ops; for
# HIP sources the emulation, and verification of all rules on the emulated device. A mutant is a shared object with the one
# file, which is loaded before the library of all kernels; of HIP sources that library. Indices of arrays are checked, as by
# UBSan.
# The environment gives B, KERNEL_CC, EMU_CC and EMU_O, as the Makefile has them.
set -u
list=$1 work=$2
mkdir -p "$work"
tab=$(printf '\t')

# The suites that know a file, quick ones first.
suites_of() {
    case ${1##*/} in
    collective.c) echo collective acceptance ;;
    mla.c) echo mla ref acceptance ;;
    paged.c) echo paged acceptance ;;
    qkv.c | rotary.h) echo cpu ref qkv acceptance mla ;;
    pairs.[ch] | wide.c) echo pairs cpu ref qkv acceptance ;;
    *) echo cpu ref acceptance collective ;;
    esac
}

# Sources that have to be compiled again when a file changes.
sources_of() {
    case $1 in
    *.c) echo "$work/$1" ;;
    *) grep -l "$1" "$B"/kernels/cpu/*.d | sed "s|^$B/|$work/|; s|\.d$|.c|" ;;
    esac
}

# Verifies the rules that make an op whose kernel the mutant has.
verified() {
    ops=$(nm -D --defined-only "$work/m.so" | sed -n 's/.* T sld_cpu_//p' | paste -sd, -)
    for rule in $("$B/bin/mutate_rules" makers "$ops" patterns/*.pat); do
        timeout 300 env LD_PRELOAD="$work/m.so" "$B/bin/mutate_verify" --rule "$rule" --cases "${CASES:-4}" --elements 2048 \
            --failures 1 --targets cpu --quiet patterns/*.pat >"$work/err" 2>&1 </dev/null
        [ $? -ne 1 ] || return 1
    done
}

# What ends by a signal or too late is noticed, too.
judge_c() {
    sources=$(sources_of "$1")
    $KERNEL_CC -I"$work/kernels" -shared -o "$work/m.so" $sources >"$work/err" 2>&1 || { echo compiler; return; }
    cp "$1" "$work/$1"
    same=$work/same.$(basename "$1").so
    [ -f "$same" ] || $KERNEL_CC -I"$work/kernels" -shared -o "$same" $sources
    cmp -s "$same" "$work/m.so" && { echo "same code"; return; }
    for suite in $(suites_of "$1"); do
        timeout 300 env LD_PRELOAD="$work/m.so" CK_FORK=no CK_RUN_SUITE=$suite "$B/bin/mutate_tests" >"$work/err" 2>&1 ||
            { echo "its suites"; return; }
    done
    verified && echo survivor || echo verification
}

judge_hip() {
    $EMU_CC -I"$work/kernels/hip" -x c++ -c -o "$work/m.o" "$work/$1" >"$work/err" 2>&1 &&
        $EMU_CC -shared -o "$work/m.so" "$work/m.o" $(printf '%s\n' $EMU_O | grep -v "/$1\.o$") >>"$work/err" 2>&1 ||
        { echo compiler; return; }
    timeout 600 env LD_PRELOAD="$work/m.so" "$B/bin/mutate_emu" --first >"$work/err" 2>&1 || { echo emulation; return; }
    timeout 600 env SOLDER_DEVICE="$work/m.so" "$B/bin/verify" --cases "${CASES:-2}" --elements 4096 --failures 1 --targets hip \
        --quiet patterns/*.pat >"$work/err" 2>&1 </dev/null && echo survivor || echo verification
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
