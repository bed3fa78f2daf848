# Solder.  `make demo` and `make check` install what they need, build, and run.
#
#   make            build/bin/solderc, build/bin/solder, build/lib/libsolder.a
#   make demo       fuse and run a real model on the CPU, and show the result
#   make check      all tests; SAN=1 under AddressSanitizer and UBSan; CC=clang
#   make check-threads  the suites of kernels that share rows, under ThreadSanitizer
#   make property N=100000 SEED=1   random graphs under random rules; a failure prints its seed and leaves a small case
#   make faults     the tools with every allocation failing in turn; make check: a sample
#   make coverage   lines and branches that the tests reach, by gcov; build/untested.txt: what they do not
#   make verify N=24 SEED=1  what each rule makes beside what it matches, on random graphs, by every kernel; RULE=name
#   make acceptance  the acceptance matrix with all combinations (tests/README.md); a part of it is in make check
#   make golden     rewrite the expected texts of the tests after a change meant to be
#   make bench      time of importing, fusing and running the example models
#   make doc        build/reference.md: all ops, patterns, rules and kernels
#   make lines      how long the files of patterns are, by what they declare
#   make bench-check  time and memory of checking generated rules
#   make bench-match  matching and rewriting a decoder stack beside MLIR and C by hand
#   make bench-cpu  fused ops and layers on the CPU beside their chains, memcpy and ONNX Runtime
#   make hip        the backend for the GPUs of this machine, build/lib/libsolder_hip.so
#   make bench-gpu  GPU kernels beside PyTorch; make gpu-resources: their registers and spills
#   make bench-allreduce  sums over GPUs beside NCCL and PyTorch
#   make fuzz       compiler, readers, rewriter and binding under libFuzzer for TIME=60 seconds; TARGET=fx: one of them
#   make mutate     what notices when rules and kernels are changed; N=40 mutants of each kind, EACH=line, SEED=1, WHAT="rules cpu hip"
#   make clean
#
# Data flows one way: dsl -> gen -> build/gen/solder.c -> runtime -> kernels.

ifeq ($(origin CC),default)
CC      := gcc
endif
SAN     ?= 0
VARIANT := $(notdir $(CC))$(if $(filter 1,$(SAN)),-san)$(if $(filter thread,$(SAN)),-tsan)
B       := build/$(VARIANT)

# make V=1 shows whole command lines.
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(Q),@echo "  $(1) $(2)")

WARN    := -Wall -Wextra -Werror
CFLAGS  ?= -O2 -g
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -Idsl -Igen -Iruntime -Ikernels -I$(B)/dsl -I$(B)/onnx -MMD -MP
ifeq ($(SAN),1)
ALL_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(SAN),thread)
ALL_CFLAGS += -fsanitize=thread
endif

# ---- libraries: core needs none; each reader, BLAS and MPI are left out where they are missing ----
has = $(shell pkg-config --exists $(1) 2>/dev/null && echo 1)
ONNX_PROTO := $(wildcard /usr/include/onnx/onnx.proto)
HAVE_ONNX := $(and $(call has,libprotobuf-c),$(ONNX_PROTO),$(shell command -v protoc-c 2>/dev/null))
HAVE_FX   := $(and $(call has,jansson),$(call has,zlib))
HAVE_MPI  := $(and $(call has,ompi-c),$(shell command -v mpirun 2>/dev/null))
BLAS_PC   := $(firstword $(foreach p,openblas cblas blas,$(if $(call has,$(p)),$(p))))
LDLIBS := -lm -pthread
ifneq ($(HAVE_ONNX),)
ALL_CFLAGS += -DSLD_HAVE_ONNX
LDLIBS += $(shell pkg-config --libs libprotobuf-c)
endif
ifneq ($(HAVE_FX),)
ALL_CFLAGS += -DSLD_HAVE_FX
LDLIBS += $(shell pkg-config --libs jansson zlib)
endif
ifneq ($(HAVE_MPI),)
ALL_CFLAGS += -DSLD_HAVE_MPI
MPI_LIBS := $(shell pkg-config --libs ompi-c)
endif
ifneq ($(BLAS_PC),)
ALL_CFLAGS += -DSLD_HAVE_BLAS $(shell pkg-config --cflags $(BLAS_PC))
LDLIBS += $(shell pkg-config --libs $(BLAS_PC))
endif

