# What tests and checks catch: make mutate [N=of each kind] [SEED=1] [WHAT="rules cpu hip ref"]; see tests/README.md.
MUTATE_CC := $(CC) -std=c11 -D_GNU_SOURCE -w -O0 -shared -fPIC -DSLD_RULESET -Iruntime
$(B)/bin/mutate_rules: $(call obj,tests/mutate/rules.c tests/mutate/mutants.c) $(filter-out %/main.o,$(GEN_O)) $(DSL_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ -lm
$(B)/bin/replay: $(B)/tests/mutate/replay.o $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -rdynamic -o $@ $< -Wl,--whole-archive $(B)/lib/libsolder.a -Wl,--no-whole-archive $(LDLIBS) $(MPI_LIBS) -ldl
# The suites of kernels alone, so that they link fast.
MUTATE_SUITES := cpu chain collective mla paged qkv ref
$(B)/tests/mutate/suites.h:
	@mkdir -p $(@D)
	@printf 'X(%s)\n' $(MUTATE_SUITES) >$@
$(B)/tests/mutate/main.o: tests/main.c $(B)/tests/mutate/suites.h
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(B)/tests/mutate -c -o $@ $<
MUTATE_TESTS_O := $(B)/tests/mutate/main.o $(patsubst %,$(B)/tests/kernels/%_test.o,$(MUTATE_SUITES))
MUTATE_ENV = B=$(B) SOLDER_MODELS=tests/models SOLDER_BIN=$(B)/bin/solder \
    MUTATE_CC='$(MUTATE_CC)' KERNEL_CC='$(CC) $(filter-out -g -MMD -MP -O% -W%,$(ALL_CFLAGS)) -w -O1 -ffp-contract=off -fno-trapping-math -fno-math-errno -Iruntime' \
    TEST_LINK='$(CC) -s $(MUTATE_TESTS_O)' TEST_LIBS='$(B)/lib/libsolder.a $(shell pkg-config --libs check 2>/dev/null) $(LDLIBS)' \
    EMU_CC='$(CXX) $(filter-out -O% -g -W% -MMD -MP,$(EMU_FLAGS)) -w -O0' EMU_LINK='$(CXX) -s' EMU_O='$(EMU_O) $(HIP_C_O)'
.PHONY: mutate-tools
mutate-tools: $(B)/bin/mutate_rules $(B)/bin/replay $(B)/bin/near_check $(B)/bin/solderc $(MUTATE_TESTS_O) $(B)/lib/libsolder.a \
    $(B)/bin/hipemu_test
	@printf '%s\n' "$$MUTATE_SETTINGS" >$(B)/mutate.env
export MUTATE_SETTINGS = $(MUTATE_ENV)
