/* What is the same many times is kept once: types, lists of attributes, and what follows from a
 * node's op, the types it reads and its attributes.  So adding the millionth node of a kind
 * costs a comparison instead of an inference, and a rewrite no more than that. */
#include <string.h>

#include "infer.h"
#include "interned.h"

enum { KEPT_OPERANDS = 16, KEPT_RESULTS = 16 }; /* larger calls are inferred each time */

static sld_interned *interned(sld_graph *g)
{
    if (g->interned)
        return g->interned;
    sld_interned *t = sld__alloc(g->ctx, sizeof *t);
    if (t && !(t->last = sld__alloc(g->ctx, (g->rules->n_ops + 1u) * sizeof *t->last))) {
        sld__free(g->ctx, t);
        return NULL;
    }
    return g->interned = t;
}

void sld__interned_free(sld_graph *g)
{
    sld_interned *t = g->interned;
    if (!t)
        return;
    void *all[] = {t->types.at, t->tuples.at, t->calls.at, t->tuple_recs.at, t->kept.at, t->words.at, t->last, t};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sld__free(g->ctx, all[i]);
}

void sld__forget_calls(sld_graph *g)
{
    sld_interned *t = g->interned;
    if (!t)
        return;
    if (t->calls.cap)
        memset(t->calls.at, 0, t->calls.cap * sizeof *t->calls.at);
    memset(t->last, 0, (g->rules->n_ops + 1u) * sizeof *t->last);
    t->calls.n = t->kept.n = t->words.n = 0;
}

static uint32_t mix(uint32_t hash, uint64_t word)
{
    uint64_t h = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return (uint32_t)(h ^ h >> 32);
}

/* ------------------------------------------------------------------- types -- */

static uint32_t find_type(const sld_graph *g, uint32_t hash, sld_dtype dtype, uint32_t rank, const sld_dim *dims)
{
    uint32_t step = 0, id;
    while ((id = sld__table_next(&g->interned->types, hash, &step))) {
        const sld_type_rec *t = &g->types.at[id];
        if (t->dtype == dtype && t->rank == rank &&
            (!rank || !memcmp(g->dims.at + t->shape, dims, rank * sizeof *dims)))
            break;
    }
    return id;
}

bool sld__types_agree(sld_graph *g, uint32_t a, uint32_t b)
{
    const sld_type_rec *x = &g->types.at[a], *y = &g->types.at[b];
    bool same = x->dtype == y->dtype && x->rank == y->rank;
    for (uint32_t i = 0; same && a != b && i < x->rank; i++)
        same = sld_dim_eq(g, g->dims.at[x->shape + i], g->dims.at[y->shape + i]) == SLD_ALWAYS;
    return same;
}

uint32_t sld__type(sld_graph *g, sld_dtype dtype, uint32_t rank, const sld_dim *dims)
{
    sld_interned *t = interned(g);
    uint32_t hash = mix(SLD_HASH_SEED, dtype | rank << 8);
    for (uint32_t i = 0; i < rank; i++)
        hash = mix(hash, (uint64_t)dims[i]);
    uint32_t id = t ? find_type(g, hash, dtype, rank, dims) : 0;
    if (!t || id)
        return id;
    if (!SLD_RESERVE(g->ctx, g->types, g->types.n + 1) || !SLD_RESERVE(g->ctx, g->dims, g->dims.n + rank) ||
        !sld__table_reserve(g->ctx, &t->types))
        return 0;
    id = g->types.n++;
    g->types.at[id] = (sld_type_rec){.dtype = (uint8_t)dtype, .rank = (uint8_t)rank, .shape = g->dims.n};
    for (uint32_t i = 0; i < rank; i++)
        g->dims.at[g->dims.n++] = dims[i];
    sld__table_add(&t->types, hash, id);
    return id;
}

/* -------------------------------------------------------------- attributes -- */

static bool is_list(const sld_attr *a) { return a->kind == SLD_ATTR_INTS || a->kind == SLD_ATTR_AXES; }

