/* Generated code becomes part of the file of an engine that uses it, as a scanner that re2c made does. */
#include "embed.h"

#define SLD_PRIMITIVES "pointer_primitives.h"
#include "embed_rules.c"

void pointer_fuse(graph *g)
{
    graph_fuse(g, sld_matcher_embed.n_phases, rewrite);
}

bool pointer_rests(graph *g)
{
    graph_fuse(g, 1, rewrite);
    return !graph_pass(g, 0, rewrite);
}
