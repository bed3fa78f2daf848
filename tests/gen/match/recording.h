/* Primitives over Solder's graph that write down what a matcher would do and refuse it, so that it goes on to the
 * next match. */
#ifndef TESTS_RECORDING_H
#define TESTS_RECORDING_H

#include "sld_primitives.h"

void record_begin(int rule, const sld_node *nodes, uint32_t n, uint32_t all);
uint32_t record_build(const sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs);
uint32_t record_result(uint32_t node, uint32_t i);
void record_yield(sld_value old, sld_value with);
void record_end(void);

#undef SLD_BEGIN
#undef SLD_BUILD
#undef SLD_BUILT
#undef SLD_YIELD
#undef SLD_COMMIT
#undef SLD_REPLACE
#define SLD_BEGIN(g, rule, nodes, n, all) ((void)(g), record_begin((rule), (nodes), (n), (all)), true)
#define SLD_BUILD(g, op, n_in, in, attrs, n_out) record_build((g), (op), (n_in), (in), (attrs))
#define SLD_BUILT(g, n, i) record_result((n), (i))
#define SLD_YIELD(g, old, with) record_yield((old), (with))
#define SLD_COMMIT(g) (record_end(), false)

#endif
