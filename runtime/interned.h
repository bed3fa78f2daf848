/* What is kept once however often it occurs: types, lists of attributes, and what follows from a call. */
#ifndef SLD_INTERNED_H
#define SLD_INTERNED_H

#include "table.h"

typedef struct sld_tuple { uint32_t first, n; } sld_tuple; /* attributes in sld_graph.attrs */

/* A call that was asked for, and its outcome. */
typedef struct sld_kept {
    uint16_t op, bound;   /* bound: bit t: a kernel of target t covers it */
    uint8_t n_in, n_out, n_attrs;
    uint32_t types;       /* in words: operands, then results */
    uint32_t given;       /* attributes as asked for, in sld_graph.attrs */
    uint32_t attrs;       /* and in canonical form */
} sld_kept;

struct sld_interned {
    sld_table types, tuples, calls;
    SLD_ARRAY(sld_tuple) tuple_recs; /* [0] unused */
    SLD_ARRAY(sld_kept) kept;        /* [0] unused: the call of no op */
    SLD_ARRAY(uint32_t) words;
    uint32_t *last;                  /* by op: the call asked for last */
};

bool sld__same_attrs(const sld_graph *g, uint32_t first, uint32_t n, const sld_attr *attrs);

/* Whether a call of the same op that is kept is this one. */
static inline bool sld__asks(const sld_graph *g, const sld_kept *k, uint32_t n_in, const sld_value *in,
                             const sld_attr *attrs, uint32_t n_out)
{
    const uint32_t *types = g->interned->words.at + k->types;
    const sld_value_rec *const values = g->values.at;
    if (k->n_in != n_in || k->n_out != n_out)
        return false;
#pragma GCC unroll 8
    for (uint32_t i = 0; i < n_in; i++)
        if (types[i] != values[in[i]].type)
            return false;
    return !k->n_attrs || sld__same_attrs(g, k->given, k->n_attrs, attrs);
}

#endif
