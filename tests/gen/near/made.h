/* What rules make of the graphs that they match, and what runs it. */
#ifndef NEAR_MADE_H
#define NEAR_MADE_H

#include <stdio.h>

#include "solder.h"

char *near_made(sld_graph *g); /* to be freed */
/* Which kernel runs the one node of a graph on a target, or what the nearest wants; to be freed. */
char *near_bound(sld_graph *g, const char *target, int64_t world, int64_t units);

#endif
