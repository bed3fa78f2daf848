/* The kernels of the ops that a rule makes against what the rule lets through. See prover.h. A condition of a kernel
 * speaks of the op's signature; the names in it get a mark in front, and stand for what the rule gives the op. */
#include <string.h>

#include "prover.h"
#include "reading.h"

static const char MARK = '.'; /* no name of a rule begins with it */

typedef struct cover { c_reading rule; t_env *t; const t_call *k; } cover;

static pat_name marked(pat_session *s, pat_name name)
{
    char text[200] = {MARK};
    strncat(text, name, sizeof text - 2);
    return pat_intern(s, text, strlen(text));
}

static const pat_expr *mark_name(void *of, pat_name name)
{
    const cover *v = of;
    const pat_op *op = v->k->op;
    bool own = t_signature_name((t_call *)v->k, name) || pat_find_attr(op, name);
    for (uint32_t i = 0; i < op->operands.n; i++)
        own |= op->operands.at[i]->name == name;
    if (!own || pat_dtype_number(name))
        return NULL;
    pat_expr *e = pat_alloc(v->t->s->arena, sizeof *e);
    *e = (pat_expr){.kind = PE_NAME, .name = marked(v->t->s, name)};
    return e;
}

/* ------------------------------------------------------ what names stand for -- */

static bool same_number(const cover *v, s_poly a, s_poly b)
{
    return s_prove_equal(v->t->c, a, b);
}

/* A number that a name of the rule stands for is known by that name. */
static bool number_of_rule(const cover *v, s_poly p, p_var *var)
{
    const t_env *t = v->t;
    int64_t is;
    if (s_is_const(s_resolve(t->c, p), &is))
        return c_is_number(var, is, is);
    for (uint32_t i = 0; i < t->names.n; i++) {
        const t_name *n = t->names.at[i];
        if (n->scope == t->v->scope && n->val.kind == S_NUM && same_number(v, n->val.num, p)) {
            var->name = n->name;
            return n->attr ? c_is_attr(&v->rule, n->attr, var) : c_name_of_rule(&v->rule, n->name, var);
        }
    }
    var->lo = L_LEAST;
    var->hi = L_MOST;
    return true; /* any number, of which no example can be given */
}

static bool is_word_attr(const cover *v, const pat_attr *a, s_val val, p_var *var)
{
    int64_t is;
    if (val.kind == S_NUM && s_is_const(s_resolve(v->t->c, val.num), &is)) {
        bool known = c_is_attr(&v->rule, a, var) && is >= 0 && is < (int64_t)a->words.n;
        var->lo = var->hi = is;
        return known;
    }
    return number_of_rule(v, val.num, var) && var->words;
}

static bool is_dtype_of(const cover *v, uint32_t dtype, p_var *var)
{
    char text[40];
    snprintf(text, sizeof text, "dtype %u", t_root(v->t, dtype));
    var->name = pat_intern(v->t->s, text, strlen(text));
    return c_is_dtype(v->t->s, var, t_dtype_set(v->t, dtype));
}

static bool name_of_op(const cover *v, pat_name name, p_var *var)
{
    const pat_attr *a = pat_find_attr(v->k->op, name);
    const s_val *val = t_signature_name((t_call *)v->k, name);
    for (uint32_t i = 0; a && i < v->k->op->attrs.n; i++)
        if (v->k->op->attrs.at[i] == a)
            val = &v->k->attrs[i];
    if (val && val->kind == S_DTYPE)
        return is_dtype_of(v, val->dtype, var);
    if (!val || val->kind != S_NUM)
        return false;
    if (a && !a->kind)
        return is_word_attr(v, a, *val, var);
    return (!a || !strcmp(a->kind, "int") || !strcmp(a->kind, "axis") || !strcmp(a->kind, "bool")) &&
           number_of_rule(v, val->num, var);
}

/* dtype(x), of the op's operand or the rule's value. */
static bool dtype_call(const cover *v, const pat_expr *e, p_var *var)
{
    pat_name name = e->args.n == 1 && e->args.at[0]->kind == PE_NAME ? e->args.at[0]->name : NULL;
    if (!name || strcmp(e->name, "dtype"))
        return false;
    if (*name != MARK) {
        const t_value *x = t_find_value(v->t, v->t->v->scope, name);
        return x && x->known && is_dtype_of(v, x->dtype, var);
    }
    for (uint32_t i = 0; i < v->k->op->operands.n && i < v->k->n; i++)
        if (!strcmp(v->k->op->operands.at[i]->name, name + 1) && v->k->operands[i])
            return is_dtype_of(v, v->k->operands[i]->dtype, var);
    return false;
}

