#!/bin/sh
# Kills mutants of kernels: sh tests/mutate/kernels.sh LIST FOLDER >RESULTS
#
# LIST is what kernels.awk prints. Prints for each mutant what killed it, operator, file, line and its new text, by tabs:
# the compiler, or that it makes the same code, the tests that reach the line, verification of the rules that make its ops; for
# HIP sources the emulation of the file's kernels, and verification on the emulated device. A mutant is a shared object with
# the one file, and of a header one for each source that includes it, which are loaded before the library of all kernels; of
# HIP sources that library. Indices of arrays are checked, as by UBSan, and on the CPU what ASan checks.
# With QUICK what is explained is not made. The environment gives B, KERNEL_CC, ASAN (its library), EXACT_CC, EMU_CC and EMU_O,
# as the Makefile has them, and REACH, which reach.sh wrote.
set -u
list=$1 work=$2
mkdir -p "$work"
tab=$(printf '\t')
export OPENBLAS_NUM_THREADS=1 ASAN_OPTIONS=detect_leaks=0,allocator_may_return_null=1

# Sources that have to be compiled again when a file changes, those first that take little time.
sources_of() {
    case $1 in
    *.c) basename "$1" .c ;;
    *) grep -l "$1" "$B"/kernels/cpu/*.d | sed 's|.*/||; s|\.d$||' | grep -v -x -e wide -e pairs -e mla -e qkv
       grep -l "$1" "$B"/kernels/cpu/*.d | sed 's|.*/||; s|\.d$||' | grep -x -e wide -e pairs -e mla -e qkv ;;
    esac
}

# Tests that reach a line of a file, as it stands in a source, quick ones first: of what has no code of its own those of the
# line with code before it, or, in a macro, those that reach any.
tests_of() {
    awk -F'\t' -v source="$1" -v file="$2" -v line="$3" -v macro="$(grep -c '\\$' "$work/text")" '
        $1 == source && index($2, file ":") == 1 {
            at = substr($2, length(file) + 2) + 0
            if (!macro && at <= line && at > best) { best = at; tests = $3 }
            n = split($3, names, " ")
            for (i = 1; i <= n; i++) if (!seen[names[i]]++) all = all " " names[i]
        }
        END { print best ? tests : all }' "$REACH"
}

