/* A plan: every value of a graph placed in memory, and the launches in order.  Views share the
 * storage of what they show; a value lives from the launch that makes it to the last that
 * reads it or a view of it; outputs live to the end.
 *
 * All pointers are known when the plan is built but those into inputs, which each run patches:
 * a run is a loop over ready launches. */
#include "concrete.h"
#include "place.h"

enum { ALIGN = 64 };

typedef struct launch { sld_kernel_fn fn; sld_node node; sld_launch args; } launch;

/* A tensor that shows an input. */
typedef struct patch { uint32_t tensor, input; } patch;

struct sld_plan {
    sld_ctx *ctx;
    sld_graph *g;         /* concrete, the plan's own: shapes, attributes and names */
    sld_plan_info info;
    uint32_t n_patches, n_tensors;
    launch *launches;
    sld_tensor *tensors;  /* operands and results of each launch, then the outputs */
    patch *patches;
};

/* What is known while a plan is built, by value of the concrete graph. */
typedef struct storage {
    sld_value base;       /* whose bytes it shows, itself when its own */
    uint32_t buffer;      /* of a base: index + 1, 0: none */
    uint32_t input;       /* of a base: index + 1, 0: it is none */
    size_t size;
    void *data;
} storage;

typedef struct builder {
    sld_ctx *ctx;
    sld_graph *g;
    storage *at;
    sld_value *owners;    /* by buffer */
    sld_buffer *buffers;
    uint32_t n_buffers;
    launch *launches;
    uint32_t n_slots;     /* operands and results of all launches */
    sld_plan_info info;
} builder;

/* ----------------------------------------------------------------- values -- */

static sld_status measure(builder *b, sld_value v)
{
    const sld_type_rec *r = sld_type_of(b->g, v);
    size_t n = sld_dtype_size((sld_dtype)r->dtype);
    bool empty = false, fits = true;
    for (uint32_t i = 0; i < r->rank; i++) {
        size_t d = (size_t)sld_shape(b->g, v)[i];
        empty |= d == 0;
        fits &= !d || !__builtin_mul_overflow(n, d, &n);
    }
    if (!empty && (!fits || n > SLD_SIZE_LIMIT))
        return sld__fail(b->ctx, SLD_ERR_LIMIT, "value '%s': it is too large, above 2^46 bytes",
                         sld_value_name(b->g, v));
    b->at[v].size = empty ? 0 : n;
    b->at[v].base = v;
    return SLD_OK;
}

/* map: from values of the graph that was given, whose constants have contents. */
static sld_status add_sources(builder *b, const sld_graph *given, const sld_value *map)
{
    for (uint32_t i = 0; i < b->g->inputs.n; i++) {
        sld_value v = b->g->inputs.at[i];
        sld_status s = measure(b, v);
        if (s)
            return s;
        b->at[v].input = i + 1;
    }
    for (sld_value v = 1; v < given->values.n; v++) {
        if (sld_kind(given, v) != SLD_VALUE_CONST || !given->values.at[v].n_uses)
            continue;
        sld_status s = measure(b, map[v]);
        if (s)
            return s;
        storage *at = &b->at[map[v]];
        at->data = sld_const_of(given, v)->data;
        if (!at->data && at->size)
            return sld__fail(b->ctx, SLD_ERR_INPUT, "value '%s': this constant was read without its contents",
                             sld_value_name(given, v));
        b->info.const_bytes += at->size;
    }
    return SLD_OK;
}

