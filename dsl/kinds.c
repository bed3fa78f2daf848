/* Kinds of expressions in rules: sizes, numbers, truth values, dtypes, lists, words. What is compared, computed
 * or given to an attribute must fit, so that every accepted rule can be compiled. */
#include <string.h>

#include "prover.h"

enum { MOST_VALUES = 64 }; /* that the right side of a rule defines */

typedef enum kind { K_WRONG, K_SIZE, K_FLOAT, K_BOOL, K_DTYPE, K_LIST, K_SHAPE, K_WORD, K_STRING } kind;

typedef struct kinds { t_env *t; x_scope *scope; t_captures *seen; bool left, failed; } kinds;

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

/* ----------------------------------------------------------------- names -- */

static bool is_value(const x_scope *s, pat_name name)
{
    for (uint32_t i = 0; i < s->names.n; i++)
        if (s->names.at[i]->name == name && s->names.at[i]->val)
            return true;
    return false;
}

/* const c: a number, whatever else is said of c. */
static bool is_constant(const kinds *k, pat_name name)
{
    const x_variant *v = k->t->v;
    const x_name *x = pat_scope_find(k->scope, name);
    for (uint32_t i = 0; x && x->var && i < v->vals.n; i++)
        if (v->vals.at[i]->kind == XVAL_CONST && v->vals.at[i]->capture == x->var)
            return true;
    return false;
}

static const t_name *captured(const kinds *k, const pat_expr *e)
{
    const t_name *n = e->kind == PE_NAME ? t_find_name(k->t, k->scope, e->name) : NULL;
    return n && n->attr ? n : NULL;
}

/* The right side is one for all variants, so what it reads is of one kind in all of them. attr NULL: a constant. */
static void read_capture(kinds *k, const pat_expr *e, const pat_attr *attr)
{
    static const pat_attr number = {.kind = "float"};
    if (k->left)
        return;
    attr = attr ? attr : &number;
    for (uint32_t i = 0; i < k->seen->n; i++)
        if (k->seen->at[i]->name == e->name) {
            if (!t_same_attr_kind(k->seen->at[i]->attr, attr))
                fail(k, e, E_RIGHT_VALUE, "alternatives capture this from attributes of different kinds");
            return;
        }
    t_capture *c = pat_alloc(k->t->s->arena, sizeof *c);
    *c = (t_capture){e->name, attr};
    PAT_PUSH(k->t->s->arena, *k->seen, c);
}

static kind name_kind(kinds *k, const pat_expr *e)
{
    const t_name *n = t_find_name(k->t, k->scope, e->name);
    if (pat_dtype_number(e->name))
        return K_DTYPE;
    if (is_value(k->scope, e->name))
        return fail(k, e, E_FREE_VARIABLE, "this is a value, not a number");
    if (is_constant(k, e->name) || (n && n->attr)) {
        read_capture(k, e, n ? n->attr : NULL);
        return n && n->attr ? attr_kind(n->attr) : K_FLOAT;
    }
    if (n && n->bound)
        return n->val.kind == S_LIST ? wrong(k, e, "a rank variable stands only in types and, with its star, in lists")
               : n->val.kind == S_NUM ? K_SIZE : K_DTYPE;
    if (pat_is_any_word(k->t->p, e->name))
        return wrong(k, e, "a word is compared with an attribute that may have it");
    return fail(k, e, E_FREE_VARIABLE, pat_is_dtype_var(k->t->p, e->name)
                    ? "a condition reads the dtype of a value: dtype(x)" : "nothing on the left says what this is");
}

/* ----------------------------------------------------------- expressions -- */

static kind call_arguments(kinds *k, const pat_expr *e, kind want, kind result)
{
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *a = e->args.at[i];
        if (want == K_LIST && a->kind != PE_NAME)
            return wrong(k, a, "a captured list is wanted here");
        kind got = kind_of(k, a);
        if (got != want && got != K_WRONG)
            return wrong(k, a, want == K_LIST ? "a captured list is wanted here" : "an integer is wanted here");
    }
    return result;
}

/* shape(v), dtype(v), rank(v), const(v) of a value; functions of lists. */
static kind call_kind(kinds *k, const pat_expr *e)
{
    static const struct { const char *name; uint32_t n; kind want, result; } functions[] = {
        {"shape", 1, K_WRONG, K_SHAPE},  {"dtype", 1, K_WRONG, K_DTYPE}, {"rank", 1, K_WRONG, K_SIZE},
        {"const", 1, K_WRONG, K_BOOL},   {"identity", 1, K_LIST, K_BOOL}, {"ones", 1, K_LIST, K_BOOL},
        {"compose", 2, K_LIST, K_LIST},  {"swap_perm", 3, K_SIZE, K_LIST},
    };
    static const char *const counts[] = {
        "", "this function takes one argument", "this function takes two arguments", "this function takes three arguments",
    };
    size_t i = 0;
    while (i < sizeof functions / sizeof *functions && strcmp(functions[i].name, e->name))
        i++;
    if (i == sizeof functions / sizeof *functions)
        return fail(k, e, E_UNKNOWN_FUNCTION, "this function stands only in the declaration of an op");
    if (e->args.n != functions[i].n)
        return wrong(k, e, counts[functions[i].n]);
    if (functions[i].want != K_WRONG)
        return call_arguments(k, e, functions[i].want, functions[i].result);
    const pat_expr *a = e->args.at[0];
    const t_value *v = a->kind == PE_NAME ? t_find_value(k->t, k->scope, a->name) : NULL;
    return v && v->known && !v->rest ? functions[i].result : wrong(k, a, "the name of a matched value is wanted here");
}

