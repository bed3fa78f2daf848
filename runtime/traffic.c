/* What running a graph moves, without a plan: sizes follow from types, which are few.  A meter knows the share of each
 * node by the node's first result, because ids of nodes change; a rewrite changes the shares of what it takes and makes,
 * of producers that go with it, and of those that give a result which is left out when nobody reads it. */
#include "traffic.h"

typedef struct share {
    uint32_t in, n_in;  /* operands as they were */
    bool launch, unsized, listed;
    uint64_t bytes;
} share;

#define UNKNOWN UINT64_MAX

struct sld_meter {
    sld_graph *g;
    const int64_t *symbols;
    SLD_ARRAY(uint64_t) sizes;   /* by type, + 1; 0: unknown, or not asked yet */
    SLD_ARRAY(share) shares;     /* by value: of the node whose first result it is */
    SLD_ARRAY(sld_value) first;  /* by value: the first result of the node that gives it */
    SLD_ARRAY(sld_value) list;   /* first results of nodes to look at */
    uint64_t launches, unsized, bytes;
};

static uint64_t bytes_of(const sld_graph *g, const sld_type_rec *t, const int64_t *symbols)
{
    uint64_t bytes = sld_dtype_size((sld_dtype)t->dtype);
    int64_t d;
    for (uint32_t i = 0; i < t->rank; i++)
        if (!sld_dim_eval(g, g->dims.at[t->shape + i], symbols, &d) || d < 0 ||
            __builtin_mul_overflow(bytes, (uint64_t)d, &bytes))
            return UNKNOWN;
    return bytes;
}

static void add_value(sld_meter *m, sld_value v, share *s)
{
    uint32_t t = v ? m->g->values.at[v].type : 0;
    if (!t)
        return;
    uint64_t *size = &m->sizes.at[t];
    if (!*size)
        *size = bytes_of(m->g, &m->g->types.at[t], m->symbols) + 1;
    s->unsized |= !*size;
    s->bytes += *size ? *size - 1 : 0;
}

static share share_of(sld_meter *m, sld_node n)
{
    sld_graph *g = m->g;
    const sld_call c = sld__call_of(g, n);
    share s = {.in = g->nodes.at[n].in, .n_in = c.n_in, .launch = !sld__is_view(g, n)};
    for (uint32_t i = 0; s.launch && i < c.n_in; i++)
        add_value(m, c.in[i], &s);
    for (uint32_t i = 0; s.launch && i < c.n_out; i++)
        add_value(m, sld__left_out(g, n, i) ? 0 : sld_result(g, n, i), &s);
    return s;
}

static void add_share(sld_meter *m, const share *s, uint64_t times)
{
    m->launches += times * s->launch;
    m->unsized += times * s->unsized;
    m->bytes += times * s->bytes;
}

/* Room for all values and types, zeroed. */
static bool reach(sld_meter *m)
{
    sld_graph *g = m->g;
    if (!SLD_RESERVE(g->ctx, m->sizes, g->types.n) || !SLD_RESERVE(g->ctx, m->shares, g->values.n) ||
        !SLD_RESERVE(g->ctx, m->first, g->values.n))
        return false;
    while (m->sizes.n < g->types.n)
        m->sizes.at[m->sizes.n++] = 0;
    for (; m->shares.n < g->values.n; m->shares.n++) {
        m->shares.at[m->shares.n] = (share){0};
        m->first.at[m->shares.n] = 0;
    }
    return true;
}

/* The node whose first result v is; 0 when it is gone. */
static sld_node giver(const sld_meter *m, sld_value v)
{
    sld_node n = sld_producer(m->g, v);
    return n && sld_result(m->g, n, 0) == v ? n : 0;
}

static void look(sld_meter *m, sld_value v)
{
    sld_node n = giver(m, v);
    add_share(m, &m->shares.at[v], UINT64_MAX);
    m->shares.at[v] = n ? share_of(m, n) : (share){0};
    add_share(m, &m->shares.at[v], 1);
    for (uint32_t i = 0, n_out = n ? sld_n_results(m->g, n) : 0; i < n_out; i++)
        m->first.at[sld_result(m->g, n, i)] = v;
}

sld_meter *sld__meter_new(sld_graph *g, const int64_t *symbols)
{
    sld_meter *m = sld__alloc(g->ctx, sizeof *m);
    if (!m)
        return NULL;
    *m = (sld_meter){.g = g, .symbols = symbols};
    if (!reach(m)) {
        sld__meter_free(m);
        return NULL;
    }
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        if (sld_n_results(g, n)) {
            look(m, sld_result(g, n, 0));
        } else {
            const share s = share_of(m, n); /* no rewrite takes it */
            add_share(m, &s, 1);
        }
    return m;
}

void sld__meter_free(sld_meter *m)
{
    if (!m)
        return;
    void *all[] = {m->sizes.at, m->shares.at, m->first.at, m->list.at, m};
    sld_ctx *ctx = m->g->ctx;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sld__free(ctx, all[i]);
}

static bool list(sld_meter *m, sld_value v)
{
    if (!v || m->shares.at[v].listed)
        return true;
    if (!SLD_RESERVE(m->g->ctx, m->list, m->list.n + 1))
        return false;
    m->shares.at[v].listed = true;
    m->list.at[m->list.n++] = v;
    return true;
}

bool sld__meter_follow(sld_meter *m, const sld_fuse_event *e)
{
    bool ok = reach(m);
    m->list.n = 0;
    for (uint32_t i = 0; ok && i < e->n + e->n_built; i++)
        ok = list(m, e->results[i]);
    for (uint32_t i = 0, near = m->list.n; ok && i < m->list.n; i++) {
        const share s = m->shares.at[m->list.at[i]];
        for (uint32_t k = 0; ok && k < s.n_in && (i < near || !giver(m, m->list.at[i])); k++)
            ok = list(m, m->first.at[m->g->operands.at[s.in + k]]);
    }
    for (uint32_t i = 0; ok && i < m->list.n; i++)
        look(m, m->list.at[i]);
    return ok;
}

sld_traffic sld__meter_read(const sld_meter *m)
{
    return (sld_traffic){(uint32_t)m->launches, m->bytes, !m->unsized};
}

sld_status sld_graph_traffic(sld_graph *g, const int64_t *symbols, sld_traffic *out)
{
    sld_meter *m = sld__meter_new(g, symbols);
    *out = m ? sld__meter_read(m) : (sld_traffic){0};
    sld__meter_free(m);
    return m ? SLD_OK : SLD_ERR_MEMORY;
}