# ---- sources ----
DSL_C     := $(wildcard dsl/*.c)
GEN_C     := $(wildcard gen/*.c)
RUNTIME_C := $(filter-out runtime/onnx_% runtime/fx_% runtime/mpi.c,$(wildcard runtime/*.c))
ifneq ($(HAVE_ONNX),)
RUNTIME_C += $(wildcard runtime/onnx_*.c)
endif
ifneq ($(HAVE_FX),)
RUNTIME_C += $(wildcard runtime/fx_*.c)
endif
ifneq ($(HAVE_MPI),)
RUNTIME_C += runtime/mpi.c
endif
CLI_C     := $(wildcard runtime/cli/*.c)
KERNEL_C  := $(wildcard kernels/ref/*.c kernels/cpu/*.c)
PATTERNS  := $(wildcard patterns/*.pat)
TEST_C    := $(wildcard tests/*/*_test.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))
DSL_O     := $(call obj,$(DSL_C)) $(B)/dsl/lex.o $(B)/dsl/parse.o
GEN_O     := $(call obj,$(GEN_C))
RUNTIME_O := $(call obj,$(RUNTIME_C)) $(if $(HAVE_ONNX),$(B)/onnx/onnx.pb-c.o)
CLI_O     := $(call obj,$(CLI_C))
KERNEL_O  := $(call obj,$(KERNEL_C))
RULES_O   := $(B)/gen/solder.o

.PHONY: all demo check acceptance golden bench bench-check lines doc clean deps
all: $(B)/bin/solderc $(B)/bin/solder $(B)/lib/libsolder.a

# ---- front end and generator ----
$(B)/dsl/lex.c: dsl/lex.re
	@mkdir -p $(@D)
	$(call say,RE2C,$@)
	$(Q)re2c --no-generation-date --no-version -i -W -o $@ $<
$(B)/dsl/parse.c $(B)/dsl/parse.h &: dsl/parse.y
	@mkdir -p $(@D)
	$(call say,BISON,$@)
	$(Q)bison --no-lines -Wall -Werror -o $(B)/dsl/parse.c --header=$(B)/dsl/parse.h $<
$(DSL_O) $(GEN_O): | $(B)/dsl/parse.h
$(B)/dsl/lex.o: $(B)/dsl/lex.c
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/dsl/parse.o: $(B)/dsl/parse.c
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/bin/solderc: $(GEN_O) $(DSL_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ -lm

# ---- rules ----
$(B)/gen/solder.c: $(B)/bin/solderc $(PATTERNS)
	@mkdir -p $(@D)
	$(call say,SOLDERC,$@)
	$(Q)$(B)/bin/solderc -o $@ --depfile $(@:.c=.pat.d) $(PATTERNS)
$(RULES_O): $(B)/gen/solder.c
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# ---- runtime, kernels, tool ----
$(B)/onnx/onnx.pb-c.c $(B)/onnx/onnx.pb-c.h &: $(ONNX_PROTO)
	@mkdir -p $(@D)
	$(call say,PROTOC,$@)
	$(Q)protoc-c --c_out=$(B)/onnx -I$(dir $<) $<
$(B)/onnx/onnx.pb-c.o: $(B)/onnx/onnx.pb-c.c
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/lib/libsolder.a: $(RUNTIME_O) $(RULES_O) $(KERNEL_O)
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/bin/solder: $(CLI_O) $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS) $(MPI_LIBS)
$(B)/runtime/mpi.o: ALL_CFLAGS += $(shell pkg-config --cflags ompi-c 2>/dev/null)
# Without contraction all vector widths give the same bits; flags of exceptions and errno, which nobody reads, would
# keep loops from vectors.
$(KERNEL_O): ALL_CFLAGS += -O3 -ffp-contract=off -fno-trapping-math -fno-math-errno
# The parser once more, in a test.
$(B)/tests/dsl/grammar_test.o: | $(B)/dsl/parse.h
$(RUNTIME_O) $(CLI_O) $(call obj,$(TEST_C)): | $(if $(HAVE_ONNX),$(B)/onnx/onnx.pb-c.h)
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# ---- what the two commands of the README do ----
deps:
	@sh tests/deps.sh
# A second make, so that libraries that were just installed are seen.
demo: deps
	@$(MAKE) --no-print-directory all
	@$(B)/bin/solder demo tests/models/qwen3
check: deps
	@$(MAKE) --no-print-directory all run-tests

SUITES := $(patsubst %_test.c,%,$(notdir $(TEST_C)))
$(B)/tests/suites.h: $(TEST_C) Makefile
	@mkdir -p $(@D)
	@printf 'X(%s)\n' $(SUITES) solder_rules run_rules >$@
# Rules for tests of soundness.
$(B)/gen/sound.c: $(B)/bin/solderc tests/runtime/sound.pat patterns/ops.pat
	$(call say,SOLDERC,$@)
	$(Q)$(B)/bin/solderc -n sound -o $@ tests/runtime/sound.pat
$(B)/gen/sound.o: ALL_CFLAGS += -Itests/runtime -DSLD_PRIMITIVES='"sound_primitives.h"'
$(B)/gen/sound.o: $(B)/gen/sound.c
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
SOUND_O := $(B)/gen/sound.o $(call obj,$(addprefix tests/runtime/,sound_ops.c property_graph.c property_check.c))
# The tests that stand in the rules.
$(B)/gen/rules_test.c: $(B)/bin/solderc $(PATTERNS)
	$(call say,SOLDERC,$@)
	$(Q)$(B)/bin/solderc --tests -o $@ $(PATTERNS)
