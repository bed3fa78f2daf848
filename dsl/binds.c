/* Checks what a test gives the names of its rule: that there is such a name, and that the value is of its kind. */
#include <string.h>

#include "prover.h"

/* ------------------------------------------------------------------ the names -- */

bool t_mentions(const pat_expr *e, pat_name name)
{
    if (e->name == name)
        return true;
    for (uint32_t i = 0; i < e->args.n; i++)
        if (t_mentions(e->args.at[i], name))
            return true;
    return false;
}

/* A dim, dtype variable or captured name of the rule's own match. */
static bool captured(const pat_term *t, pat_name name)
{
    bool found = t->kind == PT_CONST && t->name == name;
    if (t->type) {
        found |= t->type->dtype == name;
        for (uint32_t i = 0; i < t->type->elems.n; i++)
            found |= t_mentions(t->type->elems.at[i], name);
    }
    for (uint32_t i = 0; i < t->attrs.n; i++)
        found |= t_mentions(t->attrs.at[i]->value, name);
    for (uint32_t i = 0; !found && i < t->operands.n; i++)
        found = captured(t->operands.at[i], name);
    return found;
}

static bool captured_by(const pat_rule *rule, pat_name name)
{
    for (uint32_t i = 0; i < rule->match.n; i++) {
        const pat_stmt *st = rule->match.at[i];
        if (captured(st->value, name))
            return true;
        for (uint32_t r = 0; r < st->results.n; r++)
            if (captured(st->results.at[r], name))
                return true;
    }
    return false;
}

/* ----------------------------------------------------------------- the values -- */

/* Arithmetic of integers and names of the rule. */
static bool is_size(t_env *t, const pat_expr *e)
{
    bool ok = e->kind == PE_INT || e->kind == PE_NEG || (e->kind >= PE_ADD && e->kind <= PE_MOD) ||
              (e->kind == PE_NAME && t_find_name(t, t->v->scope, e->name));
    for (uint32_t i = 0; ok && i < e->args.n; i++)
        ok = is_size(t, e->args.at[i]);
    return ok;
}

static bool is_dtype(const pat_expr *e)
{
    return e->kind == PE_NAME && pat_dtype_number(e->name);
}

static bool is_list(t_env *t, const pat_expr *e)
{
    bool ok = e->kind == PE_LIST;
    for (uint32_t i = 0; ok && i < e->args.n; i++)
        ok = is_size(t, e->args.at[i]);
    return ok;
}

/* Says what the test should give instead, when the value cannot be one of the name's. */
static bool fits(t_env *t, const pat_arg *b, bool ok, const char *wanted)
{
    if (!ok)
        pat_error(t->s, b->value->span, E_TEST_BIND, "'%s' stands for %s", b->name, wanted);
    return ok;
}

static bool check_bind(t_env *t, const t_name *n, const pat_arg *b)
{
    static const pat_attr any_number = {.kind = "float"};
    const pat_expr *e = b->value;
    const pat_attr *a = n ? n->attr : &any_number; /* a constant otherwise */
    if (n && n->val.kind == S_DTYPE)
        return fits(t, b, is_dtype(e), "a dtype");
    if (n && n->val.kind == S_LIST)
        return fits(t, b, is_list(t, e), "a list of dims, such as [2, 3]");
    if (a && !a->kind)
        return fits(t, b, pat_literal_fits(a, e), "a word of its enum");
    if (a && a->kind[0] == 'f')
        return fits(t, b, pat_literal_fits(a, e), "a number");
    if (a && a->kind[0] == 's')
        return fits(t, b, pat_literal_fits(a, e), "a string");
    if (a && a->kind[0] == 'b')
        return fits(t, b, pat_literal_fits(a, e), "true or false");
    return fits(t, b, is_size(t, e), "a whole number");
}

static bool check_outside(t_env *t, const pat_option *o, const pat_arg *b)
{
    if (!o || o->is_int)
        return fits(t, b, b->value->kind == PE_INT, "a whole number");
    return fits(t, b, pat_is_switch(b->value), "on or off");
}

bool t_is_dtype_of_all(const t_env *t, const pat_arg *b)
{
    return !strcmp(b->name, "dtype") && !captured_by(t->rule, b->name);
}

bool t_check_binds(t_env *t, const pat_test *test)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < test->binds.n; i++) {
        const pat_arg *b = test->binds.at[i];
        const t_name *n = t_find_name(t, t->v->scope, b->name);
        const x_name *x = pat_scope_find(t->v->scope, b->name);
        const pat_option *o = pat_find_option(t->p, b->name);
        if (t_is_dtype_of_all(t, b))
            ok = fits(t, b, is_dtype(b->value), "a dtype");
        else if (pat_is_graph_name(b->name) || o)
            ok = check_outside(t, o, b);
        else if (n || (x && x->var))
            ok = check_bind(t, n, b);
        else if (!(ok = captured_by(t->rule, b->name))) /* by another alternative */
            pat_error(t->s, b->span, E_TEST_BIND, "'%s' is not a name of rule '%s'", b->name, t->rule->name);
    }
    return ok;
}
