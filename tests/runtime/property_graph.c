/* Random graphs over the ops of sound.pat: what is near is read more often than what is far, operands of earlier
 * nodes come again, and now and then the graph is cut into pieces. */
#include <stdlib.h>
#include <string.h>

#include "property.h"
#include "sld_pattern.h"

enum { VALUES_MAX = 96 };

typedef struct maker {
    sld_graph *g;
    uint64_t state;
    sld_value values[VALUES_MAX];
    uint32_t n;
    sld_dim tokens;
} maker;

static uint32_t below(maker *m, uint32_t n)
{
    m->state = m->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m->state >> 33) % n;
}

static sld_value pick(maker *m)
{
    uint32_t near = below(m, 3) ? 6 : m->n;
    return m->values[m->n - 1 - below(m, near < m->n ? near : m->n)];
}

/* A value of the same type as v, v itself when none is found. */
static sld_value pick_like(maker *m, sld_value v)
{
    for (int tries = 0; tries < 8; tries++) {
        sld_value w = pick(m);
        if (m->g->values.at[w].type == m->g->values.at[v].type)
            return w;
    }
    return v;
}

static void add(maker *m, const char *op, uint32_t n_in, const sld_value *in, const sld_attr *attrs, uint32_t n_out)
{
    sld_node n = sld_graph_add(m->g, sld_op_find(m->g->rules, op), n_in, in, attrs, n_out, NULL);
    for (uint32_t i = 0; n && i < n_out && m->n < VALUES_MAX; i++)
        m->values[m->n++] = sld_result(m->g, n, i);
}

#define INTS(list, count) {.kind = SLD_ATTR_INTS, .n = (count), .p = (list)}

static void add_shape_op(maker *m, sld_value v)
{
    const sld_dim *d = sld_shape(m->g, v);
    uint32_t rank = sld_rank(m->g, v);
    sld_dim flat = rank ? d[0] : 1, dims[3] = {2, 2, 2};
    for (uint32_t i = 1; i < rank; i++)
        flat = sld_dim_mul(m->g, flat, d[i]);
    if (below(m, 2) == 0) {
        sld_attr shape[2] = {INTS(dims, 3), {0}};
        if (below(m, 2) || flat != 8)
            shape[0] = (sld_attr)INTS(&flat, 1);
        else if (below(m, 2))
            dims[0] = 4, shape[0].n = 2;
        add(m, "reshape", 1, &v, shape, 1);
    } else if (rank > 1) {
        sld_dim perm[3] = {1, 0, 2};
        if (rank == 3 && below(m, 2))
            perm[0] = 2, perm[2] = 0, perm[1] = 1;
        sld_attr p = INTS(perm, rank);
        add(m, "transpose", 1, &v, &p, 1);
    }
}

/* Joins along the last axis, and what takes that apart. */
static void add_parts(maker *m, sld_value v)
{
    sld_value pair[2] = {v, pick_like(m, v)};
    sld_attr axis = {.kind = SLD_ATTR_AXIS, .i = -1};
    uint32_t before = m->n, rank = sld_rank(m->g, v);
    sld_dim width = rank ? sld_shape(m->g, v)[rank - 1] : 0, zero = 0, one = 1, last = -1;
    if (!rank || sld_dim_is_sym(width) || width > 16)
        return;
    if (width % 2 == 0 && below(m, 2)) { /* apart and joined again */
        sld_dim halves[2] = {width / 2, width / 2};
        sld_attr apart[3] = {INTS(halves, 2), axis, {0}};
        add(m, "split", 1, &v, apart, 2);
        add(m, "concat", 2, (sld_value[]){m->values[m->n - 2], m->values[m->n - 1]}, &axis, 1);
        return;
    }
    add(m, "concat", 2, pair, &axis, 1);
    if (m->n == before)
        return;
    sld_value joined = m->values[m->n - 1];
    sld_dim sizes[2] = {width, width};
    sld_attr split[3] = {INTS(sizes, 2), axis, {0}};
    sld_attr slice[4] = {{.kind = SLD_ATTR_AXES, .n = 1, .p = &last}, INTS(below(m, 2) ? &zero : &width, 1),
                         INTS(sizes, 1), INTS(&one, 1)};
    if (slice[1].p == &width) /* the second half */
        sizes[0] = 2 * width;
    if (below(m, 2))
        add(m, "slice", 1, &joined, slice, 1);
    else if (sizes[0] == width)
        add(m, "split", 1, &joined, split, 2);
}

static void add_buffer_op(maker *m, sld_value v)
{
    sld_value in[3] = {v, pick_like(m, v)};
    switch (below(m, 4)) {
    case 0: add(m, "exchange", 2, in, NULL, 2); break;
    case 1: add(m, "observe", 1, in, NULL, 1); break;
    default: add(m, "store", 2, in, NULL, 1);
    }
}

static void add_constant(maker *m, sld_value v)
{
    int64_t wide = below(m, 3) ? 2 : below(m, 5);
    int32_t narrow = (int32_t)wide;
    bool is_wide = sld_dtype_of(m->g, v) == SLD_I64;
    sld_dim dims[1] = {1};
    sld_value in[2] = {v, sld_graph_const(m->g, NULL, sld_dtype_of(m->g, v), below(m, 4) == 0, dims,
                                          is_wide ? (void *)&wide : (void *)&narrow, is_wide ? 8 : 4)};
    add(m, "mul", 2, in, NULL, 1);
}

