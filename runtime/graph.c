/* The graph's arrays and how they are filled: inputs, constants, outputs and nodes.  Whatever
 * can fail is done before anything is changed, so that a refused node leaves no trace but
 * spare memory.  Changing a graph that is there is the business of edit.c. */
#include "graph.h"

#include <string.h>

#include "dims.h"
#include "edit.h"
#include "names.h"

/* -------------------------------------------------------- memory of a graph -- */

struct sld_chunk {
    struct sld_chunk *next;
    size_t used, size;
};

#define CHUNK_SIZE ((size_t)1 << 14)
#define CHUNK_ALIGN 16
#define CHUNK_HEAD ((sizeof(struct sld_chunk) + CHUNK_ALIGN - 1) & ~(size_t)(CHUNK_ALIGN - 1))

void *sld__graph_alloc(sld_graph *g, size_t size)
{
    if (size > SIZE_MAX - CHUNK_HEAD - CHUNK_ALIGN) {
        sld__fail(g->ctx, SLD_ERR_MEMORY, "out of memory for %zu bytes", size);
        return NULL;
    }
    struct sld_chunk *c = g->chunks;
    size = (size + CHUNK_ALIGN - 1) & ~(size_t)(CHUNK_ALIGN - 1);
    if (!c || c->size - c->used < size) {
        size_t room = size > CHUNK_SIZE / 4 ? size : CHUNK_SIZE;
        c = sld__alloc(g->ctx, CHUNK_HEAD + room);
        if (!c)
            return NULL;
        c->size = room;
        /* A large block of its own goes behind the current one, which still has room. */
        struct sld_chunk **place = room == size && g->chunks ? &g->chunks->next : &g->chunks;
        c->next = *place;
        *place = c;
    }
    void *p = (char *)c + CHUNK_HEAD + c->used;
    c->used += size;
    return p;
}

const char *sld__graph_str(sld_graph *g, const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = sld__graph_alloc(g, n);
    return copy ? memcpy(copy, s, n) : NULL;
}

/* ------------------------------------------------------------ new and free -- */

static bool reserve_first(sld_graph *g)
{
    if (!SLD_RESERVE(g->ctx, g->nodes, 1) || !SLD_RESERVE(g->ctx, g->values, 1) ||
        !SLD_RESERVE(g->ctx, g->uses, 1) || !SLD_RESERVE(g->ctx, g->dims, 1) ||
        !SLD_RESERVE(g->ctx, g->attrs, 1))
        return false;
    g->nodes.at[g->nodes.n++] = (sld_node_rec){0};
    g->values.at[g->values.n++] = (sld_value_rec){0};
    g->uses.at[g->uses.n++] = (sld_use_rec){0};
    return (g->symbols = sld__symbols_new(g->ctx)) != NULL;
}

sld_graph *sld_graph_new(sld_ctx *ctx, const sld_ruleset *rules)
{
    sld__clear(ctx);
    if (rules->abi < SLD_ABI_MIN || rules->abi > SLD_ABI) {
        sld__fail(ctx, SLD_ERR_ABI, "ruleset '%s' has ABI %u; this library takes %d to %d", rules->name,
                  rules->abi, SLD_ABI_MIN, SLD_ABI);
        return NULL;
    }
    sld_graph *g = sld__alloc(ctx, sizeof *g);
    if (!g)
        return NULL;
    g->ctx = ctx;
    g->rules = rules;
    if (!reserve_first(g)) {
        sld_graph_free(g);
        return NULL;
    }
    return g;
}

void sld_graph_free(sld_graph *g)
{
    if (!g)
        return;
    sld_ctx *ctx = g->ctx;
    for (uint32_t i = 0; i < g->consts.n; i++)
        sld__free(ctx, g->consts.at[i].data);
    void *arrays[] = {g->nodes.at, g->values.at, g->uses.at,   g->attrs.at,
                      g->dims.at,  g->consts.at, g->inputs.at, g->outputs.at};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        sld__free(ctx, arrays[i]);
    sld__names_free(g);
    sld__symbols_free(ctx, g->symbols);
    for (struct sld_chunk *c = g->chunks, *next; c; c = next) {
        next = c->next;
        sld__free(ctx, c);
    }
    sld__free(ctx, g);
}

