/* A plan: every value of a graph placed in memory, and the launches in order.  Views share
 * the storage of what they show; a value lives from the launch that makes it to the last
 * that reads it or a view of it; outputs live to the end. */
#include "place.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

typedef struct launch { sld_kernel_fn fn; sld_launch args; sld_node node; } launch;

struct sld_plan {
    sld_graph *g;
    sld_target target;
    const int64_t *symbols;
    sld_plan_info info;
    sld_tensor *tensors;      /* by value */
    sld_value *base;          /* by value: whose storage it shows, itself when its own */
    uint32_t *buffer;         /* by value: index + 1 of its buffer, 0: none */
    launch *launches;
    uint32_t n_launches;
    char *arena;
    struct sld_chunk { struct sld_chunk *next; } *chunks;
};

/* Memory that lives as long as the plan. */
static void *plan_alloc(sld_plan *p, size_t size)
{
    struct sld_chunk *c = sld__alloc(p->g->ctx, 16 + size);
    if (!c)
        return NULL;
    c->next = p->chunks;
    p->chunks = c;
    return (char *)c + 16;
}

static sld_status fail_value(sld_plan *p, sld_status status, sld_value v, const char *what)
{
    return sld__fail(p->g->ctx, status, "value '%s': %s", sld_value_name(p->g, v), what);
}

/* --------------------------------------------------------------- concrete -- */

/* Dims as numbers; the size in bytes must fit. */
static sld_status set_tensor(sld_plan *p, sld_value v, size_t *size)
{
    const sld_value_rec *r = &p->g->values.at[v];
    sld_tensor *t = &p->tensors[v];
    int64_t *dims = plan_alloc(p, (r->rank + 1u) * sizeof *dims);
    size_t n = sld_dtype_size((sld_dtype)r->dtype);
    bool empty = false, fits = true;
    if (!dims)
        return SLD_ERR_MEMORY;
    for (uint32_t i = 0; i < r->rank; i++) {
        if (!sld_dim_eval(p->g, sld_shape(p->g, v)[i], p->symbols, &dims[i]))
            return fail_value(p, SLD_ERR_INPUT, v, "a dim has no value: a symbol is not given, or the arithmetic overflows");
        if (dims[i] < 0)
            return fail_value(p, SLD_ERR_TYPE, v, "a dim is negative for these symbols");
        empty |= dims[i] == 0;
        fits &= !dims[i] || !__builtin_mul_overflow(n, (size_t)dims[i], &n);
    }
    if (!empty && (!fits || n > (size_t)1 << 46))
        return fail_value(p, SLD_ERR_LIMIT, v, "it is too large for this machine");
    *t = (sld_tensor){.dtype = r->dtype, .rank = r->rank, .dims = dims};
    *size = empty ? 0 : n;
    return SLD_OK;
}

static sld_status set_attrs(sld_plan *p, sld_node n, sld_attr *attrs)
{
    const sld_op_info *op = sld_node_op(p->g, n);
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        attrs[i] = *sld_node_attr(p->g, n, i);
        bool list = attrs[i].kind == SLD_ATTR_INTS || attrs[i].kind == SLD_ATTR_AXES;
        bool ok = true;
        if (attrs[i].kind == SLD_ATTR_INT)
            ok = sld_dim_eval(p->g, attrs[i].i, p->symbols, &attrs[i].i);
        if (list) {
            sld_dim *copy = plan_alloc(p, (attrs[i].n + 1u) * sizeof *copy);
            if (!copy)
                return SLD_ERR_MEMORY;
            for (uint32_t k = 0; k < attrs[i].n && ok; k++)
                ok = sld_dim_eval(p->g, attrs[i].p[k], p->symbols, &copy[k]);
            attrs[i].p = copy;
        }
        if (!ok)
            return sld__fail(p->g->ctx, SLD_ERR_INPUT, "node '%s' (%s): attribute %s has no value for these symbols",
                             sld_value_name(p->g, sld_result(p->g, n, 0)), op->name, op->attrs[i].name);
    }
    return SLD_OK;
}

/* --------------------------------------------------------------- launches -- */

