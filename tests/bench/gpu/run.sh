#!/bin/sh
# Builds the GPU kernels with nvcc, checks and times them: make bench-gpu. Arguments: the rows wanted, all without.
set -e
command -v nvcc >/dev/null || { echo "bench-gpu: nvcc is missing" >&2; exit 1; }
python3 -c 'import torch; torch.cuda.is_available() or exit(1)' 2>/dev/null || {
    echo "bench-gpu: PyTorch or a GPU that it can use is missing" >&2; exit 1; }
out=${OUT:-/tmp}
nvcc -O3 -std=c++17 -arch=sm_90 -Xptxas -v -shared -Xcompiler -fPIC -o "$out/libsld_gpu.so" \
    $(for f in kernels/hip/*.hip tests/bench/gpu/copy.hip; do case $f in */device.hip|*/ranks.hip) ;; *) echo "-x cu $f" ;; esac; done) 2>"$out/ptxas.txt" || { cat "$out/ptxas.txt"; exit 1; }
grep -E "spill" "$out/ptxas.txt" | grep -v " 0 bytes spill stores, 0 bytes spill loads" && echo "some kernels spill"
exec python3 tests/bench/gpu/bench.py "$out/libsld_gpu.so" "$@"
