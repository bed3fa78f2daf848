/* Fusing a graph of pointer_graph.h by rules.pat. */
#ifndef EMBED_H
#define EMBED_H

#include "pointer_graph.h"

/* Rules compiled over the graph's own structures. */
void pointer_fuse(graph *g);
/* The same by the first phase alone, whose rules then match no more. */
bool pointer_rests(graph *g);
/* Rules in a shared object, compiled over a table of functions; false when it cannot be loaded. */
bool face_fuse(graph *g, const char *path);

#endif