static sld_status add_buffer(builder *b, sld_value v, uint32_t now)
{
    sld_status s = measure(b, v);
    if (s || !b->at[v].size)
        return s;
    size_t size = (b->at[v].size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    b->owners[b->n_buffers] = v;
    b->buffers[b->n_buffers++] = (sld_buffer){.size = size, .from = now, .to = now};
    b->at[v].buffer = b->n_buffers;
    return SLD_OK;
}

static void touch(builder *b, sld_value v, uint32_t now)
{
    uint32_t k = v ? b->at[b->at[v].base].buffer : 0;
    if (k && b->buffers[k - 1].to < now)
        b->buffers[k - 1].to = now;
}

/* ------------------------------------------------------------------ nodes -- */

/* "node 'x' (op): text" */
static sld_status fail_node(const sld_graph *g, sld_node n, const char *text)
{
    bool named = sld_n_results(g, n) != 0;
    return sld__fail(g->ctx, SLD_ERR_KERNEL, "node %s%s%s(%s): %s", named ? "'" : "",
                     named ? sld_value_name(g, sld_result(g, n, 0)) : "", named ? "' " : "",
                     sld_node_op(g, n)->name, text);
}

static sld_status add_view(builder *b, sld_node n)
{
    sld_value v = sld_result(b->g, n, 0), of = sld_operand(b->g, n, 0);
    sld_status s = measure(b, v);
    if (s)
        return s;
    if (b->at[v].size != b->at[of].size)
        return fail_node(b->g, n, "a view of another size than its operand");
    b->at[v].base = b->at[of].base;
    b->info.n_views++;
    return SLD_OK;
}

static sld_status add_launch(builder *b, sld_node n, sld_target target)
{
    const sld_call c = sld__call_of(b->g, n);
    uint32_t now = b->info.n_launches;
    char why[200];
    const sld_kernel_row *row = sld_bind(b->g, n, target, NULL, why, sizeof why);
    if (!row)
        return fail_node(b->g, n, why);
    for (uint32_t i = 0; i < c.n_in; i++)
        touch(b, c.in[i], now);
    for (uint32_t i = 0; i < c.n_out; i++) {
        sld_status s = add_buffer(b, sld_result(b->g, n, i), now);
        if (s)
            return s;
    }
    b->launches[b->info.n_launches++] =
        (launch){.fn = row->fn, .node = n,
                 .args = {.op = sld_node_op(b->g, n), .n_in = c.n_in, .n_out = c.n_out, .attrs = c.attrs}};
    b->n_slots += c.n_in + c.n_out;
    return SLD_OK;
}

static sld_status add_nodes(builder *b, sld_target target)
{
    const sld_graph *g = b->g;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        sld_status s = sld__is_view(g, n) ? add_view(b, n) : add_launch(b, n, target);
        if (s)
            return s;
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        touch(b, g->outputs.at[i].value, b->info.n_launches);
    return SLD_OK;
}

/* --------------------------------------------------------------- the plan -- */

static void set_tensor(const builder *b, sld_plan *p, sld_value v)
{
    uint32_t slot = p->n_tensors++;
    p->tensors[slot] = (sld_tensor){0};
    if (!v)
        return;
    const sld_type_rec *r = sld_type_of(b->g, v);
    const storage *base = &b->at[b->at[v].base];
    p->tensors[slot] =
        (sld_tensor){.dtype = r->dtype, .rank = r->rank, .dims = sld_shape(b->g, v), .data = base->data};
    if (base->input && base->size)
        p->patches[p->n_patches++] = (patch){slot, base->input - 1};
}

static void fill(const builder *b, sld_plan *p)
{
    const sld_graph *g = b->g;
    for (uint32_t i = 0; i < b->info.n_launches; i++) {
        launch *l = &p->launches[i];
        *l = b->launches[i];
        l->args.in = p->tensors + p->n_tensors;
        l->args.out = l->args.in + l->args.n_in;
        for (uint32_t k = 0; k < l->args.n_in; k++)
            set_tensor(b, p, sld_operand(g, l->node, k));
        for (uint32_t k = 0; k < l->args.n_out; k++)
            set_tensor(b, p, sld_result(g, l->node, k));
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        set_tensor(b, p, g->outputs.at[i].value);
}

/* One block: the plan, its tables, the arena. The arena is not cleared, so that a plan that never runs does
 * not touch its pages. */
static sld_plan *assemble(builder *b)
{
    size_t n = (size_t)b->n_slots + b->g->outputs.n;
    size_t tables = sizeof(sld_plan) + b->info.n_launches * sizeof(launch) +
                    n * (sizeof(sld_tensor) + sizeof(patch));
    if (sld_place(b->ctx, b->buffers, b->n_buffers, &b->info.arena_bytes, &b->info.live_bytes))
        return NULL;
    sld_plan *p = sld__resize(b->ctx, NULL, tables + b->info.arena_bytes + ALIGN);
    if (!p)
        return NULL;
    *p = (sld_plan){.ctx = b->ctx, .g = b->g, .info = b->info, .launches = (launch *)(p + 1)};
    p->tensors = (sld_tensor *)(p->launches + b->info.n_launches);
    p->patches = (patch *)(p->tensors + n);
    uintptr_t end = (uintptr_t)(p->patches + n);
    char *arena = (char *)(p->patches + n) + (ALIGN - end % ALIGN) % ALIGN;
    for (uint32_t i = 0; i < b->n_buffers; i++)
        b->at[b->owners[i]].data = arena + b->buffers[i].offset;
    fill(b, p);
    return p;
}

static sld_plan *build(builder *b, const sld_graph *given, const sld_value *map, sld_target target)
{
    size_t n = b->g->values.n;
    b->at = sld__alloc(b->ctx, n * sizeof *b->at);
    b->owners = sld__alloc(b->ctx, n * sizeof *b->owners);
    b->buffers = sld__alloc(b->ctx, n * sizeof *b->buffers);
    b->launches = sld__alloc(b->ctx, (b->g->n_nodes + (size_t)1) * sizeof *b->launches);
    bool ok = b->at && b->owners && b->buffers && b->launches && !add_sources(b, given, map) &&
              !add_nodes(b, target);
    sld_plan *p = ok ? assemble(b) : NULL;
    sld__free(b->ctx, b->at);
    sld__free(b->ctx, b->owners);
    sld__free(b->ctx, b->buffers);
    sld__free(b->ctx, b->launches);
    return p;
}

/* -------------------------------------------------------------- interface -- */

sld_plan *sld_plan_new(sld_graph *g, sld_target target, const int64_t *symbols)
{
    sld__clear(g->ctx);
    sld_value *map = sld__alloc(g->ctx, g->values.n * sizeof *map);
    builder b = {.ctx = g->ctx, .g = map ? sld__graph_at(g, symbols, map) : NULL};
    sld_plan *p = b.g ? build(&b, g, map, target) : NULL;
    if (!p)
        sld_graph_free(b.g);
    sld__free(g->ctx, map);
    return p;
}

void sld_plan_free(sld_plan *p)
{
    if (!p)
        return;
    sld_graph_free(p->g);
    sld__free(p->ctx, p);
}

sld_plan_info sld_plan_get_info(const sld_plan *p)
{
    return p->info;
}

sld_status sld_plan_run(sld_plan *p, const void *const *inputs, sld_tensor *outputs)
{
    const sld_graph *g = p->g;
    sld__clear(p->ctx);
    for (uint32_t i = 0; i < p->n_patches; i++) {
        uint32_t input = p->patches[i].input;
        if (!inputs || !inputs[input])
            return sld__fail(p->ctx, SLD_ERR_INPUT, "input '%s' is missing",
                             sld_value_name(g, g->inputs.at[input]));
        /* Kernels only read their operands. */
        p->tensors[p->patches[i].tensor].data = (void *)(uintptr_t)inputs[input];
    }
    for (uint32_t i = 0; i < p->info.n_launches; i++) {
        const char *why = p->launches[i].fn(&p->launches[i].args);
        if (why)
            return fail_node(g, p->launches[i].node, why);
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        outputs[i] = p->tensors[p->n_tensors - g->outputs.n + i];
    return SLD_OK;
}