/* Operands of an earlier node of two operands, in any order. */
static bool pick_again(maker *m, sld_value *in)
{
    for (int tries = 0; tries < 6; tries++) {
        sld_node n = sld_producer(m->g, pick(m));
        if (!n || m->g->nodes.at[n].n_in != 2)
            continue;
        uint32_t first = below(m, 2);
        in[0] = sld_operand(m->g, n, first);
        in[1] = sld_operand(m->g, n, 1 - first);
        return true;
    }
    return false;
}

static void add_node(maker *m)
{
    static const char *const binary[] = {"add", "add", "mul", "mul", "sub", "minimum", "maximum"};
    static const char *const unary[] = {"neg", "neg", "abs"};
    sld_value v = pick(m), in[2] = {v, pick_like(m, v)};
    uint32_t kind = below(m, 16);
    if (kind < 7) {
        if (below(m, 3) || !pick_again(m, in))
            in[1] = pick_like(m, v);
        add(m, binary[below(m, 7)], 2, in, NULL, 1);
    } else if (kind < 10) {
        add(m, unary[below(m, 3)], 1, in, NULL, 1);
    } else if (kind < 12) {
        add_shape_op(m, v);
    } else if (kind < 13) {
        add_parts(m, v);
    } else if (kind < 15) {
        add_buffer_op(m, v);
    } else {
        add_constant(m, v);
    }
}

/* ------------------------------------------------------------ left sides of rules -- */

static bool has_no_attrs(const sld_pattern *p)
{
    for (uint32_t i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].n_attrs)
            return false;
    return true;
}

/* What stands for a value of the pattern: a result that was made, or something of the type of what came first. */
static sld_value value_for(maker *m, const sld_pattern *p, uint16_t val, sld_value *made, sld_value like)
{
    const sld_pat_val *v = &p->vals[val];
    if (!made[val] && (v->kind == SLD_PAT_INPUT || v->kind == SLD_PAT_RESULT))
        made[val] = like ? pick_like(m, like) : below(m, 2) ? m->values[m->n - 1] : pick(m);
    return made[val];
}

/* The left side of a rule, with other nodes between, and now and then not quite. */
static void add_left_side(maker *m)
{
    const sld_ruleset *rules = m->g->rules;
    const sld_pattern *p = &rules->patterns[below(m, rules->n_patterns)];
    sld_value made[32] = {0}, like = 0;
    if (!has_no_attrs(p) || p->n_vals > 32)
        return;
    for (uint32_t i = 0; i < p->n_nodes && m->n + 8 < VALUES_MAX; i++) {
        const sld_pat_node *node = &p->nodes[i];
        sld_value in[4] = {0};
        uint32_t swap = node->commutes && below(m, 2), before = m->n;
        for (uint32_t k = 0; k < node->n_operands && k < 4; k++) {
            in[k < 2 ? k ^ swap : k] = value_for(m, p, node->operands[k], made, below(m, 30) ? like : 0);
            like = like ? like : made[node->operands[k]];
        }
        add(m, rules->ops[node->op].name, node->n_operands, in, NULL, node->n_results);
        for (uint32_t k = 0; k < node->n_results && before + k < m->n; k++)
            made[node->operands[node->n_operands + k]] = m->values[before + k];
        if (below(m, 4) == 0)
            add_node(m);
    }
}

static void add_inputs(maker *m)
{
    sld_dim shapes[4][2] = {{8, 0}, {2, 4}, {4, 2}, {m->tokens, 4}};
    uint32_t n = 2 + below(m, 3), same = below(m, 4);
    sld_dtype t = below(m, 4) ? SLD_I64 : SLD_I32;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t shape = below(m, 3) ? same : below(m, 4);
        m->values[m->n++] = sld_graph_input(m->g, NULL, t, shape ? 2 : 1, shapes[shape]);
    }
}

static void add_outputs(maker *m)
{
    uint32_t n = 1 + below(m, 4);
    sld_graph_output(m->g, "last", m->values[m->n - 1]);
    for (uint32_t i = 0; i < n; i++)
        sld_graph_output(m->g, "o", m->values[below(m, m->n)]);
}

static void cut(maker *m)
{
    static const char *const names[] = {"neg", "store", "maximum", "reshape"};
    uint16_t op = sld_op_find(m->g->rules, names[below(m, 4)]);
    if (below(m, 6) == 0)
        sld_graph_split(m->g, 1, &op);
}

static char *text_of(sld_graph *g)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    sld_text_print(g, f, SLD_TEXT_DATA);
    fclose(f);
    return text;
}

property_round property_make(uint64_t seed)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    maker m = {.g = sld_graph_new(ctx, sld_ruleset_sound()), .state = seed * 0x9e3779b97f4a7c15u + 1};
    property_round r = {.seed = seed, .tokens = 1 + below(&m, 5)};
    uint32_t nodes = 3 + below(&m, below(&m, 4) ? 14 : 60);
    m.tokens = sld_dim_symbol(m.g, "T", 1, 64);
    add_inputs(&m);
    for (uint32_t i = 0; i < nodes && m.n + 4 < VALUES_MAX; i++)
        below(&m, 2) ? add_node(&m) : add_left_side(&m);
    add_outputs(&m);
    cut(&m);
    for (uint32_t i = 0; i < m.g->rules->n_rules; i++)
        if (below(&m, 3) == 0)
            r.off |= UINT64_C(1) << i;
    r.off = below(&m, 3) ? r.off : 0;
    r.text = text_of(m.g);
    sld_graph_free(m.g);
    sld_ctx_free(ctx);
    return r;
}

void property_free(property_round *r)
{
    free(r->text);
    r->text = NULL;
}
