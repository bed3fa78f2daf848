/* What generated matchers know of a graph: the only header that they include.
 *
 * SLD_PRIMITIVES names the header that defines, as macros or static inline functions over an engine's own structures,
 * what is listed here. Unless that is defined, it is sld_primitives.h, Solder's own graph. gen/EMBEDDING.md explains
 * each with an example. Nodes and values are integers or pointers, and 0 is none.
 *
 *   SLD_GRAPH, SLD_NODE, SLD_VALUE           types
 *   SLD_OP(g, n)                             op of a node in the generated enumeration, from 1
 *   SLD_N_OPERANDS(g, n), SLD_OPERAND(g, n, i)
 *   SLD_N_RESULTS(g, n), SLD_RESULT(g, n, i)
 *   SLD_PRODUCER(g, v), SLD_RESULT_INDEX(g, v)  producer 0: an input, a constant, or no value
 *   SLD_USES(g, v)                           operand slots that read v, graph outputs counted
 *   SLD_DTYPE(g, v), SLD_RANK(g, v), SLD_DIM(g, v, i)
 *   SLD_IS_CONST(g, v), SLD_SCALAR(g, v, &d) the number of a constant of one element
 *   SLD_ATTR(g, n, i)                        sld_attr i of the op
 *   SLD_BEGIN(g, rule, nodes, n, all)        a match is found; false when it must not be rewritten. Of `all` nodes
 *                                            the first n would go, the others are only read
 *   SLD_BUILD(g, op, n_in, in, attrs, n_out) a new node, 0 when it cannot be built; what an attribute of kind
 *                                            SLD_ATTR_NONE is, the op's default says
 *   SLD_BUILT(g, n, i)                       result of a new node, 0 of node 0
 *   SLD_YIELD(g, old, new)                   new stands for old from the commit on
 *   SLD_COMMIT(g)                            true when the rewrite took place; undone otherwise
 *
 * and, if it can or wants to:
 *   SLD_READERS, SLD_FIRST_READER(g, v), SLD_NEXT_READER(g, &readers)
 *                                            a walk over the nodes that read v, 0 at its end. Without it rules are
 *                                            left out whose parts meet only in a value that they share
 *   SLD_DIM_ADD/SUB/MUL/DIV/MOD(g, a, b)     arithmetic on dims that are more than numbers
 *   SLD_DIM_EQ/NE/LE(g, a, b)                true when it holds for all that the dims may be
 *   SLD_DIM_NUMBER(g, d)                     the one number that a dim is; d where it may be several
 *   SLD_OP_OR_0(g, n)                        SLD_OP that answers 0 for node 0
 *   SLD_OPERAND_OR_0(g, n, i)                an operand that may be absent, then 0, also beyond the last
 *   SLD_REPLACE(g, rule, nodes, n, gone, n_gone, op, n_in, in, attrs, n_out, old, inner)
 *                                            SLD_BEGIN to SLD_COMMIT for one node whose result i stands for old[i], 0:
 *                                            for nothing. It reads what the match reads from outside, each value as
 *                                            often, so that counts of uses stay as they are, but of old[i], which the
 *                                            match itself read inner[i] times. All other results of the match, which
 *                                            nobody else reads, are in gone
 *   SLD_NODE_NAME(g, n)                      text for a build with SLD_TRACE, which tells each decision on stderr
 *   SLD_RULESET                              defined: the tables of Solder's runtime are wanted, not an sld_matcher */
#ifndef SLD_MATCH_H
#define SLD_MATCH_H

#include <math.h>
#include "sld_types.h"
#ifndef SLD_PRIMITIVES
#define SLD_PRIMITIVES "sld_primitives.h"
#endif
#include SLD_PRIMITIVES

/* Primitives may leave arguments aside. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define SLD_APART __attribute__((noinline)) /* keeps matchers small: most tests fail */
#define SLD_HELPER static inline __attribute__((unused))