static bool is_number(kind a)
{
    return a == K_SIZE || a == K_FLOAT;
}

static const pat_attr *enum_of(const kinds *k, const pat_expr *e)
{
    const t_name *n = captured(k, e);
    return n && !n->attr->kind ? n->attr : NULL;
}

static void check_word(kinds *k, const pat_attr *of, const pat_expr *e)
{
    if (e->kind != PE_NAME || !pat_literal_fits(of, e))
        wrong(k, e, "this is no word of the attribute that it is compared with");
}

static void check_pair(kinds *k, const pat_expr *e, const pat_expr *x, const pat_expr *y, bool equality)
{
    const pat_attr *of_x = equality ? enum_of(k, x) : NULL, *of_y = equality ? enum_of(k, y) : NULL;
    if (of_x || of_y) {
        check_word(k, of_x ? of_x : of_y, of_x ? y : x);
        return;
    }
    kind a = kind_of(k, x), b = kind_of(k, y);
    bool same = equality && a == b && (a == K_BOOL || a == K_DTYPE || a == K_SHAPE);
    if (a != K_WRONG && b != K_WRONG && !same && !(is_number(a) && is_number(b)))
        wrong(k, e, "the two sides cannot be compared");
}

static kind arithmetic_kind(kinds *k, const pat_expr *e)
{
    kind a = kind_of(k, e->args.at[0]), b = kind_of(k, e->args.at[1]);
    if (a == K_WRONG || b == K_WRONG)
        return K_WRONG;
    if (!is_number(a) || !is_number(b) || (e->kind == PE_MOD && (a == K_FLOAT || b == K_FLOAT)))
        return wrong(k, e, e->kind == PE_MOD ? "'%' wants integers" : "arithmetic wants numbers");
    return a == K_FLOAT || b == K_FLOAT ? K_FLOAT : K_SIZE;
}

static void check_condition(kinds *k, const pat_expr *e, const char *what)
{
    kind got = kind_of(k, e);
    if (got != K_BOOL && got != K_WRONG)
        wrong(k, e, what);
}

static kind kind_of(kinds *k, const pat_expr *e)
{
    const pat_expr *x = e->args.n ? e->args.at[0] : NULL, *y = e->args.n > 1 ? e->args.at[1] : NULL;
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
        a = kind_of(k, x);
        return is_number(a) || a == K_WRONG ? a : wrong(k, e, "'-' wants a number");
    case PE_NOT:
        check_condition(k, x, "'not' wants a condition");
        return K_BOOL;
    case PE_AND: case PE_OR:
        check_condition(k, x, "'and' and 'or' want conditions");
        check_condition(k, y, "'and' and 'or' want conditions");
        return K_BOOL;
    case PE_IN:
        for (uint32_t i = 0; i < y->args.n; i++)
            check_pair(k, e, x, y->args.at[i], true);
        return K_BOOL;
    case PE_EQ: case PE_NE: case PE_LT: case PE_LE: case PE_GT: case PE_GE:
        check_pair(k, e, x, y, e->kind <= PE_NE);
        return K_BOOL;
    default: return arithmetic_kind(k, e);
    }
}

/* ----------------------------------------------------------------- types -- */

static void check_type(kinds *k, const x_type *x)
{
    k->scope = x->scope;
    for (uint32_t i = 0; i < x->type->elems.n; i++) {
        const pat_expr *e = x->type->elems.at[i];
        kind got = e->kind == PE_RANK || e->kind == PE_WILD ? K_SIZE : kind_of(k, e);
        if (got != K_SIZE && got != K_WRONG)
            fail(k, e, E_DIM_WANTED, "a size is wanted here");
    }
}

/* ------------------------------------------------------------ attributes -- */

/* How many dims *A stands for, a type tells; where they end in a list that is matched, that they are the only ones. */
static kind list_kind(kinds *k, const pat_expr *e)
{
    uint32_t ranks = 0;
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *a = e->args.at[i];
        const t_name *n = a->kind == PE_RANK ? t_find_name(k->t, k->scope, a->name) : NULL;
        if (a->kind == PE_RANK && (!n || !n->bound))
            return fail(k, a, E_FREE_RANK, "a type of the left side must say which dims these are");
        if (a->kind == PE_RANK && k->left && ranks++)
            return fail(k, a, E_RANK_TWICE, "a list that is matched has at most one rank variable");
        kind is = a->kind == PE_RANK || a->kind == PE_WILD ? K_SIZE : kind_of(k, a);
        if (is != K_SIZE && is != K_WRONG)
            return fail(k, a, E_LIST_ELEMENT, "a list holds dims and integers");
    }
    return K_LIST;
}