/* ------------------------------------------------------------------ errors -- */

/* "where: " or nothing, for the messages of this file. */
#define WHERE(g) (g)->where ? (g)->where : "", (g)->where ? ": " : ""
#define FAIL(g, status, fmt, ...) sld__fail((g)->ctx, (status), "%s%s" fmt, WHERE(g), __VA_ARGS__)

static bool value_alive(const sld_graph *g, sld_value v)
{
    return v && v < g->values.n && g->values.at[v].kind != SLD_VALUE_FREE;
}

/* ------------------------------------------------------ inputs and constants -- */

static bool check_type(sld_graph *g, const char *name, sld_dtype t, uint32_t rank, const sld_dim *dims)
{
    if (!sld_dtype_size(t))
        FAIL(g, SLD_ERR_TYPE, "'%s': unknown element type %d", name, (int)t);
    else if (rank > UINT8_MAX)
        FAIL(g, SLD_ERR_LIMIT, "'%s': rank %u is above %d", name, rank, UINT8_MAX);
    else {
        for (uint32_t i = 0; i < rank; i++)
            if (!sld__dim_valid(g, dims[i]) || (!sld_dim_is_sym(dims[i]) && dims[i] < 0)) {
                FAIL(g, SLD_ERR_TYPE, "'%s': dim %u is not a size", name, i);
                return false;
            }
        return true;
    }
    return false;
}

/* Appends a value with its shape; claims its name. */
static sld_value new_value(sld_graph *g, sld_value_kind kind, const char *name, sld_dtype t, uint32_t rank,
                           const sld_dim *dims)
{
    if (!SLD_RESERVE(g->ctx, g->values, g->values.n + 1) || !SLD_RESERVE(g->ctx, g->dims, g->dims.n + rank))
        return 0;
    sld_value v = g->values.n;
    uint32_t id = sld__name_claim(g, SLD_NAME_VALUE, name, v);
    if (!id)
        return 0;
    g->values.at[v] = (sld_value_rec){
        .kind = (uint8_t)kind, .dtype = (uint8_t)t, .rank = (uint8_t)rank, .shape = g->dims.n, .name = id};
    for (uint32_t i = 0; i < rank; i++)
        g->dims.at[g->dims.n++] = dims[i];
    g->values.n++;
    return v;
}

sld_value sld_graph_input(sld_graph *g, const char *name, sld_dtype t, uint32_t rank, const sld_dim *dims)
{
    sld__clear(g->ctx);
    name = name && *name ? name : "input";
    if (!check_type(g, name, t, rank, dims) || !SLD_RESERVE(g->ctx, g->inputs, g->inputs.n + 1))
        return 0;
    sld_value v = new_value(g, SLD_VALUE_INPUT, name, t, rank, dims);
    if (v)
        g->inputs.at[g->inputs.n++] = v;
    return v;
}

/* Checks a constant's type and that nbytes is what it takes. */
static bool check_const(sld_graph *g, const char *name, sld_dtype t, uint32_t rank, const sld_dim *dims,
                        const void *data, size_t nbytes)
{
    if (!check_type(g, name, t, rank, dims))
        return false;
    uint64_t want = sld_dtype_size(t);
    bool overflow = false, empty = false;
    for (uint32_t i = 0; i < rank; i++) {
        if (sld_dim_is_sym(dims[i])) {
            FAIL(g, SLD_ERR_TYPE, "'%s': dim %u of a constant is symbolic", name, i);
            return false;
        }
        empty |= dims[i] == 0;
        overflow |= __builtin_mul_overflow(want, (uint64_t)dims[i], &want);
    }
    if (!data || (empty ? nbytes == 0 : !overflow && want == nbytes))
        return true;
    FAIL(g, SLD_ERR_TYPE, "'%s': %zu bytes do not fill the constant's type", name, nbytes);
    return false;
}

