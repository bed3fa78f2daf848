/* The two lists that a graph threads through its arrays: uses of a value, nodes in order. */
#ifndef SLD_EDIT_H
#define SLD_EDIT_H

#include "graph.h"

/* Makes a free use slot a use of v (0: absent operand). */
void sld__link_use(sld_graph *g, sld_use u, sld_value v);
/* Puts a node that is in no list directly before another (0: at the end) and labels it. */
void sld__link_node(sld_graph *g, sld_node n, sld_node before);

#endif
