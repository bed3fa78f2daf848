# The random rules of tests/dsl/prover_test.c, and the ops that they are made of as a graph knows them.
PROVER   := tests/dsl/prover
PROVER_O := $(call obj,$(wildcard $(PROVER)/*.c)) $(B)/gen/prover.o

# A file that is used is not warned of ops that nothing in it uses.
$(B)/gen/prover.c: $(PROVER)/ops.pat $(B)/bin/solderc
	@mkdir -p $(@D)
	$(call say,SOLDERC,$@)
	$(Q)echo 'use "$<"' | $(B)/bin/solderc -n prover -o $@ -
$(B)/gen/prover.o: $(B)/gen/prover.c
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
