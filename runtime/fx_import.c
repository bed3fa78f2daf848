/* Reads graphs that torch.export and serving engines leave as JSON: the structure of the
 * format (inputs, outputs, selected results, functionalised calls) and the comparison of what
 * we infer with what the file records.  Which op a target is stands in the vocabulary "fx". */
#include <ctype.h>
#include <string.h>

#include "fx.h"

sld_status fx_fail(fx_import *im, sld_status status, const char *fmt, ...)
{
    char text[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return sld__fail(im->g->ctx, status, "%s: %s", im->where, text);
}

/* ------------------------------------------------------------ placeholders -- */

static sld_status add_leaf(fx_import *im, const char *name, sld_value v, bool input)
{
    uint32_t t = v ? fx_add_tensor(im, (fx_tensor){.value = v, .input = input, .name = name}) : 0;
    return t ? fx_declare(im, name, t, 1, false) : SLD_ERR_TYPE;
}

/* Whether text is the name of one symbol, and not yet that of another input's size. */
static bool free_symbol(fx_import *im, const char *text, sld_dim *d)
{
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    if (isdigit((unsigned char)*text) || (*d = sld_dim_parse(im->g, text, 1, 1 << 20)) == SLD_SYM_NONE)
        return false;
    for (uint32_t i = 0; i < im->symbols.n; i++)
        if (im->symbols.at[i] == *d)
            return false;
    return true;
}

/* torch puts the integer that a symbolic size comes from before the first tensor with that size. */
static sld_dim symbol_of(fx_import *im, json_t *nodes, size_t at, const char *name)
{
    for (size_t i = at + 1; i < json_array_size(nodes); i++) {
        json_t *shape = json_object_get(json_object_get(json_array_get(nodes, i), "val"), "shape"), *e;
        size_t k;
        sld_dim d;
        json_array_foreach(shape, k, e)
            if (json_is_string(e) && free_symbol(im, json_string_value(e), &d))
                return d;
        if (shape)
            break;
    }
    return sld_dim_symbol(im->g, name, 0, 1 << 20);
}

/* An input that is an integer: its contents are a symbol. */
static sld_status add_symbol(fx_import *im, json_t *nodes, size_t at, const char *name)
{
    sld_graph *g = im->g;
    sld_dim d = symbol_of(im, nodes, at, name);
    if (d == SLD_SYM_NONE || !SLD_RESERVE(g->ctx, im->symbols, im->symbols.n + 1))
        return SLD_ERR_MEMORY;
    im->symbols.at[im->symbols.n++] = d;
    sld_value v = sld_graph_input(g, name, SLD_I64, 0, NULL);
    if (!v || !SLD_RESERVE(g->ctx, g->dims, g->dims.n + 1))
        return SLD_ERR_MEMORY;
    g->dims.at[g->dims.n] = d;
    if (!sld__set_contents(g, v, ++g->dims.n))
        return SLD_ERR_MEMORY;
    return add_leaf(im, name, v, true);
}

static sld_status add_input(fx_import *im, json_t *nodes, size_t at, const char *name, const fx_types *types)
{
    const fx_type *t = types->at;
    if (types->tuple)
        return fx_fail(im, SLD_ERR_FORMAT, "an input has one type");
    if (!t->dtype)
        return add_symbol(im, nodes, at, name);
    return add_leaf(im, name, sld_graph_input(im->g, name, (sld_dtype)t->dtype, t->rank, t->dims), true);
}

static sld_status add_constant(fx_import *im, const char *name, const fx_types *types)
{
    const fx_type *t = types->at;
    if (types->tuple || !t->dtype)
        return fx_fail(im, SLD_ERR_FORMAT, "an attribute has one type");
    return add_leaf(im, name, sld_graph_const(im->g, name, (sld_dtype)t->dtype, t->rank, t->dims, NULL, 0),
                    true);
}

/* ------------------------------------------------------------------- calls -- */

static fx_type type_of(const fx_import *im, sld_value v)
{
    const sld_type_rec *r = sld_type_of(im->g, v);
    fx_type t = {.dtype = r->dtype, .rank = r->rank};
    memcpy(t.dims, sld_shape(im->g, v), r->rank * sizeof *t.dims);
    return t;
}

static sld_status check_type(fx_import *im, const char *target, sld_value v, const fx_type *want)
{
    fx_type have = type_of(im, v);
    char a[200], b[200];
    bool same = have.dtype == want->dtype && have.rank == want->rank;
    for (uint32_t i = 0; same && i < have.rank; i++)
        same = sld_dim_eq(im->g, have.dims[i], want->dims[i]) == SLD_ALWAYS;
    if (same)
        return SLD_OK;
    fx_print_type(im, &have, a, sizeof a);
    fx_print_type(im, want, b, sizeof b);
    return fx_fail(im, SLD_ERR_TYPE, "%s gives %s, but 'val' says %s", target, a, b);
}

/* Recorded results without a type have no value of ours. */
static sld_status check_results(fx_import *im, const fx_call *c, sld_value first, uint32_t n)
{
    uint32_t k = 0, known = 0;
    sld_node made = sld_producer(im->g, first);
    n = made ? fx_foreign(sld_node_op(im->g, made), n) : n;
    for (uint32_t i = 0; i < c->types->n; i++)
        known += c->types->at[i].dtype != 0;
    if (known != n && (known || n > 1))
        return fx_fail(im, SLD_ERR_TYPE, "%s has %u results, but 'val' says %u", c->target, n, known);
    for (uint32_t i = 0; i < c->types->n; i++) {
        sld_status s = c->types->at[i].dtype ? check_type(im, c->target, first + k++, &c->types->at[i])
                                             : SLD_OK;
        if (s)
            return s;
    }
    return SLD_OK;
}

static uint32_t tensor_of(fx_import *im, json_t *arg)
{
    const fx_name *f = fx_ref(arg) ? fx_find(im, fx_ref(arg)) : NULL;
    return f && f->n == 1 && !f->tuple ? f->first : 0;
}

static sld_status declare_results(fx_import *im, json_t *node, const fx_call *c, const char *name,
                                  sld_value first, uint32_t n)
{
    const fx_types *types = c->types;
    uint32_t start = im->tensors.n, k = 0, slots = n ? types->n : 0;
    uint32_t base = c->skip ? 0 : tensor_of(im, json_array_get(c->args, 0));
    for (uint32_t i = 0; i < slots; i++) {
        bool none = types->tuple && !types->at[i].dtype; /* such results are not ours */
        fx_tensor t = fx_result(im, c->target, base, none ? 0 : first + k);
        t.name = name;
        t.call = node;
        if (types->tuple && t.memory == FX_VIEW) /* repeating the call would give its first result */
            t.memory = FX_MAYBE;
        if (!fx_add_tensor(im, t))
            return SLD_ERR_MEMORY;
        k += !none;
    }
    return fx_declare(im, name, start, slots, types->tuple);
}

static sld_status write_first(fx_import *im, const fx_call *c, const char *name, sld_value v)
{
    uint32_t t = tensor_of(im, json_array_get(c->args, 0));
    if (!t)
        return fx_fail(im, SLD_ERR_FORMAT, "%s writes to something that is no tensor", c->target);
    sld_status s = fx_write(im, t, v);
    return s ? s : fx_declare(im, name, t, 1, false);
}

static sld_status add_call(fx_import *im, json_t *node, const char *name, const fx_types *types)
{
    fx_call c = fx_call_of(im, node, name, types);
    sld_value first;
    uint32_t n;
    sld_status s = fx_add_call(im, &c, &first, &n);
    if (!s && n)
        s = check_results(im, &c, first, n);
    if (s)
        return s;
    if (n == 1 && !c.skip && fx_in_place(c.target)) /* a functionalised call hands its results out instead */
        return write_first(im, &c, name, first);
    return declare_results(im, node, &c, name, first, n);
}

static sld_status add_getitem(fx_import *im, json_t *args, const char *name, const fx_types *types)
{
    const char *from = fx_ref(json_array_get(args, 0));
    json_t *index = json_array_get(args, 1);
    const fx_name *f = from ? fx_find(im, from) : NULL;
    if (from && !f)
        return fx_fail(im, SLD_ERR_GRAPH, "reads '%s', which no earlier node defines", from);
    if (!f || !f->tuple || !json_is_integer(index))
        return fx_fail(im, SLD_ERR_FORMAT, "getitem takes a node with several results and a number");
    json_int_t i = json_integer_value(index);
    if (i < 0 || i >= f->n)
        return fx_fail(im, SLD_ERR_FORMAT, "'%s' has no result %lld", from, (long long)i);
    uint32_t t = f->first + (uint32_t)i;
    sld_value v = im->tensors.at[t].value;
    sld_status s = v && types->at[0].dtype ? check_type(im, "getitem", v, &types->at[0]) : SLD_OK;
    return s ? s : fx_declare(im, name, t, 1, false);
}

static sld_status add_outputs(fx_import *im, json_t *j)
{
    json_t *e;
    size_t i;
    sld_status s = SLD_OK;
    if (fx_ref(j)) {
        sld_value v = fx_operand(im, fx_ref(j));
        return v ? sld_graph_output(im->g, fx_ref(j), v) : SLD_ERR_GRAPH;
    }
    if (!json_is_array(j) && !json_is_null(j))
        return fx_fail(im, SLD_ERR_FORMAT, "an output is a node");
    json_array_foreach(j, i, e)
        if (!s)
            s = add_outputs(im, e);
    return s;
}

/* ------------------------------------------------------------------- graph -- */

static const char *field(fx_import *im, json_t *node, const char *name)
{
    const char *text = json_string_value(json_object_get(node, name));
    if (!text)
        fx_fail(im, SLD_ERR_FORMAT, "field '%s' is missing", name);
    return text;
}

static sld_status add_typed(fx_import *im, json_t *nodes, size_t at, const char *name, const char *op,
                            const fx_types *types)
{
    json_t *node = json_array_get(nodes, at), *args = json_object_get(node, "args");
    const char *target = field(im, node, "target");
    if (!target)
        return SLD_ERR_FORMAT;
    if (!strcmp(op, "placeholder"))
        return add_input(im, nodes, at, name, types);
    if (!strcmp(op, "get_attr"))
        return add_constant(im, name, types);
    if (!json_is_array(args) || !json_is_object(json_object_get(node, "kwargs")))
        return fx_fail(im, SLD_ERR_FORMAT, "field '%s' is missing", json_is_array(args) ? "kwargs" : "args");
    if (!strcmp(op, "output"))
        return add_outputs(im, args);
    if (strcmp(op, "call_function"))
        return fx_fail(im, SLD_ERR_FORMAT, "unknown kind of node '%s'", op);
    if (!strcmp(target, "<built-in function getitem>"))
        return add_getitem(im, args, name, types);
    return add_call(im, node, name, types);
}

static sld_status add_node(fx_import *im, json_t *nodes, size_t at)
{
    json_t *node = json_array_get(nodes, at), *val = json_object_get(node, "val");
    snprintf(im->where, sizeof im->where, "%s: node %zu", im->file, at);
    const char *name = field(im, node, "name");
    if (name)
        snprintf(im->where, sizeof im->where, "%s: node '%s'", im->file, name);
    const char *op = name ? field(im, node, "op") : NULL;
    if (!op)
        return SLD_ERR_FORMAT;
    if (!val)
        return fx_fail(im, SLD_ERR_FORMAT, "field 'val' is missing");
    fx_types types = {0};
    sld_status s = fx_read_types(im, val, &types);
    s = s ? s : add_typed(im, nodes, at, name, op, &types);
    sld__free(im->g->ctx, types.at);
    return s;
}

static sld_status add_nodes(fx_import *im, json_t *graph)
{
    json_t *nodes = json_object_get(graph, "nodes");
    sld_status s = SLD_OK;
    snprintf(im->where, sizeof im->where, "%s", im->file);
    if (!json_is_array(nodes))
        return fx_fail(im, SLD_ERR_FORMAT, "the graph has no 'nodes'");
    if (!im->vocab)
        return fx_fail(im, SLD_ERR_OP, "ruleset '%s' has no vocabulary 'fx'", im->g->rules->name);
    if (!SLD_RESERVE(im->g->ctx, im->tensors, 1) || !SLD_RESERVE(im->g->ctx, im->names, 1))
        return SLD_ERR_MEMORY;
    im->tensors.at[im->tensors.n++] = (fx_tensor){0};
    im->names.at[im->names.n++] = (fx_name){0};
    for (size_t i = 0; i < json_array_size(nodes) && !s; i++)
        s = add_node(im, nodes, i);
    s = s ? s : fx_add_written(im);
    if (!s && !im->g->outputs.n) {
        snprintf(im->where, sizeof im->where, "%s", im->file);
        s = fx_fail(im, SLD_ERR_FORMAT, "the graph has no output");
    }
    return s;
}

static sld_graph *import_graph(sld_ctx *ctx, const sld_ruleset *rules, const char *file, json_t *graph)
{
    sld_graph *g = sld_graph_new(ctx, rules);
    if (!g)
        return NULL;
    fx_import im = {.g = g,
                    .vocab = sld_vocab_find(rules, "fx"),
                    .writes = sld_vocab_find(rules, "fx_write"),
                    .file = file};
    g->where = im.where;
    sld_status s = add_nodes(&im, graph);
    g->where = NULL;
    sld__free(ctx, im.tensors.at);
    sld__free(ctx, im.names.at);
    sld__free(ctx, im.symbols.at);
    sld__free(ctx, im.table.at);
    if (!s && !sld__starved(ctx))
        return g;
    sld_graph_free(g);
    return NULL;
}

sld_graph *sld_import_fx(sld_ctx *ctx, const sld_ruleset *rules, const char *path, const char *key)
{
    sld__clear(ctx);
    json_t *all = fx_load(ctx, path), *graph = NULL;
    if (!all)
        return NULL;
    if (!key) /* the first one */
        key = json_object_iter_key(json_object_iter(all));
    graph = key ? json_object_get(all, key) : NULL;
    sld_graph *g = NULL;
    size_t n = strlen(path) + (key ? strlen(key) : 0) + 2;
    char *file = sld__alloc(ctx, n);
    if (file) {
        snprintf(file, n, "%s#%s", path, key ? key : "");
        if (json_is_object(graph)) /* of a very long path messages have the end */
            g = import_graph(ctx, rules, file + (n > 300 ? n - 300 : 0), graph);
        else if (key)
            sld__fail(ctx, SLD_ERR_FORMAT, "%s: there is no graph '%s' in it", path, key);
        else
            sld__fail(ctx, SLD_ERR_FORMAT, "%s: there is no graph in it", path);
    }
    sld__free(ctx, file);
    json_decref(all);
    return g;
}
