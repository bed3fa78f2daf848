# Whether what rules make computes what they match: make verify N=cases of each variant SEED=1 [RULE=name].
VERIFY_O := $(call obj,$(wildcard tests/verify/*.c))
$(B)/bin/verify: $(VERIFY_O) $(DSL_O) $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -rdynamic -o $@ $(VERIFY_O) $(DSL_O) -Wl,--whole-archive $(B)/lib/libsolder.a -Wl,--no-whole-archive $(LDLIBS) $(MPI_LIBS) -ldl -pthread
VERIFY_ENV = $(if $(EMU_LIBRARY),SOLDER_DEVICE=$${SOLDER_DEVICE:-$(EMU_LIBRARY)})
# For tests/gen/verify_test.c: the tool, and what makes a shared library of rules.
VERIFY_TEST_ENV = VERIFY=$(B)/bin/verify VERIFY_CC='$(CC) -std=c11 -D_GNU_SOURCE -w -O1 $(filter -fsanitize% -fno-sanitize%,$(ALL_CFLAGS)) -Iruntime -Ikernels -DSLD_RULESET -fPIC -shared'
.PHONY: verify check-verify
check-verify: $(B)/bin/verify $(EMU_LIBRARY)
	@$(VERIFY_ENV) $(B)/bin/verify --cases 2 --elements 4096 --quiet $(PATTERNS)
verify: $(B)/bin/verify $(EMU_LIBRARY)
	@$(VERIFY_ENV) $(B)/bin/verify $(if $(N),--cases $(N)) $(if $(SEED),--seed $(SEED)) $(if $(RULE),--rule $(RULE)) $(PATTERNS)
