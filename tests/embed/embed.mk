# For tests/embed: the same rules over Solder's graph, as part of another engine's file, and to be loaded at run time.
$(B)/gen/embed_rules.c: $(B)/bin/solderc tests/embed/rules.pat
	$(call say,SOLDERC,$@)
	$(Q)$(B)/bin/solderc -n embed -o $@ tests/embed/rules.pat
$(B)/gen/embed_rules.o: $(B)/gen/embed_rules.c
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/gen/embed_face.so: $(B)/gen/embed_rules.c runtime/sld_face.h runtime/sld_match.h
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -shared -fPIC '-DSLD_PRIMITIVES="sld_face.h"' -o $@ $<
$(B)/tests/embed/pointer.o: ALL_CFLAGS += -I$(B)/gen -Itests/embed
$(B)/tests/embed/pointer.o: $(B)/gen/embed_rules.c
EMBED_O := $(addprefix $(B)/,gen/embed_rules.o tests/embed/pointer.o tests/embed/face.o)
EMBED_NEEDS := $(B)/gen/embed_face.so
EMBED_ENV := EMBED_FACE=$(B)/gen/embed_face.so
