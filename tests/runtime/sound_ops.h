/* The ops of sound.pat: their ruleset, kernels, and an oracle that runs a graph with every value, and every
 * version of a buffer, in memory of its own. */
#ifndef SOUND_OPS_H
#define SOUND_OPS_H

#include "concrete.h"
#include "fuse.h"

const sld_ruleset *sld_ruleset_sound(void);
extern uint64_t sound_rules_off;

/* Input i holds elements that follow from i and the seed. NULL, or what fails; outputs: one after the other, freed by
 * the caller. */
const char *sound_run(sld_graph *g, const int64_t *symbols, uint64_t seed, char **outputs, size_t *n);
/* The same by a plan. */
const char *sound_run_plan(sld_graph *g, sld_target target, const int64_t *symbols, uint64_t seed, char **outputs,
                           size_t *n, sld_plan_info *info);

#endif
