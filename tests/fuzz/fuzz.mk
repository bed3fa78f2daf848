# make fuzz: the targets of FUZZ_TARGETS under libFuzzer (clang 19), which share TIME seconds; TARGET=fx: that one alone;
# SEED=1: the same inputs in the same order each time.
# What it learns stays in build/fuzz/corpus; an input that it breaks on lies in build/fuzz, and belongs under
# tests/fuzz/TARGET once it is mended.  make check replays those folders without libFuzzer.
#
#   dsl      scanner, parser, checker, generator     graph    the text form of graphs
#   fx       torch FX reader                         rewrite  fused graphs compute the same
#   onnx     ONNX reader and writer                  bind     the kernel that is chosen for a node
FUZZ_TARGETS := dsl $(if $(HAVE_FX),fx) $(if $(HAVE_ONNX),onnx) graph rewrite bind
TARGET     ?= $(FUZZ_TARGETS)
TIME       ?= 60
FUZZ       := build/fuzz
FUZZ_FLAGS := -rss_limit_mb=2048 -timeout=10 -max_len=4096 -print_final_stats=1 -artifact_prefix=$(FUZZ)/
FUZZ_MAKE   = $(MAKE) --no-print-directory CC=clang-19 B=$(FUZZ) FUZZING=1 \
    CFLAGS="-O1 -g -DFUZZING -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"
# The kernels are not what is fuzzed, and with all checks they and the generated rules take a compiler many minutes.
ifdef FUZZING
$(KERNEL_O): ALL_CFLAGS += -O0 -fno-sanitize=all
$(RULES_O) $(B)/gen/sound.o: ALL_CFLAGS += -O0 -fno-sanitize=undefined
endif

# Texts have a dictionary, and are changed by whole words as well.
FUZZ_TEXTS := $(filter-out onnx,$(FUZZ_TARGETS))
fuzz_dict   = $(if $(filter $(1),$(FUZZ_TEXTS)),-dict=$(if $(filter dsl,$(1)),tests/fuzz/dsl,$(FUZZ)/words).dict)
fuzz_seeds  = tests/fuzz/$(1) $(if $(filter dsl,$(1)),tests/dsl/good tests/dsl/bad)$(if $(filter bind,$(1)),tests/fuzz/graph)
fuzz_obj    = $(B)/tests/fuzz/$(1)_fuzz.o $(if $(filter dsl,$(1)),$(filter-out %/main.o,$(GEN_O)) $(DSL_O), \
    $(B)/tests/fuzz/model.o $(if $(filter rewrite,$(1)),$(SOUND_O)) $(B)/lib/libsolder.a)
define FUZZ_LINK
$(B)/bin/$(1)_fuzz: $(call fuzz_obj,$(1)) $(if $(filter $(1),$(FUZZ_TEXTS)),$(B)/tests/fuzz/words.o)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -fsanitize=fuzzer -o $$@ $$^ $$(LDLIBS)
$(B)/bin/$(1)_replay: $(B)/tests/fuzz/replay.o $(call fuzz_obj,$(1))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -o $$@ $$^ $$(LDLIBS)
.PHONY: fuzz-$(1)
fuzz-$(1):
	@mkdir -p $(FUZZ)/corpus/$(1)
	@$(FUZZ)/bin/$(1)_fuzz $(FUZZ_FLAGS) $(call fuzz_dict,$(1)) -max_total_time=$$$$(($(TIME) / $(words $(TARGET)))) \
	    $(if $(SEED),-seed=$(SEED)) \
	    $(FUZZ)/corpus/$(1) $(call fuzz_seeds,$(1)) </dev/null
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call FUZZ_LINK,$(t))))
# Words of graphs: what the patterns declare.
$(FUZZ)/words.dict: $(PATTERNS) tests/runtime/sound.pat
	@mkdir -p $(@D)
	@{ sed -n 's/^op \([a-z_0-9]*\).*/"\1"/p' $^; grep -oh '"aten[^"]*"' $^; printf '"%s"\n' symbol input const output inf call_function \
	    placeholder dtype shape bool u8 i8 i32 i64 f8e4m3fn f8e4m3fnuz f16 bf16 f32 f64 float16 bfloat16 int64; } | sort -u >$@

.PHONY: fuzz replay
fuzz:
	@command -v clang-19 >/dev/null || { echo "make fuzz: clang-19 is missing; apt-get install clang-19 libclang-rt-19-dev" >&2; exit 1; }
	@$(FUZZ_MAKE) $(FUZZ)/words.dict $(TARGET:%=$(FUZZ)/bin/%_fuzz)
	@$(FUZZ_MAKE) -j1 TIME=$(TIME) SEED=$(SEED) TARGET="$(TARGET)" $(TARGET:%=fuzz-%)
replay: $(FUZZ_TARGETS:%=$(B)/bin/%_replay)
	@$(foreach t,$(FUZZ_TARGETS),$(B)/bin/$(t)_replay tests/fuzz/$(t) </dev/null &&) true
