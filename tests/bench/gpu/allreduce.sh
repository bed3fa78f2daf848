#!/bin/sh
# Builds the kernels that sum over ranks with nvcc, checks and times them on the GPUs of this machine: make
# bench-allreduce. Arguments: how many GPUs, several numbers for several runs. NVLink's multicast is left alone.
set -e
export NCCL_NVLS_ENABLE=0 TORCH_SYMM_MEM_DISABLE_MULTICAST=1
command -v nvcc >/dev/null || { echo "bench-allreduce: nvcc is missing" >&2; exit 1; }
python3 -c 'import torch; torch.cuda.device_count() > 1 or exit(1)' 2>/dev/null || {
    echo "bench-allreduce: PyTorch or two GPUs that it can use are missing" >&2; exit 1; }
out=${OUT:-/tmp}
nvcc -O3 -std=c++17 -arch=sm_90 -shared -Xcompiler -fPIC -t 4 -o "$out/libsld_reduce.so" \
    -x cu kernels/hip/reduce.hip -x cu kernels/hip/norm.hip -x cu kernels/hip/act.hip
exec python3 tests/bench/gpu/allreduce.py "$out/libsld_reduce.so" "$@"