sld_value sld_graph_const(sld_graph *g, const char *name, sld_dtype t, uint32_t rank, const sld_dim *dims,
                          const void *data, size_t nbytes)
{
    sld__clear(g->ctx);
    name = name && *name ? name : "const";
    if (!check_const(g, name, t, rank, dims, data, nbytes) ||
        !SLD_RESERVE(g->ctx, g->consts, g->consts.n + 1))
        return 0;
    sld_const c = {0};
    if (data) {
        c = (sld_const){sld__resize(g->ctx, NULL, nbytes), nbytes};
        if (!c.data)
            return 0;
        memcpy(c.data, data, nbytes);
    }
    sld_value v = new_value(g, SLD_VALUE_CONST, name, t, rank, dims);
    if (!v) {
        sld__free(g->ctx, c.data);
        return 0;
    }
    g->values.at[v].data = g->consts.n;
    g->consts.at[g->consts.n++] = c;
    return v;
}

sld_status sld_graph_output(sld_graph *g, const char *name, sld_value v)
{
    sld__clear(g->ctx);
    if (!value_alive(g, v))
        return FAIL(g, SLD_ERR_GRAPH, "output '%s': value %u does not exist", name ? name : "", v);
    if (!SLD_RESERVE(g->ctx, g->outputs, g->outputs.n + 1) || !SLD_RESERVE(g->ctx, g->uses, g->uses.n + 1))
        return SLD_ERR_MEMORY;
    name = name && *name ? name : sld_value_name(g, v);
    uint32_t id = sld__name_claim(g, SLD_NAME_OUTPUT, name, g->outputs.n + 1);
    if (!id)
        return SLD_ERR_MEMORY;
    sld_use u = g->uses.n++;
    g->uses.at[u] = (sld_use_rec){0};
    sld__link_use(g, u, v);
    g->outputs.at[g->outputs.n++] = (sld_output){u, id};
    return SLD_OK;
}

/* ------------------------------------------------------------------- nodes -- */

uint16_t sld_op_find(const sld_ruleset *rules, const char *name)
{
    for (uint16_t i = 1; i < rules->n_ops; i++)
        if (!strcmp(rules->ops[i].name, name))
            return i;
    return 0;
}

/* A node on its way into the graph. */
typedef struct pending {
    uint16_t op;
    uint32_t n_in, n_out;
    const sld_value *in;
    sld_attr attrs[UINT8_MAX];
    sld_inferred *types;
    uint32_t *contents;
    uint32_t *names;
} pending;

static bool check_operands(sld_graph *g, const pending *p, sld_node before)
{
    const char *op = g->rules->ops[p->op].name;
    for (uint32_t i = 0; i < p->n_in; i++) {
        sld_value v = p->in[i];
        if (v && !value_alive(g, v)) {
            FAIL(g, SLD_ERR_GRAPH, "%s: operand %u is no value of the graph", op, i);
            return false;
        }
        sld_node producer = v ? g->values.at[v].node : 0;
        if (before && producer && g->nodes.at[producer].order >= g->nodes.at[before].order) {
            FAIL(g, SLD_ERR_GRAPH, "%s: operand '%s' is defined later", op, sld_value_name(g, v));
            return false;
        }
    }
    return true;
}

static bool claim_names(sld_graph *g, pending *p, const char *const *names)
{
    for (uint32_t i = 0; i < p->n_out; i++) {
        const char *name = names && names[i] && *names[i] ? names[i] : g->rules->ops[p->op].name;
        p->names[i] = sld__name_claim(g, SLD_NAME_VALUE, name, g->values.n + i);
        if (!p->names[i]) {
            while (i-- > 0)
                sld__name_set_owner(g, SLD_NAME_VALUE, p->names[i], 0);
            return false;
        }
    }
    return true;
}

