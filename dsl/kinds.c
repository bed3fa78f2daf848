/* Kinds of expressions in rules: sizes, numbers, truth values, dtypes, lists, words. What is compared, computed
 * or given to an attribute must fit, so that every accepted rule can be compiled. */
#include <string.h>

#include "prover.h"

enum { MOST_VALUES = 64 }; /* that the right side of a rule defines */

typedef enum kind { K_WRONG, K_ANY, K_SIZE, K_FLOAT, K_BOOL, K_DTYPE, K_LIST, K_SHAPE, K_WORD, K_STRING } kind;

typedef struct kinds { t_env *t; x_scope *scope; bool left, failed; } kinds;

static kind fail(kinds *k, const pat_expr *e, int code, const char *what)
{
    if (!k->failed)
        pat_error(k->t->s, e->span, code, "%s", what);
    k->failed = true;
    return K_WRONG;
}

static kind wrong(kinds *k, const pat_expr *e, const char *what)
{
    return fail(k, e, E_EXPRESSION, what);
}

static kind attr_kind(const pat_attr *a)
{
    static const struct { const char *name; kind kind; } kinds[] = {
        {"int", K_SIZE}, {"axis", K_SIZE}, {"float", K_FLOAT}, {"bool", K_BOOL}, {"string", K_STRING},
        {"dtype", K_DTYPE}, {"ints", K_LIST}, {"axes", K_LIST},
    };
    for (size_t i = 0; a->kind && i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, a->kind))
            return kinds[i].kind;
    return K_WORD;
}

static kind kind_of(kinds *k, const pat_expr *e);

/* Whether a type of the left side says what a variable is. */
static bool bound_by_type(const kinds *k, pat_name name)
{
    const x_variant *v = k->t->v;
    for (uint32_t i = 0; i < v->vals.n; i++)
        for (uint32_t j = 0; j < v->vals.at[i]->types.n; j++) {
            const x_type *x = v->vals.at[i]->types.at[j];
            for (uint32_t e = 0; x->scope == k->scope && e < x->type->elems.n; e++)
                if (x->type->elems.at[e]->args.n == 0 && x->type->elems.at[e]->name == name)
                    return true;
        }
    return false;
}

/* Whether an attribute of the left side is captured by a variable, or an element of a list is. */
static bool bound_by_attr(const kinds *k, pat_name name)
{
    const x_variant *v = k->t->v;
    for (uint32_t i = 0; i < v->nodes.n; i++)
        for (uint32_t j = 0; j < v->nodes.at[i]->attrs.n; j++) {
            const x_attr *a = v->nodes.at[i]->attrs.at[j];
            if (a->scope != k->scope || !a->value)
                continue;
            for (uint32_t e = 0; a->value->kind == PE_LIST && e < a->value->args.n; e++)
                if (a->value->args.at[e]->kind == PE_NAME && a->value->args.at[e]->name == name)
                    return true;
            if (a->value->kind == PE_NAME && a->value->name == name)
                return true;
        }
    return false;
}

static kind name_kind(kinds *k, const pat_expr *e)
{
    const t_name *n = t_find_name(k->t, k->scope, e->name);
    const x_name *x = pat_scope_find(k->scope, e->name);
    if (n && n->attr)
        return attr_kind(n->attr);
    if (n && n->val.kind == S_NUM && !(x && x->var) && !bound_by_type(k, e->name) && !bound_by_attr(k, e->name))
        return fail(k, e, E_FREE_VARIABLE, "nothing on the left says what this is");
    if (n && n->val.kind == S_LIST)
        return wrong(k, e, "a rank variable stands only in types and, with its star, in lists");
    if (n)
        return n->val.kind == S_NUM ? K_SIZE : K_DTYPE;
    if (pat_dtype_number(e->name) || pat_is_dtype_var(k->t->p, e->name))
        return K_DTYPE;
    return x && x->var ? K_FLOAT : K_ANY; /* a captured constant; a word or what another alternative binds */
}

