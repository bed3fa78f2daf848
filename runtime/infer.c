/* Checks a node against its op's signature and infers the types of its results.  What a
 * signature says is data (sld_abi.h); the parts of its interpretation are listed in infer.h. */
#include "infer.h"

#include <string.h>

bool sld__infer_fail(sld_env *e, const char *fmt, ...)
{
    char text[800];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *where = e->g->where;
    e->reported |= !*sld_error(e->g->ctx); /* else the error is older, and this one its consequence */
    sld__fail(e->g->ctx, SLD_ERR_TYPE, "%s%s%s: %s", where ? where : "", where ? ": " : "", e->op->name,
              text);
    return false;
}

/* Big fields stay as they are: scratch is written before it is read. */
static void start(sld_env *e, sld_graph *g, const sld_op_info *op, uint32_t n_in, const sld_value *in,
                  sld_attr *attrs, uint32_t n_out)
{
    e->g = g;
    e->op = op;
    e->n_in = n_in;
    e->n_out = n_out;
    e->in = in;
    e->attrs = attrs;
    e->symbols = NULL;
    e->result = 0;
    e->reported = false;
    e->n_scratch = 0;
    memset(e->dtypes, SLD_DTYPE_NONE, op->n_dtype_vars);
    for (uint32_t i = 0; i < op->n_dim_vars; i++)
        e->dims[i] = SLD_SYM_NONE;
    for (uint32_t i = 0; i < op->n_rank_vars; i++)
        e->ranks[i].operand = -1;
}

static bool check_arity(sld_env *e)
{
    const sld_op_info *op = e->op;
    bool variadic = op->n_operands && op->operands[op->n_operands - 1].flags & SLD_OPERAND_VARIADIC;
    if (e->n_in > op->n_operands && !variadic)
        return sld__infer_fail(e, "%u operands; it takes %u", e->n_in, op->n_operands);
    for (uint32_t i = 0; i < op->n_operands; i++)
        if ((i >= e->n_in || !e->in[i]) &&
            !(op->operands[i].flags & (SLD_OPERAND_OPTIONAL | SLD_OPERAND_VARIADIC)))
            return sld__infer_fail(e, "operand %s is missing", op->operands[i].name);
    if (op->flags & SLD_OP_VARIADIC)
        return e->n_out || sld__infer_fail(e, "it has at least one result");
    return e->n_out == op->n_results || sld__infer_fail(e, "%u results; it has %u", e->n_out, op->n_results);
}

static bool check_where(sld_env *e)
{
    const sld_term *t = e->op->where;
    while (e->op->n_where && t < e->op->where + e->op->n_where) {
        const sld_term *condition = t;
        sld_truth truth;
        e->n_scratch = 0;
        if (!sld__eval_truth(e, &t, &truth))
            return false;
        if (truth == SLD_NEVER)
            return sld__bad_condition(e, condition);
    }
    return true;
}

/* ---------------------------------------------------------------- results -- */

static bool append(sld_env *e, const sld_val *v, sld_dim *dims, uint32_t *rank)
{
    const sld_dim *d = v->kind == SLD_VAL_LIST ? v->d : &v->num;
    uint32_t n = v->kind == SLD_VAL_LIST ? v->n : 1;
    if (v->kind != SLD_VAL_LIST && v->kind != SLD_VAL_NUM)
        return sld__infer_fail(e, "the shape of result %u does not follow from the operands given",
                               e->result);
    if (n > SLD_RANK_MAX || *rank + n > SLD_RANK_MAX)
        return sld__infer_fail(e, "a result of more than %d dims", SLD_RANK_MAX);
    for (uint32_t i = 0; i < n; i++) {
        if (sld_dim_le(e->g, 0, d[i]) == SLD_NEVER) {
            char text[80];
            sld_dim_print(e->g, d[i], text, sizeof text);
            return sld__infer_fail(e, "dim %u of result %u would be %s", *rank, e->result, text);
        }
        dims[(*rank)++] = d[i];
    }
    return true;
}

static bool infer_shape(sld_env *e, const sld_type *t, sld_dim *dims, uint32_t *rank)
{
    const sld_term *at = t->shape;
    e->n_scratch = *rank = 0;
    for (uint32_t i = 0; i < t->n_elems; i++) {
        sld_val v;
        if (!sld__eval(e, &at, &v) || !append(e, &v, dims, rank))
            return false;
    }
    return true;
}

static bool infer_result(sld_env *e, uint32_t i, uint32_t *type)
{
    const sld_type *t = &e->op->results[e->op->flags & SLD_OP_VARIADIC ? 0 : i].type;
    sld_dim dims[SLD_RANK_MAX];
    uint32_t rank;
    e->result = i;
    uint8_t dtype = t->from == SLD_DT_FIXED ? t->dtype
                    : t->from == SLD_DT_VAR ? e->dtypes[t->dtype] : (uint8_t)e->attrs[t->dtype].i;
    if (!infer_shape(e, t, dims, &rank))
        return false;
    if (dtype == SLD_DTYPE_NONE)
        return sld__infer_fail(e, "the dtype of result %u does not follow from the operands given", i);
    return (*type = sld__type(e->g, dtype, rank, dims)) != 0;
}