static bool is_view(const sld_graph *g, sld_node n)
{
    return sld_node_op(g, n)->flags & SLD_OP_VIEW && g->nodes.at[n].n_in && sld_operand(g, n, 0);
}

static sld_status add_launch(sld_plan *p, sld_node n)
{
    sld_graph *g = p->g;
    const sld_node_rec *r = &g->nodes.at[n];
    const sld_op_info *op = sld_node_op(g, n);
    char why[200];
    const sld_kernel_row *row = sld_bind(g, n, p->target, p->symbols, why, sizeof why);
    if (!row)
        return sld__fail(g->ctx, SLD_ERR_KERNEL, "node '%s' (%s): %s", r->n_out ? sld_value_name(g, r->out) : "", op->name, why);
    sld_attr *attrs = plan_alloc(p, (op->n_attrs + 1u) * sizeof *attrs);
    sld_tensor *tensors = plan_alloc(p, (r->n_in + r->n_out + 1u) * sizeof *tensors);
    if (!attrs || !tensors)
        return SLD_ERR_MEMORY;
    sld_status s = set_attrs(p, n, attrs);
    if (s)
        return s;
    p->launches[p->n_launches++] = (launch){
        .fn = row->fn, .node = n,
        .args = {.op = op, .n_in = r->n_in, .n_out = r->n_out, .in = tensors, .out = tensors + r->n_in, .attrs = attrs}};
    return SLD_OK;
}

/* ---------------------------------------------------------------- storage -- */

