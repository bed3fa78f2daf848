/* Graphs at given values of their symbols. */
#ifndef SLD_CONCRETE_H
#define SLD_CONCRETE_H

#include "graph.h"

/* A new graph: g with the symbols replaced by their values (sld_dim_eval; NULL: none is given). Inputs and
 * outputs keep their order; map, with room for each value of g, gets what the values became. NULL and an
 * error where a shape has no value, is negative, or breaks a signature. */
sld_graph *sld__graph_at(sld_graph *g, const int64_t *symbols, sld_value *map);

#endif
