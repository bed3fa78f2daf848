/* Applications of ops: expressions over a signature, and the types of results. See prover.h. */
#include <string.h>

#include "prover.h"

const pat_operand *t_operand(const pat_op *op, uint32_t i)
{
    if (!op->operands.n)
        return NULL;
    const pat_operand *last = op->operands.at[op->operands.n - 1];
    return i < op->operands.n ? op->operands.at[i] : last->variadic ? last : NULL;
}

s_val *t_signature_name(t_call *k, pat_name name)
{
    for (uint32_t i = 0; i < k->names.n; i++)
        if (k->names.at[i]->name == name)
            return &k->names.at[i]->val;
    return NULL;
}

void t_set_signature_name(t_call *k, pat_name name, s_val val)
{
    PAT_PUSH(k->t->c->arena, k->names, NEW(k->t, t_name, NULL, name, val, NULL, true));
}

/* Arguments of a shape function; a variadic operand is as many as there are. */
static uint32_t arguments(t_call *k, const pat_expr *e, uint32_t index, s_val **out)
{
    uint32_t n = 0;
    s_val *args = pat_alloc(k->t->c->arena, (e->args.n + k->n + 1) * sizeof *args);
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *a = e->args.at[i];
        const pat_operand *last = k->op->operands.n ? k->op->operands.at[k->op->operands.n - 1] : NULL;
        if (last && last->variadic && a->kind == PE_NAME && a->name == last->name)
            for (uint32_t j = k->op->operands.n - 1; j < k->n; j++)
                args[n++] = (s_val){.kind = S_LIST, .list = k->operands[j]->shape};
        else
            args[n++] = t_signature_expr(k, a, index);
    }
    *out = args;
    return n;
}

static s_val signature_name(t_call *k, const pat_expr *e)
{
    s_val *bound = t_signature_name(k, e->name);
    if (bound)
        return *bound;
    for (uint32_t i = 0; i < k->op->attrs.n; i++)
        if (k->op->attrs.at[i]->name == e->name)
            return k->attrs[i];
    for (uint32_t i = 0; i < k->op->operands.n && i < k->n; i++)
        if (k->op->operands.at[i]->name == e->name && k->operands[i])
            return (s_val){.kind = S_LIST, .list = k->operands[i]->shape};
    int dtype = pat_dtype_number(e->name);
    if (dtype)
        return (s_val){.kind = S_DTYPE, .dtype = t_new_dtype(k->t, 1u << dtype, e->name)};
    return t_unknown(k->t, e->kind == PE_RANK ? S_LIST : S_NUM);
}

static s_val signature_call(t_call *k, const pat_expr *e, uint32_t index)
{
    s_val *args;
    if (!strcmp(e->name, "dtype"))
        for (uint32_t i = 0; i < k->n && i < k->op->operands.n; i++)
            if (e->args.n && k->op->operands.at[i]->name == e->args.at[0]->name && k->operands[i])
                return (s_val){.kind = S_DTYPE, .dtype = k->operands[i]->dtype};
    uint32_t n = arguments(k, e, index, &args);
    for (uint32_t j = 0; k->op->operands.n && j < k->n; j++)
        if (k->operands[j] && k->operands[j]->rest) /* any number of values: only the same call is equal */
            return s_call_itself(k->t->c, e->name, n, args, k->left, &k->need);
    return s_call(k->t->c, e->name, n, args, (s_part){index, k->n_out}, k->left, &k->need);
}

/* On the right by something that is positive. */
static s_val divide(t_call *k, const pat_expr *e, s_val a, s_val b)
{
    s_ctx *c = k->t->c;
    s_poly least = b.kind == S_NUM ? s_sub(c, b.num, s_const(c, 1)) : (s_poly){0};
    if (!k->left && !k->need.why && !s_prove_nonneg(c, least))
        k->need = (s_need){.nonneg = least, .why = "no size is divided by 0"};
    return t_arithmetic(k->t, e, a, b);
}

s_val t_signature_expr(t_call *k, const pat_expr *e, uint32_t index)
{
    switch (e->kind) {
    case PE_INT: case PE_BOOL:
        return (s_val){.kind = S_NUM, .num = s_const(k->t->c, e->ival)};
    case PE_NAME: case PE_RANK:
        return signature_name(k, e);
    case PE_CALL:
        return signature_call(k, e, index);
    case PE_NEG: {
        s_val a = t_signature_expr(k, e->args.at[0], index);
        return a.kind == S_NUM ? (s_val){.kind = S_NUM, .num = s_sub(k->t->c, (s_poly){0}, a.num)}
                               : t_unknown(k->t, S_NUM);
    }
    case PE_DIV: case PE_MOD:
        return divide(k, e, t_signature_expr(k, e->args.at[0], index), t_signature_expr(k, e->args.at[1], index));
    case PE_ADD: case PE_SUB: case PE_MUL:
        return t_arithmetic(k->t, e, t_signature_expr(k, e->args.at[0], index),
                          t_signature_expr(k, e->args.at[1], index));
    default:
        return t_unknown(k->t, S_NUM);
    }
}

static uint32_t result_dtype(t_call *k, const pat_type *type)
{
    s_val *bound = t_signature_name(k, type->dtype);
    if (bound && bound->kind == S_DTYPE)
        return bound->dtype;
    for (uint32_t i = 0; i < k->op->attrs.n; i++)
        if (k->op->attrs.at[i]->name == type->dtype && k->attrs[i].kind == S_DTYPE)
            return k->attrs[i].dtype;
    return t_new_dtype(k->t, t_declared_set(k->t->p, type->dtype), type->dtype);
}

static s_shape type_shape(t_call *k, const pat_type *type, uint32_t index)
{
    s_shape s = {0};
    for (uint32_t i = 0; i < type->elems.n; i++) {
        const pat_expr *e = type->elems.at[i];
        s_val v = e->kind == PE_WILD ? t_unknown(k->t, S_LIST) : t_signature_expr(k, e, index);
        s = s_join(k->t->c, s, v.kind == S_LIST ? v.list : s_dims(k->t->c, 1, &v.num));
    }
    return s;
}

void t_results(t_call *k, uint32_t n, t_value *out)
{
    k->n_out = n;
    for (uint32_t i = 0; i < n; i++) {
        const pat_type *type = k->op->results.at[i < k->op->results.n ? i : k->op->results.n - 1]->type;
        out[i] = (t_value){.known = true, .host = type->host, .dtype = result_dtype(k, type),
                           .shape = s_resolve_shape(k->t->c, type_shape(k, type, i))};
    }
}

/* The further operands of a variadic one differ as its shape function allows. */
bool t_free_rank(const t_call *k, uint32_t operand, const pat_expr *e)
{
    return e->kind == PE_RANK && operand >= k->op->operands.n;
}

/* Whether the op broadcasts this operand, so that a constant of one element and no greater rank than another
 * operand leaves the shape of the result alone. */
bool t_is_neutral(const pat_op *op, uint32_t operand)
{
    const pat_operand *o = t_operand(op, operand);
    const pat_exprs *r = op->results.n ? &op->results.at[0]->type->elems : NULL;
    if (!o || o->type->elems.n != 1 || o->type->elems.at[0]->kind != PE_RANK || !r || r->n != 1)
        return false;
    const pat_expr *call = r->at[0];
    if (call->kind != PE_CALL || strcmp(call->name, "broadcast"))
        return false;
    for (uint32_t i = 0; i < call->args.n; i++)
        if (call->args.at[i]->name == o->type->elems.at[0]->name)
            return true;
    return false;
}
