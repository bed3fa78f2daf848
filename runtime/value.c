/* What is known about a value: its name, the elements of small integer values, the number in
 * a scalar constant. */
#include <string.h>

#include "names.h"

/* Makes a side array reach value v; new entries are 0. */
static bool reach(sld_graph *g, void *array, sld_value v)
{
    SLD_ARRAY(uint32_t) *a = array;
    if (v < a->n)
        return true;
    if (!sld__grow(g->ctx, (void **)&a->at, &a->cap, v + 1, sizeof *a->at))
        return false;
    memset(a->at + a->n, 0, (v + 1 - a->n) * sizeof *a->at);
    a->n = v + 1;
    return true;
}

bool sld__names_reach(sld_graph *g, sld_value v) { return reach(g, &g->value_names, v); }

bool sld__name_value(sld_graph *g, sld_value v, const char *name)
{
    if (!reach(g, &g->value_names, v))
        return false;
    g->value_names.at[v] = sld__name_claim(g, SLD_NAME_VALUE, name, v);
    return g->value_names.at[v] != 0;
}

const char *sld_value_name(const sld_graph *g, sld_value v)
{
    static const char *const kinds[] = {"", "input", "const", ""};
    sld_node p = sld_producer(g, v);
    if (v && (v >= g->value_names.n || !g->value_names.at[v]) && g->values.at[v].type)
        sld__name_value((sld_graph *)g, v, p ? sld_node_op(g, p)->name : kinds[sld_kind(g, v)]);
    return sld__name_text(g, v < g->value_names.n ? g->value_names.at[v] : 0);
}

sld_value sld_value_find(const sld_graph *g, const char *name)
{
    return sld__name_owner(g, SLD_NAME_VALUE, name);
}

/* Number of elements; false when it is symbolic or above limit. */
static bool count_elements(const sld_graph *g, sld_value v, uint32_t limit, uint32_t *n)
{
    const sld_dim *shape = sld_shape(g, v);
    uint64_t count = 1;
    bool empty = false, large = false;
    for (uint32_t i = 0; i < sld_rank(g, v); i++) {
        if (sld_dim_is_sym(shape[i]))
            return false;
        empty |= shape[i] == 0;
        large |= (uint64_t)shape[i] > limit || (count *= (uint64_t)shape[i]) > limit;
        count = large ? 1 : count;
    }
    *n = empty ? 0 : (uint32_t)count;
    return empty || !large;
}

static bool integer_element(const void *data, uint8_t dtype, uint32_t i, int64_t *out)
{
    switch (dtype) {
    case SLD_BOOL:
    case SLD_U8: *out = ((const uint8_t *)data)[i]; return true;
    case SLD_I8: *out = ((const int8_t *)data)[i]; return true;
    case SLD_I32: *out = ((const int32_t *)data)[i]; return true;
    case SLD_I64:
        /* The range of handles is "as far back as can be", which is what exporters mean by it. */
        *out = ((const int64_t *)data)[i];
        *out = sld_dim_is_sym(*out) ? SLD_SYM_LIMIT : *out;
        return true;
    default: return false;
    }
}

/* Copies the elements of an integer constant to g->dims, where they stay. */
static bool cache_constant(sld_graph *g, sld_value v, uint32_t n)
{
    const sld_const *c = sld_const_of(g, v);
    int64_t x[SLD_CONTENTS_MAX];
    if (!c->data)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!integer_element(c->data, (uint8_t)sld_dtype_of(g, v), i, &x[i]))
            return false; /* a float */
    if (!SLD_RESERVE(g->ctx, g->dims, g->dims.n + n) || !sld__set_contents(g, v, g->dims.n + 1))
        return false;
    for (uint32_t i = 0; i < n; i++)
        g->dims.at[g->dims.n++] = x[i];
    return true;
}

bool sld__set_contents(sld_graph *g, sld_value v, uint32_t contents)
{
    if (!reach(g, &g->contents, v))
        return false;
    g->contents.at[v] = contents;
    return true;
}

const sld_dim *sld_value_contents(sld_graph *g, sld_value v, uint32_t *n)
{
    if (!v || !count_elements(g, v, SLD_CONTENTS_MAX, n))
        return NULL;
    if ((v >= g->contents.n || !g->contents.at[v]) &&
        (sld_kind(g, v) != SLD_VALUE_CONST || sld_dtype_of(g, v) > SLD_I64 || !cache_constant(g, v, *n)))
        return NULL;
    return g->dims.at + g->contents.at[v] - 1;
}

bool sld_value_scalar(const sld_graph *g, sld_value v, double *out)
{
    uint32_t n;
    if (!v || sld_kind(g, v) != SLD_VALUE_CONST || !count_elements(g, v, 1, &n) || n != 1)
        return false;
    const sld_const *c = sld_const_of(g, v);
    if (c->data)
        *out = sld__element_float(c->data, (uint8_t)sld_dtype_of(g, v), 0);
    return c->data != NULL;
}
