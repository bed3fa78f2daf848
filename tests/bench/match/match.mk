# make bench-match: matching and rewriting beside MLIR 19 and C written by hand; see tests/bench/README.md.
# BENCH="stack quick" runs a part: the words are those of run.py; "sound" is the cost of the checks of a rewrite.
MATCH := tests/bench/match
BM    := $(B)/bench
LLVM  := $(firstword $(wildcard /usr/lib/llvm-19))
HAVE_MLIR := $(and $(wildcard $(LLVM)/include/mlir/IR/PatternMatch.h),$(wildcard $(LLVM)/bin/mlir-pdll),$(shell command -v clang++-19),$(shell command -v ld.lld-19))
# What the compiler makes of code written by hand differs; clang's is the faster.
HAND_CC := $(firstword $(shell command -v clang-19) $(CC))
BENCH_CC := $(CC) -std=c11 -D_GNU_SOURCE -Iruntime
BENCH_LINK = $(BM)/match/solder.o $(B)/lib/libsolder.a $(LDLIBS)

MLIR_LIBS := $(addprefix -lMLIR,FuncDialect TransformUtils Transforms Rewrite RewritePDL PDLToPDLInterp PDLInterpDialect \
    PDLDialect Parser AsmParser BytecodeReader BytecodeWriter BytecodeOpInterface IR Support Pass Analysis \
    SideEffectInterfaces InferTypeOpInterface ControlFlowInterfaces CallInterfaces FunctionInterfaces DataLayoutInterfaces \
    LoopLikeInterface Debug ControlFlowDialect ArithDialect CastInterfaces UBDialect InferIntRangeInterface \
    InferIntRangeCommon Dialect CopyOpInterface SubsetOpInterface DestinationStyleOpInterface Presburger DialectUtils)
LLVM_LIBS := $(addprefix -lLLVM,Support Demangle Core BinaryFormat Remarks BitstreamReader TargetParser)

$(BM)/decoder.c: $(MATCH)/decoder.pat $(B)/bin/solderc
	@mkdir -p $(@D)
	$(call say,SOLDERC,$@)
	$(Q)$(B)/bin/solderc -n decoder -o $@ $<
$(BM)/decoder.o: $(BM)/decoder.c
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(BM)/match/%.o: $(MATCH)/%.c $(MATCH)/decoder.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(BM)/solder: $(BM)/match/solder.o $(BM)/decoder.o $(B)/lib/libsolder.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)
# The same without the checks of a rewrite.
$(BM)/unchecked/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -DSLD_CHECKED=0 -c -o $@ $<
$(BM)/unchecked/decoder.o: $(BM)/decoder.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -DSLD_CHECKED=0 -c -o $@ $<
$(BM)/unchecked/solder: $(BM)/match/solder.o $(BM)/unchecked/decoder.o \
    $(addprefix $(BM)/unchecked/,$(patsubst %.c,%.o,$(wildcard runtime/rewrite.c runtime/replace.c runtime/pass.c))) $(B)/lib/libsolder.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)
$(BM)/pointer: $(MATCH)/pointer.c $(MATCH)/decoder.h $(BM)/decoder.c $(wildcard tests/embed/*.h) runtime/sld_match.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(BENCH_CC) $(WARN) -O2 -I$(BM) -Itests/embed -o $@ $< -lm
$(BM)/hand: $(MATCH)/hand.c $(MATCH)/decoder.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HAND_CC) -std=c11 -D_GNU_SOURCE $(WARN) -O3 -march=native -o $@ $<
$(BM)/patterns.mlir: $(MATCH)/mlir.pdll
	@mkdir -p $(@D)
	$(Q)$(LLVM)/bin/mlir-pdll -x=mlir $< -o $@
$(BM)/mlir: $(MATCH)/mlir.cpp $(MATCH)/decoder.h $(BM)/patterns.mlir
	$(call say,CXX,$@)
	$(Q)clang++-19 -O3 -DNDEBUG -std=c++17 -fno-exceptions -fno-rtti -I$(LLVM)/include -D_GNU_SOURCE \
	    -D__STDC_CONSTANT_MACROS -D__STDC_FORMAT_MACROS -D__STDC_LIMIT_MACROS $< -o $@ -fuse-ld=lld -L$(LLVM)/lib \
	    -Wl,--start-group $(MLIR_LIBS) $(LLVM_LIBS) -Wl,--end-group -lz -l:libzstd.so.1 -l:libtinfo.so.6 -lpthread -ldl -lm

.PHONY: bench-match
bench-match: $(BM)/solder $(BM)/unchecked/solder $(BM)/pointer $(BM)/hand $(if $(HAVE_MLIR),$(BM)/mlir)
	@SOLDERC_BIN=$(B)/bin/solderc BENCH_CC="$(BENCH_CC)" BENCH_LINK="$(BENCH_LINK)" \
	    python3 $(MATCH)/run.py $(BM) $(BENCH)
