/* See import_common.h. */
#include "import_common.h"

#include <math.h>
#include <string.h>

#include "dtype.h"

enum { MAX_OPERANDS = 4096 };

/* TensorProto.DataType of the ONNX specification. */
static const struct { sld_dtype t; int32_t number; } onnx_dtypes[] = {
    {SLD_F32, 1}, {SLD_U8, 2}, {SLD_I8, 3}, {SLD_I32, 6}, {SLD_I64, 7}, {SLD_BOOL, 9}, {SLD_F16, 10}, {SLD_F64, 11},
    {SLD_BF16, 16}, {SLD_F8E4M3FN, 17}, {SLD_F8E4M3FNUZ, 18},
};

sld_dtype sld_onnx_dtype(int32_t number)
{
    for (size_t i = 0; i < sizeof onnx_dtypes / sizeof *onnx_dtypes; i++)
        if (onnx_dtypes[i].number == number)
            return onnx_dtypes[i].t;
    return SLD_DTYPE_NONE;
}

int32_t sld_onnx_dtype_number(sld_dtype t)
{
    for (size_t i = 0; i < sizeof onnx_dtypes / sizeof *onnx_dtypes; i++)
        if (onnx_dtypes[i].t == t)
            return onnx_dtypes[i].number;
    return 0;
}

static sld_applied failed(sld_graph *g, sld_status status, const char *what, const char *name)
{
    sld__fail(g->ctx, status, "%s: %s '%s'", g->where ? g->where : "", what, name);
    return SLD_APPLY_FAILED;
}

/* The number that a parameter has, from an attribute or a known scalar. */
static bool known_number(sld_graph *g, const sld_bound *b, const sld_attr *dflt, double *out)
{
    const sld_attr *a = b->kind == SLD_BOUND_ATTR ? &b->attr : b->kind == SLD_BOUND_ABSENT ? dflt : NULL;
    if (a && a->kind == SLD_ATTR_FLOAT)
        *out = a->f;
    else if (a && (a->kind == SLD_ATTR_INT || a->kind == SLD_ATTR_BOOL) && !sld_dim_is_sym(a->i))
        *out = (double)a->i;
    else
        return b->kind == SLD_BOUND_VALUE && sld_value_scalar(g, b->value, out);
    return true;
}

static bool guard_holds(sld_graph *g, const sld_vocab_entry *e, const sld_bound *params, const sld_vocab_guard *guard)
{
    const sld_bound *b = &params[guard->param];
    const sld_attr *dflt = &e->params[guard->param].dflt;
    double have, want;
    sld_bound literal = {.kind = SLD_BOUND_ATTR, .attr = guard->lit};
    if (guard->lit.kind == SLD_ATTR_NONE)
        return b->kind == SLD_BOUND_ABSENT;
    if (known_number(g, &literal, NULL, &want))
        return known_number(g, b, dflt, &have) && have == want;
    const sld_attr *a = b->kind == SLD_BOUND_ATTR ? &b->attr : dflt;
    return (b->kind == SLD_BOUND_ATTR || b->kind == SLD_BOUND_ABSENT) && sld_attr_equal(a, &guard->lit);
}

/* ---------------------------------------------------------------- operands -- */

/* A one-element constant of a dtype. */
static sld_value scalar(sld_graph *g, sld_dtype t, double f)
{
    union { uint8_t b; int32_t i; int64_t l; uint16_t h; float f; double d; } u = {0};
    switch (t) {
    case SLD_BOOL: u.b = f != 0; break;
    case SLD_U8:
    case SLD_I8: u.b = (uint8_t)(int)f; break;
    case SLD_I32: u.i = (int32_t)f; break;
    case SLD_I64: u.l = (int64_t)f; break;
    case SLD_F16: u.h = sld_f32_to_f16((float)f); break;
    case SLD_BF16: u.h = sld_f32_to_bf16((float)f); break;
    case SLD_F64: u.d = f; break;
    default: u.f = (float)f; t = SLD_F32;
    }
    return sld_graph_const(g, NULL, t, 0, NULL, &u, sld_dtype_size(t));
}

/* The element type of the call's first tensor operand. */
static sld_dtype first_dtype(const sld_graph *g, const sld_vocab_entry *e, const sld_bound *params)
{
    for (uint32_t i = 0; i < e->n_operands; i++) {
        const sld_bound *b = e->operands[i].param >= 0 ? &params[e->operands[i].param] : NULL;
        if (b && b->kind == SLD_BOUND_VALUE)
            return (sld_dtype)sld_dtype_of(g, b->value);
    }
    return SLD_F32;
}

typedef struct operands { sld_value at[MAX_OPERANDS]; uint32_t n; } operands;

