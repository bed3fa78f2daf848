# make hip: the backend for the GPUs of this machine, lib/libsolder_hip.so. nvcc builds it for NVIDIA, otherwise hipcc for AMD;
# HIPCC=... names another compiler, GPU=... the architectures: HIPCC=clang++-19 GPU=gfx942 is for MI300 where hipcc is older.
HIPCC ?= $(firstword $(shell command -v nvcc 2>/dev/null) $(wildcard /usr/local/cuda/bin/nvcc) \
    $(shell command -v hipcc 2>/dev/null) $(wildcard /opt/rocm/bin/hipcc))
HIP_CUDA := $(filter nvcc,$(notdir $(HIPCC)))
GPU     ?= $(if $(HIP_CUDA),sm_90,gfx90a gfx940)
HIP_CLANG := $(findstring clang++,$(notdir $(HIPCC)))
HIP_D   := $(B)/$(if $(HIP_CUDA),cuda,rocm)
HIP_O   := $(patsubst kernels/hip/%,$(HIP_D)/%.o,$(wildcard kernels/hip/*.hip kernels/hip/*.c))
# clang with the device libraries of the system, which may not know gfx942 yet: to them it is a 940.
BITCODE ?= /usr/lib/x86_64-linux-gnu/amdgcn/bitcode
HIP_BITCODE := $(HIP_D)/bitcode
HIP_FLAGS := -O3 -std=c++17 -Iruntime -Ikernels/hip \
    $(if $(HIP_CUDA),$(foreach a,$(GPU),-gencode arch=$(a:sm_%=compute_%),code=$(a)) -Xcompiler -fPIC -x cu,\
    $(foreach a,$(GPU),--offload-arch=$(a)) -fPIC -x hip \
    $(if $(HIP_CLANG),--hip-path=/usr --rocm-path=/usr --rocm-device-lib-path=$(HIP_BITCODE)))
$(HIP_BITCODE):
	@mkdir -p $@
	$(Q)ln -sf $(BITCODE)/* $@
	$(Q)[ -e $@/oclc_isa_version_942.bc ] || ln -s $(BITCODE)/oclc_isa_version_940.bc $@/oclc_isa_version_942.bc
$(HIP_D)/%.hip.o: kernels/hip/%.hip $(wildcard kernels/hip/*.h) runtime/sld_device.h runtime/sld_abi.h \
    $(if $(HIP_CLANG),| $(HIP_BITCODE))
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
	$(Q)$(HIPCC) -shared -o $@ $^ $(if $(HIP_CUDA),-cudart static) $(if $(HIP_CLANG),--hip-link $(GPU:%=--offload-arch=%) -lamdhip64) -ldl
.PHONY: hip
hip:
	$(if $(HIPCC),$(Q)$(MAKE) --no-print-directory $(B)/lib/libsolder_hip.so all,@echo "make hip: neither nvcc nor hipcc is here" >&2; exit 1)
