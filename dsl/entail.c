/* Conditions that follow from what is known of a rule's left side. See prover.h. */
#include <string.h>

#include "prover.h"

static s_val value(t_reading *r, const pat_expr *e)
{
    return r->call ? t_signature_expr(r->call, e, 0) : t_expr(r->t, e, r->scope, NULL);
}

static const pat_attr *attr_of(const t_reading *r, pat_name name)
{
    const t_name *n = r->call ? NULL : t_find_name(r->t, r->scope, name);
    return r->call ? pat_find_attr(r->call->op, name) : n ? n->attr : NULL;
}

/* style == neox: the word takes its meaning from the attribute. */
static bool word_is(t_reading *r, const pat_expr *e, bool *known)
{
    const pat_attr *a = e->args.at[0]->kind == PE_NAME ? attr_of(r, e->args.at[0]->name) : NULL;
    int64_t is;
    *known = a && !a->kind && e->args.at[1]->kind == PE_NAME;
    if (!*known)
        return false;
    s_val v = value(r, e->args.at[0]);
    for (uint32_t i = 0; i < a->words.n; i++)
        if (a->words.at[i]->name == e->args.at[1]->name)
            return v.kind == S_NUM && s_is_const(s_resolve(r->t->c, v.num), &is) && is == i;
    return false;
}

static bool proves_in(t_reading *r, const pat_expr *e)
{
    s_val a = value(r, e->args.at[0]);
    const pat_exprs *set = &e->args.at[1]->args;
    uint32_t mask = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        if (a.kind == S_DTYPE && set->at[i]->kind == PE_NAME)
            mask |= t_declared_set(r->t->p, set->at[i]->name);
        s_val b = value(r, set->at[i]);
        if (a.kind == S_NUM && b.kind == S_NUM && s_prove_equal(r->t->c, a.num, b.num))
            return true;
    }
    return a.kind == S_DTYPE && !(t_dtype_set(r->t, a.dtype) & ~mask);
}

static bool proves_numbers(s_ctx *c, pat_expr_kind kind, s_poly a, s_poly b)
{
    s_poly one = s_const(c, 1);
    switch (kind) {
    case PE_EQ: return s_prove_equal(c, a, b);
    case PE_LE: return s_prove_nonneg(c, s_sub(c, b, a));
    case PE_GE: return s_prove_nonneg(c, s_sub(c, a, b));
    case PE_LT: return s_prove_nonneg(c, s_sub(c, s_sub(c, b, a), one));
    case PE_GT: return s_prove_nonneg(c, s_sub(c, s_sub(c, a, b), one));
    case PE_NE: return s_prove_nonneg(c, s_sub(c, s_sub(c, b, a), one)) || s_prove_nonneg(c, s_sub(c, s_sub(c, a, b), one));
    default: return false;
    }
}

static bool proves(t_reading *r, const pat_expr *e)
{
    bool word;
    if (e->kind == PE_AND)
        return proves(r, e->args.at[0]) && proves(r, e->args.at[1]);
    if (e->kind == PE_OR)
        return proves(r, e->args.at[0]) || proves(r, e->args.at[1]);
    if (e->kind == PE_IN)
        return proves_in(r, e);
    if (e->kind < PE_EQ || e->kind > PE_GE)
        return false;
    bool holds = e->kind == PE_EQ && word_is(r, e, &word);
    if (e->kind == PE_EQ && word)
        return holds;
    const pat_expr *x = e->args.at[0], *y = e->args.at[1];
    if (e->kind == PE_EQ && x->kind == PE_MOD && y->kind == PE_INT && !y->ival) {
        s_val p = value(r, x->args.at[0]), of = value(r, x->args.at[1]);
        return p.kind == S_NUM && of.kind == S_NUM && s_prove_multiple(r->t->c, p.num, of.num);
    }
    s_val a = value(r, x), b = value(r, y);
    if (a.kind == S_NUM && b.kind == S_NUM)
        return proves_numbers(r->t->c, e->kind, a.num, b.num);
    if (e->kind != PE_EQ || a.kind != b.kind)
        return false;
    return a.kind == S_DTYPE ? t_same_dtype(r->t, a.dtype, b.dtype) : s_prove_same(r->t->c, a.list, b.list);
}

typedef struct condition { t_reading *r; const pat_expr *e; } condition;

static bool condition_holds(void *of)
{
    condition *c = of;
    return proves(c->r, c->e);
}

bool t_proves(t_reading *r, const pat_expr *e)
{
    condition c = {r, e};
    return s_by_cases(r->t->c, condition_holds, &c);
}
