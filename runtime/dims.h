/* What the text form needs of symbolic dims beyond solder.h. */
#ifndef SLD_DIMS_H
#define SLD_DIMS_H

#include "graph.h"

bool sld__symbols_new(sld_graph *g);
void sld__symbols_free(sld_graph *g);
/* True for integers and for handles that belong to the graph. */
bool sld__dim_valid(const sld_graph *g, sld_dim d);
/* The dim of symbol i. */
sld_dim sld__dim_of_symbol(const sld_graph *g, uint32_t i);
/* Reads the longest expression at *text and moves it on. New names become symbols with range [lo, hi]
 * when `fresh`. SLD_SYM_NONE and an error on bad text. */
sld_dim sld__dim_read(sld_graph *g, const char **text, const char *end, bool fresh, int64_t lo, int64_t hi);
/* True for names that are written without quotes in an expression. */
bool sld__symbol_is_plain(const char *name);

#endif
