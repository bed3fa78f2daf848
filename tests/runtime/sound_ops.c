/* See sound_ops.h. */
#include "sound_ops.h"

#include <stdlib.h>

#include "kern.h"

uint64_t sound_rules_off;

/* ----------------------------------------------------------------- kernels -- */

#define EACH(l, i) for (size_t i = 0, n_ = kern_numel(&(l)->out[0]); i < n_; i++)
#define GET(k, i) ((uint64_t)kern_geti(&l->in[k], i))
#define PUT(k, i, e) kern_puti(&l->out[k], i, (int64_t)(e))
#define KERNEL(name, ...) \
    const char *sld_ref_##name(const sld_launch *l); \
    const char *sld_ref_##name(const sld_launch *l) \
    { \
        EACH(l, i) { __VA_ARGS__ } \
        return NULL; \
    }

KERNEL(mul_add, PUT(0, i, GET(0, i) * GET(1, i) + GET(2, i));)
KERNEL(sum_diff, uint64_t a = GET(0, i); uint64_t b = GET(1, i); PUT(0, i, a + b); PUT(1, i, a - b);)
KERNEL(add_mul, uint64_t sum = GET(0, i) + GET(1, i); PUT(1, i, sum); PUT(0, i, kern_geti(&l->out[1], i) * GET(2, i));)
KERNEL(neg_sum, PUT(0, i, -(GET(0, i) + GET(1, i)));)
KERNEL(store, PUT(0, i, GET(1, i) + GET(0, i));)
KERNEL(store_two, PUT(0, i, GET(2, i) + GET(0, i) + GET(1, i));)
KERNEL(exchange, PUT(0, i, GET(1, i)); PUT(1, i, GET(0, i));)
KERNEL(observe, (void)i;)
KERNEL(reduced_norm, (void)i;) /* matched and bound, not run */

/* ------------------------------------------------------------------ oracle -- */

static int64_t element(uint64_t seed, uint32_t input, size_t i)
{
    uint64_t x = seed + input * 0x9e3779b97f4a7c15u + i * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 31) * 0x94d049bb133111ebu;
    return (int64_t)(x >> 32) % 200 - 100;
}

static sld_tensor tensor_of(const sld_graph *g, sld_value v, void *data)
{
    const sld_type_rec *r = sld_type_of(g, v);
    return v ? (sld_tensor){.dtype = r->dtype, .rank = r->rank, .dims = sld_shape(g, v), .data = data}
             : (sld_tensor){0};
}

static size_t bytes_of(const sld_graph *g, sld_value v)
{
    const sld_tensor t = tensor_of(g, v, NULL);
    return kern_numel(&t) * kern_size(t.dtype);
}

static void *new_input(const sld_graph *g, sld_value v, uint64_t seed, uint32_t input)
{
    const sld_tensor t = tensor_of(g, v, calloc(1, bytes_of(g, v) + 1));
    for (size_t i = 0; i < kern_numel(&t) && t.dtype <= SLD_I64; i++) /* nothing reads an input of floats */
        kern_puti(&t, i, element(seed, input, i));
    return t.data;
}

/* Result i of a node starts as the version of the buffer before it. */
static void start_version(const sld_graph *g, sld_node n, uint32_t i, void **data, sld_tensor *in, const sld_tensor *out)
{
    const sld_op_info *op = sld_node_op(g, n);
    uint32_t n_inout = 0, k = 0;
    for (uint32_t j = 0; j < op->n_operands; j++)
        n_inout += (op->operands[j].flags & SLD_OPERAND_INOUT) != 0;
    for (uint32_t j = 0; j < op->n_operands; j++)
        if (op->operands[j].flags & SLD_OPERAND_INOUT && op->n_results - n_inout + k++ == i) {
            memcpy(out[i].data, data[sld_operand(g, n, j)], bytes_of(g, sld_operand(g, n, j)));
            in[j].data = out[i].data;
        }
}

