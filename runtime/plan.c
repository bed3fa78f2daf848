/* A plan: every value of a graph placed in memory, and the launches in order.  Views share the
 * storage of what they show; a value lives from the launch that makes it to the last that
 * reads it or a view of it; outputs live to the end.  The next version of a buffer takes the
 * storage of the one before when nothing reads that later; otherwise it starts as a copy.
 *
 * All pointers are known when the plan is built but those into inputs, which each run patches:
 * a run is a loop over ready launches.  On a device inputs have a place in the arena (plan_device.c). */
#include "concrete.h"
#include "place.h"
#include "plan.h"

#include <string.h>

enum { ALIGN = 64 };

/* What is known while a plan is built, by value of the concrete graph. */
typedef struct storage {
    sld_value base;       /* whose bytes it shows, itself when its own */
    uint32_t buffer;      /* of a base: index + 1, 0: none */
    uint32_t input;       /* of a base: index + 1, 0: it is none */
    sld_value next;       /* another value that shows the same base */
    sld_node last;        /* who reads it last; UINT32_MAX: the caller */
    size_t size;
    void *data;
} storage;

typedef struct builder {
    sld_ctx *ctx;
    sld_graph *g;
    storage *at;
    sld_value *owners;    /* by buffer; 0: a launch works in it */
    sld_buffer *buffers;
    uint32_t n_buffers;
    sld_step *steps;
    sld_device *device;   /* NULL: the host */
    size_t const_block;   /* bytes of constants on the device */
    uint32_t n_steps;
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

/* v shows the bytes of another value. */
static void share(builder *b, sld_value v, sld_value of)
{
    sld_value base = b->at[of].base;
    b->at[v].base = base;
    b->at[v].next = b->at[base].next;
    b->at[base].next = v;
}

static size_t aligned(size_t n)
{
    return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static sld_status add_buffer(builder *b, sld_value v, uint32_t now)
{
    sld_status s = measure(b, v);
    if (s || !b->at[v].size)
        return s;
    size_t size = aligned(b->at[v].size);
    b->owners[b->n_buffers] = v;
    b->buffers[b->n_buffers++] = (sld_buffer){.size = size, .from = now, .to = now};
    b->at[v].buffer = b->n_buffers;
    return SLD_OK;
}

/* map: from values of the graph that was given, whose constants have contents. */
static sld_status add_sources(builder *b, const sld_graph *given, const sld_value *map)
{
    for (uint32_t i = 0; i < b->g->inputs.n; i++) {
        sld_value v = b->g->inputs.at[i];
        sld_status s = b->device ? add_buffer(b, v, 0) : measure(b, v);
        if (s)
            return s;
        b->at[v].input = b->device ? 0 : i + 1;
        if (b->at[v].buffer)
            b->buffers[b->at[v].buffer - 1].to = b->g->nodes.n; /* it is written before the first launch, and kept */
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
        b->const_block += aligned(at->size);
    }
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
sld_status sld__fail_node(const sld_graph *g, sld_node n, const char *text)
{
    bool named = sld_n_results(g, n) != 0;
    return sld__fail(g->ctx, SLD_ERR_KERNEL, "node %s%s%s(%s): %s", named ? "'" : "",
                     named ? sld_value_name(g, sld_result(g, n, 0)) : "", named ? "' " : "",
                     sld_node_op(g, n)->name, text);
}

static const char *copy_buffer(const sld_launch *l)
{
    size_t bytes = sld_dtype_size((sld_dtype)l->in[0].dtype);
    for (uint32_t i = 0; i < l->in[0].rank; i++)
        bytes *= (size_t)l->in[0].dims[i];
    memcpy(l->out[0].data, l->in[0].data, bytes);
    return NULL;
}

static sld_status add_view(builder *b, sld_node n)
{
    sld_value v = sld_result(b->g, n, 0), of = sld_operand(b->g, n, 0);
    sld_status s = measure(b, v);
    if (s)
        return s;
    if (b->at[v].size != b->at[of].size)
        return sld__fail_node(b->g, n, "a view of another size than its operand");
    share(b, v, of);
    b->info.n_views++;
    return SLD_OK;
}

/* --------------------------------------------------------------- versions -- */

/* The operand whose next version result i of an op is; -1 when it is none. The last results are the versions of the
 * inout operands, in their order. */
static int versioned(const sld_op_info *op, uint32_t i)
{
    uint32_t n = 0, k;
    for (uint32_t j = 0; j < op->n_operands; j++)
        n += (op->operands[j].flags & SLD_OPERAND_INOUT) != 0;
    if (op->flags & SLD_OP_VARIADIC || i + n < op->n_results || i >= op->n_results)
        return -1;
    k = i - (op->n_results - n);
    for (uint32_t j = 0; j < op->n_operands; j++)
        if (op->operands[j].flags & SLD_OPERAND_INOUT && !k--)
            return (int)j;
    return -1;
}

/* The result that is the next version of operand j, or 0. */
static sld_value next_version(const sld_graph *g, sld_node n, uint32_t j)
{
    const sld_op_info *op = sld_node_op(g, n);
    for (uint32_t i = 0; j < op->n_operands && op->operands[j].flags & SLD_OPERAND_INOUT && i < op->n_results; i++)
        if (versioned(op, i) == (int)j)
            return sld_result(g, n, i);
    return 0;
}

/* A view reads nothing: who reads it does. */
static void find_last_readers(builder *b)
{
    const sld_graph *g = b->g;
    for (uint32_t i = 0; i < g->outputs.n; i++)
        b->at[g->outputs.at[i].value].last = UINT32_MAX;
    for (sld_node n = g->nodes.n; n-- > 1;)
        for (uint32_t i = 0; g->nodes.at[n].op && i < g->nodes.at[n].n_in; i++) {
            sld_node last = sld__is_view(g, n) ? b->at[sld_result(g, n, 0)].last : n;
            sld_node *of = &b->at[sld_operand(g, n, i)].last;
            *of = *of < last ? last : *of;
        }
}

/* Whether node n may write over the storage of its operand j: in the plan's own memory, read by nobody later and by
 * no other operand. */
static bool may_write(const builder *b, const sld_call *c, sld_node n, uint32_t j)
{
    sld_value base = b->at[c->in[j]].base;
    bool ok = b->at[base].buffer != 0;
    for (uint32_t i = 0; i < c->n_in; i++)
        ok &= i == j || !c->in[i] || b->at[c->in[i]].base != base;
    for (sld_value v = base; v && ok; v = b->at[v].next)
        ok = b->at[v].last <= n;
    return ok;
}

static sld_status add_version(builder *b, const sld_call *c, sld_node n, uint32_t i, uint32_t j)
{
    sld_value v = sld_result(b->g, n, i);
    sld_status s = measure(b, v);
    if (s || !b->at[v].size)
        return s;
    if (!c->in[j])
        return add_buffer(b, v, n);
    if (may_write(b, c, n, j)) {
        share(b, v, c->in[j]);
        b->info.n_in_place++;
        return SLD_OK;
    }
    b->steps[b->n_steps++] = (sld_step){.fn = copy_buffer, .node = n, .copy_of = j + 1, .args = {.n_in = 1, .n_out = 1}};
    b->n_slots += 2;
    b->info.n_copies++;
    b->info.copied_bytes += b->at[v].size;
    return add_buffer(b, v, n);
}

/* Memory that the last step works in; on the host between launches of a device it is that of the stage. */
static sld_status add_workspace(builder *b, const sld_call *c)
{
    sld_step *s = &b->steps[b->n_steps - 1];
    int64_t bytes = 0;
    if (!s->row->n_workspace)
        return SLD_OK;
    if (!sld_number(b->g, c, s->row->workspace, &bytes) || bytes < 0 || (size_t)bytes > SLD_SIZE_LIMIT)
        return sld__fail_node(b->g, s->node, "it is not known how much memory it works in");
    s->args.work_bytes = (size_t)bytes;
    if (!bytes || (b->device && s->row->target != SLD_TARGET_HIP))
        return SLD_OK;
    b->owners[b->n_buffers] = 0;
    b->buffers[b->n_buffers++] = (sld_buffer){.size = aligned((size_t)bytes), .from = s->node, .to = s->node};
    s->work = b->n_buffers;
    return SLD_OK;
}

static sld_status add_launch(builder *b, sld_node n, sld_target target)
{
    const sld_call c = sld__call_of(b->g, n);
    const sld_op_info *op = sld_node_op(b->g, n);
    char why[200];
    const sld_kernel_row *row = sld_bind(b->g, n, target, NULL, why, sizeof why);
    if (!row && b->device)
        row = sld_bind(b->g, n, SLD_TARGET_CPU, NULL, why, sizeof why);
    if (!row)
        return sld__fail_node(b->g, n, why);
    for (uint32_t i = 0; i < c.n_in; i++)
        touch(b, c.in[i], n);
    for (uint32_t i = 0; i < c.n_out; i++) {
        int j = versioned(op, i);
        sld_status s = sld__left_out(b->g, n, i) ? SLD_OK
                       : j < 0 ? add_buffer(b, sld_result(b->g, n, i), n) : add_version(b, &c, n, i, (uint32_t)j);
        if (s)
            return s;
    }
    b->steps[b->n_steps++] =
        (sld_step){.fn = row->fn, .row = row, .node = n, .args = {.op = op, .n_in = c.n_in, .n_out = c.n_out, .attrs = c.attrs}};
    b->info.n_launches++;
    b->n_slots += c.n_in + c.n_out;
    return add_workspace(b, &c);
}

static sld_status add_nodes(builder *b, sld_target target)
{
    const sld_graph *g = b->g;
    find_last_readers(b);
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        sld_status s = sld__is_view(g, n) ? add_view(b, n) : add_launch(b, n, target);
        if (s)
            return s;
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        touch(b, g->outputs.at[i].value, g->nodes.n);
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
        p->patches[p->n_patches++] = (sld_patch){slot, base->input - 1};
}

static void fill_copy(const builder *b, sld_plan *p, const sld_step *l)
{
    set_tensor(b, p, sld_operand(b->g, l->node, l->copy_of - 1));
    set_tensor(b, p, next_version(b->g, l->node, l->copy_of - 1));
}

/* A buffer that is written stands where its next version does. */
static void fill_launch(const builder *b, sld_plan *p, const sld_step *l)
{
    for (uint32_t k = 0; k < l->args.n_in; k++) {
        sld_value v = sld_operand(b->g, l->node, k), next = v ? next_version(b->g, l->node, k) : 0;
        set_tensor(b, p, next ? next : v);
    }
    for (uint32_t k = 0; k < l->args.n_out; k++)
        set_tensor(b, p, sld__left_out(b->g, l->node, k) ? 0 : sld_result(b->g, l->node, k));
}

static void fill(const builder *b, sld_plan *p)
{
    const sld_graph *g = b->g;
    for (uint32_t i = 0; i < b->n_steps; i++) {
        sld_step *l = &p->steps[i];
        *l = b->steps[i];
        l->args.in = p->tensors + p->n_tensors;
        l->args.out = l->args.in + l->args.n_in;
        if (l->copy_of)
            fill_copy(b, p, l);
        else
            fill_launch(b, p, l);
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        set_tensor(b, p, g->outputs.at[i].value);
}

/* One block: the plan, its tables, the arena. The arena is not cleared, so that a plan that never runs does
 * not touch its pages. A device's is its own. */
static sld_plan *assemble(builder *b)
{
    size_t n = (size_t)b->n_slots + b->g->outputs.n;
    size_t tables = sizeof(sld_plan) + b->n_steps * sizeof(sld_step) +
                    n * (sizeof(sld_tensor) + sizeof(sld_patch));
    if (sld_place(b->ctx, b->buffers, b->n_buffers, &b->info.arena_bytes, &b->info.live_bytes))
        return NULL;
    sld_plan *p = sld__resize(b->ctx, NULL, tables + (b->device ? 0 : b->info.arena_bytes + ALIGN));
    if (!p)
        return NULL;
    *p = (sld_plan){.ctx = b->ctx, .g = b->g, .info = b->info, .n_steps = b->n_steps, .device = b->device,
                    .steps = (sld_step *)(p + 1)};
    p->tensors = (sld_tensor *)(p->steps + b->n_steps);
    p->patches = (sld_patch *)(p->tensors + n);
    return p;
}

static void set_places(builder *b, char *arena)
{
    for (uint32_t i = 0; i < b->n_buffers; i++)
        if (b->owners[i])
            b->at[b->owners[i]].data = arena + b->buffers[i].offset;
    for (uint32_t i = 0; i < b->n_steps; i++)
        if (b->steps[i].work)
            b->steps[i].args.work = arena + b->buffers[b->steps[i].work - 1].offset;
}

/* Constants go to the device, each once. */
static sld_status move_constants(builder *b, sld_plan *p, const sld_graph *given, const sld_value *map)
{
    const sld_device_api *api = sld__device_api(b->device);
    void *d = sld__device_of(b->device);
    const char *why = b->const_block ? api->alloc(d, b->const_block, &p->constants) : NULL;
    size_t at = 0;
    for (sld_value v = 1; v < given->values.n && !why; v++) {
        storage *to = &b->at[map[v]];
        if (sld_kind(given, v) != SLD_VALUE_CONST || !given->values.at[v].n_uses || !to->size)
            continue;
        why = api->upload(d, (char *)p->constants + at, to->data, to->size);
        to->data = (char *)p->constants + at;
        at += aligned(to->size);
    }
    return sld__device_failed(b->ctx, b->device, why) ? SLD_ERR_KERNEL : SLD_OK;
}

static sld_status set_ports(const builder *b, sld_plan *p)
{
    const sld_graph *g = b->g;
    uint32_t n = g->inputs.n + g->outputs.n;
    p->ports = sld__alloc(b->ctx, (n + 1) * sizeof *p->ports);
    for (uint32_t i = 0; p->ports && i < n; i++) {
        bool in = i < g->inputs.n;
        sld_value v = in ? g->inputs.at[i] : g->outputs.at[i - g->inputs.n].value;
        p->ports[i] = (sld_port){.at = b->at[b->at[v].base].data, .size = b->at[b->at[v].base].size};
        if (!in && p->ports[i].size && !(p->ports[i].host = sld__alloc(b->ctx, p->ports[i].size)))
            return SLD_ERR_MEMORY;
    }
    return p->ports ? SLD_OK : SLD_ERR_MEMORY;
}

static sld_status fill_for_device(builder *b, sld_plan *p, const sld_graph *given, const sld_value *map)
{
    const sld_device_api *api = sld__device_api(b->device);
    size_t bytes = b->info.arena_bytes;
    if (bytes && sld__device_failed(b->ctx, b->device, api->alloc(sld__device_of(b->device), bytes, &p->memory)))
        return SLD_ERR_MEMORY;
    set_places(b, p->memory);
    sld_status s = move_constants(b, p, given, map);
    s = s ? s : set_ports(b, p);
    if (s)
        return s;
    fill(b, p);
    return sld__device_prepare(p);
}

static void fill_for_host(builder *b, sld_plan *p)
{
    char *end = (char *)(p->patches + b->n_slots + b->g->outputs.n);
    set_places(b, end + (ALIGN - (uintptr_t)end % ALIGN) % ALIGN);
    fill(b, p);
}

/* Each may take a copy. */
static size_t count_versions(const sld_graph *g)
{
    size_t count = 0;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        for (uint32_t j = 0; j < sld_node_op(g, n)->n_operands; j++)
            count += (sld_node_op(g, n)->operands[j].flags & SLD_OPERAND_INOUT) != 0;
    return count;
}

static sld_plan *build(builder *b, const sld_graph *given, const sld_value *map, sld_target target)
{
    size_t n = b->g->values.n;
    b->at = sld__alloc(b->ctx, n * sizeof *b->at);
    b->owners = sld__alloc(b->ctx, (n + b->g->n_nodes) * sizeof *b->owners);
    b->buffers = sld__alloc(b->ctx, (n + b->g->n_nodes) * sizeof *b->buffers);
    b->steps = sld__alloc(b->ctx, (b->g->n_nodes + count_versions(b->g) + 1) * sizeof *b->steps);
    bool ok = b->at && b->owners && b->buffers && b->steps && !add_sources(b, given, map) &&
              !add_nodes(b, target);
    sld_plan *p = ok ? assemble(b) : NULL;
    if (p && !b->device)
        fill_for_host(b, p);
    if (p && b->device && fill_for_device(b, p, given, map)) {
        sld__device_clear(p);
        sld__free(b->ctx, p);
        p = NULL;
    }
    sld__free(b->ctx, b->at);
    sld__free(b->ctx, b->owners);
    sld__free(b->ctx, b->buffers);
    sld__free(b->ctx, b->steps);
    return p;
}

/* -------------------------------------------------------------- interface -- */

static sld_plan *plan_new(sld_graph *g, sld_target target, sld_device *device, const int64_t *symbols)
{
    sld__clear(g->ctx);
    sld_value *map = sld__alloc(g->ctx, g->values.n * sizeof *map);
    builder b = {.ctx = g->ctx, .device = device, .g = map ? sld__graph_at(g, symbols, map) : NULL};
    if (b.g && device && !b.g->units)
        b.g->units = sld__device_api(device)->units(sld__device_of(device));
    sld_plan *p = b.g ? build(&b, g, map, target) : NULL;
    if (!p)
        sld_graph_free(b.g);
    if (p && sld__starved(g->ctx)) {
        sld_plan_free(p);
        p = NULL;
    }
    sld__free(g->ctx, map);
    return p;
}

sld_plan *sld_plan_new(sld_graph *g, sld_target target, const int64_t *symbols)
{
    if (target != SLD_TARGET_HIP)
        return plan_new(g, target, NULL, symbols);
    sld__clear(g->ctx);
    sld__fail(g->ctx, SLD_ERR_KERNEL, "a plan for target hip needs a device");
    return NULL;
}

sld_plan *sld_plan_new_on(sld_graph *g, sld_device *device, const int64_t *symbols)
{
    return plan_new(g, SLD_TARGET_HIP, device, symbols);
}

void sld_plan_free(sld_plan *p)
{
    if (!p)
        return;
    if (p->device)
        sld__device_clear(p);
    sld_graph_free(p->g);
    sld__free(p->ctx, p);
}

sld_plan_info sld_plan_get_info(const sld_plan *p)
{
    return p->info;
}

void sld_plan_set_caches(sld_plan *p, sld_caches caches)
{
    p->caches = caches;
    for (uint32_t i = 0; i < p->n_steps; i++)
        p->steps[i].args.caches = &p->caches;
}

void sld_plan_set_team(sld_plan *p, const sld_team *team)
{
    for (uint32_t i = 0; i < p->n_steps; i++)
        p->steps[i].args.team = team;
}

sld_status sld_plan_join(sld_plan *p, const sld_comm *comm)
{
    const sld_comm *there = comm;
    sld__clear(p->ctx);
    if (p->device && sld__device_join(p->device, comm, &there))
        return SLD_ERR_KERNEL;
    for (uint32_t i = 0; i < p->n_steps; i++)
        p->steps[i].args.comm = sld__on_host(p, &p->steps[i]) ? comm : there;
    return SLD_OK;
}

sld_status sld_plan_run(sld_plan *p, const void *const *inputs, sld_tensor *outputs)
{
    const sld_graph *g = p->g;
    sld__clear(p->ctx);
    if (p->device)
        return sld__device_run(p, inputs, outputs);
    for (uint32_t i = 0; i < p->n_patches; i++) {
        uint32_t input = p->patches[i].input;
        if (!inputs || !inputs[input])
            return sld__fail(p->ctx, SLD_ERR_INPUT, "input '%s' is missing",
                             sld_value_name(g, g->inputs.at[input]));
        /* Kernels only read their operands. */
        p->tensors[p->patches[i].tensor].data = (void *)(uintptr_t)inputs[input];
    }
    for (uint32_t i = 0; i < p->n_steps; i++) {
        const char *why = p->steps[i].fn(&p->steps[i].args);
        if (why)
            return sld__fail_node(g, p->steps[i].node, why);
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        outputs[i] = p->tensors[p->n_tensors - g->outputs.n + i];
    return SLD_OK;
}
