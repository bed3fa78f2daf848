# The tools with allocations that fail, for tests/faults/faults_test.c.  make faults: every one of them.
FAULTS_O := $(B)/tests/faults/faults.o
$(B)/bin/solderc_faults: $(GEN_O) $(DSL_O) $(FAULTS_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Wl,--wrap=main -o $@ $^ -lm
$(B)/bin/solder_faults: $(CLI_O) $(FAULTS_O) $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Wl,--wrap=main -o $@ $^ $(LDLIBS) $(MPI_LIBS)
FAULTS_NEEDS := $(B)/bin/solderc_faults $(B)/bin/solder_faults
.PHONY: faults
faults: all $(B)/bin/tests $(FAULTS_NEEDS)
	@$(TEST_ENV) FAULTS=0 CK_DEFAULT_TIMEOUT=3600 CK_RUN_SUITE=faults $(B)/bin/tests
