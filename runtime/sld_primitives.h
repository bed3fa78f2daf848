/* The primitives of sld_match.h over Solder's own graph. */
#ifndef SLD_PRIMITIVES_H
#define SLD_PRIMITIVES_H

#include "replace.h"
#include "sld_pattern.h"

#define SLD_RULESET

typedef sld_graph *SLD_GRAPH;
typedef sld_node SLD_NODE;
typedef sld_value SLD_VALUE;

static inline sld_dim sld_dim_number(const sld_graph *g, sld_dim d)
{
    int64_t lo, hi;
    if (!sld_dim_is_sym(d))
        return d;
    sld_dim_bounds(g, d, &lo, &hi);
    return lo == hi ? lo : d;
}

#define SLD_OP(g, n) ((g)->nodes.at[n].op)
#define SLD_OP_OR_0 SLD_OP /* node 0 is there, with op 0 */
#define SLD_N_OPERANDS(g, n) ((g)->nodes.at[n].n_in)
#define SLD_OPERAND(g, n, i) sld_operand((g), (n), (i))
#define SLD_OPERAND_OR_0(g, n, i) ((uint32_t)(i) < (g)->nodes.at[n].n_in ? sld_operand((g), (n), (i)) : 0)
#define SLD_N_RESULTS(g, n) sld_n_results((g), (n))
#define SLD_RESULT(g, n, i) sld_result((g), (n), (i))
#define SLD_PRODUCER(g, v) sld_producer((g), (v))
#define SLD_RESULT_INDEX(g, v) sld_result_index((g), (v))
#define SLD_USES(g, v) ((g)->values.at[v].n_uses)
#define SLD_READERS sld_readers
#define SLD_FIRST_READER(g, v) ((sld_readers){.of = (v)})
#define SLD_NEXT_READER(g, r) sld_next_reader((g), (r))
#define SLD_DTYPE(g, v) (sld_type_of((g), (v))->dtype)
#define SLD_RANK(g, v) sld_rank((g), (v))
#define SLD_DIM(g, v, i) (sld_shape((g), (v))[(uint32_t)(i)])
#define SLD_IS_CONST(g, v) (sld_kind((g), (v)) == SLD_VALUE_CONST)
#define SLD_SCALAR(g, v, d) sld_value_scalar((g), (v), (d))
#define SLD_ATTR(g, n, i) (sld_node_attrs((g), (n))[i])
#define SLD_DIM_ADD(g, a, b) sld_dim_add((g), (a), (b))
#define SLD_DIM_SUB(g, a, b) sld_dim_sub((g), (a), (b))
#define SLD_DIM_MUL(g, a, b) sld_dim_mul((g), (a), (b))
#define SLD_DIM_DIV(g, a, b) sld_dim_div((g), (a), (b))
#define SLD_DIM_MOD(g, a, b) sld_dim_mod((g), (a), (b))
#define SLD_DIM_NUMBER(g, d) sld_dim_number((g), (d))
#define SLD_DIM_EQ(g, a, b) ((a) == (b) || sld_dim_eq((g), (a), (b)) == SLD_ALWAYS)
#define SLD_DIM_NE(g, a, b) (sld_dim_eq((g), (a), (b)) == SLD_NEVER)
#define SLD_DIM_LE(g, a, b) (sld_dim_le((g), (a), (b)) == SLD_ALWAYS)
#define SLD_BEGIN(g, rule, nodes, n, all) sld_rewrite_begin((g), (rule), (nodes), (n), (all))
#define SLD_BUILD(g, op, n_in, in, attrs, n_out) sld_rewrite_build((g), (op), (n_in), (in), (attrs), (n_out))
#define SLD_BUILT(g, n, i) sld_rewrite_result((g), (n), (i))
#define SLD_YIELD(g, old, with) sld_rewrite_yield((g), (old), (with))
#define SLD_REPLACE(g, rule, nodes, n, gone, n_gone, op, n_in, in, attrs, n_out, old, inner) \
    sld_rewrite_replace((g), (rule), (nodes), (n), (gone), (n_gone), (op), (n_in), (in), (attrs), (n_out), (old), (inner))
#define SLD_COMMIT(g) sld_rewrite_commit(g)
#define SLD_NODE_NAME(g, n) sld_value_name((g), sld_result((g), (n), 0))

#endif