static bool describe(void *of, const pat_expr *e, p_var *var)
{
    const cover *v = of;
    if (e->kind == PE_CALL)
        return dtype_call(v, e, var);
    var->name = e->name;
    if (*e->name == MARK)
        return name_of_op(v, pat_intern(v->t->s, e->name + 1, strlen(e->name + 1)), var);
    return c_name_of_rule(&v->rule, e->name, var) || c_name_of_gate(&v->rule, e->name, var);
}

/* ---------------------------------------------------------------- the rows -- */

/* Whether a condition bounds what is known by the name, or (rest) says something of its remainder. */
static bool mentions(cover *v, const pat_expr *e, pat_name name, bool rest)
{
    p_var var = {0};
    if (!rest && (e->kind == PE_NAME || e->kind == PE_CALL) && describe(v, e, &var) && var.name == name)
        return true;
    for (uint32_t i = 0; i < e->args.n; i++)
        if ((rest || e->kind != PE_MOD) && mentions(v, e->args.at[i], name, rest && e->kind != PE_MOD))
            return true;
    return false;
}

/* A condition of the rule about what the row asks of a number in the same way, or of a word. */
static const pat_expr *shared(cover *v, const pat_expr *e, bool words, bool rest)
{
    p_var var = {0};
    const pat_exprs *where = &v->t->rule->where;
    if ((e->kind == PE_NAME || e->kind == PE_CALL) && describe(v, e, &var) && var.free && !var.words == !words)
        for (uint32_t i = 0; i < where->n; i++)
            if (mentions(v, where->at[i], var.name, rest))
                return where->at[i];
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *found = shared(v, e->args.at[i], words, rest || e->kind == PE_MOD);
        if (found)
            return found;
    }
    return NULL;
}

static const pat_expr *row_condition(cover *v, const pat_kernel_row *r)
{
    pat_expr *both = pat_alloc(v->t->s->arena, sizeof *both);
    const pat_expr *e = r->when ? r->when : r->supports;
    if (r->when && r->supports) {
        *both = (pat_expr){.kind = PE_AND, .span = e->span};
        PAT_PUSH(v->t->s->arena, both->args, r->when);
        PAT_PUSH(v->t->s->arena, both->args, r->supports);
        e = both;
    }
    return e ? pat_replace_names(v->t->s, e, mark_name, v) : NULL;
}

static void assume_rule(cover *v, p_set *set)
{
    for (uint32_t i = 0; i < v->t->v->where.n; i++)
        if (v->t->v->where.at[i]->scope == v->t->v->scope)
            p_assume(set, v->t->v->where.at[i]->expr, true);
    for (uint32_t i = 0; i < v->t->rule->gate.n; i++)
        p_assume(set, v->t->rule->gate.at[i], true);
}

/* Says where the rule is let through without a kernel, when the rule itself speaks of what decides. */
static void warn_partly(cover *v, const p_set *known, const pat_kernel *k, const pat_expr *const *rows)
{
    p_set none = *known;
    const pat_expr *about = NULL;
    const char *example;
    for (uint32_t i = 0; i < k->rows.n; i++)
        p_assume(&none, rows[i], false);
    for (uint32_t i = 0; i < 2 * k->rows.n && !about; i++)
        about = shared(v, rows[i % k->rows.n], i >= k->rows.n, false);
    if (!about || none.n == P_MOST_CONDITIONS || p_possible(&none, &example) != P_POSSIBLE)
        return;
    pat_warn(v->t->s, about->span, E_PARTLY_COVERED, "this lets through %s, for which '%s' has no kernel", example, k->name);
    pat_note(v->t->s, k->name_span, "its kernels are here; the rule does not fire without one");
}

bool pat_check_cover(t_env *t, const t_call *call)
{
    const pat_kernel *k = pat_map_get(&t->p->by_name.kernels, call->op->name);
    cover v = {{t->s, t->p, NULL, t->v}, t, call};
    bool any = !k, open = false;
    if (!k || !k->rows.n)
        return true;
    p_set known = p_open(t->s, describe, &v);
    const pat_expr **rows = pat_alloc(t->s->arena, k->rows.n * sizeof *rows);
    assume_rule(&v, &known);
    bool never = p_possible(&known, NULL) == P_NEVER; /* which is told of elsewhere */
    for (uint32_t i = 0; never && i < k->rows.n; i++)
        k->rows.at[i]->reached = true;
    if (never)
        return true;
    for (uint32_t i = 0; i < k->rows.n; i++) {
        p_set row = known;
        rows[i] = row_condition(&v, k->rows.at[i]);
        if (rows[i])
            p_assume(&row, rows[i], true);
        bool reached = !rows[i] || p_possible(&row, NULL) != P_NEVER;
        k->rows.at[i]->reached |= reached;
        open |= !rows[i];
        any |= reached;
    }
    if (any && !open && t->number == 1)
        warn_partly(&v, &known, k, rows);
    return any;
}