$(B)/gen/rules_test.o: $(B)/gen/rules_test.c tests/gen/rule_check.h
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/gen -c -o $@ $<
# Rules of the tests of the runtime, and the tests that stand in them.
$(B)/gen/run.c $(B)/gen/run_rules_test.c: tests/runtime/run.pat $(B)/bin/solderc
	$(call say,SOLDERC,$@)
	$(Q)$(B)/bin/solderc $(if $(findstring _test,$@),--tests) -n run -o $@ $<
RUN_O := $(B)/gen/run.o $(B)/gen/run_rules_test.o
$(RUN_O): $(B)/gen/%.o: $(B)/gen/%.c tests/gen/rule_check.h
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/gen -c -o $@ $<
$(B)/tests/main.o: tests/main.c $(B)/tests/suites.h
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(B)/tests -c -o $@ $<
include tests/embed/embed.mk
include tests/hipemu/hipemu.mk
include kernels/hip/hip.mk
include tests/gen/match/match.mk
include tests/gen/near/near.mk
include tests/dsl/prover/prover.mk
include tests/faults/faults.mk
include tests/verify/verify.mk
ACCEPTANCE_O := $(call obj,$(filter-out %_test.c,$(wildcard tests/acceptance/*.c)))
$(B)/bin/tests: $(B)/tests/main.o $(call obj,$(TEST_C)) $(ACCEPTANCE_O) $(B)/gen/rules_test.o $(RUN_O) $(SOUND_O) $(EMBED_O) $(PROVER_O) \
    $(DSL_O) $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs check 2>/dev/null) $(LDLIBS)

TEST_ENV = CK_DEFAULT_TIMEOUT=60 $(EMBED_ENV) $(MATCH_ENV) $(NEAR_ENV) $(VERIFY_TEST_ENV) $(if $(EMU_LIBRARY),SOLDER_EMU=$(EMU_LIBRARY)) SOLDER_BIN=$(B)/bin/solder SOLDERC_BIN=$(B)/bin/solderc SOLDER_MODELS=tests/models
TEST_NEEDS = all $(B)/bin/tests $(EMBED_NEEDS) $(MATCH_NEEDS) $(B)/bin/near_check $(B)/bin/verify $(FAULTS_NEEDS) $(EMU_LIBRARY)
.PHONY: run-tests
run-tests: $(TEST_NEEDS) replay check-hipemu check-verify
	@$(TEST_ENV) $(B)/bin/tests
# The suites whose kernels share rows among threads, under ThreadSanitizer. It does not see how BLAS waits.
.PHONY: check-threads run-threads
check-threads:
	@$(MAKE) --no-print-directory SAN=thread run-threads
run-threads: $(B)/bin/tests
	@for suite in team cpu qkv mla paged; do OPENBLAS_NUM_THREADS=1 CK_RUN_SUITE=$$suite $(TEST_ENV) CK_DEFAULT_TIMEOUT=900 $(B)/bin/tests || exit 1; done
.PHONY: property
property: $(B)/bin/tests
	@$(TEST_ENV) CK_RUN_SUITE=property PROPERTY_N=$(N) PROPERTY_SEED=$(SEED) PROPERTY_DIR=build $(B)/bin/tests
bench: all
	@python3 tests/bench/models.py $(B)/bin/solder tests/models/qwen3 tests/models/llama tests/models/deepseek_v3 tests/models/qwen3_next
lines:
	@awk -f tests/bench/lines.awk $(PATTERNS)
bench-check: $(B)/bin/solderc
	@python3 tests/bench/rules.py $(B)/bin/solderc 1000 3000 10000
include tests/bench/match/match.mk
include tests/bench/cpu/cpu.mk
include tests/bench/gpu/gpu.mk
include tests/fuzz/fuzz.mk
include tests/mutate/mutate.mk
# Children of tests that end by a signal leave no counts.
.PHONY: coverage
coverage:
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory B=build/coverage CFLAGS="-O0 -g --coverage -Wno-restrict" all run-tests
	@python3 tests/coverage.py build/coverage build/untested.txt
# All combinations of the acceptance matrix, the largest as well.
acceptance: all $(B)/bin/tests
	@for suite in acceptance qkv mla; do ACCEPTANCE=1 CK_RUN_SUITE=$$suite $(TEST_ENV) $(B)/bin/tests || exit 1; done
golden: $(TEST_NEEDS)
	@UPDATE=1 $(TEST_ENV) $(B)/bin/tests

doc: $(B)/bin/solderc
	$(call say,DOC,build/reference.md)
	$(Q)$(B)/bin/solderc --doc -o build/reference.md $(PATTERNS)

clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