static sld_applied add_operand(sld_graph *g, const sld_vocab_entry *e, const sld_bound *params,
                               const sld_vocab_arg *arg, operands *in)
{
    const sld_bound *b = arg->param >= 0 ? &params[arg->param] : NULL;
    const sld_attr *a = arg->param == -1 ? &arg->lit : NULL;
    sld_value v = 0;
    double f;
    if (in->n == MAX_OPERANDS || (b && b->kind == SLD_BOUND_LIST && b->n > MAX_OPERANDS - in->n))
        return failed(g, SLD_ERR_LIMIT, "too many operands for", e->foreign);
    if (b && b->kind == SLD_BOUND_LIST) {
        memcpy(in->at + in->n, b->list, b->n * sizeof *b->list);
        in->n += b->n;
        return SLD_APPLIED;
    }
    if (b && b->kind == SLD_BOUND_ABSENT && e->params[arg->param].dflt.kind)
        a = &e->params[arg->param].dflt;
    if (b && b->kind == SLD_BOUND_ATTR)
        a = &b->attr;
    if (b && b->kind == SLD_BOUND_VALUE)
        v = b->value;
    if (a) {
        sld_bound literal = {.kind = SLD_BOUND_ATTR, .attr = *a};
        if (!known_number(g, &literal, NULL, &f))
            return failed(g, SLD_ERR_TYPE, "no number stands for an operand of", e->foreign);
        if (!(v = scalar(g, first_dtype(g, e, params), f)))
            return SLD_APPLY_FAILED;
    }
    in->at[in->n++] = v;
    return SLD_APPLIED;
}

/* -------------------------------------------------------------- attributes -- */

/* A value in the place of an attribute: its elements must be known. */
static sld_applied known_value(sld_graph *g, const sld_vocab_param *p, sld_value v, const sld_attr_info *info,
                               sld_attr *out)
{
    uint32_t n;
    double f;
    const sld_dim *d = sld_value_contents(g, v, &n);
    bool list = info->kind == SLD_ATTR_INTS || info->kind == SLD_ATTR_AXES;
    if (d && info->kind != SLD_ATTR_FLOAT) {
        sld_dim *copy = sld__graph_alloc(g, (n + 1) * sizeof *copy);
        if (!copy)
            return SLD_APPLY_FAILED;
        memcpy(copy, d, n * sizeof *d);
        if (!list && n != 1)
            return failed(g, SLD_ERR_TYPE, "one number is wanted for", p->name);
        *out = list ? (sld_attr){.kind = SLD_ATTR_INTS, .n = n, .p = copy}
                    : (sld_attr){.kind = SLD_ATTR_INT, .i = copy[0]};
        return SLD_APPLIED;
    }
    if (info->kind == SLD_ATTR_FLOAT && sld_value_scalar(g, v, &f)) {
        *out = (sld_attr){.kind = SLD_ATTR_FLOAT, .f = f};
        return SLD_APPLIED;
    }
    return failed(g, SLD_ERR_TYPE, "must be known when the model is read: input", p->name);
}

static sld_applied set_attr(sld_graph *g, const sld_vocab_entry *e, const sld_bound *params, uint32_t slot,
                            sld_attr *out)
{
    const sld_vocab_arg *arg = &e->attrs[slot];
    const sld_attr_info *info = &g->rules->ops[e->op].attrs[slot];
    *out = (sld_attr){0};
    if (arg->param == -1)
        *out = arg->lit;
    if (arg->param < 0)
        return SLD_APPLIED;
    const sld_bound *b = &params[arg->param];
    const sld_vocab_param *p = &e->params[arg->param];
    if (b->kind == SLD_BOUND_VALUE)
        return known_value(g, p, b->value, info, out);
    if (b->kind == SLD_BOUND_LIST)
        return failed(g, SLD_ERR_TYPE, "a list of tensors stands for attribute", p->name);
    *out = b->kind == SLD_BOUND_ATTR ? b->attr : p->dflt;
    if (out->kind == SLD_ATTR_NONE && !info->has_default)
        return SLD_APPLY_OTHER;
    if (info->kind == SLD_ATTR_DTYPE && out->kind == SLD_ATTR_INT)
        *out = (sld_attr){.kind = SLD_ATTR_DTYPE, .i = sld_onnx_dtype((int32_t)out->i)};
    return SLD_APPLIED;
}

sld_applied sld_vocab_apply(sld_graph *g, const sld_vocab_entry *e, const sld_bound *params, uint32_t n_out,
                            const char *const *names, sld_node *node)
{
    sld_attr attrs[256];
    sld_applied r = SLD_APPLIED;
    *node = 0;
    for (uint32_t i = 0; i < e->n_guards; i++)
        if (!guard_holds(g, e, params, &e->guards[i]))
            return SLD_APPLY_OTHER;
    for (uint32_t i = 0; i < e->n_params; i++) {
        bool required = !(e->params[i].flags & (SLD_PARAM_OPTIONAL | SLD_PARAM_VARIADIC)) && !e->params[i].dflt.kind;
        if (required && params[i].kind == SLD_BOUND_ABSENT && !(e->params[i].flags & SLD_PARAM_KEYWORD))
            return failed(g, SLD_ERR_FORMAT, "missing input", e->params[i].name);
    }
    if (e->op == SLD_VOCAB_DROP)
        return SLD_APPLIED;
    operands *in = sld__alloc(g->ctx, sizeof *in);
    if (!in)
        return SLD_APPLY_FAILED;
    for (uint32_t i = 0; r == SLD_APPLIED && i < e->n_operands; i++)
        r = add_operand(g, e, params, &e->operands[i], in);
    while (in->n && !in->at[in->n - 1])
        in->n--;
    for (uint32_t i = 0; r == SLD_APPLIED && i < g->rules->ops[e->op].n_attrs; i++)
        r = set_attr(g, e, params, i, &attrs[i]);
    if (r == SLD_APPLIED && !(*node = sld_graph_add(g, e->op, in->n, in->at, attrs, n_out, names)))
        r = SLD_APPLY_FAILED;
    sld__free(g->ctx, in);
    return r;
}
