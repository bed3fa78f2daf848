/* Random graphs under random rules: one round, and what makes a failure small. */
#ifndef PROPERTY_H
#define PROPERTY_H

#include "sound_ops.h"

/* A graph as text, the rules that are off, and what seeds its data. */
typedef struct property_round {
    char *text;
    uint64_t off, seed;
    int64_t tokens;       /* value of the graph's symbol */
} property_round;

property_round property_make(uint64_t seed);
void property_free(property_round *r);
/* NULL when all holds: the fused graph verifies, is at rest, has refused all matches that are left and computes the
 * same, by the oracle and by a plan. Otherwise what does not. */
const char *property_check(const property_round *r);
/* The same in another process, so that a crash is a failure too. */
const char *property_check_apart(const property_round *r);
/* Makes a round that fails smaller, as long as it fails. */
void property_shrink(property_round *r);

#endif
