/* Launches one kernel on a node that is written in the text form of graphs: the text is parsed, so that
 * inference brings attributes to the form that kernels see and gives the result shapes, and the kernel gets
 * heap buffers of exactly the right size. */
#ifndef TEST_LAUNCH_H
#define TEST_LAUNCH_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph.h"
#include "kern.h"
#include "shared.h"

const sld_ruleset *sld_ruleset_solder(void);

enum { LAUNCH_MAX = 8 };

typedef struct launched {
    sld_ctx *ctx;
    sld_graph *g;
    const char *text, *error; /* error: the kernel's answer */
    const sld_kernel_row *row;
    sld_launch args;
    sld_tensor in[LAUNCH_MAX], out[LAUNCH_MAX];
    sld_attr attrs[16];
} launched;

static inline sld_tensor launch_tensor(const sld_graph *g, sld_value v)
{
    if (!v)
        return (sld_tensor){.dtype = SLD_DTYPE_NONE};
    const sld_type_rec *r = sld_type_of(g, v);
    return (sld_tensor){.dtype = r->dtype, .rank = r->rank, .dims = sld_shape(g, v)};
}

static inline launched launch_parse(const char *node)
{
    launched l = {.ctx = sld_ctx_new(NULL), .text = node};
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    fprintf(f, "solder 1\n%s\n", node);
    fclose(f);
    l.g = sld_text_parse(l.ctx, sld_ruleset_solder(), "case", text, len);
    ck_assert_msg(l.g != NULL, "%s\n%s", sld_error(l.ctx), node);
    ck_assert_uint_eq(sld_graph_n_nodes(l.g), 1);
    free(text);
    return l;
}

/* Fills in the launch: operands that are constants point at their data. */
static inline void launch_prepare(launched *l)
{
    sld_graph *g = l->g;
    const sld_call n = sld__call_of(g, sld_first_node(g));
    ck_assert(n.n_in <= LAUNCH_MAX && n.n_out <= LAUNCH_MAX);
    for (uint32_t i = 0; i < n.n_in; i++) {
        sld_value v = n.in[i];
        l->in[i] = launch_tensor(g, v);
        if (v && sld_kind(g, v) == SLD_VALUE_CONST)
            l->in[i].data = sld_const_of(g, v)->data;
    }
    const sld_op_info *op = &g->rules->ops[n.op];
    for (uint32_t i = 0; i < op->n_attrs; i++)
        l->attrs[i] = n.attrs[i];
    l->args = (sld_launch){.op = op, .n_in = n.n_in, .n_out = n.n_out, .in = l->in,
                           .out = l->out, .attrs = l->attrs};
}

/* The stack below holds what is not a number: what a kernel reads before it writes it shows. */
static __attribute__((noinline, unused)) void launch_poison(void)
{
    volatile uint32_t below[1 << 16];
    for (size_t i = 0; i < sizeof below / sizeof *below; i++)
        below[i] = 0x7fc07fc0;
}

/* Room for a result, zeros, and bytes behind it that nothing may write. */
enum { LAUNCH_BEHIND = 4096 };

static inline void *launch_room(size_t bytes)
{
    char *room = calloc(bytes + LAUNCH_BEHIND, 1);
    memset(room + bytes, 0x5a, LAUNCH_BEHIND);
    return room;
}

static inline void launch_keeps_behind(const launched *l)
{
    for (uint32_t i = 0; i < l->args.n_out; i++)
        for (size_t k = 0, bytes = shared_bytes(&l->out[i]); bytes && k < LAUNCH_BEHIND; k++)
            ck_assert_msg(((const char *)l->out[i].data)[bytes + k] == 0x5a, "result %u: byte %zu behind it is written\n%s", i, k, l->text);
}

/* Runs the kernel that binding chooses for the target, into new buffers; of the CPU on threads too. What the buffers hold
 * before, zeros or a pattern, makes no difference. */
static inline void launch_run(launched *l, sld_target target)
{
    char why[200];
    void *first[8];
    l->row = sld_bind(l->g, sld_first_node(l->g), target, NULL, why, sizeof why);
    ck_assert_msg(l->row != NULL, "%s\n%s", why, l->text);
    for (uint32_t i = 0; i < l->args.n_out; i++) {
        l->out[i] = launch_tensor(l->g, sld_result(l->g, sld_first_node(l->g), i));
        size_t bytes = kern_numel(&l->out[i]) * kern_size(l->out[i].dtype);
        l->out[i].data = bytes ? launch_room(bytes) : NULL;
    }
    launch_poison();
    l->error = l->row->fn(&l->args);
    launch_keeps_behind(l);
    if (l->error)
        return;
    ck_assert_uint_le(l->args.n_out, 8);
    for (uint32_t i = 0; i < l->args.n_out; i++)
        first[i] = shared_take(l->out[i].data, shared_bytes(&l->out[i]), NULL);
    launch_poison();
    l->error = l->row->fn(&l->args);
    for (uint32_t i = 0; i < l->args.n_out; i++)
        shared_same(first[i], l->out[i].data, shared_bytes(&l->out[i]), l->text);
    if (target == SLD_TARGET_CPU && !l->error)
        shared_launch(l->ctx, l->row->fn, &l->args, l->text);
}

static inline void launch_free_results(launched *l)
{
    for (uint32_t i = 0; i < l->args.n_out; i++)
        free(l->out[i].data);
}

static inline void launch_free(launched *l)
{
    sld_graph_free(l->g);
    sld_ctx_free(l->ctx);
}

/* Distance of neighbouring numbers around 1. */
static inline double launch_eps(uint8_t dtype)
{
    switch (dtype) {
    case SLD_F16: return 0x1p-10;
    case SLD_BF16: return 0x1p-7;
    case SLD_F32: return 0x1p-23;
    case SLD_F64: return 0x1p-52;
    default: return 0;
    }
}

/* Whether two elements agree: integers exactly, NaN with NaN, floats within rel times their size plus abs. */
static inline bool launch_agree(const sld_tensor *a, const sld_tensor *b, size_t i, double rel, double abs)
{
    if (!kern_is_float(a->dtype))
        return kern_geti(a, i) == kern_geti(b, i);
    double x = kern_get(a, i), y = kern_get(b, i);
    return x == y || (isnan(x) && isnan(y)) || (isfinite(x) && isfinite(y) && fabs(x - y) <= rel * fabs(y) + abs);
}

#endif