# Verifies the rules that make one of some ops, or, where there is none, all; further arguments go to verify.
verified() {
    rules=$("$B/bin/mutate_rules" makers "$1" patterns/*.pat)
    shift
    timeout 600 "$@" ${rules:+--rule "$rules"} --failures 1 --quiet patterns/*.pat >"$work/err" 2>&1 </dev/null
    case $? in 0 | 2) ;; *) return 1 ;; esac # 2: there is nothing to compare
}

# Whether optimised code is what it was: compiler and its flags, source, object of the source as it is.
same_code() {
    [ -f "$3" ] || $1 -c -o "$3" "$2"
    $1 -I"$(dirname "$work/$2")" -I"$work/kernels" -c -o "$work/same.o" "$work/$2" && cmp -s "$3" "$work/same.o"
}

compiled() { $KERNEL_CC "$2" -I"$work/kernels" -shared -o "$work/$1.so" "$work/kernels/cpu/$1.c" >"$work/err" 2>&1; }
tested() { timeout "$1" env LD_PRELOAD="$ASAN$2" "$B/bin/mutate_tests" $3 >"$work/err" 2>&1; }

# Most mutants die soon: those that do not are compiled better, and all sources that a header is part of are tested at once. What
# ends by a signal is noticed, too.
judge_c() {
    made= ops= late=
    for source in $(sources_of "$1"); do
        tests=$(tests_of "$source" "$1" "$2")
        compiled "$source" -O0 || { echo compiler; return; }
        [ -z "$tests" ] || tested 4 ":$work/$source.so" "$tests"
        case $? in 0) ;; 124) late="$late $tests" ;; *) echo "its suites"; return ;; esac
    done
    for source in $(sources_of "$1"); do
        ! same_code "$EXACT_CC -O2" "kernels/cpu/$source.c" "$work/same.$source.o" || continue
        compiled "$source" -O2
        made=$made:$work/$source.so
        ops=$ops,$(nm -D --defined-only "$work/$source.so" | sed -n 's/.* T sld_cpu_//p' | paste -sd, -)
    done
    [ -n "$made" ] || { echo "same code"; return; }
    [ -z "$late" ] || tested 600 "$made" "$(printf '%s\n' $late | awk '!seen[$0]++')" || { echo "its suites"; return; }
    verified "$ops" env LD_PRELOAD="$ASAN$made" "$B/bin/mutate_verify" --cases "${CASES:-4}" --elements 2048 --targets cpu && echo survivor ||
        echo verification
}

# Ops whose kernels a file of HIP has; nothing of what all have in common.
hip_ops() {
    case $(basename "$1" .hip) in
    act) echo silu_and_mul,act_and_mul_static_quant,act_and_mul_group_quant,static_quant,group_quant,add ;;
    norm) echo rms_norm,add_rms_norm,rms_norm_static_quant,rms_norm_group_quant,add_rms_norm_static_quant,add_rms_norm_group_quant,gated_rms_norm,gated_rms_norm_group_quant,mla_dual_rms_norm ;;
    qkv) echo qk_norm_rotary,qk_norm_rope_cache,rope_cache,rotary_embedding,kv_cache_update ;;
    mla) echo mla_kv_cache_update,mla_latent_queries,mla_rope_cache,mla_decode_queries ;;
    attention) echo decode_attention ;;
    latent) echo paged_latent_attention,paged_mla_attention ;;
    reduce) echo all_reduce,all_reduce_rms_norm,all_reduce_rms_norm_static_quant,all_reduce_rms_norm_group_quant ;;
    esac
}

# What takes long in emulation is compiled better; ranks that are not heard of wait long.
judge_hip() {
    file=$(basename "$1" .hip) better= limit=60
    case $file in mla | latent) better=-O1 ;; reduce) limit=10 ;; esac
    $EMU_CC $better -I"$work/kernels/hip" -x c++ -c -o "$work/m.o" "$work/$1" >"$work/err" 2>&1 &&
        $EMU_CC -shared -o "$work/m.so" "$work/m.o" $(printf '%s\n' $EMU_O | grep -v "/$1\.o$") >>"$work/err" 2>&1 || { echo compiler; return; }
    timeout $limit env LD_PRELOAD="$work/m.so" "$B/bin/mutate_emu" "$file" >"$work/err" 2>&1 || { echo emulation; return; }
    ! same_code "$EMU_CC -O2 -x c++" "$1" "$work/same.$file.o" || { echo "same code"; return; }
    verified "$(hip_ops "$1")" env SOLDER_DEVICE="$work/m.so" "$B/bin/verify" --cases "${CASES:-2}" --elements 4096 --targets hip &&
        echo survivor || echo verification
}

# By a line of equivalent.txt.
explained() {
    printf 'survivor\t%s\t%s:%s\t%s\n' "$op" "$file" "$line" "$text" >"$work/one"
    awk -f tests/mutate/report.awk tests/mutate/equivalent.txt tests/gen/golden/near.txt "$work/one" >/dev/null
}

while IFS=$tab read -r op file line text; do
    rm -rf "$work/kernels"
    cp -r kernels "$work/kernels"
    printf '%s\n' "$text" >"$work/text"
    awk -v n="$line" -v f="$work/text" 'BEGIN { getline t <f } FNR == n { print t; next } { print }' "$file" >"$work/$file"
    case ${QUICK:+$(explained && echo yes)},$file in
    yes,*) verdict=survivor ;;
    *.hip) verdict=$(judge_hip "$file") ;;
    *) verdict=$(judge_c "$file" "$line") ;;
    esac
    printf '%s\t%s\t%s:%s\t%s\n' "$verdict" "$op" "$file" "$line" "$text"
done <"$list"
