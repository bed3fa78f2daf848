# What tests and checks catch: make mutate [N=of each kind] [EACH=line] [SEED=1] [WHAT="rules cpu hip"] [QUICK=1]; see
# tests/README.md.
# tcc, where it is installed, makes the C of a rule ten times as fast.
MUTATE_CC := $(if $(shell command -v tcc 2>/dev/null),tcc -D_Pragma(x)=,$(CC) -O0 -fPIC) -std=c11 -D_GNU_SOURCE -w \
    -DSLD_RULESET -Iruntime
$(B)/bin/mutate_rules: $(call obj,tests/mutate/rules.c tests/mutate/mutants.c) $(filter-out %/main.o,$(GEN_O)) $(DSL_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ -lm
$(B)/bin/replay: $(B)/tests/mutate/replay.o $(B)/tests/gen/near/made.o $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -rdynamic -o $@ $(filter %.o,$^) -Wl,--whole-archive $(B)/lib/libsolder.a -Wl,--no-whole-archive $(LDLIBS) $(MPI_LIBS) -ldl
# A few suites alone, and verification, over kernels in a library: the mutant of one file is loaded before it.
MUTATE_SUITES := acceptance collective cpu fuse mla paged pairs qkv ref
$(B)/tests/mutate/suites.h: tests/mutate/mutate.mk
	@mkdir -p $(@D)
	@printf 'X(%s)\n' $(MUTATE_SUITES) >$@
$(B)/tests/mutate/run.o: ALL_CFLAGS += -I$(B)/tests/mutate
$(B)/tests/mutate/run.o: $(B)/tests/mutate/suites.h
MUTATE_TESTS_O := $(B)/tests/mutate/run.o $(ACCEPTANCE_O) \
    $(foreach s,$(MUTATE_SUITES),$(patsubst %.c,$(B)/%.o,$(wildcard tests/*/$(s)_test.c)))
COMMA := ,
MUTATE_LINK := $(CC) -rdynamic -Wl,--no-as-needed \
    $(addprefix -Wl$(COMMA)--wrap=,_ck_assert_failed _mark_point _tcase_add_test tcase_add_checked_fixture)
MUTATE_LIBS := $(B)/lib/libsolder.a $(shell pkg-config --libs check 2>/dev/null) $(LDLIBS)
# Indices of arrays of the mutant are checked, without a word of where.
CHECKED := -fsanitize=bounds $(if $(findstring clang,$(CC)),-fsanitize-trap=bounds,-fsanitize-undefined-trap-on-error)
EXACT_CC := $(CC) $(filter-out -g -MMD -MP -O% -W%,$(ALL_CFLAGS)) -w -fPIC -ffp-contract=off -fno-trapping-math -fno-math-errno
KERNEL_CC := $(EXACT_CC) $(CHECKED) -fsanitize=address$(if $(findstring clang,$(CC)), -shared-libsan)
ASAN := $(shell $(CC) -print-file-name=$(if $(findstring clang,$(CC)),libclang_rt.asan-x86_64.so,libasan.so))
$(B)/lib/libmutate_kernels.so: $(KERNEL_C) $(wildcard kernels/*.h kernels/*/*.h)
	$(call say,CC,$@)
	$(Q)$(EXACT_CC) -O3 -shared -o $@ $(KERNEL_C)
$(B)/bin/mutate_tests: $(MUTATE_TESTS_O) $(B)/lib/libmutate_kernels.so $(B)/lib/libsolder.a
	$(call say,LINK,$@)
	$(Q)$(MUTATE_LINK) -o $@ $(MUTATE_TESTS_O) $(B)/lib/libmutate_kernels.so $(MUTATE_LIBS)
$(B)/bin/mutate_verify: $(VERIFY_O) $(DSL_O) $(B)/lib/libmutate_kernels.so $(B)/lib/libsolder.a
	$(call say,LINK,$@)
	$(Q)$(CC) -rdynamic -Wl,--no-as-needed -o $@ $(VERIFY_O) $(DSL_O) $(B)/lib/libmutate_kernels.so $(B)/lib/libsolder.a $(LDLIBS) -ldl -pthread
$(B)/bin/mutate_emu: $(filter %_test.cpp.o,$(EMU_O)) $(B)/tests/hipemu/hipemu.cpp.o $(EMU_LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(EMU_FLAGS) -o $@ $(filter %_test.cpp.o,$(EMU_O)) $(EMU_LIBRARY)
# Once more, for what ASan finds of a mutant.
$(B)/tests/mutate/hipemu.o: tests/hipemu/hipemu.cpp
	@mkdir -p $(@D)
	$(call say,CXX,$@)
	$(Q)$(CXX) $(EMU_FLAGS) -fsanitize=address -c -o $@ $<
$(B)/bin/mutate_emu_asan: $(filter %_test.cpp.o,$(EMU_O)) $(B)/tests/mutate/hipemu.o $(EMU_LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(EMU_FLAGS) -fsanitize=address -o $@ $(filter %_test.cpp.o,$(EMU_O)) $(B)/tests/mutate/hipemu.o $(EMU_LIBRARY)
MUTATE_ENV = B=$(B) SOLDER_MODELS=tests/models SOLDER_BIN=$(B)/bin/solder N=$(N) SEED=$(SEED) WHAT="$(WHAT)" EACH=$(EACH) \
    MUTATE_CC='$(MUTATE_CC)' KERNEL_CC='$(KERNEL_CC)' ASAN=$(ASAN) EXACT_CC='$(EXACT_CC)' \
    TEST_LINK='$(MUTATE_LINK) -s $(MUTATE_TESTS_O)' TEST_LIBS='$(MUTATE_LIBS)' \
    EMU_CC='$(CXX) $(filter-out -O% -g -W% -MMD -MP,$(EMU_FLAGS)) -w -O0 $(CHECKED)' \
    EMU_O='$(filter-out %_test.cpp.o,$(EMU_O)) $(HIP_C_O)'
.PHONY: mutate
mutate: $(B)/bin/mutate_rules $(B)/bin/replay $(B)/bin/near_check $(B)/bin/solderc $(B)/bin/solder $(B)/bin/tests \
    $(B)/bin/verify $(B)/bin/mutate_tests \
    $(B)/bin/mutate_verify $(if $(HAVE_CXX),$(B)/bin/mutate_emu $(B)/bin/mutate_emu_asan)
	@$(MUTATE_ENV) sh tests/mutate/mutate.sh $(B)/mutate
