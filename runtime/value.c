/* What is known about a value: its name, the elements of small integer values, the number in
 * a scalar constant. */
#include <string.h>

#include "names.h"

const char *sld_value_name(const sld_graph *g, sld_value v)
{
    return sld__name_text(g, g->values.at[v].name);
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
    for (uint32_t i = 0; i < g->values.at[v].rank; i++) {
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
    sld_value_rec *r = &g->values.at[v];
    const sld_const *c = &g->consts.at[r->data];
    int64_t x[SLD_CONTENTS_MAX];
    if (!c->data)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!integer_element(c->data, r->dtype, i, &x[i]))
            return false; /* a float */
    if (!SLD_RESERVE(g->ctx, g->dims, g->dims.n + n))
        return false;
    r->contents = g->dims.n + 1;
    for (uint32_t i = 0; i < n; i++)
        g->dims.at[g->dims.n++] = x[i];
    return true;
}

const sld_dim *sld_value_contents(sld_graph *g, sld_value v, uint32_t *n)
{
    if (!v || !count_elements(g, v, SLD_CONTENTS_MAX, n))
        return NULL;
    const sld_value_rec *r = &g->values.at[v];
    if (!r->contents && (r->kind != SLD_VALUE_CONST || r->dtype > SLD_I64 || !cache_constant(g, v, *n)))
        return NULL;
    return g->dims.at + r->contents - 1;
}

bool sld_value_scalar(const sld_graph *g, sld_value v, double *out)
{
    uint32_t n;
    if (!v || g->values.at[v].kind != SLD_VALUE_CONST || !count_elements(g, v, 1, &n) || n != 1)
        return false;
    const sld_const *c = &g->consts.at[g->values.at[v].data];
    if (c->data)
        *out = sld__element_float(c->data, g->values.at[v].dtype, 0);
    return c->data != NULL;
}