static size_t round_up(size_t n)
{
    return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

typedef struct storage { sld_buffer *at; sld_value *owner; uint32_t n; } storage;

static sld_status own_buffer(sld_plan *p, storage *st, sld_value v, size_t size, uint32_t now)
{
    p->base[v] = v;
    if (!size)
        return SLD_OK;
    st->at[st->n] = (sld_buffer){.size = round_up(size), .from = now, .to = now};
    st->owner[st->n++] = v;
    p->buffer[v] = st->n;
    return SLD_OK;
}

static void touch(sld_plan *p, storage *st, sld_value v, uint32_t now)
{
    uint32_t b = p->buffer[p->base[v]];
    if (b && st->at[b - 1].to < now)
        st->at[b - 1].to = now;
}

/* Walks the nodes in order: tensors, launches, and the life of each buffer. */
static sld_status walk(sld_plan *p, storage *st)
{
    sld_graph *g = p->g;
    for (sld_node n = g->first; n; n = g->nodes.at[n].next) {
        const sld_node_rec *r = &g->nodes.at[n];
        uint32_t now = p->n_launches;
        bool view = is_view(g, n);
        sld_status s = view ? SLD_OK : add_launch(p, n);
        for (uint32_t i = 0; !s && i < r->n_out; i++) {
            size_t size;
            if (!(s = set_tensor(p, r->out + i, &size))) {
                if (view && i == 0)
                    p->base[r->out] = p->base[sld_operand(g, n, 0)];
                else
                    s = own_buffer(p, st, r->out + i, size, now);
            }
        }
        if (s)
            return s;
        for (uint32_t i = 0; !view && i < r->n_in; i++)
            if (sld_operand(g, n, i))
                touch(p, st, sld_operand(g, n, i), now);
        p->info.n_views += view;
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        touch(p, st, g->uses.at[g->outputs.at[i].use].value, p->n_launches);
    return SLD_OK;
}

static sld_status set_sources(sld_plan *p)
{
    sld_graph *g = p->g;
    for (sld_value v = 1; v < g->values.n; v++) {
        size_t size;
        sld_status s = SLD_OK;
        uint8_t kind = g->values.at[v].kind;
        if (kind != SLD_VALUE_CONST && kind != SLD_VALUE_INPUT)
            continue;
        if ((s = set_tensor(p, v, &size)))
            return s;
        p->base[v] = v;
        if (kind == SLD_VALUE_INPUT)
            continue;
        p->tensors[v].data = g->consts.at[g->values.at[v].data].data;
        if (!p->tensors[v].data && size)
            return fail_value(p, SLD_ERR_INPUT, v, "this constant was read without its contents");
        p->info.const_bytes += size;
    }
    return SLD_OK;
}

/* Buffers have addresses from here on; inputs get theirs with each run. */
static sld_status place(sld_plan *p, storage *st)
{
    sld_ctx *ctx = p->g->ctx;
    sld_status s = sld_place(ctx, st->at, st->n, &p->info.arena_bytes, &p->info.live_bytes);
    if (s)
        return s;
    p->arena = plan_alloc(p, p->info.arena_bytes + ALIGN);
    if (!p->arena)
        return SLD_ERR_MEMORY;
    char *start = p->arena + (ALIGN - (uintptr_t)p->arena % ALIGN) % ALIGN;
    for (uint32_t i = 0; i < st->n; i++)
        p->tensors[st->owner[i]].data = start + st->at[i].offset;
    return SLD_OK;
}

static sld_status build(sld_plan *p)
{
    sld_graph *g = p->g;
    p->tensors = plan_alloc(p, g->values.n * sizeof *p->tensors);
    p->base = plan_alloc(p, g->values.n * sizeof *p->base);
    p->buffer = plan_alloc(p, g->values.n * sizeof *p->buffer);
    p->launches = plan_alloc(p, (g->n_nodes + 1u) * sizeof *p->launches);
    storage st = {.at = sld__alloc(g->ctx, (g->values.n + 1u) * sizeof *st.at),
                  .owner = sld__alloc(g->ctx, (g->values.n + 1u) * sizeof *st.owner)};
    sld_status s = SLD_ERR_MEMORY;
    if (p->tensors && p->base && p->buffer && p->launches && st.at && st.owner) {
        s = set_sources(p);
        s = s ? s : walk(p, &st);
        s = s ? s : place(p, &st);
    }
    sld__free(g->ctx, st.at);
    sld__free(g->ctx, st.owner);
    p->info.n_launches = p->n_launches;
    return s;
}

/* -------------------------------------------------------------- interface -- */

sld_plan *sld_plan_new(sld_graph *g, sld_target target, const int64_t *symbols)
{
    sld__clear(g->ctx);
    sld_plan *p = sld__alloc(g->ctx, sizeof *p);
    if (!p)
        return NULL;
    p->g = g;
    p->target = target;
    p->symbols = symbols;
    if (build(p)) {
        sld_plan_free(p);
        return NULL;
    }
    p->symbols = NULL; /* the caller's, and not needed any more */
    return p;
}

void sld_plan_free(sld_plan *p)
{
    if (!p)
        return;
    sld_ctx *ctx = p->g->ctx;
    while (p->chunks) {
        struct sld_chunk *next = p->chunks->next;
        sld__free(ctx, p->chunks);
        p->chunks = next;
    }
    sld__free(ctx, p);
}

sld_plan_info sld_plan_get_info(const sld_plan *p)
{
    return p->info;
}

static sld_tensor tensor_of(const sld_plan *p, sld_value v)
{
    sld_tensor t = {0};
    if (v) {
        t = p->tensors[v];
        t.data = p->tensors[p->base[v]].data;
    }
    return t;
}

sld_status sld_plan_run(sld_plan *p, const void *const *inputs, sld_tensor *outputs)
{
    sld_graph *g = p->g;
    sld__clear(g->ctx);
    /* Kernels only read their operands. */
    for (uint32_t i = 0; i < g->inputs.n; i++)
        p->tensors[g->inputs.at[i]].data = (void *)(uintptr_t)inputs[i];
    for (uint32_t i = 0; i < p->n_launches; i++) {
        launch *l = &p->launches[i];
        sld_tensor *t = (sld_tensor *)(uintptr_t)l->args.in;
        for (uint32_t k = 0; k < l->args.n_in; k++)
            t[k] = tensor_of(p, sld_operand(g, l->node, k));
        for (uint32_t k = 0; k < l->args.n_out; k++)
            t[l->args.n_in + k] = tensor_of(p, sld_result(g, l->node, k));
        const char *why = l->fn(&l->args);
        if (why)
            return sld__fail(g->ctx, SLD_ERR_KERNEL, "node '%s' (%s): %s",
                             l->args.n_out ? sld_value_name(g, sld_result(g, l->node, 0)) : "", l->args.op->name, why);
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        outputs[i] = tensor_of(p, g->uses.at[g->outputs.at[i].use].value);
    return SLD_OK;
}
