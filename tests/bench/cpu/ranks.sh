#!/bin/sh
# ranks.sh SOLDER: all-reduce, add, RMSNorm and quantisation on two ranks, fused beside the chain; best of 50 runs.
dir=$(mktemp -d) || exit 1
trap 'rm -r "$dir"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
printf '\n| on two ranks | tokens | unfused, us | fused, us | ratio |\n| --- | --- | --- | --- | --- |\n'
best() {
    mpirun -n 2 "$1" run "$dir/g.txt" --input x="$dir/x" --input b="$dir/x" --input w="$dir/w" --repeat 50 $2 |
        sed -n 's/.* launches in \([0-9.]*\) ms.*/\1/p'
}
for tokens in 16 64 1024; do
    printf 'solder 1\ninput %%x : bf16[%d, 4096]\ninput %%b : bf16[%d, 4096]\ninput %%w : bf16[4096]
const %%s : f32[] = 0.02\n%%a = all_reduce(%%x; group = "tp")\n%%n, %%t = add_rms_norm(%%a, %%b, %%w; eps = 1e-06)
%%q = static_quant(%%n, %%s; to = f8e4m3fn)\noutput q = %%q\noutput t = %%t\n' $tokens $tokens >"$dir/g.txt"
    head -c $((tokens * 8192)) /dev/zero | tr '\0' '?' >"$dir/x" # 0x3f3f is 0.75
    head -c 8192 /dev/zero | tr '\0' '?' >"$dir/w"
    awk -v t=$tokens -v a="$(best "$1")" -v b="$(best "$1" --fused)" \
        'BEGIN { printf "| all-reduce, add, RMSNorm, one scale | %d | %.0f | %.0f | %.2f |\n", t, 1e3 * a, 1e3 * b, a / b }'
done
