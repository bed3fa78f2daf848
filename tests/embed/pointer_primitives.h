/* The primitives of sld_match.h over the graph of pointer_graph.h. */
#ifndef EMBED_POINTER_H
#define EMBED_POINTER_H

#include "engine.h"

typedef graph *SLD_GRAPH;
typedef node *SLD_NODE;
typedef tensor *SLD_VALUE;

static const uint8_t op_of_engine[ENGINE_N_OPS] = {0,
#define X(own, name, n_attrs) OP_##name,
    ENGINE_OPS(X)
#undef X
};
static const uint8_t engine_of_op[] = {0,
#define X(own, name, n_attrs) [OP_##name] = ENGINE_##own,
    ENGINE_OPS(X)
#undef X
};

static inline bool tensor_number(const tensor *t, double *number)
{
    if (t->number)
        *number = *t->number;
    return t->number != NULL;
}

#define SLD_OP(g, n) op_of_engine[(n)->op]
#define SLD_N_OPERANDS(g, n) (n)->n_src
#define SLD_OPERAND(g, n, i) node_src((n), (i))
#define SLD_N_RESULTS(g, n) (n)->n_out
#define SLD_RESULT(g, n, i) (&(n)->out[i])
#define SLD_PRODUCER(g, v) ((v) ? (v)->producer : NULL)
#define SLD_RESULT_INDEX(g, v) (v)->index
#define SLD_USES(g, v) (v)->uses
#define SLD_DTYPE(g, v) (v)->type->dtype
#define SLD_RANK(g, v) (v)->type->rank
#define SLD_DIM(g, v, i) (v)->type->dims[i]
#define SLD_IS_CONST(g, v) ((v)->number != NULL)
#define SLD_SCALAR(g, v, d) tensor_number((v), (d))
#define SLD_ATTR(g, n, i) (n)->attrs[i]
#define SLD_BEGIN(g, rule, nodes, n, all) rewrite_begin((g), (rule), (nodes), (n))
#define SLD_BUILD(g, op, n_in, in, attrs, n_out) \
    rewrite_build((g), engine_of_op[op], (n_in), (in), (attrs), engine_n_attrs[engine_of_op[op]], (n_out))
#define SLD_BUILT(g, n, i) ((n) ? &(n)->out[i] : NULL)
#define SLD_YIELD(g, old, new) rewrite_yield((g), (old), (new))
#define SLD_COMMIT(g) rewrite_commit(g)

#endif
