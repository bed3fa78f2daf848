/* Sizes at which another kernel, or none, covers what a rule makes: both sides of each comparison in the conditions of
 * kernels, put on the left side through the types of the right one. */
#include <string.h>

#include "loosen.h"

typedef struct edge { t_env *t; t_call *call; uint32_t k; bool done; } edge;

static bool here(edge *e)
{
    if (e->done || e->k--)
        return false;
    return e->done = true;
}

static bool of_the_run(const pat_expr *e)
{
    for (uint32_t i = 0; i < PAT_N_GRAPH_NAMES; i++)
        if (e->name && !strcmp(e->name, pat_graph_names[i]))
            return true;
    for (uint32_t i = 0; i < e->args.n; i++)
        if (of_the_run(e->args.at[i]))
            return true;
    return false;
}

static void compare(edge *e, const pat_expr *x)
{
    s_ctx *c = e->t->c;
    s_val a = t_signature_expr(e->call, x->args.at[0], 0), b = t_signature_expr(e->call, x->args.at[1], 0);
    for (int64_t off = -1; a.kind == S_NUM && b.kind == S_NUM && off <= 1; off++)
        if (here(e))
            s_assume_zero(c, s_add(c, s_sub(c, a.num, b.num), s_const(c, off)));
}

static void member(edge *e, const pat_expr *x)
{
    s_ctx *c = e->t->c;
    const pat_exprs *set = &x->args.at[1]->args;
    s_val a = t_signature_expr(e->call, x->args.at[0], 0);
    uint32_t all = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        uint32_t dtypes = a.kind == S_DTYPE ? t_declared_set(e->t->p, set->at[i]->name) : 0;
        all |= dtypes;
        if (a.kind == S_DTYPE && here(e))
            t_restrict_dtype(e->t, a.dtype, dtypes);
        s_val b = a.kind == S_NUM ? t_signature_expr(e->call, set->at[i], 0) : a;
        for (int64_t off = 0; a.kind == S_NUM && b.kind == S_NUM && off < 2; off++)
            if (here(e))
                s_assume_zero(c, s_add(c, s_sub(c, a.num, b.num), s_const(c, off)));
    }
    if (a.kind == S_DTYPE && here(e))
        t_restrict_dtype(e->t, a.dtype, ~all);
}

static void condition(edge *e, const pat_expr *x)
{
    if (x->kind == PE_AND || x->kind == PE_OR) {
        condition(e, x->args.at[0]);
        condition(e, x->args.at[1]);
    } else if (x->kind >= PE_EQ && x->kind <= PE_IN && !of_the_run(x)) {
        (x->kind == PE_IN ? member : compare)(e, x);
    }
}

bool near_kernel_edge(t_env *t, uint32_t k)
{
    edge e = {.t = t, .k = k};
    if (!pat_type_right(t))
        return false;
    for (uint32_t i = 0; i < t->made.n; i++) {
        const pat_kernel *kernel = pat_map_get(&t->p->by_name.kernels, t->made.at[i]->op->name);
        e.call = t->made.at[i];
        for (uint32_t j = 0; kernel && j < kernel->rows.n; j++)
            if (kernel->rows.at[j]->when && strcmp(kernel->rows.at[j]->target, "hip"))
                condition(&e, kernel->rows.at[j]->when);
    }
    return e.done;
}

bool near_kernels_ask_for_ranks(t_env *t)
{
    bool asked = false;
    if (!pat_type_right(t))
        return false;
    for (uint32_t i = 0; i < t->made.n; i++) {
        const pat_kernel *kernel = pat_map_get(&t->p->by_name.kernels, t->made.at[i]->op->name);
        for (uint32_t j = 0; kernel && j < kernel->rows.n; j++)
            asked |= kernel->rows.at[j]->when && of_the_run(kernel->rows.at[j]->when);
    }
    return asked;
}
