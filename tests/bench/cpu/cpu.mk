# make bench-cpu: fused ops on one core beside their chains and beside memcpy; BENCH=WORD runs the rows that name it.
.PHONY: bench-cpu
$(B)/bench/cpu: $(B)/tests/bench/cpu/cpu.o $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)
bench-cpu: $(B)/bench/cpu
	@$< $(BENCH)
