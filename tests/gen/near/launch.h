/* Launches at the borders of what kernels' rows ask for: for each condition of a row graphs of one node, and a run, that
 * just break it, and just hold it, while all else that the row asks for holds, so that this condition decides. */
#ifndef NEAR_LAUNCH_H
#define NEAR_LAUNCH_H

#include <stdio.h>

#include "dsl.h"
#include "solder.h"

typedef struct near_launches {
    pat_session *s;
    const pat_program *p;
    const sld_ruleset *rules; /* that the program was compiled to */
    FILE *cases, *told;      /* for tests/mutate; which row is bound, as text; may be NULL */
    uint32_t n, n_conditions, n_wrong;
} near_launches;

void near_launch_all(near_launches *l);

#endif
