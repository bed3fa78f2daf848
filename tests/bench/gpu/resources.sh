#!/bin/sh
# Registers and spills of the GPU kernels, from the reports of the compilers that are there: one line for each source
# and architecture. Fails when a kernel spills or keeps an array in memory.
status=0
report=$(mktemp) && trap 'rm -f "$report"' EXIT
row() { # architecture, source, kernels, most registers, kernels that spill
    printf '%-7s %-26s %4s kernels  %4s registers at most  %s spill\n' "$@"
    [ "$5" = 0 ] || status=1
}
# The device libraries of the system may not know gfx942 yet: to them it is a 940.
bitcode=/usr/lib/x86_64-linux-gnu/amdgcn/bitcode
known=$(mktemp -d) && trap 'rm -rf "$report" "$known"' EXIT
[ ! -d $bitcode ] || ln -s $bitcode/* "$known"
[ -e "$known/oclc_isa_version_942.bc" ] || ln -s $bitcode/oclc_isa_version_940.bc "$known/oclc_isa_version_942.bc"
amd() { # architecture
    case $1 in gfx942) echo clang++-19 -x hip --hip-path=/usr --rocm-path=/usr --rocm-device-lib-path="$known" ;; *) echo hipcc ;; esac
}
for source in kernels/hip/*.hip; do
    for arch in gfx90a gfx940 gfx942; do
        compiler=$(amd $arch)
        command -v ${compiler%% *} >/dev/null || continue
        $compiler -O3 -std=c++17 -Iruntime --offload-arch=$arch -c -Rpass-analysis=kernel-resource-usage -o /dev/null "$source" \
            2>"$report" || { cat "$report"; exit 1; }
        row $arch "$source" $(awk '/Function Name:/ { n++ } / VGPRs: / { v = $(NF - 1); if (v + 0 > top) top = v + 0 }
            /ScratchSize/ { if ($(NF - 1) + 0 > 0) bad++ } END { print n + 0, top + 0, bad + 0 }' "$report")
    done
    command -v nvcc >/dev/null || continue
    nvcc -O3 -std=c++17 -Iruntime -arch=sm_90 -Xptxas -v -c -o /dev/null -x cu "$source" 2>"$report" || { cat "$report"; exit 1; }
    row sm_90 "$source" $(awk '/Compiling entry/ { n++ } /Used [0-9]+ registers/ { for (i = 1; i < NF; i++)
        if ($i == "Used" && $(i + 1) + 0 > top) top = $(i + 1) + 0 } /bytes stack frame/ && !/ 0 bytes stack frame, 0 bytes spill stores/ { bad++ }
        END { print n + 0, top + 0, bad + 0 }' "$report")
done
command -v hipcc >/dev/null || echo "hipcc is missing: gfx90a and gfx940 are not looked at"
command -v clang++-19 >/dev/null || echo "clang++-19 is missing: gfx942 is not looked at"
command -v nvcc >/dev/null || echo "nvcc is missing: sm_90 is not looked at"
exit $status
