/* See instance_parts.h. A row of a kernel asks of the op's signature, which the right side gives sizes, dtypes and attributes
 * of the left. Where several things would do, one is drawn; what is not worked out here is left to chance. */
#include <string.h>

#include "instance_parts.h"

/* act == silu: a word takes its meaning from what it is compared with. */
static bool take_word(t_call *k, const pat_expr *e)
{
    const pat_expr *a = e->args.at[0], *b = e->args.at[1];
    const pat_attr *attr = a->kind == PE_NAME ? pat_find_attr(k->op, a->name) : NULL;
    if (e->kind != PE_EQ || !attr || attr->kind || b->kind != PE_NAME)
        return false;
    for (uint32_t i = 0; i < attr->words.n; i++)
        if (attr->words.at[i]->name == b->name)
            s_assume_zero(k->t->c, s_sub(k->t->c, t_signature_expr(k, a, 0).num, s_const(k->t->c, i)));
    return true;
}

/* soft_cap == 0.0: of what the left side captures under that name. */
static bool take_number(maker *m, t_call *k, const pat_expr *e)
{
    const pat_expr *a = e->args.at[0], *b = e->args.at[1];
    const pat_attr *attr = a->kind == PE_NAME ? pat_find_attr(k->op, a->name) : NULL;
    if (!attr || !attr->kind || strcmp(attr->kind, "float"))
        return false;
    if (e->kind == PE_EQ && (b->kind == PE_FLOAT || b->kind == PE_INT))
        PAT_PUSH(m->t->c->arena, m->floats, NEW(m->t, pat_arg, .name = attr->name, .value = (pat_expr *)b));
    return true;
}

static void take_flag(t_call *k, const pat_expr *e, bool wanted)
{
    s_val v = t_signature_expr(k, e, 0);
    if (v.kind == S_NUM)
        s_assume_zero(k->t->c, s_sub(k->t->c, v.num, s_const(k->t->c, wanted)));
}

static void take_comparison(maker *m, t_call *k, const pat_expr *e, bool wanted)
{
    static const pat_expr_kind other[] = {[PE_EQ - PE_EQ] = PE_NE, [PE_NE - PE_EQ] = PE_EQ, [PE_LT - PE_EQ] = PE_GE,
                                          [PE_LE - PE_EQ] = PE_GT, [PE_GT - PE_EQ] = PE_LE, [PE_GE - PE_EQ] = PE_LT};
    pat_expr so = *e;
    so.kind = wanted ? e->kind : other[e->kind - PE_EQ];
    if (!take_word(k, &so) && !take_number(m, k, &so))
        t_assume(k, &so);
}

static void take(maker *m, t_call *k, const pat_expr *e, bool wanted)
{
    bool both = (e->kind == PE_AND) == wanted;
    if (e->kind == PE_NOT)
        take(m, k, e->args.at[0], !wanted);
    else if (e->kind == PE_AND || e->kind == PE_OR) {
        uint32_t one = m_next(m, 2);
        for (uint32_t i = 0; i < 2; i++)
            if (both || i == one)
                take(m, k, e->args.at[i], wanted);
    } else if (e->kind >= PE_EQ && e->kind <= PE_GE)
        take_comparison(m, k, e, wanted);
    else if (e->kind == PE_IN && wanted)
        t_assume(k, e);
    else if (e->kind == PE_NAME)
        take_flag(k, e, wanted);
}

void m_aim(maker *m, const pat_kernel *kernel, uint32_t row)
{
    t_env *t = m->t;
    if (!pat_type_right(t))
        return;
    for (uint32_t i = 0; i < t->made.n; i++) {
        t_call *k = t->made.at[i];
        if (k->op != kernel->op)
            continue;
        for (uint32_t j = 0; j <= row; j++) {
            const pat_kernel_row *r = kernel->rows.at[j];
            if (r->when && (j == row || !strcmp(r->target, kernel->rows.at[row]->target)))
                take(m, k, r->when, j == row);
        }
        return;
    }
}