/* What generated code exports to an engine. */
typedef struct sld_matcher {
    const char *name;
    uint32_t n_ops, n_rules, n_phases;
    const char *const *ops;     /* names by id; ops[0] is none */
    const char *const *rules;
    const char *const *phases;  /* in the order in which they run */
    /* Rewrites the first match that a rule of this phase has at n; the rule, or -1. */
    int (*rewrite)(SLD_GRAPH g, SLD_NODE n, uint32_t phase);
} sld_matcher;

#ifndef SLD_RULESET
/* What is tried at nodes of one op. */
typedef struct sld_root {
    int (*rewrite)(SLD_GRAPH g, SLD_NODE n, int rule); /* NULL: no rule is rooted at this op */
    int rule; /* to call it with: ops may share a function */
    sld_look look; /* where it does not hold, no rule matches */
} sld_root;
#endif

#define SLD_MAX_RANK 16

/* A run of dims of a value's shape. */
typedef struct sld_dims { SLD_VALUE v; uint32_t at, n; } sld_dims;

/* A list under construction on the right side of a rule. Too long a list becomes one that no
 * op accepts. */
typedef struct sld_list { uint32_t n; sld_dim p[SLD_MAX_RANK]; } sld_list;

/* The operands of a node from one on. */
enum { SLD_MAX_REST = 256 };
typedef struct sld_rest { SLD_NODE n; uint32_t at; } sld_rest;

/* --------------------------------------------------------------- defaults -- */

#ifndef SLD_OP_OR_0
#define SLD_OP_OR_0(g, n) ((n) ? (int)SLD_OP((g), (n)) : 0)
#endif
#ifndef SLD_OPERAND_OR_0
#define SLD_OPERAND_OR_0(g, n, i) ((uint32_t)(i) < SLD_N_OPERANDS((g), (n)) ? SLD_OPERAND((g), (n), (i)) : 0)
#endif

#ifndef SLD_DIM_EQ /* dims are numbers */
#define SLD_DIM_EQ(g, a, b) ((a) == (b))
#define SLD_DIM_NE(g, a, b) ((a) != (b))
#define SLD_DIM_LE(g, a, b) ((a) <= (b))
#define SLD_DIM_NUMBER(g, d) (d)
#define SLD_DIM_ADD(g, a, b) ((sld_dim)(a) + (b))
#define SLD_DIM_SUB(g, a, b) ((sld_dim)(a) - (b))
#define SLD_DIM_MUL(g, a, b) ((sld_dim)(a) * (b))
#define SLD_DIM_DIV(g, a, b) sld_floor_div((a), (b))
#define SLD_DIM_MOD(g, a, b) ((a) - (b) * sld_floor_div((a), (b)))
SLD_HELPER sld_dim sld_floor_div(sld_dim a, sld_dim b)
{
    return b ? a / b - (a % b != 0 && (a < 0) != (b < 0)) : 0;
}
#endif

#ifdef SLD_TRACE /* matchers themselves tell what fails */
#define SLD_MAY_MATCH(g, n, r) true
#else
#define SLD_MAY_MATCH(g, n, r) \
    (!(r)->look.operand || \
     sld_look_holds(&(r)->look, SLD_OP_OR_0((g), SLD_PRODUCER((g), SLD_OPERAND_OR_0((g), (n), (r)->look.operand - 1)))))
#endif

#ifdef SLD_TRACE
#include <stdio.h>
#ifndef SLD_NODE_NAME
#define SLD_NODE_NAME(g, n) ""
#endif
#define SLD_TRY(g, matcher, n) fprintf(stderr, "%s %s\n", (matcher), SLD_NODE_NAME((g), (n)))
#define SLD_TEST(cond, what) sld_told((cond), (what))
#define SLD_CASE(what) (void)sld_told(true, (what));
SLD_HELPER bool sld_told(bool held, const char *what)
{
    fprintf(stderr, "  %s: %s\n", what, held ? "yes" : "no");
    return held;
}
#else
#define SLD_TRY(g, matcher, n) (void)0
#define SLD_TEST(cond, what) (cond)
#define SLD_CASE(what)
#endif