/* Everything has been checked and there is room. */
static sld_node insert(sld_graph *g, const pending *p, sld_node before)
{
    sld_node n = g->nodes.n++;
    g->nodes.at[n] = (sld_node_rec){.op = p->op,
                                    .n_in = (uint16_t)p->n_in,
                                    .n_out = (uint16_t)p->n_out,
                                    .in = g->uses.n,
                                    .out = g->values.n,
                                    .attrs = g->attrs.n};
    for (uint32_t i = 0; i < p->n_in; i++) {
        g->uses.at[g->uses.n] = (sld_use_rec){.node = n};
        sld__link_use(g, g->uses.n++, p->in[i]);
    }
    for (uint32_t i = 0; i < p->n_out; i++)
        g->values.at[g->values.n++] = (sld_value_rec){.kind = SLD_VALUE_RESULT,
                                                      .dtype = p->types[i].dtype,
                                                      .rank = p->types[i].rank,
                                                      .index = (uint16_t)i,
                                                      .node = n,
                                                      .shape = p->types[i].shape,
                                                      .name = p->names[i],
                                                      .contents = p->contents[i]};
    for (uint32_t i = 0; i < g->rules->ops[p->op].n_attrs; i++)
        g->attrs.at[g->attrs.n++] = p->attrs[i];
    sld__link_node(g, n, before);
    g->n_nodes++;
    return n;
}

static sld_node check_and_insert(sld_graph *g, pending *p, sld_node before, const char *const *names)
{
    if (!check_operands(g, p, before) ||
        sld_infer(g, p->op, p->n_in, p->in, p->attrs, p->n_out, p->types, p->contents))
        return 0;
    if (!SLD_RESERVE(g->ctx, g->nodes, g->nodes.n + 1) ||
        !SLD_RESERVE(g->ctx, g->values, g->values.n + p->n_out) ||
        !SLD_RESERVE(g->ctx, g->uses, g->uses.n + p->n_in) ||
        !SLD_RESERVE(g->ctx, g->attrs, g->attrs.n + g->rules->ops[p->op].n_attrs) ||
        !claim_names(g, p, names))
        return 0;
    return insert(g, p, before);
}

sld_node sld__add_before(sld_graph *g, sld_node before, uint16_t op, uint32_t n_in, const sld_value *in,
                         const sld_attr *attrs, uint32_t n_out, const char *const *names)
{
    if (!op || op >= g->rules->n_ops) {
        FAIL(g, SLD_ERR_GRAPH, "op %u does not exist", op);
        return 0;
    }
    const sld_op_info *info = &g->rules->ops[op];
    if (n_in > UINT16_MAX || n_out > UINT16_MAX) {
        FAIL(g, SLD_ERR_LIMIT, "%s: more than %d operands or results", info->name, UINT16_MAX);
        return 0;
    }
    pending p = {.op = op, .n_in = n_in, .n_out = n_out, .in = in};
    if (attrs)
        memcpy(p.attrs, attrs, info->n_attrs * sizeof *attrs);
    char *block = sld__alloc(g->ctx, n_out * (sizeof *p.types + sizeof *p.contents + sizeof *p.names));
    if (!block)
        return 0;
    p.types = (sld_inferred *)block;
    p.contents = (uint32_t *)(p.types + n_out);
    p.names = p.contents + n_out;
    const char *where = g->where;
    if (!where && names && n_out && names[0])
        g->where = names[0]; /* so that a message of sld_infer tells which node it speaks of */
    sld_node n = check_and_insert(g, &p, before, names);
    g->where = where;
    sld__free(g->ctx, block);
    return n;
}

sld_node sld_graph_add(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs,
                       uint32_t n_out, const char *const *names)
{
    sld__clear(g->ctx);
    return sld__add_before(g, 0, op, n_in, in, attrs, n_out, names);
}

uint32_t sld_graph_n_nodes(const sld_graph *g) { return g->n_nodes; }
