/* For what run a rule is worth while: tokens, ranks and options that its gate asks for, or all but one of its conditions. */
#ifndef NEAR_RUN_H
#define NEAR_RUN_H

#include "dsl.h"

typedef struct near_run { int64_t tokens, world, units; char options[600]; } near_run;

/* Conditions of a rule on the run: options that are on, then those of the gate. */
uint32_t near_run_conditions(const pat_rule *rule);
pat_span near_run_span(const pat_rule *rule, uint32_t condition);
/* A run for which all of them hold, but for `broken` (UINT32_MAX: all hold); false when none was found. */
bool near_find_run(const pat_program *p, const pat_rule *rule, uint32_t broken, near_run *out);

/* A run for which the gate just holds, number `edge` of those; found: there is one. False: there are no more. */
bool near_find_edge(const pat_program *p, const pat_rule *rule, uint32_t edge, near_run *out, bool *found);

/* Of two numbers; division rounds down, and by 0 gives 0. */
double near_binary(pat_expr_kind kind, double a, double b);

#endif
