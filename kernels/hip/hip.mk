# make hip: the backend for the GPUs of this machine, lib/libsolder_hip.so. nvcc builds it for NVIDIA, otherwise hipcc for AMD;
# HIPCC=... names another compiler, GPU=... the architectures.
HIPCC ?= $(firstword $(shell command -v nvcc 2>/dev/null) $(wildcard /usr/local/cuda/bin/nvcc) \
    $(shell command -v hipcc 2>/dev/null) $(wildcard /opt/rocm/bin/hipcc))
HIP_CUDA := $(filter nvcc,$(notdir $(HIPCC)))
GPU     ?= $(if $(HIP_CUDA),sm_90,gfx90a gfx940)
HIP_D   := $(B)/$(if $(HIP_CUDA),cuda,rocm)
HIP_O   := $(patsubst kernels/hip/%,$(HIP_D)/%.o,$(wildcard kernels/hip/*.hip kernels/hip/*.c))
HIP_FLAGS := -O3 -std=c++17 -Iruntime -Ikernels/hip \
    $(if $(HIP_CUDA),$(foreach a,$(GPU),-gencode arch=$(a:sm_%=compute_%),code=$(a)) -Xcompiler -fPIC -x cu,\
    $(foreach a,$(GPU),--offload-arch=$(a)) -fPIC -x hip)
$(HIP_D)/%.hip.o: kernels/hip/%.hip $(wildcard kernels/hip/*.h) runtime/sld_device.h runtime/sld_abi.h
	@mkdir -p $(@D)
	$(call say,$(notdir $(HIPCC)),$@)
	$(Q)$(HIPCC) $(HIP_FLAGS) -c -o $@ $<
$(HIP_D)/%.c.o: kernels/hip/%.c $(wildcard kernels/hip/*.h kernels/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC $(if $(HIP_CUDA),-DSLD_GPU_CUDA,-DSLD_GPU_ROCM) -c -o $@ $<
$(B)/lib/libsolder_hip.so: $(HIP_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(HIPCC) -shared -o $@ $^ $(if $(HIP_CUDA),-cudart static) -ldl
.PHONY: hip
hip:
	$(if $(HIPCC),$(Q)$(MAKE) --no-print-directory $(B)/lib/libsolder_hip.so all,@echo "make hip: neither nvcc nor hipcc is here" >&2; exit 1)
