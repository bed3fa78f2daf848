# For tests/gen/match_test.c: matchers over primitives that write down what they find, beside a naive matcher.
MATCH_O := $(call obj,$(filter-out %/random_rules.c,$(wildcard tests/gen/match/*.c)))
MATCH_LINK := $(MATCH_O) $(DSL_O) $(B)/lib/libsolder.a $(LDLIBS)
MATCH_CC := $(CC) -std=c11 -D_GNU_SOURCE -w $(filter -fsanitize% -fno-sanitize% --coverage,$(ALL_CFLAGS)) -Iruntime -Itests/gen/match \
    -DSLD_PRIMITIVES=<recording.h>
$(B)/gen/recorded.c: $(B)/bin/solderc $(PATTERNS)
	$(call say,SOLDERC,$@)
	$(Q)$(B)/bin/solderc -n recorded -o $@ $(PATTERNS)
$(B)/gen/recorded.o: $(B)/gen/recorded.c
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -O0 -Itests/gen/match '-DSLD_PRIMITIVES=<recording.h>' -c -o $@ $<
$(B)/bin/match_check: $(MATCH_O) $(B)/gen/recorded.o $(DSL_O) $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)
$(B)/bin/random_rules: $(B)/tests/gen/match/random_rules.o $(DSL_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ -lm
MATCH_NEEDS := $(B)/bin/match_check $(B)/bin/random_rules
MATCH_ENV = MATCH_CHECK=$(B)/bin/match_check RANDOM_RULES=$(B)/bin/random_rules MATCH_CC='$(MATCH_CC)' \
    MATCH_LINK='$(MATCH_LINK)'