/* Equal to the bit: NaN is itself, and zeros of either sign differ. */
static bool same_attr(const sld_attr *a, const sld_attr *b)
{
    if (a->kind == SLD_ATTR_NONE || a->kind != b->kind)
        return a->kind == b->kind;
    if (is_list(a))
        return a->n == b->n && (a->p == b->p || !a->n || !memcmp(a->p, b->p, a->n * sizeof *a->p));
    return a->i == b->i || (a->kind == SLD_ATTR_STRING && !strcmp(a->s, b->s));
}

static uint32_t hash_attr(uint32_t hash, const sld_attr *a)
{
    hash = mix(hash, a->kind);
    if (a->kind == SLD_ATTR_NONE)
        return hash;
    if (a->kind == SLD_ATTR_STRING)
        return sld__hash(hash, a->s, strlen(a->s));
    if (!is_list(a))
        return mix(hash, (uint64_t)a->i);
    for (uint32_t i = 0; i < a->n; i++)
        hash = mix(hash, (uint64_t)a->p[i]);
    return mix(hash, a->n);
}

static const sld_attr none;

/* attrs NULL: none is given. */
bool sld__same_attrs(const sld_graph *g, uint32_t first, uint32_t n, const sld_attr *attrs)
{
    for (uint32_t i = 0; i < n; i++)
        if (!same_attr(&g->attrs.at[first + i], attrs ? &attrs[i] : &none))
            return false;
    return true;
}

static uint32_t hash_attrs(uint32_t hash, uint32_t n, const sld_attr *attrs)
{
    for (uint32_t i = 0; i < n; i++)
        hash = hash_attr(hash, attrs ? &attrs[i] : &none);
    return hash;
}

/* Text and lists that outlive the call. */
static bool own_attr(sld_graph *g, sld_attr *a)
{
    if (a->kind == SLD_ATTR_STRING)
        return (a->s = sld__graph_str(g, a->s)) != NULL;
    if (!is_list(a) || !a->n)
        return true;
    sld_dim *p = sld__graph_alloc(g, a->n * sizeof *p);
    if (p)
        memcpy(p, a->p, a->n * sizeof *p);
    a->p = p;
    return p != NULL;
}

/* The first of these attributes in sld_graph.attrs. own: their lists are the graph's already. */
static bool intern_attrs(sld_graph *g, uint32_t n, const sld_attr *attrs, bool own, uint32_t *first)
{
    sld_interned *t = g->interned;
    uint32_t hash = hash_attrs(SLD_HASH_SEED, n, attrs), step = 0, id;
    while ((id = sld__table_next(&t->tuples, hash, &step)))
        if (t->tuple_recs.at[id].n == n && sld__same_attrs(g, t->tuple_recs.at[id].first, n, attrs)) {
            *first = t->tuple_recs.at[id].first;
            return true;
        }
    id = t->tuple_recs.n ? t->tuple_recs.n : 1;
    if (!SLD_RESERVE(g->ctx, t->tuple_recs, id + 1) || !sld__table_reserve(g->ctx, &t->tuples) ||
        !SLD_RESERVE(g->ctx, g->attrs, g->attrs.n + n))
        return false;
    *first = g->attrs.n;
    for (uint32_t i = 0; i < n; i++) {
        g->attrs.at[*first + i] = attrs ? attrs[i] : none;
        if (!own && !own_attr(g, &g->attrs.at[*first + i]))
            return false;
    }
    g->attrs.n += n;
    t->tuple_recs.at[id] = (sld_tuple){*first, n};
    t->tuple_recs.n = id + 1;
    sld__table_add(&t->tuples, hash, id);
    return true;
}

/* -------------------------------------------------------------- what follows -- */

static uint32_t hash_call(const sld_graph *g, const sld_call *c)
{
    uint32_t hash = mix(SLD_HASH_SEED, (uint64_t)c->op << 32 | c->n_out);
    for (uint32_t i = 0; i < c->n_in; i++)
        hash = mix(hash, g->values.at[c->in[i]].type);
    return hash_attrs(hash, g->rules->ops[c->op].n_attrs, c->attrs);
}

static uint32_t find_call(const sld_graph *g, const sld_call *c, uint32_t hash)
{
    const sld_kept *kept = g->interned->kept.at;
    uint32_t step = 0, id;
    while ((id = sld__table_next(&g->interned->calls, hash, &step)))
        if (kept[id].op == c->op && sld__asks(g, &kept[id], c->n_in, c->in, c->attrs, c->n_out))
            break;
    return id;
}

