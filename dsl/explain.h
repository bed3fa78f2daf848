#ifndef PAT_EXPLAIN_H
#define PAT_EXPLAIN_H

#include "dsl.h"

/* Prints the variants of a rule of a checked program with the types of all values. False when there is no rule
 * of this name. */
bool pat_explain(pat_session *s, const pat_program *p, const char *name, FILE *out);

#endif
