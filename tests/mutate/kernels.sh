#!/bin/sh
# Kills mutants of kernels: sh tests/mutate/kernels.sh LIST FOLDER >RESULTS
#
# LIST is what kernels.awk prints. Prints for each mutant what killed it, operator, file, line and its new text, by tabs:
# the compiler, or that it makes the same code, the tests that reach the line, verification of the rules that make its ops; for
# GPUs the emulation of the file's kernels, plans for the emulated device and verification on it. A mutant is a shared object
# with the one file, and of a header one for each source that includes it, which are loaded before the library of all kernels; of
# what GPUs run that library. Indices of arrays are checked, as by UBSan, and on the CPU what ASan checks.
# With QUICK what is explained is not made. The environment gives B, KERNEL_CC, ASAN (its library), EXACT_CC, EMU_CC and EMU_O,
# as the Makefile has them, and REACH, which reach.sh wrote.
set -u
list=$1 work=$2
mkdir -p "$work"
tab=$(printf '\t')
export OPENBLAS_NUM_THREADS=1 ASAN_OPTIONS=detect_leaks=0,allocator_may_return_null=1

# Sources in some folders of kernels that have to be compiled again when a file changes; those last that take long.
sources_of() {
    case $1 in
    *.c | *.hip) echo "$1" ;;
    *) (cd "$B/kernels" && grep -rl --include="*.d" "$1" $2) | sed "s|^|kernels/|; s|\.d$||; /\.hip$/ !s|$|.c|" |
       awk '{ print ($0 ~ /(wide|pairs|mla|qkv|latent)\./) "\t" $0 }' | sort -s -k1,1 | cut -f2 ;;
    esac
}

# Tests that reach a line of a file, as it stands in a source, quick ones first: of what has no code of its own, as a call that is
# expanded in its place, those of ten lines before it, or, in a macro, those that reach any.
tests_of() {
    awk -F'\t' -v source="$1" -v file="$2" -v line="$3" -v macro="$(grep -c '\\$' "$work/text")" '
        $1 == source && index($2, file ":") == 1 {
            at = substr($2, length(file) + 2) + 0
            if (!macro && at == line) own = $3
            n = split($3, names, " ")
            for (i = 1; i <= n; i++) {
                if (!macro && at > line - 10 && at < line && !before[names[i]]++) near = near " " names[i]
                if (!seen[names[i]]++) all = all " " names[i]
            }
        }
        END { print own ? own : near ? near : all }' "$REACH"
}

# Verifies the rules that make one of some ops, or, where there is none, all; further arguments go to verify.
verified() {
    rules=$("$B/bin/mutate_rules" makers "$1" patterns/*.pat)
    shift
    timeout 1200 "$@" ${rules:+--rule "$rules"} --failures 1 --quiet patterns/*.pat >"$work/err" 2>&1
    case $? in 0 | 2) ;; *) return 1 ;; esac # 2: there is nothing to compare
}

# Makes an object, or a shared one, of a mutant's source: compiler and its flags, source, the object.
make_of() { mkdir -p "$(dirname "$3")" && $1 -iquote "$work/kernels" -o "$3" "$work/$2" >"$work/err" 2>&1; }

# Whether optimised code is what it was: compiler and its flags, source.
same_code() {
    [ -f "$work/same/$2.o" ] || { mkdir -p "$(dirname "$work/same/$2")" && $1 -o "$work/same/$2.o" "$2"; }
    make_of "$1" "$2" "$work/same.o" && cmp -s "$work/same/$2.o" "$work/same.o"
}

tested() { timeout "$1" env LD_PRELOAD="$ASAN$2" "$B/bin/mutate_tests" $3 >"$work/err" 2>&1; }

# Most mutants die soon: those that do not are compiled better, and all sources that a header is part of are tested at once. What
# ends by a signal is noticed, too.
judge_c() {
    made= ops= late= sources=$(sources_of "$1" "cpu ref")
    for source in $sources; do
        tests=$(tests_of "$source" "$1" "$2")
        make_of "$KERNEL_CC -O0 -shared" "$source" "$work/made/$source.so" || { echo compiler; return; }
        [ -z "$tests" ] || tested 4 ":$work/made/$source.so" "$tests"
        case $? in 0) ;; 124) late="$late $tests" ;; *) echo "its suites"; return ;; esac
    done
    for source in $sources; do
        ! same_code "$EXACT_CC -O2 -c" "$source" || continue
        make_of "$KERNEL_CC -O2 -shared" "$source" "$work/made/$source.so"
        made=$made:$work/made/$source.so
        ops=$ops,$(nm -D --defined-only "$work/made/$source.so" | sed -En 's/.* T sld_(cpu|ref)_//p' | paste -sd, -)
    done
    [ -n "$made" ] || { echo "same code"; return; }
    [ -z "$late" ] || tested 600 "$made" "$(printf '%s\n' $late | awk '!seen[$0]++')" || { echo "its suites"; return; }
    verified "$ops" env LD_PRELOAD="$ASAN$made" "$B/bin/mutate_verify" --cases "${CASES:-4}" --elements 2048 --targets ref,cpu &&
        echo survivor || echo verification
}

# Ops whose kernels a file for GPUs has; nothing of what all have in common.
hip_ops() {
    case $(basename "$1" .hip) in
    act) echo silu_and_mul,act_and_mul_static_quant,act_and_mul_group_quant,static_quant,group_quant,add ;;
    norm) echo rms_norm,add_rms_norm,rms_norm_static_quant,rms_norm_group_quant,add_rms_norm_static_quant,add_rms_norm_group_quant,gated_rms_norm,gated_rms_norm_group_quant,mla_dual_rms_norm ;;
    qkv) echo qk_norm_rotary,qk_norm_rope_cache,rope_cache,rotary_embedding,kv_cache_update ;;
    mla) echo mla_kv_cache_update,mla_latent_queries,mla_rope_cache,mla_decode_queries ;;
    attention) echo decode_attention ;;
    latent) echo paged_latent_attention,paged_mla_attention ;;
    reduce | collective.c) echo all_reduce,all_reduce_rms_norm,all_reduce_rms_norm_static_quant,all_reduce_rms_norm_group_quant ;;
    esac
}

# What makes an object of a source for GPUs; what takes long in emulation is compiled better. C runs on no fibre: ASan may watch.
compiler_of() {
    case $1 in
    *.c) echo "$KERNEL_CC -O1 -c" ;;
    */mla.hip | */latent.hip) echo "$EMU_CC -O1 -x c++ -c" ;;
    *) echo "$EMU_CC -x c++ -c" ;;
    esac
}

