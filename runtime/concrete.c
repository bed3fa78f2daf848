/* A graph with symbolic dims at given values of the symbols: a copy whose shapes and attributes
 * are numbers.  Inference runs again for every node, so what the types only allowed ("this dim
 * is 8 or 1") is decided here, and kernels can rely on what a signature promises.  Constants
 * are copied without their contents. */
#include <inttypes.h>

#include "concrete.h"
#include "dims.h"
#include "names.h"

typedef struct copy {
    sld_graph *from, *to;
    const int64_t *symbols;
    sld_value *map;      /* by value of `from` */
    sld_value *operands; /* room for those of any node */
    const char **names;  /* likewise for results */
} copy;

/* Rewrites rely on the ranges of symbols, so a value outside would run a graph that means something else. */
static bool check_symbols(sld_graph *g, const int64_t *symbols)
{
    for (uint32_t i = 0; symbols && i < sld_dim_n_symbols(g); i++) {
        int64_t lo, hi;
        sld_dim_symbol_range(g, i, &lo, &hi);
        if (symbols[i] >= 0 && (symbols[i] < lo || symbols[i] > hi)) {
            sld__fail(g->ctx, SLD_ERR_INPUT,
                      "symbol '%s' is %" PRId64 ", outside its range [%" PRId64 ", %" PRId64 "]",
                      sld_dim_symbol_name(g, i), symbols[i], lo, hi);
            return false;
        }
    }
    return true;
}

/* name: of a value; attr: of the attribute that d belongs to, NULL when it is a dim of the value. */
static bool at_symbols(const copy *c, sld_dim d, const char *name, const char *attr, int64_t *out)
{
    char text[200];
    if (sld_dim_eval(c->from, d, c->symbols, out) && !sld_dim_is_sym(*out))
        return true;
    sld_dim_print(c->from, d, text, sizeof text);
    sld__fail(c->from->ctx, SLD_ERR_INPUT,
              "value '%s'%s%s: %s has no value: a symbol is not given, or the arithmetic overflows", name,
              attr ? ", attribute " : "", attr ? attr : "", text);
    return false;
}

static bool shape_at(const copy *c, sld_value v, int64_t *dims)
{
    const char *name = sld_value_name(c->from, v);
    for (uint32_t i = 0; i < sld_rank(c->from, v); i++) {
        if (!at_symbols(c, sld_shape(c->from, v)[i], name, NULL, &dims[i]))
            return false;
        if (dims[i] < 0) {
            sld__fail(c->from->ctx, SLD_ERR_TYPE, "value '%s': dim %u would be %" PRId64 " for these symbols",
                      name, i, dims[i]);
            return false;
        }
    }
    return true;
}

static bool copy_source(copy *c, sld_value v)
{
    const sld_type_rec *r = sld_type_of(c->from, v);
    int64_t dims[UINT8_MAX];
    if (!shape_at(c, v, dims))
        return false;
    const char *name = sld_value_name(c->from, v);
    c->map[v] = sld_kind(c->from, v) == SLD_VALUE_INPUT
                    ? sld_graph_input(c->to, name, (sld_dtype)r->dtype, r->rank, dims)
                    : sld_graph_const(c->to, name, (sld_dtype)r->dtype, r->rank, dims, NULL, 0);
    return c->map[v] != 0;
}

static bool copy_sources(copy *c)
{
    for (uint32_t i = 0; i < c->from->inputs.n; i++)
        if (!copy_source(c, c->from->inputs.at[i]))
            return false;
    for (sld_value v = 1; v < c->from->values.n; v++)
        if (sld_kind(c->from, v) == SLD_VALUE_CONST && !copy_source(c, v))
            return false;
    return true;
}

/* Lists without symbols stay where they are: adding the node copies them. */
static bool list_at(copy *c, const char *name, const char *attr, sld_attr *a)
{
    uint32_t first = 0;
    while (first < a->n && !sld_dim_is_sym(a->p[first]))
        first++;
    if (first == a->n)
        return true;
    int64_t *p = sld__graph_alloc(c->to, a->n * sizeof *p);
    if (!p)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!at_symbols(c, a->p[i], name, attr, &p[i]))
            return false;
    a->p = p;
    return true;
}

