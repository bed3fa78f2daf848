/* The graph's arrays and how they are filled: inputs, constants, outputs and nodes.  Whatever
 * can fail is done before anything is changed, so that a refused node leaves no trace but
 * spare memory.  Changing a graph that is there is the business of edit.c. */
#include "graph.h"

#include <string.h>

#include "dims.h"
#include "edit.h"
#include "names.h"
#include "users.h"

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

static bool tell_sizes(sld_graph *g)
{
    g->sizes = sld__graph_alloc(g, (g->rules->n_ops + 1u) * sizeof *g->sizes);
    for (uint32_t op = 0; g->sizes && op < g->rules->n_ops; op++) {
        const sld_op_info *info = &g->rules->ops[op];
        bool variadic = info->flags & SLD_OP_VARIADIC;
        g->sizes[op] = (sld_op_size){variadic ? UINT8_MAX : (uint8_t)info->n_results, variadic + (info->n_attrs > 0)};
    }
    return g->sizes;
}

static bool reserve_first(sld_graph *g)
{
    if (!tell_sizes(g) || !SLD_RESERVE(g->ctx, g->nodes, 1) || !SLD_RESERVE(g->ctx, g->values, 1) ||
        !SLD_RESERVE(g->ctx, g->types, 1) || !SLD_RESERVE(g->ctx, g->operands, 1) ||
        !SLD_RESERVE(g->ctx, g->dims, 1) || !SLD_RESERVE(g->ctx, g->attrs, 1))
        return false;
    g->nodes.at[g->nodes.n++] = (sld_node_rec){0};
    g->values.at[g->values.n++] = (sld_value_rec){.origin = SLD_ORIGIN_INPUT}; /* an operand that is not there */
    g->types.at[g->types.n++] = (sld_type_rec){0};
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
    void *arrays[] = {g->nodes.at,  g->values.at,  g->operands.at, g->readers.at, g->users.at,       g->types.at,
                      g->attrs.at,  g->dims.at,    g->consts.at,   g->inputs.at,  g->outputs.at,     g->value_names.at,
                      g->contents.at};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        sld__free(ctx, arrays[i]);
    sld__free(ctx, g->mend);
    sld__free(ctx, g->partitions.at);
    sld__interned_free(g);
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

bool sld__ids_left(sld_graph *g, const char *what, uint32_t have, uint32_t n)
{
    if (have <= SLD_IDS_MAX && n <= SLD_IDS_MAX + 1 - have)
        return true;
    FAIL(g, SLD_ERR_LIMIT, "more than %u %s", SLD_IDS_MAX, what);
    return false;
}

bool sld__grow_operands(sld_graph *g, uint32_t more)
{
    if (more <= UINT32_MAX - g->operands.n)
        return SLD_RESERVE(g->ctx, g->operands, g->operands.n + more);
    FAIL(g, SLD_ERR_LIMIT, "more than %u operands", UINT32_MAX);
    return false;
}

static bool value_alive(const sld_graph *g, sld_value v)
{
    return v && v < g->values.n && g->values.at[v].type;
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

/* A value that no node computes. name: what the caller wants; NULL: whatever is asked for later. */
static sld_value new_source(sld_graph *g, uint32_t origin, const char *name, sld_dtype t, uint32_t rank,
                            const sld_dim *dims)
{
    uint32_t type = sld__type(g, t, rank, dims);
    sld_value v = type ? sld__new_values(g, 1) : 0;
    if (!v)
        return 0;
    g->values.at[v] = (sld_value_rec){.type = type, .origin = origin};
    if (name && *name && !sld__name_value(g, v, name)) {
        sld__give_values(g, v, 1);
        return 0;
    }
    return v;
}

sld_value sld_graph_input(sld_graph *g, const char *name, sld_dtype t, uint32_t rank, const sld_dim *dims)
{
    sld__clear(g->ctx);
    if (!check_type(g, name && *name ? name : "input", t, rank, dims) || !SLD_RESERVE(g->ctx, g->inputs, g->inputs.n + 1))
        return 0;
    sld_value v = new_source(g, SLD_ORIGIN_INPUT, name, t, rank, dims);
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
    if (!check_const(g, name && *name ? name : "const", t, rank, dims, data, nbytes) ||
        !sld__ids_left(g, "constants", g->consts.n, 1) || !SLD_RESERVE(g->ctx, g->consts, g->consts.n + 1))
        return 0;
    sld_const c = {0};
    if (data) {
        c = (sld_const){sld__resize(g->ctx, NULL, nbytes), nbytes};
        if (!c.data)
            return 0;
        memcpy(c.data, data, nbytes);
    }
    sld_value v = new_source(g, SLD_ORIGIN_CONST | g->consts.n, name, t, rank, dims);
    if (!v) {
        sld__free(g->ctx, c.data);
        return 0;
    }
    g->n_unread++;
    g->consts.at[g->consts.n++] = c;
    return v;
}

sld_status sld_graph_output(sld_graph *g, const char *name, sld_value v)
{
    sld__clear(g->ctx);
    if (!value_alive(g, v))
        return FAIL(g, SLD_ERR_GRAPH, "output '%s': value %u does not exist", name ? name : "", v);
    if (!sld__ids_left(g, "outputs", g->outputs.n, 1))
        return SLD_ERR_LIMIT;
    if (!SLD_RESERVE(g->ctx, g->outputs, g->outputs.n + 1) || !sld__users_reserve(g, 1, &v, 1))
        return SLD_ERR_MEMORY;
    name = name && *name ? name : sld_value_name(g, v);
    uint32_t id = sld__name_claim(g, SLD_NAME_OUTPUT, name, g->outputs.n + 1);
    if (!id)
        return SLD_ERR_MEMORY;
    g->outputs.at[g->outputs.n] = (sld_output){v, id};
    sld__link(g, v, SLD_USER_OUTPUT | g->outputs.n++);
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

static bool check_operands(sld_graph *g, const sld_call *c)
{
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->in[i] && !value_alive(g, c->in[i])) {
            FAIL(g, SLD_ERR_GRAPH, "%s: operand %u is no value of the graph", g->rules->ops[c->op].name, i);
            return false;
        }
    return true;
}

static bool name_results(sld_graph *g, sld_value first, uint32_t n, const char *const *names)
{
    for (uint32_t i = 0; names && i < n; i++)
        if (names[i] && *names[i] && !sld__name_value(g, first + i, names[i]))
            return false;
    return true;
}

static bool reserve_node(sld_graph *g, const sld_call *c)
{
    return sld__ids_left(g, "nodes", g->nodes.n, 1) && SLD_RESERVE(g->ctx, g->nodes, g->nodes.n + 1) &&
           sld__users_reserve(g, c->n_in, c->in, 1) && sld__reserve_operands(g, c->n_in + 2);
}

void sld__put_node(sld_graph *g, sld_node n, const sld_call *c, uint32_t attrs, sld_value out)
{
    g->operands.n = sld__write_node(g, g->operands.n, n, c->op, c->n_in, c->in, attrs, c->n_out, out);
    for (uint32_t i = 0; i < c->n_out; i++)
        g->values.at[out + i].origin = n;
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->in[i])
            sld__link(g, c->in[i], n);
    g->n_unread += c->n_out;
    g->n_nodes++;
}

/* Everything that can fail comes first. */
static sld_node add(sld_graph *g, const sld_call *c, const char *const *names)
{
    sld_outcome o;
    if (!check_operands(g, c) || sld__outcome(g, c, &o) || !reserve_node(g, c))
        return 0;
    sld_value out = sld__new_results(g, c, &o);
    if (c->n_out && !out)
        return 0;
    if (!name_results(g, out, c->n_out, names)) {
        sld__give_values(g, out, c->n_out);
        return 0;
    }
    sld_node n = g->nodes.n++;
    sld__put_node(g, n, c, o.attrs, out);
    return n;
}

sld_value sld__new_results(sld_graph *g, const sld_call *c, const sld_outcome *o)
{
    const uint32_t *types = sld__outcome_types(g, o), n = c->n_out;
    sld_value out = sld__new_values(g, n);
    sld_value_rec *results = g->values.at + out;
    for (uint32_t i = 0; out && i < n; i++)
        results[i] = (sld_value_rec){.type = types[i]};
    bool unnamed = !g->value_names.n || out + n <= g->value_names.n; /* or there is room */
    if (out && ((!unnamed && !sld__names_reach(g, out + n - 1)) ||
                (o->contents && !sld__set_contents(g, out, o->contents)))) {
        sld__give_values(g, out, c->n_out);
        return 0;
    }
    return out;
}

sld_node sld__add(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs, uint32_t n_out,
                  const char *const *names)
{
    if (!op || op >= g->rules->n_ops) {
        FAIL(g, SLD_ERR_GRAPH, "op %u does not exist", op);
        return 0;
    }
    if (n_in > UINT16_MAX || n_out > UINT16_MAX) {
        FAIL(g, SLD_ERR_LIMIT, "%s: more than %d operands or results", g->rules->ops[op].name, UINT16_MAX);
        return 0;
    }
    const sld_call c = {op, n_in, n_out, in, attrs};
    const char *where = g->where;
    if (!where && names && n_out && names[0])
        g->where = names[0]; /* so that a message of sld_infer tells which node it speaks of */
    sld_node n = add(g, &c, names);
    g->where = where;
    return n;
}

sld_node sld_graph_add(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs,
                       uint32_t n_out, const char *const *names)
{
    sld__clear(g->ctx);
    return sld__add(g, op, n_in, in, attrs, n_out, names);
}

uint32_t sld_graph_n_nodes(const sld_graph *g) { return g->n_nodes; }