/* shape(v), dtype(v), rank(v), const(v) of a value; functions of lists. */
static kind call_kind(kinds *k, const pat_expr *e)
{
    static const struct { const char *name; kind kind; uint32_t n; } functions[] = {
        {"shape", K_SHAPE, 1}, {"dtype", K_DTYPE, 1}, {"rank", K_SIZE, 1}, {"const", K_BOOL, 1},
        {"identity", K_BOOL, 1}, {"ones", K_BOOL, 1}, {"compose", K_LIST, 2}, {"swap_perm", K_LIST, 3},
    };
    size_t i = 0;
    while (i < sizeof functions / sizeof *functions && strcmp(functions[i].name, e->name))
        i++;
    if (i == sizeof functions / sizeof *functions)
        return K_ANY; /* reported when names were resolved */
    if (e->args.n != functions[i].n)
        return wrong(k, e, functions[i].n == 1 ? "this function takes one argument"
                           : functions[i].n == 2 ? "this function takes two arguments" : "this function takes three arguments");
    const pat_expr *a = e->args.at[0];
    const t_value *v = a->kind == PE_NAME ? t_find_value(k->t, k->scope, a->name) : NULL;
    if (i < 4)
        return v ? functions[i].kind : wrong(k, a, "the name of a value that is matched before is wanted here");
    for (uint32_t j = 0; j < e->args.n; j++) {
        kind got = kind_of(k, e->args.at[j]), want = functions[i].n == 3 ? K_SIZE : K_LIST;
        if (got != want && got != K_WRONG && got != K_ANY)
            return wrong(k, e->args.at[j], want == K_LIST ? "a captured list is wanted here" : "an integer is wanted here");
    }
    return functions[i].kind;
}

static bool is_number(kind a)
{
    return a == K_SIZE || a == K_FLOAT || a == K_ANY;
}

static void check_pair(kinds *k, const pat_expr *e, kind a, kind b, bool equality)
{
    bool fit = a == K_WRONG || b == K_WRONG || (is_number(a) && is_number(b));
    if (equality)
        fit |= a == b ? a != K_STRING && a != K_LIST : (a == K_WORD && b == K_ANY) || (b == K_WORD && a == K_ANY) || a == K_ANY || b == K_ANY;
    if (!fit)
        wrong(k, e, "the two sides cannot be compared");
}

static kind operator_kind(kinds *k, const pat_expr *e)
{
    kind a = kind_of(k, e->args.at[0]), b = e->kind == PE_IN ? K_ANY : kind_of(k, e->args.at[1]);
    switch (e->kind) {
    case PE_IN:
        for (uint32_t i = 0; i < e->args.at[1]->args.n; i++)
            check_pair(k, e, a, kind_of(k, e->args.at[1]->args.at[i]), true);
        return K_BOOL;
    case PE_AND: case PE_OR:
        if ((a != K_BOOL && a > K_ANY) || (b != K_BOOL && b > K_ANY))
            return wrong(k, e, "'and' and 'or' want conditions");
        return K_BOOL;
    case PE_EQ: case PE_NE: case PE_LT: case PE_LE: case PE_GT: case PE_GE:
        check_pair(k, e, a, b, e->kind <= PE_NE);
        return K_BOOL;
    default:
        if (a == K_WRONG || b == K_WRONG)
            return K_WRONG;
        if (!is_number(a) || !is_number(b) || (e->kind == PE_MOD && (a == K_FLOAT || b == K_FLOAT)))
            return wrong(k, e, e->kind == PE_MOD ? "'%' wants integers" : "arithmetic wants numbers");
        return a == K_FLOAT || b == K_FLOAT ? K_FLOAT : K_SIZE;
    }
}

static kind kind_of(kinds *k, const pat_expr *e)
{
    kind a;
    switch (e->kind) {
    case PE_INT: return K_SIZE;
    case PE_FLOAT: return K_FLOAT;
    case PE_STRING: return K_STRING;
    case PE_BOOL: return K_BOOL;
    case PE_NAME: return name_kind(k, e);
    case PE_RANK: case PE_SET: case PE_LIST: case PE_WILD: return wrong(k, e, "this cannot stand in an expression");
    case PE_CALL: return call_kind(k, e);
    case PE_NEG:
        a = kind_of(k, e->args.at[0]);
        return is_number(a) || a == K_WRONG ? a : wrong(k, e, "'-' wants a number");
    case PE_NOT:
        a = kind_of(k, e->args.at[0]);
        return a == K_BOOL || a <= K_ANY ? K_BOOL : wrong(k, e, "'not' wants a condition");
    default: return operator_kind(k, e);
    }
}