static bool attrs_at(copy *c, sld_node n, sld_attr *attrs)
{
    const sld_op_info *op = sld_node_op(c->from, n);
    bool named = sld_n_results(c->from, n) != 0;
    const char *name = named ? sld_value_name(c->from, sld_result(c->from, n, 0)) : op->name;
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        sld_attr *a = &attrs[i];
        *a = sld_node_attrs(c->from, n)[i];
        bool list = a->kind == SLD_ATTR_INTS || a->kind == SLD_ATTR_AXES;
        if (list ? !list_at(c, name, op->attrs[i].name, a)
                 : a->kind == SLD_ATTR_INT && !at_symbols(c, a->i, name, op->attrs[i].name, &a->i))
            return false;
    }
    return true;
}

/* The shapes that were inferred for all symbols must be the ones inferred for these. */
static bool same_shape(const copy *c, sld_value from, sld_value to)
{
    int64_t dims[UINT8_MAX];
    if (!shape_at(c, from, dims))
        return false;
    uint32_t rank = sld_rank(c->to, to), i = 0;
    while (i < rank && rank == sld_rank(c->from, from) && dims[i] == sld_shape(c->to, to)[i])
        i++;
    if (i == rank)
        return true;
    sld__fail(c->from->ctx, SLD_ERR_TYPE,
              "value '%s': for these symbols, its shape is not the one that its operands give",
              sld_value_name(c->from, from));
    return false;
}

static bool copy_node(copy *c, sld_node n)
{
    const sld_call r = sld__call_of(c->from, n);
    sld_attr attrs[UINT8_MAX];
    if (!attrs_at(c, n, attrs))
        return false;
    for (uint32_t i = 0; i < r.n_in; i++)
        c->operands[i] = c->map[r.in[i]];
    for (uint32_t i = 0; i < r.n_out; i++)
        c->names[i] = sld_value_name(c->from, sld_result(c->from, n, i));
    sld_node m = sld_graph_add(c->to, r.op, r.n_in, c->operands, attrs, r.n_out, c->names);
    for (uint32_t i = 0; m && i < r.n_out; i++) {
        sld_value from = sld_result(c->from, n, i), to = sld_result(c->to, m, i);
        c->map[from] = to;
        if (!same_shape(c, from, to))
            return false;
    }
    return m != 0;
}

static bool copy_all(copy *c)
{
    const sld_graph *g = c->from;
    if (!copy_sources(c))
        return false;
    int64_t tokens;
    c->to->world = g->world;
    c->to->units = g->units;
    c->to->bucket = g->bucket;
    if (g->tokens && sld_dim_eval(g, g->tokens, c->symbols, &tokens))
        c->to->bucket = (sld_bucket){tokens, tokens};
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        if (!copy_node(c, n))
            return false;
    for (uint32_t i = 0; i < g->outputs.n; i++)
        if (sld_graph_output(c->to, sld__name_text(g, g->outputs.at[i].name),
                             c->map[g->outputs.at[i].value]))
            return false;
    return true;
}

sld_graph *sld__graph_at(sld_graph *g, const int64_t *symbols, sld_value *map)
{
    copy c = {.from = g, .symbols = symbols, .map = map};
    uint32_t n_in = 0, n_out = 0;
    if (!check_symbols(g, symbols) || !(c.to = sld_graph_new(g->ctx, g->rules)))
        return NULL;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        n_in = g->nodes.at[n].n_in > n_in ? g->nodes.at[n].n_in : n_in;
        n_out = sld_n_results(g, n) > n_out ? sld_n_results(g, n) : n_out;
    }
    c.operands = sld__alloc(g->ctx, (n_in + 1u) * sizeof *c.operands);
    c.names = sld__alloc(g->ctx, (n_out + 1u) * sizeof *c.names);
    bool ok = c.operands && c.names && copy_all(&c);
    sld__free(g->ctx, c.operands);
    sld__free(g->ctx, c.names);
    if (ok)
        return c.to;
    sld_graph_free(c.to);
    return NULL;
}
