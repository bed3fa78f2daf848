/* What generated matchers share, written over the primitives: shapes, lists, constants.
 * Included by generated code after the primitives.
 *
 * An engine provides, as macros or static inline functions (sld_primitives.h does for
 * Solder's own graph):
 *   SLD_GRAPH, SLD_NODE, SLD_VALUE           types; a node or value of 0 is none
 *   SLD_OP(g, n)                             op id in the generated enumeration
 *   SLD_N_OPERANDS(g, n), SLD_OPERAND(g, n, i)  0 for an absent operand, also beyond the last
 *   SLD_N_RESULTS(g, n), SLD_RESULT(g, n, i)
 *   SLD_PRODUCER(g, v), SLD_RESULT_INDEX(g, v)  0 for inputs and constants
 *   SLD_USES(g, v)                           operand slots that read v, graph outputs counted
 *   SLD_DTYPE(g, v), SLD_RANK(g, v), SLD_DIM(g, v, i)
 *   SLD_IS_CONST(g, v), SLD_SCALAR(g, v, &d) the number of a one-element constant
 *   SLD_ATTR(g, n, i)                        sld_attr of slot i
 *   SLD_DIM_ADD/SUB/MUL/DIV/MOD(g, a, b)     arithmetic on dims
 *   SLD_DIM_EQ/NE/LE(g, a, b)                true when it holds for all values of the symbols
 *   SLD_BEGIN(g, rule, nodes, n)             a match is found; false when it must not be rewritten
 *   SLD_BUILD(g, op, n_in, in, attrs, n_out) a new node, 0 when it cannot be built
 *   SLD_BUILT(g, n, i)                       result of a built node, 0 of node 0
 *   SLD_YIELD(g, old, new)                   new stands for old from the commit on
 *   SLD_COMMIT(g)                            true when the rewrite took place; undone otherwise
 *   SLD_REWRITE_FN(f)                        f or NULL: what the ruleset exports */
#ifndef SLD_MATCH_H
#define SLD_MATCH_H

#include <math.h>

#define SLD_MAX_RANK 16

/* A run of dims of a value's shape. */
typedef struct sld_dims { SLD_VALUE v; uint32_t at, n; } sld_dims;

/* A list under construction on the right side of a rule. Too long a list becomes one that no
 * op accepts. */
typedef struct sld_list { uint32_t n; sld_dim p[SLD_MAX_RANK]; } sld_list;

#define SLD_HELPER static inline __attribute__((unused))
#define SLD_LOCAL __attribute__((unused)) /* a name of a pattern that no condition speaks of */

SLD_HELPER bool sld_same_dims(SLD_GRAPH g, sld_dims a, sld_dims b)
{
    if (a.n != b.n)
        return false;
    for (uint32_t i = 0; i < a.n; i++)
        if (!SLD_DIM_EQ(g, SLD_DIM(g, a.v, a.at + i), SLD_DIM(g, b.v, b.at + i)))
            return false;
    return true;
}

SLD_HELPER bool sld_same_shape(SLD_GRAPH g, SLD_VALUE a, SLD_VALUE b)
{
    return sld_same_dims(g, (sld_dims){a, 0, SLD_RANK(g, a)}, (sld_dims){b, 0, SLD_RANK(g, b)});
}

SLD_HELPER bool sld_close(double a, double b, double tol)
{
    return a == b || fabs(a - b) <= tol * fabs(b);
}

SLD_HELPER bool sld_is_number(SLD_GRAPH g, SLD_VALUE v, double want, double tol)
{
    double d;
    return v && SLD_SCALAR(g, v, &d) && sld_close(d, want, tol);
}

SLD_HELPER bool sld_scalar(SLD_GRAPH g, SLD_VALUE v, sld_attr *a)
{
    a->kind = SLD_ATTR_FLOAT;
    a->n = 0;
    return v && SLD_SCALAR(g, v, &a->f);
}

SLD_HELPER bool sld_attr_same(sld_attr a, sld_attr b)
{
    if (a.kind != b.kind || a.n != b.n)
        return false;
    switch (a.kind) {
    case SLD_ATTR_FLOAT:
        return a.f == b.f;
    case SLD_ATTR_STRING: {
        const char *p = a.s, *q = b.s;
        while (*p && *p == *q)
            p++, q++;
        return *p == *q;
    }
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES:
        for (uint32_t i = 0; i < a.n; i++)
            if (a.p[i] != b.p[i])
                return false;
        return true;
    default:
        return a.i == b.i;
    }
}

/* Whether list a holds the dims r from position at on. */
SLD_HELPER bool sld_list_has(SLD_GRAPH g, sld_attr a, uint32_t at, sld_dims r)
{
    for (uint32_t i = 0; i < r.n; i++)
        if (!SLD_DIM_EQ(g, a.p[at + i], SLD_DIM(g, r.v, r.at + i)))
            return false;
    return true;
}

SLD_HELPER bool sld_list_identity(sld_attr a)
{
    for (uint32_t i = 0; i < a.n; i++)
        if (a.p[i] != (sld_dim)i)
            return false;
    return true;
}

SLD_HELPER bool sld_list_ones(sld_attr a)
{
    for (uint32_t i = 0; i < a.n; i++)
        if (a.p[i] != 1)
            return false;
    return true;
}

SLD_HELPER void sld_list_push(sld_list *l, sld_dim d)
{
    if (l->n < SLD_MAX_RANK)
        l->p[l->n++] = d;
}

SLD_HELPER void sld_list_push_dims(SLD_GRAPH g, sld_list *l, sld_dims r)
{
    for (uint32_t i = 0; i < r.n; i++)
        sld_list_push(l, SLD_DIM(g, r.v, r.at + i));
}

SLD_HELPER void sld_list_shape(SLD_GRAPH g, sld_list *l, SLD_VALUE v)
{
    sld_list_push_dims(g, l, (sld_dims){v, 0, SLD_RANK(g, v)});
}

/* The permutation that does p, then q: element i is p[q[i]]. */
SLD_HELPER void sld_list_compose(sld_list *l, sld_attr p, sld_attr q)
{
    for (uint32_t i = 0; i < q.n; i++)
        if (q.p[i] >= 0 && q.p[i] < (sld_dim)p.n)
            sld_list_push(l, p.p[q.p[i]]);
}

/* The permutation of `rank` axes that exchanges axes a and b, given from the front or the end. */
SLD_HELPER void sld_list_swap(sld_list *l, sld_dim rank, sld_dim a, sld_dim b)
{
    a += a < 0 ? rank : 0;
    b += b < 0 ? rank : 0;
    for (sld_dim i = 0; i < rank; i++)
        sld_list_push(l, i == a ? b : i == b ? a : i);
}

#endif
