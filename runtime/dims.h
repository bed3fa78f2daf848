/* What the text form needs of symbolic dims beyond solder.h. */
#ifndef SLD_DIMS_H
#define SLD_DIMS_H

#include "graph.h"

sld_symbols *sld__symbols_new(sld_ctx *ctx);
void sld__symbols_free(sld_ctx *ctx, sld_symbols *s);
/* Range of symbol i, as sld_dim_n_symbols counts. */
void sld_dim_symbol_range(const sld_graph *g, uint32_t i, int64_t *lo, int64_t *hi);
/* True for integers and for handles that belong to the graph. */
bool sld__dim_valid(const sld_graph *g, sld_dim d);
/* Reads the longest expression at *text and moves it on. New names become symbols with range [lo, hi]
 * when `fresh`. SLD_SYM_NONE and an error on bad text. */
sld_dim sld__dim_read(sld_graph *g, const char **text, const char *end, bool fresh, int64_t lo, int64_t hi);
/* True for names that are written without quotes in an expression. */
bool sld__symbol_is_plain(const char *name);

#endif
