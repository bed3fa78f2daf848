/* The primitives of sld_match.h as calls through a table: for engines that load rules at run time, or that cannot
 * compile them against their own structures. Compile generated code with -DSLD_PRIMITIVES='"sld_face.h"' into a
 * shared object, look sld_matcher_NAME up in it, fill in a table, and call rewrite with an sld_engine.
 * Nodes and values are what the engine wants them to be in the size of a pointer; NULL is none. */
#ifndef SLD_FACE_H
#define SLD_FACE_H

#include "sld_types.h"

typedef struct sld_face {
    int (*op)(void *graph, void *node); /* by the names in sld_matcher.ops */
    uint32_t (*n_operands)(void *graph, void *node);
    void *(*operand)(void *graph, void *node, uint32_t i); /* NULL: absent */
    uint32_t (*n_results)(void *graph, void *node);
    void *(*result)(void *graph, void *node, uint32_t i);
    sld_attr (*attr)(void *graph, void *node, uint32_t i);
    void *(*producer)(void *graph, void *value); /* NULL: an input, a constant, or no value */
    uint32_t (*result_index)(void *graph, void *value);
    uint32_t (*uses)(void *graph, void *value);
    int (*dtype)(void *graph, void *value);
    uint32_t (*rank)(void *graph, void *value);
    sld_dim (*dim)(void *graph, void *value, uint32_t i);
    bool (*is_const)(void *graph, void *value);
    bool (*scalar)(void *graph, void *value, double *number);
    bool (*begin)(void *graph, int rule, void *const *nodes, uint32_t n, uint32_t all);
    void *(*build)(void *graph, int op, uint32_t n_in, void *const *in, const sld_attr *attrs, uint32_t n_out);
    void *(*built)(void *graph, void *node, uint32_t i);
    void (*yield)(void *graph, void *old, void *with);
    bool (*commit)(void *graph);
    /* These may be NULL. The reader of a value behind `at`, which starts as 0 and is moved on; without it rules do not
     * match whose parts meet only in a value that they share. */
    void *(*next_reader)(void *graph, void *value, size_t *at);
    /* a + b, - * / % by the letter; whether a = b, a ! b (they differ), a < b or the same (the letter l) always holds.
     * Without them dims are numbers. */
    sld_dim (*compute)(void *graph, char letter, sld_dim a, sld_dim b);
    bool (*holds)(void *graph, char letter, sld_dim a, sld_dim b);
    sld_dim (*number)(void *graph, sld_dim d); /* the one number that a dim is; d where it may be several */
} sld_face;

typedef struct sld_engine { const sld_face *face; void *graph; } sld_engine;

typedef const sld_engine *SLD_GRAPH;
typedef void *SLD_NODE;
typedef void *SLD_VALUE;
typedef struct sld_face_readers { void *value; size_t at; } sld_face_readers;

static inline sld_dim sld_face_compute(SLD_GRAPH g, char letter, sld_dim a, sld_dim b)
{
    if (g->face->compute)
        return g->face->compute(g->graph, letter, a, b);
    sld_dim quotient = b ? a / b - (a % b != 0 && (a < 0) != (b < 0)) : 0;
    return letter == '+' ? a + b : letter == '-' ? a - b : letter == '*' ? a * b : letter == '/' ? quotient : a - b * quotient;
}

static inline bool sld_face_holds(SLD_GRAPH g, char letter, sld_dim a, sld_dim b)
{
    if (g->face->holds)
        return g->face->holds(g->graph, letter, a, b);
    return letter == '=' ? a == b : letter == '!' ? a != b : a <= b;
}

static inline void *sld_face_next_reader(SLD_GRAPH g, sld_face_readers *r)
{
    return g->face->next_reader ? g->face->next_reader(g->graph, r->value, &r->at) : NULL;
}

#define SLD_OP(g, n) (g)->face->op((g)->graph, (n))
#define SLD_N_OPERANDS(g, n) (g)->face->n_operands((g)->graph, (n))
#define SLD_OPERAND(g, n, i) (g)->face->operand((g)->graph, (n), (i))
#define SLD_N_RESULTS(g, n) (g)->face->n_results((g)->graph, (n))
#define SLD_RESULT(g, n, i) (g)->face->result((g)->graph, (n), (i))
#define SLD_ATTR(g, n, i) (g)->face->attr((g)->graph, (n), (i))
#define SLD_PRODUCER(g, v) (g)->face->producer((g)->graph, (v))
#define SLD_RESULT_INDEX(g, v) (g)->face->result_index((g)->graph, (v))
#define SLD_USES(g, v) (g)->face->uses((g)->graph, (v))
#define SLD_DTYPE(g, v) (g)->face->dtype((g)->graph, (v))
#define SLD_RANK(g, v) (g)->face->rank((g)->graph, (v))
#define SLD_DIM(g, v, i) (g)->face->dim((g)->graph, (v), (uint32_t)(i))
#define SLD_IS_CONST(g, v) (g)->face->is_const((g)->graph, (v))
#define SLD_SCALAR(g, v, d) (g)->face->scalar((g)->graph, (v), (d))
#define SLD_BEGIN(g, rule, nodes, n, all) (g)->face->begin((g)->graph, (rule), (nodes), (n), (all))
#define SLD_BUILD(g, op, n_in, in, attrs, n_out) (g)->face->build((g)->graph, (op), (n_in), (in), (attrs), (n_out))
#define SLD_BUILT(g, n, i) (g)->face->built((g)->graph, (n), (i))
#define SLD_YIELD(g, old, with) (g)->face->yield((g)->graph, (old), (with))
#define SLD_COMMIT(g) (g)->face->commit((g)->graph)
#define SLD_READERS sld_face_readers
#define SLD_FIRST_READER(g, v) ((sld_face_readers){(v), 0})
#define SLD_NEXT_READER(g, r) sld_face_next_reader((g), (r))
#define SLD_DIM_ADD(g, a, b) sld_face_compute((g), '+', (a), (b))
#define SLD_DIM_SUB(g, a, b) sld_face_compute((g), '-', (a), (b))
#define SLD_DIM_MUL(g, a, b) sld_face_compute((g), '*', (a), (b))
#define SLD_DIM_DIV(g, a, b) sld_face_compute((g), '/', (a), (b))
#define SLD_DIM_MOD(g, a, b) sld_face_compute((g), '%', (a), (b))
#define SLD_DIM_EQ(g, a, b) sld_face_holds((g), '=', (a), (b))
#define SLD_DIM_NE(g, a, b) sld_face_holds((g), '!', (a), (b))
#define SLD_DIM_LE(g, a, b) sld_face_holds((g), 'l', (a), (b))
#define SLD_DIM_NUMBER(g, d) ((g)->face->number ? (g)->face->number((g)->graph, (d)) : (d))

#endif