# Makes an object again, and the library with all that lie in the same folder: flags, source, folder.
emulation_of() {
    make_of "$(compiler_of "$2") $1" "$2" "$work/$3/${2%.c}.o" &&
        $EMU_CC -shared -o "$work/$3.so" $(for o in $EMU_O; do
            again=$work/$3/${o#"$B"/}
            [ -e "$again" ] && echo "$again" || echo "$o"
        done) >>"$work/err" 2>&1
}

# The cases of a source: program, libraries before it, seconds. Ranks that are not heard of wait long.
emulated() {
    seconds=$4 name=$(basename "$1" .hip)
    case $name in reduce | ranks) seconds=$((seconds / 6)) name=reduce ;; esac
    timeout $seconds env LD_PRELOAD="$3" "$B/bin/$2" "$name" >"$work/err" 2>&1
}

# What takes no time comes first, and ASan after what tells of most mutants.
judge_hip() {
    same=yes sources=$(sources_of "$1" hip)
    for source in $sources; do
        emulation_of "" "$source" made || { echo compiler; return; }
        emulated "$source" mutate_emu "$work/made.so" 60 || { echo emulation; return; }
    done
    for source in $sources; do
        same_code "$(compiler_of "$source") -O2" "$source" || same=
    done
    [ -z "$same" ] || { echo "same code"; return; }
    suites=device asan=
    case $1 in *.c) asan=$ASAN ;; esac
    case $1 in */ranks.hip) suites="device ranks" ;; esac
    for suite in $suites; do
        LD_PRELOAD=$asan SOLDER_EMU=$work/made.so CK_RUN_SUITE=$suite timeout 300 "$B/bin/tests" >"$work/err" 2>&1 || { echo "its suites"; return; }
    done
    for source in $(printf '%s\n' $sources | grep hip$); do
        emulation_of "-O1 -fsanitize=address" "$source" asan
        emulated "$source" mutate_emu_asan "$ASAN:$work/asan.so" 600 || { echo emulation; return; }
    done
    verified "$(hip_ops "$1")" env LD_PRELOAD="$asan" SOLDER_DEVICE="$work/made.so" "$B/bin/verify" --cases "${CASES:-2}" --elements 4096 --targets hip &&
        echo survivor || echo verification
}

# By a line of equivalent.txt.
explained() {
    printf 'survivor\t%s\t%s:%s\t%s\n' "$op" "$file" "$line" "$text" >"$work/one"
    awk -f tests/mutate/report.awk tests/mutate/equivalent.txt tests/gen/golden/near.txt "$work/one" >/dev/null
}

while IFS=$tab read -r op file line text; do
    rm -rf "$work/kernels" "$work/made" "$work/asan"
    cp -r kernels "$work/kernels"
    printf '%s\n' "$text" >"$work/text"
    awk -v n="$line" -v f="$work/text" 'BEGIN { getline t <f } FNR == n { print t; next } { print }' "$file" >"$work/$file"
    case ${QUICK:+$(explained && echo yes)},$file in
    yes,*) verdict=survivor ;;
    *,kernels/hip/*) verdict=$(judge_hip "$file" </dev/null) ;;
    *) verdict=$(judge_c "$file" "$line" </dev/null) ;;
    esac
    printf '%s\t%s\t%s:%s\t%s\n' "$verdict" "$op" "$file" "$line" "$text"
done <"$list"
