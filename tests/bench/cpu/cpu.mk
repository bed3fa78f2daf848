# make bench-cpu: fused ops and layers on one core beside their chains, memcpy and ONNX Runtime; BENCH=WORD runs the rows
# that name it. Without it also the rows on two ranks, where mpirun is.
.PHONY: bench-cpu
$(B)/bench/cpu $(B)/bench/layers: $(B)/bench/%: $(B)/tests/bench/cpu/%.o $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)
bench-cpu: $(B)/bench/cpu $(B)/bench/layers $(B)/bin/solder
	@$< $(BENCH)
	@OPENBLAS_NUM_THREADS=1 $(B)/bench/layers $(BENCH)
	@$(if $(BENCH),,python3 tests/bench/cpu/onnxruntime_layers.py)
	@$(if $(or $(BENCH),$(if $(HAVE_MPI),,none)),,sh tests/bench/cpu/ranks.sh $(B)/bin/solder)