#ifndef SLD_REPLACE
#define SLD_REPLACE sld_replace
SLD_HELPER bool sld_replace(SLD_GRAPH g, int rule, const SLD_NODE *nodes, uint32_t n, const SLD_VALUE *gone,
                            uint32_t n_gone, int op, uint32_t n_in, const SLD_VALUE *in, const sld_attr *attrs,
                            uint32_t n_out, const SLD_VALUE *old, const uint32_t *inner)
{
    if (!SLD_BEGIN(g, rule, nodes, n, n))
        return false;
    const SLD_NODE built = SLD_BUILD(g, op, n_in, in, attrs, n_out);
    for (uint32_t i = 0; i < n_out; i++)
        if (old[i])
            SLD_YIELD(g, old[i], SLD_BUILT(g, built, i));
    return SLD_COMMIT(g);
}
#endif

/* ---------------------------------------------------------------- helpers -- */

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

/* Whether operands 0 and 1 are produced by ops x and y, in any order; op 0: by none. */
SLD_HELPER bool sld_pick(SLD_GRAPH g, SLD_NODE n, int x, int y, SLD_VALUE *of_x, SLD_VALUE *of_y)
{
    SLD_VALUE a = SLD_OPERAND(g, n, 0), b = SLD_OPERAND(g, n, 1);
    SLD_NODE p = SLD_PRODUCER(g, a), q = SLD_PRODUCER(g, b);
    int op_a = SLD_OP_OR_0(g, p), op_b = SLD_OP_OR_0(g, q);
    bool first = op_a == x && op_b == y;
    *of_x = first ? a : b;
    *of_y = first ? b : a;
    return first || (op_a == y && op_b == x);
}

/* Whether operand 0 or 1 is x; then which one the other is. */
SLD_HELPER bool sld_pick_other(SLD_GRAPH g, SLD_NODE n, SLD_VALUE x, SLD_VALUE *other)
{
    SLD_VALUE a = SLD_OPERAND(g, n, 0), b = SLD_OPERAND(g, n, 1);
    *other = a == x ? b : a;
    return a == x || b == x;
}

SLD_HELPER bool sld_close(double a, double b, double tol)
{
    return a == b || (isnan(a) && isnan(b)) || (!isinf(b) && fabs(a - b) <= tol * fabs(b));
}

SLD_HELPER bool sld_same_text(const char *p, const char *q)
{
    while (*p && *p == *q)
        p++, q++;
    return *p == *q;
}

SLD_HELPER bool sld_attr_same(sld_attr a, sld_attr b)
{
    if (a.kind != b.kind || a.n != b.n)
        return false;
    switch (a.kind) {
    case SLD_ATTR_FLOAT:
        return a.f == b.f;
    case SLD_ATTR_STRING:
        return sld_same_text(a.s, b.s);
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

SLD_HELPER bool sld_is_text(sld_attr a, const char *text)
{
    return a.kind == SLD_ATTR_STRING && sld_same_text(a.s, text);
}

SLD_HELPER bool sld_same_rest(SLD_GRAPH g, sld_rest a, sld_rest b)
{
    uint32_t n = SLD_N_OPERANDS(g, a.n) - a.at;
    if (n != SLD_N_OPERANDS(g, b.n) - b.at)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (SLD_OPERAND(g, a.n, a.at + i) != SLD_OPERAND(g, b.n, b.at + i))
            return false;
    return true;
}

SLD_HELPER uint32_t sld_push_rest(SLD_GRAPH g, SLD_VALUE *in, uint32_t n, sld_rest r)
{
    for (uint32_t i = r.at, end = SLD_N_OPERANDS(g, r.n); i < end; i++)
        in[n++] = SLD_OPERAND(g, r.n, i);
    return n;
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

#pragma GCC diagnostic pop

#endif
