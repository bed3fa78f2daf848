/* The ops of the engine of pointer_graph.h: its own numbers, the names that rules.pat gives them, attributes. */
#ifndef EMBED_ENGINE_H
#define EMBED_ENGINE_H

#include "pointer_graph.h"

#ifndef ENGINE_OPS /* of another engine over the same graph */
#define ENGINE_OPS(X) \
    X(ADD, add, 0) X(ADD_RMS_NORM, add_rms_norm, 1) X(MASK, mask, 0) X(MASKED_SUM, masked_sum, 0) X(MUL, mul, 0) \
    X(NEG, neg, 0) X(NORM_QUANT, norm_quant, 3) X(NORM_ROPE, norm_rope, 1) X(QUANT, quant, 2) X(RMS_NORM, rms_norm, 1) \
    X(ROLL, roll, 1) X(ROPE, rope, 0) X(SILU, silu, 0) X(SILU_MUL, silu_mul, 0) X(SUM, sum, 0)
#endif

enum engine_op {
    ENGINE_NONE,
#define X(own, name, n_attrs) ENGINE_##own,
    ENGINE_OPS(X)
#undef X
    ENGINE_N_OPS
};

static const uint8_t engine_n_attrs[ENGINE_N_OPS] = {0,
#define X(own, name, n_attrs) n_attrs,
    ENGINE_OPS(X)
#undef X
};

#endif
