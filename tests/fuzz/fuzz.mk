# make fuzz: scanner, parser, checker and generator under libFuzzer (clang 19) for TIME seconds.  What it learns stays in
# build/fuzz/corpus; an input that it breaks on lies in build/fuzz, and belongs under tests/fuzz/dsl once it is mended.
# make check replays those inputs without libFuzzer.
TIME       ?= 60
FUZZ       := build/fuzz
FUZZ_FLAGS := -rss_limit_mb=2048 -timeout=5 -max_len=4096 -dict=tests/fuzz/dsl.dict
FUZZ_MAKE   = $(MAKE) --no-print-directory CC=clang-19 B=$(FUZZ) \
    CFLAGS="-O1 -g -DFUZZING -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"

COMPILER_O := $(filter-out %/main.o,$(GEN_O)) $(DSL_O)

$(FUZZ)/bin/dsl_fuzz: $(FUZZ)/tests/fuzz/dsl_fuzz.o $(COMPILER_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ -lm
$(B)/bin/dsl_replay: $(B)/tests/fuzz/replay.o $(B)/tests/fuzz/dsl_fuzz.o $(COMPILER_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ -lm

.PHONY: fuzz replay
fuzz:
	@$(FUZZ_MAKE) $(FUZZ)/bin/dsl_fuzz
	@mkdir -p $(FUZZ)/corpus
	@$(FUZZ)/bin/dsl_fuzz $(FUZZ_FLAGS) -max_total_time=$(TIME) -artifact_prefix=$(FUZZ)/ -print_final_stats=1 \
	    $(FUZZ)/corpus tests/fuzz/dsl tests/dsl/good tests/dsl/bad
replay: $(B)/bin/dsl_replay
	@$< tests/fuzz/dsl