/* Infers; the types stand at the end of words, after n_in free words. */
static sld_status infer(sld_graph *g, const sld_call *c, sld_outcome *o)
{
    sld_interned *t = g->interned;
    sld_attr attrs[UINT8_MAX + 1];
    uint32_t n_attrs = g->rules->ops[c->op].n_attrs, at = t->words.n;
    for (uint32_t i = 0; i < n_attrs; i++)
        attrs[i] = c->attrs ? c->attrs[i] : none;
    if (!SLD_RESERVE(g->ctx, t->words, at + c->n_in + c->n_out + 1)) /* there is a place also for none */
        return SLD_ERR_MEMORY;
    *o = (sld_outcome){.types = at + c->n_in};
    sld_status status = sld_infer(g, c->op, c->n_in, c->in, attrs, c->n_out, t->words.at + o->types, &o->contents);
    if (!status && n_attrs && !intern_attrs(g, n_attrs, attrs, true, &o->attrs))
        status = SLD_ERR_MEMORY;
    return status;
}

static sld_status keep(sld_graph *g, const sld_call *c, uint32_t hash, sld_outcome *o)
{
    sld_interned *t = g->interned;
    uint32_t id = t->kept.n ? t->kept.n : 1, given = 0, n_attrs = g->rules->ops[c->op].n_attrs;
    if (!SLD_RESERVE(g->ctx, t->kept, id + 1) || !sld__table_reserve(g->ctx, &t->calls) ||
        (n_attrs && !intern_attrs(g, n_attrs, c->attrs, false, &given)))
        return SLD_ERR_MEMORY;
    for (uint32_t i = 0; i < c->n_in; i++)
        t->words.at[t->words.n + i] = g->values.at[c->in[i]].type;
    t->kept.at[id] = (sld_kept){.op = c->op, .n_in = (uint8_t)c->n_in, .n_out = (uint8_t)c->n_out,
                            .n_attrs = (uint8_t)n_attrs, .types = t->words.n,
                            .given = given, .attrs = o->attrs};
    t->kept.n = id + 1;
    t->words.n += c->n_in + c->n_out;
    sld__table_add(&t->calls, hash, id);
    o->id = t->last[c->op] = id;
    return SLD_OK;
}

/* Contents of small integers follow from those of the operands. */
static bool follows_from_types(const sld_graph *g, const sld_call *c, const sld_outcome *o)
{
    return !g->rules->ops[c->op].contents || !c->n_out || g->types.at[sld__outcome_types(g, o)[0]].dtype > SLD_I64;
}

sld_status sld__outcome(sld_graph *g, const sld_call *c, sld_outcome *o)
{
    sld_interned *t = interned(g);
    if (!t)
        return SLD_ERR_MEMORY;
    uint32_t id = t->last[c->op];
    if (!id || !sld__asks(g, &t->kept.at[id], c->n_in, c->in, c->attrs, c->n_out)) {
        if (c->n_in > KEPT_OPERANDS || c->n_out > KEPT_RESULTS)
            return infer(g, c, o);
        uint32_t hash = hash_call(g, c);
        id = find_call(g, c, hash);
        if (!id) {
            sld_status status = infer(g, c, o);
            return status || !follows_from_types(g, c, o) ? status : keep(g, c, hash, o);
        }
        t->last[c->op] = id;
    }
    const sld_kept *k = &t->kept.at[id];
    *o = (sld_outcome){.attrs = k->attrs, .types = k->types + k->n_in, .id = id, .bound = k->bound};
    return SLD_OK;
}

const uint32_t *sld__outcome_types(const sld_graph *g, const sld_outcome *o)
{
    return g->interned->words.at + o->types;
}

bool sld__outcome_bound(sld_graph *g, const sld_call *c, const sld_outcome *o, sld_target target, char *why, size_t n)
{
    if (o->bound >> target & 1)
        return true;
    bool view = g->rules->ops[c->op].flags & SLD_OP_VIEW && c->n_out == 1; /* nothing is launched */
    if (!view && !sld__bind_call(g, c, target, NULL, why, n))
        return false;
    if (o->id)
        g->interned->kept.at[o->id].bound |= (uint16_t)(1u << target);
    return true;
}
