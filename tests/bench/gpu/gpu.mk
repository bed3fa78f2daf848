# make bench-gpu: GPU kernels beside their unfused chains, PyTorch eager and torch.compile, on the GPU of this machine.
# make gpu-resources: registers and spills of the kernels for each architecture whose compiler is here.
.PHONY: bench-gpu gpu-resources
bench-gpu:
	$(Q)sh tests/bench/gpu/run.sh $(BENCH)
gpu-resources:
	$(Q)sh tests/bench/gpu/resources.sh