/* From which attribute a name was captured is told when the right side is proved. */
static void check_captured(kinds *k, const pat_attr *a, const pat_expr *e, const t_name *from)
{
    read_capture(k, e, from->attr);
    if (is_value(k->scope, e->name))
        fail(k, e, E_FREE_VARIABLE, "this is a value, not a number");
    if (k->left && attr_kind(from->attr) != attr_kind(a))
        fail(k, e, E_LEFT_VALUE, "this was captured from an attribute of another kind");
}

/* An attribute's value: its own words and dtypes, or an expression of its kind. */
static void check_value(kinds *k, const pat_attr *a, const pat_expr *e)
{
    const t_name *from = captured(k, e);
    if (pat_literal_fits(a, e) || e->kind == PE_WILD)
        return;
    if (from) {
        check_captured(k, a, e, from);
        return;
    }
    if (k->left && e->kind == PE_CALL && attr_kind(a) == K_LIST) {
        fail(k, e, E_LEFT_VALUE, "on the left a list is captured by a name, or written out");
        return;
    }
    kind want = attr_kind(a), got = e->kind == PE_LIST ? list_kind(k, e) : kind_of(k, e);
    bool fits = got == K_WRONG || got == want || (want == K_FLOAT && got == K_SIZE) ||
                (want == K_LIST && got == K_SHAPE);
    if (!fits && !k->failed) {
        int code = k->left ? E_LEFT_VALUE : want == K_LIST ? E_NO_LIST : E_RIGHT_VALUE;
        pat_error(k->t->s, e->span, code, want == K_LIST ? "attribute '%s' wants a list" : "this is no value for attribute '%s'",
                  a->name);
        k->failed = true;
    }
}

/* A parameter that the alternative taken does not use is no value of the match. */
static void check_matched(kinds *k, const pat_term *term)
{
    const t_value *v = t_find_value(k->t, k->scope, term->name);
    if (!v || v->known || k->failed)
        return;
    pat_error(k->t->s, term->span, E_UNMATCHED, "'%s' is not matched by every alternative", term->name);
    k->failed = true;
}

static void check_term(kinds *k, const pat_term *term)
{
    const pat_op *op = term->kind == PT_APPLY ? pat_find_op(k->t->p, term->name) : NULL;
    for (uint32_t i = 0; op && i < term->attrs.n; i++) {
        const pat_attr *a = pat_find_attr(op, term->attrs.at[i]->name);
        if (a)
            check_value(k, a, term->attrs.at[i]->value);
    }
    if (term->kind == PT_NAME)
        check_matched(k, term);
    for (uint32_t i = 0; i < term->operands.n; i++)
        check_term(k, term->operands.at[i]);
}

/* Captured constants and parameters of patterns have names of their own. */
static void check_variables(kinds *k)
{
    const x_variant *v = k->t->v;
    for (uint32_t i = 0; i < v->vars.n && !k->failed; i++)
        if (is_value(v->vars.at[i]->scope, v->vars.at[i]->name)) {
            pat_error(k->t->s, v->rule->name_span, E_FREE_VARIABLE, "'%s' is a value of this match, and a number as well",
                      v->vars.at[i]->name);
            k->failed = true;
        }
}

static void check_left(kinds *k)
{
    const x_variant *v = k->t->v;
    check_variables(k);
    for (uint32_t i = 0; i < v->vals.n; i++)
        for (uint32_t j = 0; j < v->vals.at[i]->types.n; j++)
            check_type(k, v->vals.at[i]->types.at[j]);
    for (uint32_t i = 0; i < v->nodes.n; i++)
        for (uint32_t j = 0; j < v->nodes.at[i]->attrs.n; j++) {
            const x_attr *a = v->nodes.at[i]->attrs.at[j];
            k->scope = a->scope;
            if (a->value)
                check_value(k, a->attr, a->value);
        }
    for (uint32_t i = 0; i < v->where.n && !k->failed; i++) {
        k->scope = v->where.at[i]->scope;
        check_condition(k, v->where.at[i]->expr, "a condition is wanted here");
    }
}

static void check_right(kinds *k)
{
    const pat_stmts *right = &k->t->rule->replace;
    k->scope = k->t->v->scope;
    for (uint32_t i = 0, n = 0; i < right->n && !k->failed; i++)
        if ((n += right->at[i]->results.n) > MOST_VALUES) {
            pat_error(k->t->s, right->at[i]->span, E_MANY_VALUES, "more than %d values on the right of one rule",
                      MOST_VALUES);
            k->failed = true;
        }
    for (uint32_t i = 0; i < right->n && !k->failed; i++)
        check_term(k, right->at[i]->value);
}

bool pat_kinds_fit(t_env *t, t_captures *seen)
{
    kinds k = {.t = t, .scope = t->v->scope, .seen = seen, .left = true};
    check_left(&k);
    k.left = false;
    if (!k.failed)
        check_right(&k);
    return !k.failed;
}