/* ------------------------------------------------------------------ attributes -- */

static kind list_kind(kinds *k, const pat_expr *e)
{
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *a = e->args.at[i];
        if (a->kind == PE_RANK && !bound_by_type(k, a->name))
            return fail(k, a, k->left ? E_FREE_RANK_LEFT : E_FREE_RANK, "a type of the left side must say which dims these are");
        kind is = a->kind == PE_RANK || a->kind == PE_WILD ? K_SIZE : kind_of(k, a);
        if (is != K_SIZE && is > K_ANY)
            return fail(k, a, E_LIST_ELEMENT, "a list holds dims and integers");
    }
    return K_LIST;
}

/* An attribute's value: its own words and dtypes, or an expression of its kind. */
static void check_value(kinds *k, const pat_attr *a, const pat_expr *e)
{
    const t_name *captured = e->kind == PE_NAME ? t_find_name(k->t, k->scope, e->name) : NULL;
    if (pat_literal_fits(a, e) || e->kind == PE_WILD || (captured && captured->attr))
        return; /* from which attribute it was captured is told when the right side is proved */
    if (k->left && e->kind == PE_CALL && attr_kind(a) == K_LIST) {
        fail(k, e, E_LEFT_VALUE, "on the left a list is captured by a name, or written out");
        return;
    }
    kind want = attr_kind(a), got = e->kind == PE_LIST ? list_kind(k, e) : kind_of(k, e);
    bool fits = got <= K_ANY || got == want || (want == K_FLOAT && got == K_SIZE) || (want == K_LIST && got == K_SHAPE);
    if (!fits && !k->failed) {
        int code = k->left ? E_LEFT_VALUE : want == K_LIST ? E_NO_LIST : E_RIGHT_VALUE;
        pat_error(k->t->s, e->span, code, want == K_LIST ? "attribute '%s' wants a list" : "this is no value for attribute '%s'",
                  a->name);
        k->failed = true;
    }
}

static void check_term(kinds *k, const pat_term *term)
{
    const pat_op *op = term->kind == PT_APPLY ? pat_find_op(k->t->p, term->name) : NULL;
    for (uint32_t i = 0; op && i < term->attrs.n; i++) {
        const pat_attr *a = pat_find_attr(op, term->attrs.at[i]->name);
        if (a)
            check_value(k, a, term->attrs.at[i]->value);
    }
    for (uint32_t i = 0; i < term->operands.n; i++)
        check_term(k, term->operands.at[i]);
}

bool pat_kinds_fit(t_env *t)
{
    kinds k = {.t = t, .scope = t->v->scope, .left = true};
    for (uint32_t i = 0; i < t->v->nodes.n; i++)
        for (uint32_t j = 0; j < t->v->nodes.at[i]->attrs.n; j++) {
            const x_attr *a = t->v->nodes.at[i]->attrs.at[j];
            k.scope = a->scope;
            if (a->value)
                check_value(&k, a->attr, a->value);
        }
    for (uint32_t i = 0; i < t->v->where.n && !k.failed; i++) {
        const x_cond *c = t->v->where.at[i];
        k.scope = c->scope;
        kind got = kind_of(&k, c->expr);
        if (got != K_BOOL && got > K_ANY)
            wrong(&k, c->expr, "a condition is wanted here");
    }
    k.scope = t->v->scope;
    k.left = false;
    for (uint32_t i = 0, n = 0; i < t->rule->replace.n && !k.failed; i++)
        if ((n += t->rule->replace.at[i]->results.n) > MOST_VALUES) {
            pat_error(t->s, t->rule->replace.at[i]->span, E_MANY_VALUES, "more than %d values on the right of one rule",
                      MOST_VALUES);
            k.failed = true;
        }
    for (uint32_t i = 0; i < t->rule->replace.n && !k.failed; i++)
        check_term(&k, t->rule->replace.at[i]->value);
    return !k.failed;
}
