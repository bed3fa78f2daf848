/* The names of a graph: values and outputs are two name spaces over one set of texts.  A name
 * is an id of its record; records are kept when released, so that numbering goes on. */
#ifndef SLD_NAMES_H
#define SLD_NAMES_H

#include "graph.h"

typedef enum sld_name_space { SLD_NAME_VALUE, SLD_NAME_OUTPUT, SLD_NAME_SPACES } sld_name_space;

/* Gives `wanted`, or a numbered form of it when that is taken, to owner (not 0). 0 on failure. */
uint32_t sld__name_claim(sld_graph *g, sld_name_space space, const char *wanted, uint32_t owner);
/* Makes owner the holder; 0 releases the name. */
void sld__name_set_owner(sld_graph *g, sld_name_space space, uint32_t name, uint32_t owner);
/* The holder of a name, 0 when there is none. */
uint32_t sld__name_owner(const sld_graph *g, sld_name_space space, const char *text);
const char *sld__name_text(const sld_graph *g, uint32_t name); /* lives as long as the graph */
void sld__names_free(sld_graph *g);

#endif