static const char *run_node(sld_graph *g, sld_node n, void **data, char *why, size_t size)
{
    const sld_call c = sld__call_of(g, n);
    sld_tensor in[16] = {{0}}, out[16] = {{0}};
    if (c.n_in > 16 || c.n_out > 16)
        return "a node with many operands";
    for (uint32_t i = 0; i < c.n_in; i++)
        in[i] = tensor_of(g, c.in[i], data[c.in[i]]);
    for (uint32_t i = 0; i < c.n_out; i++) {
        sld_value v = sld_result(g, n, i);
        data[v] = calloc(1, bytes_of(g, v) + 1);
        out[i] = tensor_of(g, v, data[v]);
        start_version(g, n, i, data, in, out);
    }
    if (sld__is_view(g, n)) {
        memcpy(out[0].data, in[0].data, bytes_of(g, c.in[0]));
        return NULL;
    }
    const sld_kernel_row *row = sld_bind(g, n, SLD_TARGET_REF, NULL, why, size);
    return row ? row->fn(&(sld_launch){.op = sld_node_op(g, n), .n_in = c.n_in, .n_out = c.n_out, .in = in, .out = out,
                                       .attrs = c.attrs}) : why;
}

static void join(char **to, size_t *n, const void *data, size_t bytes)
{
    *to = realloc(*to, *n + bytes + 1);
    memcpy(*to + *n, data, bytes);
    *n += bytes;
}

const char *sound_run(sld_graph *given, const int64_t *symbols, uint64_t seed, char **outputs, size_t *n)
{
    static char why[300];
    const char *fails = NULL;
    sld_value *map = calloc(given->values.n + 1, sizeof *map);
    sld_graph *g = sld__graph_at(given, symbols, map);
    void **data = g ? calloc(g->values.n + 1, sizeof *data) : NULL;
    *outputs = NULL;
    *n = 0;
    if (!g) {
        free(map);
        return sld_error(given->ctx);
    }
    for (sld_value v = 1; v < given->values.n; v++)
        if (sld_kind(given, v) == SLD_VALUE_CONST && given->values.at[v].n_uses) {
            data[map[v]] = calloc(1, sld_const_of(given, v)->nbytes + 1);
            memcpy(data[map[v]], sld_const_of(given, v)->data, sld_const_of(given, v)->nbytes);
        }
    for (uint32_t i = 0; i < g->inputs.n; i++)
        data[g->inputs.at[i]] = new_input(g, g->inputs.at[i], seed, i);
    for (sld_node k = sld_first_node(g); k && !fails; k = sld_next_node(g, k))
        fails = run_node(g, k, data, why, sizeof why);
    for (uint32_t i = 0; i < g->outputs.n && !fails; i++)
        join(outputs, n, data[g->outputs.at[i].value], bytes_of(g, g->outputs.at[i].value));
    for (sld_value v = 0; v < g->values.n; v++)
        free(data[v]);
    free(data);
    free(map);
    sld_graph_free(g);
    return fails;
}

const char *sound_run_plan(sld_graph *g, sld_target target, const int64_t *symbols, uint64_t seed, char **outputs,
                           size_t *n, sld_plan_info *info)
{
    sld_value *map = calloc(g->values.n + 1, sizeof *map);
    sld_graph *at = sld__graph_at(g, symbols, map);
    sld_plan *p = at ? sld_plan_new(g, target, symbols) : NULL;
    const char *fails = p ? NULL : sld_error(g->ctx);
    void **inputs = calloc(g->inputs.n + 1, sizeof *inputs);
    sld_tensor *out = calloc(g->outputs.n + 1, sizeof *out);
    *outputs = NULL;
    *n = 0;
    for (uint32_t i = 0; p && i < g->inputs.n; i++)
        inputs[i] = new_input(at, at->inputs.at[i], seed, i);
    for (int round = 0; p && round < 2 && !fails; round++) /* the second run must not see the first */
        fails = sld_plan_run(p, (const void *const *)inputs, out) ? sld_error(g->ctx) : NULL;
    for (uint32_t i = 0; i < g->outputs.n && !fails; i++)
        join(outputs, n, out[i].data ? out[i].data : "", kern_numel(&out[i]) * kern_size(out[i].dtype));
    if (p && info)
        *info = sld_plan_get_info(p);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(inputs[i]);
    free(inputs);
    free(out);
    free(map);
    sld_plan_free(p);
    sld_graph_free(at);
    return fails;
}
