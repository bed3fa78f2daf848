# The GPU kernels' sources, compiled for the emulation: part of make check.
CXX     ?= g++
HAVE_CXX := $(shell command -v $(CXX) 2>/dev/null)
EMU_SRC := $(wildcard kernels/hip/*.hip) $(wildcard tests/hipemu/*.cpp)
EMU_O   := $(patsubst %,$(B)/%.o,$(EMU_SRC))
EMU_FLAGS := -std=c++17 -D_GNU_SOURCE -O1 -g -fPIC $(WARN) -Wno-unknown-pragmas $(filter -fsanitize% -fno-sanitize%,$(ALL_CFLAGS)) \
    -Itests/hipemu -Ikernels/hip -Iruntime -MMD -MP
$(EMU_O): $(B)/%.o: %
	@mkdir -p $(@D)
	$(call say,CXX,$@)
	$(Q)$(CXX) $(EMU_FLAGS) -x c++ -c -o $@ $<
# The backend of emulated kernels, and the C that launches them.
HIP_C_O := $(call obj,$(wildcard kernels/hip/*.c))
$(HIP_C_O): ALL_CFLAGS += -fPIC
$(B)/bin/hipemu_test: $(EMU_O) $(HIP_C_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(EMU_FLAGS) $(filter --coverage,$(ALL_CFLAGS)) -o $@ $^
EMU_LIBRARY := $(if $(HAVE_CXX),$(B)/lib/libsolder_emu.so)
$(B)/lib/libsolder_emu.so: $(filter-out %_test.cpp.o,$(EMU_O)) $(HIP_C_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(EMU_FLAGS) $(filter --coverage,$(ALL_CFLAGS)) -shared -o $@ $^
.PHONY: check-hipemu
ifeq ($(HAVE_CXX),)
check-hipemu:
	@echo "skipped: a C++ compiler is missing, the GPU kernels are not emulated"
else
check-hipemu: $(B)/bin/hipemu_test
	@$(B)/bin/hipemu_test
endif
