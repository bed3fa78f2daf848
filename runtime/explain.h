/* Why a rule did not fire: partial matches in words. */
#ifndef SLD_EXPLAIN_H
#define SLD_EXPLAIN_H

#include "partial.h"

/* ---- explain_fault.c ---- */
/* "expected axes = [-1], found axes = [-2] in %m": the first test that fails. */
void sld__print_fault(sld_graph *g, const sld_partial *m, FILE *out);

#endif
