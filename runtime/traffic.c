/* What running a graph moves, without a plan: sizes follow from types, which are few. */
#include "graph.h"

static bool bytes_of(const sld_graph *g, const sld_type_rec *t, const int64_t *symbols, uint64_t *bytes)
{
    int64_t d;
    *bytes = sld_dtype_size((sld_dtype)t->dtype);
    for (uint32_t i = 0; i < t->rank; i++)
        if (!sld_dim_eval(g, g->dims.at[t->shape + i], symbols, &d) || d < 0 ||
            __builtin_mul_overflow(*bytes, (uint64_t)d, bytes))
            return false;
    return true;
}

/* sizes: by type + 1, so that 0 is not asked yet. */
static void add_value(const sld_graph *g, const int64_t *symbols, uint64_t *sizes, sld_value v, sld_traffic *out)
{
    uint32_t t = v ? g->values.at[v].type : 0;
    if (!t || !out->sized)
        return;
    if (!sizes[t]) {
        out->sized = bytes_of(g, &g->types.at[t], symbols, &sizes[t]);
        sizes[t]++;
    }
    out->bytes += sizes[t] - 1;
}

sld_status sld_graph_traffic(sld_graph *g, const int64_t *symbols, sld_traffic *out)
{
    uint64_t *sizes = sld__alloc(g->ctx, (g->types.n + 1u) * sizeof *sizes);
    *out = (sld_traffic){.sized = true};
    for (sld_node n = sizes ? sld_first_node(g) : 0; n; n = sld_next_node(g, n)) {
        const sld_call c = sld__call_of(g, n);
        if (sld__is_view(g, n))
            continue;
        out->launches++;
        for (uint32_t i = 0; i < c.n_in; i++)
            add_value(g, symbols, sizes, c.in[i], out);
        for (uint32_t i = 0; i < c.n_out; i++)
            add_value(g, symbols, sizes, sld__left_out(g, n, i) ? 0 : sld_result(g, n, i), out);
    }
    bool ok = sizes != NULL;
    sld__free(g->ctx, sizes);
    return ok ? SLD_OK : SLD_ERR_MEMORY;
}
