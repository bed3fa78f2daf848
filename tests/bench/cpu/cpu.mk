# make bench-cpu: fused ops on one core beside their chains and beside memcpy; BENCH=WORD runs the rows that name it.
# Without it also the rows on two ranks, where mpirun is.
.PHONY: bench-cpu
$(B)/bench/cpu: $(B)/tests/bench/cpu/cpu.o $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)
bench-cpu: $(B)/bench/cpu $(B)/bin/solder
	@$< $(BENCH)
	@$(if $(or $(BENCH),$(if $(HAVE_MPI),,none)),,sh tests/bench/cpu/ranks.sh $(B)/bin/solder)