/* An error of arithmetic or memory knows nothing of the node: its text is put behind the node's name. */
static void report_elsewhere(sld_env *e)
{
    char text[800];
    if (e->reported || sld__starved(e->g->ctx))
        return;
    snprintf(text, sizeof text, "%s", sld_error(e->g->ctx));
    sld__clear(e->g->ctx);
    sld__infer_fail(e, "%s", text);
}

sld_status sld_infer(sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, sld_attr *attrs,
                     uint32_t n_out, uint32_t *types, uint32_t *contents)
{
    sld_env e;
    start(&e, g, &g->rules->ops[op], n_in, in, attrs, n_out);
    bool ok = check_arity(&e) && sld__normalise_attrs(&e) && sld__bind_operands(&e) && check_where(&e);
    *contents = 0;
    for (uint32_t i = 0; ok && i < n_out; i++)
        ok = infer_result(&e, i, &types[i]);
    if (ok && n_out)
        ok = sld__contents(&e, &g->types.at[types[0]], contents);
    if (!ok)
        report_elsewhere(&e);
    return ok ? SLD_OK : SLD_ERR_TYPE;
}

/* ------------------------------------------------------------- conditions -- */

static sld_truth all_of(sld_env *e, const sld_term *terms, uint32_t n_terms)
{
    sld_truth all = SLD_ALWAYS;
    for (const sld_term *t = terms; n_terms && t < terms + n_terms;) {
        sld_truth one;
        e->n_scratch = 0;
        if (!sld__eval_truth(e, &t, &one))
            return SLD_NEVER;
        all = one < all ? one : all;
    }
    return all;
}

/* Opens the environment of a call whose attributes are canonical; a copy, because functions change them. */
static bool open_call(sld_env *e, sld_graph *g, const sld_call *c, sld_attr *attrs)
{
    const sld_op_info *op = &g->rules->ops[c->op];
    for (uint32_t i = 0; i < op->n_attrs; i++)
        attrs[i] = c->attrs[i];
    start(e, g, op, c->n_in, c->in, attrs, c->n_out);
    return sld__bind_operands(e);
}

sld_truth sld_conditions(sld_graph *g, const sld_call *c, const sld_term *terms, uint32_t n_terms,
                         const int64_t *symbols)
{
    sld_env e;
    sld_attr attrs[UINT8_MAX + 1];
    bool clean = !*sld_error(g->ctx), open = open_call(&e, g, c, attrs);
    e.symbols = symbols;
    sld_truth all = open ? all_of(&e, terms, n_terms) : SLD_NEVER;
    if (clean)
        sld__forgive(g->ctx);
    return all;
}

bool sld_number(sld_graph *g, const sld_call *c, const sld_term *terms, int64_t *out)
{
    sld_env e;
    sld_attr attrs[UINT8_MAX + 1];
    sld_val v = {0};
    bool clean = !*sld_error(g->ctx), known = open_call(&e, g, c, attrs) && sld__eval(&e, &terms, &v);
    if (clean)
        sld__clear(g->ctx);
    *out = v.num;
    return known && v.kind == SLD_VAL_NUM && !sld_dim_is_sym(v.num);
}

/* Parts that `and` joins count as conditions of their own: its terms, in preorder, are only stepped over. */
static sld_failing failing_of(sld_env *e, const sld_term *terms, uint32_t n_terms)
{
    sld_failing f = {.holds = SLD_ALWAYS};
    for (const sld_term *t = terms; t < terms + n_terms;) {
        const sld_term *from = t;
        sld_truth one;
        e->n_scratch = 0;
        if (t->kind == SLD_T_AND) {
            t++;
            continue;
        }
        bool known = sld__eval_truth(e, &t, &one);
        if (known && one == SLD_ALWAYS)
            continue;
        if (!f.n++)
            f.first = from, f.holds = known ? one : SLD_NEVER;
        if (!known)
            break;
    }
    return f;
}

sld_failing sld__failing(sld_graph *g, const sld_call *c, const sld_term *terms, uint32_t n_terms, const int64_t *symbols,
                         char *buf, size_t size)
{
    sld_env e;
    sld_attr attrs[UINT8_MAX + 1];
    bool clean = !*sld_error(g->ctx), open = open_call(&e, g, c, attrs);
    e.symbols = symbols;
    sld_failing f = {.n = UINT32_MAX};
    if (open)
        f = failing_of(&e, terms, n_terms);
    if (size)
        *buf = 0;
    if (f.first && size)
        sld__wanted_text(&e, f.first, f.holds, buf, size);
    if (clean)
        sld__forgive(g->ctx);
    return f;
}
