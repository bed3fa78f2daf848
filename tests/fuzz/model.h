/* What the fuzz targets of graphs share. */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "graph.h"

const sld_ruleset *sld_ruleset_solder(void);

/* A context that refuses single blocks of more than 64 MiB: an input may ask for any size. */
sld_ctx *fuzz_ctx(void);
/* Ends the program with what is wrong. */
void fuzz_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* A fresh folder that goes with the process; a path in it. */
const char *fuzz_path(const char *name);
/* Writes an input there. */
const char *fuzz_write(const char *name, const uint8_t *data, size_t size);
/* A graph that was read: it verifies, its text reads back as itself, and so does what fusing makes of it; then nothing
 * fires any more.  What was not read has left an error. */
void fuzz_check(sld_ctx *ctx, sld_graph *g);
/* `# NAME=NUMBER` somewhere in a text, else `otherwise`. */
int64_t fuzz_number(const char *text, const char *name, int64_t otherwise);
/* The input as a text. */
char *fuzz_text(const uint8_t *data, size_t size);

#endif
