# make bench-gpu: GPU kernels beside their unfused chains, PyTorch eager and torch.compile, on the GPU of this machine.
# make bench-allreduce: sums over the GPUs of this machine beside NCCL and PyTorch's symmetric memory.
# make gpu-resources: registers and spills of the kernels for each architecture whose compiler is here.
.PHONY: bench-gpu bench-allreduce gpu-resources
bench-gpu:
	$(Q)sh tests/bench/gpu/run.sh $(BENCH)
bench-allreduce:
	$(Q)sh tests/bench/gpu/allreduce.sh $(BENCH)
gpu-resources:
	$(Q)sh tests/bench/gpu/resources.sh
# make bench-gpu-layers: layers of models through the runtime, fused beside unfused, captured.
# make bench-gpu-ranks: sums over the first RANKS=2 GPUs through the runtime, fused beside unfused, captured.
RANKS ?= 2
$(B)/bench/gpu_layers: tests/bench/gpu/layer_caches.h
$(B)/bench/gpu_%: tests/bench/gpu/%.c tests/bench/gpu/bench.h $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(B)/lib/libsolder.a $(LDLIBS)
.PHONY: bench-gpu-layers bench-gpu-ranks
bench-gpu-layers: hip $(B)/bench/gpu_layers
	$(Q)SOLDER_DEVICE=$(B)/lib/libsolder_hip.so $(B)/bench/gpu_layers $(TOKENS)
bench-gpu-ranks: hip $(B)/bench/gpu_ranks
	$(Q)SOLDER_DEVICE=$(B)/lib/libsolder_hip.so $(B)/bench/gpu_ranks $(RANKS) $(TOKENS)
