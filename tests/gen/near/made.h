/* What rules make of the graphs that they match. */
#ifndef NEAR_MADE_H
#define NEAR_MADE_H

#include <stdio.h>

#include "solder.h"

char *near_made(sld_graph *g); /* to be freed */

#endif
