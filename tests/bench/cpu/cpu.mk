# make bench-cpu: fused ops and layers beside their chains and memcpy, once for each of THREADS, and ONNX Runtime on one;
# BENCH=WORD runs the rows that name it. Without it also the rows on two ranks, where mpirun is.
THREADS ?= 1 2
.PHONY: bench-cpu
$(B)/bench/cpu $(B)/bench/layers: $(B)/bench/%: $(B)/tests/bench/cpu/%.o $(B)/lib/libsolder.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)
bench-cpu: $(B)/bench/cpu $(B)/bench/layers $(B)/bin/solder
	@for n in $(THREADS); do $< $$n $(BENCH) || exit 1; done
	@for n in $(THREADS); do OPENBLAS_NUM_THREADS=$$n $(B)/bench/layers $$n $(BENCH) || exit 1; done
	@$(if $(BENCH),,python3 tests/bench/cpu/onnxruntime_layers.py)
	@$(if $(or $(BENCH),$(if $(HAVE_MPI),,none)),,sh tests/bench/cpu/ranks.sh $(B)/bin/solder)
