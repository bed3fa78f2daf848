# What tests and checks catch: make mutate [N=of each kind] [SEED=1] [WHAT="rules cpu hip"]; see tests/README.md.
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
# A few suites alone, so that they link fast.
MUTATE_SUITES := acceptance collective cpu fuse mla paged qkv ref
$(B)/tests/mutate/suites.h:
	@mkdir -p $(@D)
	@printf 'X(%s)\n' $(MUTATE_SUITES) >$@
$(B)/tests/mutate/main.o: tests/main.c $(B)/tests/mutate/suites.h
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(B)/tests/mutate -c -o $@ $<
MUTATE_TESTS_O := $(B)/tests/mutate/main.o $(foreach s,$(MUTATE_SUITES),$(patsubst %.c,$(B)/%.o,$(wildcard tests/*/$(s)_test.c))) $(ACCEPTANCE_O)
# As they are, they link and pass.
$(B)/bin/mutate_tests: $(MUTATE_TESTS_O) $(B)/lib/libsolder.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs check 2>/dev/null) $(LDLIBS)
MUTATE_ENV = B=$(B) SOLDER_MODELS=tests/models SOLDER_BIN=$(B)/bin/solder N=$(N) SEED=$(SEED) WHAT="$(WHAT)" \
    MUTATE_CC='$(MUTATE_CC)' \
    KERNEL_CC='$(CC) $(filter-out -g -MMD -MP -O% -W%,$(ALL_CFLAGS)) -w -O1 -ffp-contract=off -fno-trapping-math -fno-math-errno' \
    TEST_LINK='$(CC) -s $(MUTATE_TESTS_O)' TEST_LIBS='$(B)/lib/libsolder.a $(shell pkg-config --libs check 2>/dev/null) $(LDLIBS)' \
    EMU_CC='$(CXX) $(filter-out -O% -g -W% -MMD -MP,$(EMU_FLAGS)) -w -O0' EMU_LINK='$(CXX) -s' EMU_O='$(EMU_O) $(HIP_C_O)'
.PHONY: mutate
mutate: $(B)/bin/mutate_rules $(B)/bin/replay $(B)/bin/near_check $(B)/bin/solderc $(wildcard $(B)/bin/verify) $(B)/bin/mutate_tests \
    $(if $(HAVE_CXX),$(B)/bin/hipemu_test)
	@$(MUTATE_ENV) sh tests/mutate/mutate.sh $(B)/mutate
