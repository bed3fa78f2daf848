/* Operand types bind the variables of a signature: dtype variables stand for one dtype out of
 * a set, dim variables for one dim, a rank variable for the dims that the rest of its type
 * leaves.  Arithmetic in an operand's type is checked when all variables are bound. */
#include "infer.h"

static bool bind_dtype(sld_env *e, uint32_t i)
{
    const sld_type *t = &sld__operand_info(e, i)->type;
    uint8_t got = sld_dtype_of(e->g, e->in[i]);
    uint8_t want = t->from == SLD_DT_FIXED ? t->dtype
                   : t->from == SLD_DT_VAR ? e->dtypes[t->dtype] : (uint8_t)e->attrs[t->dtype].i;
    if (want == SLD_DTYPE_NONE && e->op->dtype_vars[t->dtype].set & SLD_DTYPE_BIT(got))
        e->dtypes[t->dtype] = want = got;
    return want == got || sld__bad_dtype(e, i);
}

/* Two dims of which one is the wanted one; of: the term that asks for it, or NULL. */
static bool check_dim(sld_env *e, uint32_t i, const sld_term *of, sld_dim want, sld_dim got)
{
    char more[200];
    if (sld__equal(e, want, got))
        return true;
    sld__differ_text(e, of, want, got, more, sizeof more);
    return sld__bad_shape(e, i, more);
}

static bool bind_rank(sld_env *e, uint32_t i, uint32_t var, uint32_t at, uint32_t n)
{
    sld_rank_binding *r = &e->ranks[var];
    if (i >= e->op->n_operands)
        return true; /* the further operands of a variadic one differ as its shape function allows */
    if (r->operand < 0) {
        *r = (sld_rank_binding){.operand = (int32_t)i, .at = at, .n = n};
        return true;
    }
    if (r->n != n)
        return sld__bad_shape(e, i, "");
    for (uint32_t k = 0; k < n; k++)
        if (!check_dim(e, i, NULL, sld_shape(e->g, e->in[r->operand])[r->at + k],
                       sld_shape(e->g, e->in[i])[at + k]))
            return false;
    return true;
}

static bool bind_dim(sld_env *e, uint32_t i, const sld_term *t, sld_dim got)
{
    if (t->kind == SLD_T_DIM && e->dims[t->id] == SLD_SYM_NONE) {
        e->dims[t->id] = got;
        return true;
    }
    const sld_term *of = t;
    sld_val want;
    if (!sld__eval(e, &t, &want))
        return false;
    if (want.kind != SLD_VAL_NUM)
        return sld__bad_shape(e, i, "");
    return check_dim(e, i, of, want.num, got);
}

typedef enum pass { VARIABLES, ARITHMETIC } pass;

static bool bind_shape(sld_env *e, uint32_t i, pass p)
{
    const sld_type *type = &sld__operand_info(e, i)->type;
    uint32_t n = type->n_elems, rank = sld_rank(e->g, e->in[i]), at = 0;
    bool any_rank = false;
    const sld_term *t = type->shape;
    for (uint32_t k = 0; k < n; k++, t = sld__next_term(t))
        any_rank |= t->kind == SLD_T_RANK;
    if (any_rank ? rank + 1 < n : rank != n)
        return sld__bad_shape(e, i, "");
    t = type->shape;
    for (uint32_t k = 0; k < n; k++, t = sld__next_term(t)) {
        bool plain = t->kind == SLD_T_DIM || t->kind == SLD_T_RANK || t->kind == SLD_T_INT;
        uint32_t width = t->kind == SLD_T_RANK ? rank + 1 - n : 1;
        if (plain != (p == VARIABLES))
            ; /* the other pass's */
        else if (t->kind == SLD_T_RANK ? !bind_rank(e, i, t->id, at, width)
                                       : !bind_dim(e, i, t, sld_shape(e->g, e->in[i])[at]))
            return false;
        at += width;
    }
    return true;
}

bool sld__bind_operands(sld_env *e)
{
    for (uint32_t i = 0; i < e->n_in; i++)
        if (e->in[i] && (!bind_dtype(e, i) || !bind_shape(e, i, VARIABLES)))
            return false;
    for (uint32_t i = 0; i < e->n_in; i++)
        if (e->in[i] && !bind_shape(e, i, ARITHMETIC))
            return false;
    return true;
}
