/* The primitives of libsolder, with rules that can be switched off. */
#ifndef SOUND_PRIMITIVES_H
#define SOUND_PRIMITIVES_H

#include "sld_primitives.h"

extern uint64_t sound_rules_off; /* one bit for each rule */

#undef SLD_BEGIN
#define SLD_BEGIN(g, rule, nodes, n, all) \
    (!(sound_rules_off >> (rule) & 1) && sld_rewrite_begin((g), (rule), (nodes), (n), (all)))

#undef SLD_REPLACE
#define SLD_REPLACE(g, rule, nodes, n, gone, n_gone, op, n_in, in, attrs, n_out, old, inner) \
    (!(sound_rules_off >> (rule) & 1) && \
     sld_rewrite_replace((g), (rule), (nodes), (n), (gone), (n_gone), (op), (n_in), (in), (attrs), (n_out), (old), (inner)))

#endif
