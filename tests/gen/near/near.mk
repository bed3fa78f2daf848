# For tests/gen/near_test.c: near misses of the rules, on the ruleset that is linked.
NEAR_O := $(call obj,$(wildcard tests/gen/near/*.c))
NEAR_LINK := $(NEAR_O) $(DSL_O) $(B)/lib/libsolder.a $(LDLIBS)
NEAR_CC := $(CC) -std=c11 -D_GNU_SOURCE -w $(filter -fsanitize% -fno-sanitize% --coverage,$(ALL_CFLAGS)) -Iruntime
$(B)/bin/near_check: $(NEAR_O) $(DSL_O) $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)
NEAR_ENV = NEAR_CHECK=$(B)/bin/near_check NEAR_CC='$(NEAR_CC)' NEAR_LINK='$(NEAR_LINK)'
