/* Types of all values of a rule's left side: a match stands in a graph that is valid, so every signature and
 * every condition is something known. See prover.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prover.h"
#include "sld_abi.h"

#define NEW(t, T, ...) ((T *)memcpy(pat_alloc((t)->c->arena, sizeof(T)), &(T){__VA_ARGS__}, sizeof(T)))

/* ---------------------------------------------------------------- dtypes -- */

uint32_t t_new_dtype(t_env *t, uint32_t set, pat_name name)
{
    PAT_PUSH(t->c->arena, t->dtypes, NEW(t, t_dtype, t->dtypes.n, set, name));
    return t->dtypes.n - 1;
}

uint32_t t_root(const t_env *t, uint32_t dtype)
{
    while (t->dtypes.at[dtype]->parent != dtype)
        dtype = t->dtypes.at[dtype]->parent;
    return dtype;
}

uint32_t t_dtype_set(const t_env *t, uint32_t dtype)
{
    return t->dtypes.at[t_root(t, dtype)]->set;
}

static bool single(uint32_t set)
{
    return set && !(set & (set - 1));
}

bool t_same_dtype(const t_env *t, uint32_t a, uint32_t b)
{
    a = t_root(t, a);
    b = t_root(t, b);
    return a == b || (single(t->dtypes.at[a]->set) && t->dtypes.at[a]->set == t->dtypes.at[b]->set);
}

void t_restrict_dtype(t_env *t, uint32_t dtype, uint32_t set)
{
    t_dtype *d = t->dtypes.at[t_root(t, dtype)];
    d->set &= set;
    t->c->contradiction |= !d->set;
}

static void same_dtype(t_env *t, uint32_t a, uint32_t b)
{
    t_dtype *x = t->dtypes.at[t_root(t, a)], *y = t->dtypes.at[t_root(t, b)];
    if (x == y)
        return;
    y->parent = t_root(t, a);
    x->name = x->name ? x->name : y->name;
    t_restrict_dtype(t, a, y->set);
}

uint32_t t_declared_set(const pat_program *p, pat_name name)
{
    int fixed = pat_dtype_number(name);
    const pat_dtype_decl *d = fixed ? NULL : pat_find_dtype(p, name);
    return fixed ? 1u << fixed : d && d->set ? d->set : (1u << SLD_DTYPE_COUNT) - 2;
}

/* ----------------------------------------------------------------- names -- */

/* A parameter of a pattern that the caller captures under another name is the caller's variable. */
static void canonical(x_scope **scope, pat_name *name)
{
    for (int depth = 0; depth < 200; depth++) {
        const x_name *n = pat_scope_find(*scope, *name);
        if (!n || !n->var || (n->var->scope == *scope && n->var->name == *name))
            return;
        *scope = n->var->scope;
        *name = n->var->name;
    }
}

const t_name *t_find_name(const t_env *t, x_scope *scope, pat_name name)
{
    canonical(&scope, &name);
    for (uint32_t i = 0; i < t->names.n; i++)
        if (t->names.at[i]->scope == scope && t->names.at[i]->name == name)
            return t->names.at[i];
    return NULL;
}

/* A name inside a pattern says of which use it is: rotate1.R. */
static pat_name shown_name(t_env *t, const x_scope *scope, pat_name name)
{
    char text[200];
    if (scope->rule_level || !scope->prefix)
        return name;
    int n = snprintf(text, sizeof text, "%.*s.%.80s", (int)strlen(scope->prefix) - 1, scope->prefix, name);
    return pat_intern(t->s, text, (size_t)n);
}

static t_name *find_or_add(t_env *t, x_scope *scope, pat_name name, s_kind kind, const pat_attr *attr)
{
    t_name *n = (t_name *)t_find_name(t, scope, name);
    if (n) {
        n->attr = n->attr ? n->attr : attr;
        return n;
    }
    canonical(&scope, &name);
    n = NEW(t, t_name, scope, name, {.kind = kind}, attr);
    if (kind == S_NUM)
        n->val.num = s_var(t->c, shown_name(t, scope, name), false, false);
    else if (kind == S_LIST)
        n->val.list = s_segment(t->c, shown_name(t, scope, name), false);
    else
        n->val.dtype = t_new_dtype(t, t_declared_set(t->p, name), name);
    PAT_PUSH(t->c->arena, t->names, n);
    return n;
}

uint32_t t_named_dtype(t_env *t, const x_scope *scope, pat_name name)
{
    if (pat_dtype_number(name))
        return t_new_dtype(t, t_declared_set(t->p, name), name);
    t_name *n = find_or_add(t, (x_scope *)scope, name, S_DTYPE, NULL);
    return n->val.kind == S_DTYPE ? n->val.dtype : t_new_dtype(t, t_declared_set(t->p, name), name);
}

const t_value *t_find_value(const t_env *t, x_scope *scope, pat_name name)
{
    for (uint32_t i = t->right.n; scope->rule_level && i-- > 0;)
        if (t->right.at[i]->name == name)
            return &t->right.at[i]->val;
    for (uint32_t i = 0; i < scope->names.n; i++)
        if (scope->names.at[i]->name == name && scope->names.at[i]->val)
            return &t->vals[scope->names.at[i]->val->id];
    return NULL;
}

/* ----------------------------------------------------------- expressions -- */

static s_kind kind_of(const pat_attr *a)
{
    if (!a || !a->kind)
        return S_NUM;
    if (!strcmp(a->kind, "ints") || !strcmp(a->kind, "axes"))
        return S_LIST;
    return strcmp(a->kind, "dtype") ? S_NUM : S_DTYPE;
}

static s_val unknown_val(t_env *t, s_kind kind)
{
    s_val v = {.kind = kind};
    if (kind == S_NUM)
        v.num = s_var(t->c, NULL, true, false);
    else if (kind == S_LIST)
        v.list = s_segment(t->c, NULL, true);
    else
        v.dtype = t_new_dtype(t, (1u << SLD_DTYPE_COUNT) - 2, NULL);
    return v;
}

static s_val name_expr(t_env *t, const pat_expr *e, x_scope *scope, const pat_attr *attr)
{
    for (uint32_t i = 0; attr && !attr->kind && i < attr->words.n; i++)
        if (attr->words.at[i]->name == e->name)
            return (s_val){.kind = S_NUM, .num = s_const(t->c, i)};
    int dtype = pat_dtype_number(e->name);
    if (dtype)
        return (s_val){.kind = S_DTYPE, .dtype = t_new_dtype(t, 1u << dtype, e->name)};
    const t_name *n = t_find_name(t, scope, e->name);
    if (!n)
        n = find_or_add(t, scope, e->name, kind_of(attr), attr);
    else if (attr)
        find_or_add(t, scope, e->name, kind_of(attr), attr);
    return n->val;
}

static s_val list_expr(t_env *t, const pat_expr *e, x_scope *scope)
{
    s_val v = {.kind = S_LIST};
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *a = e->args.at[i];
        s_val x = a->kind == PE_RANK ? find_or_add(t, scope, a->name, S_LIST, NULL)->val : t_expr(t, a, scope, NULL);
        v.list = s_join(t->c, v.list, x.kind == S_NUM ? s_dims(t->c, 1, &x.num) : x.list);
    }
    return v;
}

static s_val call_expr(t_env *t, const pat_expr *e, x_scope *scope)
{
    static const pat_attr list = {.kind = "ints"};
    const pat_expr *first = e->args.n ? e->args.at[0] : NULL;
    const t_value *v = first && first->kind == PE_NAME ? t_find_value(t, scope, first->name) : NULL;
    if (v && !v->known)
        v = NULL;
    if (!strcmp(e->name, "shape"))
        return v ? (s_val){.kind = S_LIST, .list = v->shape} : unknown_val(t, S_LIST);
    if (!strcmp(e->name, "dtype"))
        return v ? (s_val){.kind = S_DTYPE, .dtype = v->dtype} : unknown_val(t, S_DTYPE);
    if (!strcmp(e->name, "rank"))
        return v ? (s_val){.kind = S_NUM, .num = s_rank(t->c, v->shape)} : unknown_val(t, S_NUM);
    s_val args[3];
    bool compose = !strcmp(e->name, "compose");
    if (e->args.n > 3)
        return unknown_val(t, S_LIST);
    for (uint32_t i = 0; i < e->args.n; i++)
        args[i] = t_expr(t, e->args.at[i], scope, compose ? &list : NULL);
    if (compose || !strcmp(e->name, "swap_perm"))
        return (s_val){.kind = S_LIST, .list = s_apply_list(t->c, compose ? S_COMPOSE : S_OTHER_LIST, e->name,
                                                            e->args.n, args)};
    return unknown_val(t, S_NUM);
}

static s_val arithmetic(t_env *t, const pat_expr *e, s_val a, s_val b)
{
    if (a.kind != S_NUM || b.kind != S_NUM)
        return unknown_val(t, S_NUM);
    switch (e->kind) {
    case PE_ADD: a.num = s_add(t->c, a.num, b.num); break;
    case PE_SUB: a.num = s_sub(t->c, a.num, b.num); break;
    case PE_MUL: a.num = s_mul(t->c, a.num, b.num); break;
    case PE_DIV: a.num = s_apply2(t->c, S_FLOORDIV, a.num, b.num); break;
    case PE_MOD: a.num = s_apply2(t->c, S_MOD, a.num, b.num); break;
    default: return unknown_val(t, S_NUM);
    }
    return a;
}

s_val t_expr(t_env *t, const pat_expr *e, x_scope *scope, const pat_attr *attr)
{
    switch (e->kind) {
    case PE_INT: case PE_BOOL:
        return (s_val){.kind = S_NUM, .num = s_const(t->c, e->ival)};
    case PE_NAME:
        return name_expr(t, e, scope, attr);
    case PE_LIST:
        return list_expr(t, e, scope);
    case PE_CALL:
        return call_expr(t, e, scope);
    case PE_NEG: {
        s_val a = t_expr(t, e->args.at[0], scope, NULL);
        return a.kind == S_NUM ? (s_val){.kind = S_NUM, .num = s_sub(t->c, (s_poly){0}, a.num)} : unknown_val(t, S_NUM);
    }
    case PE_ADD: case PE_SUB: case PE_MUL: case PE_DIV: case PE_MOD:
        return arithmetic(t, e, t_expr(t, e->args.at[0], scope, NULL), t_expr(t, e->args.at[1], scope, NULL));
    default:
        return unknown_val(t, kind_of(attr));
    }
}

s_val t_default(t_env *t, const pat_attr *attr)
{
    static x_scope none = {.rule_level = false};
    return attr->dflt ? t_expr(t, attr->dflt, &none, attr) : unknown_val(t, kind_of(attr));
}

/* ------------------------------------------------------------ signatures -- */

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
    PAT_PUSH(k->t->c->arena, k->names, NEW(k->t, t_name, NULL, name, val, NULL));
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
    return unknown_val(k->t, e->kind == PE_RANK ? S_LIST : S_NUM);
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
            return (s_val){.kind = S_LIST, .list = s_apply_list(k->t->c, S_OTHER_LIST, e->name, n, args)};
    return s_call(k->t->c, e->name, n, args, index, k->left, &k->need);
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
                               : unknown_val(k->t, S_NUM);
    }
    case PE_ADD: case PE_SUB: case PE_MUL: case PE_DIV: case PE_MOD:
        return arithmetic(k->t, e, t_signature_expr(k, e->args.at[0], index),
                          t_signature_expr(k, e->args.at[1], index));
    default:
        return unknown_val(k->t, S_NUM);
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
        s_val v = e->kind == PE_WILD ? unknown_val(k->t, S_LIST) : t_signature_expr(k, e, index);
        s = s_join(k->t->c, s, v.kind == S_LIST ? v.list : s_dims(k->t->c, 1, &v.num));
    }
    return s;
}

void t_results(t_call *k, uint32_t n, t_value *out)
{
    for (uint32_t i = 0; i < n; i++) {
        const pat_type *type = k->op->results.at[i < k->op->results.n ? i : k->op->results.n - 1]->type;
        out[i] = (t_value){.known = true, .host = type->host, .dtype = result_dtype(k, type),
                           .shape = s_resolve_shape(k->t->c, type_shape(k, type, i))};
    }
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

/* ---------------------------------------------------------- the left side -- */

static void apply_annotation(t_env *t, t_value *v, const x_type *x)
{
    s_shape s = {0};
    same_dtype(t, t_named_dtype(t, x->scope, x->type->dtype), v->dtype);
    v->host |= x->type->host;
    for (uint32_t i = 0; i < x->type->elems.n; i++) {
        const pat_expr *e = x->type->elems.at[i];
        s_val e_val = e->kind == PE_WILD  ? unknown_val(t, S_LIST)
                      : e->kind == PE_RANK ? find_or_add(t, x->scope, e->name, S_LIST, NULL)->val
                                           : t_expr(t, e, x->scope, NULL);
        if (e_val.kind == S_NUM)
            s_assume_nonneg(t->c, e_val.num);
        s = s_join(t->c, s, e_val.kind == S_LIST ? e_val.list : s_dims(t->c, 1, &e_val.num));
    }
    s_assume_same(t->c, s, v->shape);
}

static void annotate(t_env *t, const x_val *v)
{
    for (uint32_t i = 0; i < v->types.n; i++)
        apply_annotation(t, &t->vals[v->id], v->types.at[i]);
}

/* An input is anything until an op or an annotation says more. */
static t_value *operand_value(t_env *t, const x_val *v, bool neutral)
{
    t_value *x = &t->vals[v->id];
    bool literal = v->kind == XVAL_NUMBER || v->kind == XVAL_CONST;
    if (x->known || v->kind == XVAL_NONE)
        return x;
    *x = (t_value){.known = true, .literal = literal && neutral, .host = literal, .maybe = v->maybe,
                   .rest = v->kind == XVAL_REST, .dtype = t_new_dtype(t, (1u << SLD_DTYPE_COUNT) - 2, NULL)};
    if (!x->literal)
        x->shape = s_segment(t->c, v->name, true);
    annotate(t, v);
    return x;
}

static s_val fresh_name(t_env *t, const pat_expr *e)
{
    return e->kind == PE_RANK ? (s_val){.kind = S_LIST, .list = s_segment(t->c, e->name, true)}
                              : (s_val){.kind = S_NUM, .num = s_var(t->c, e->name, true, true)};
}

/* Variables of all operands, so that arithmetic in one may speak of another. */
static void name_operands(t_call *k)
{
    for (uint32_t i = 0; i < k->op->operands.n; i++)
        for (uint32_t j = 0; j < k->op->operands.at[i]->type->elems.n; j++) {
            const pat_expr *e = k->op->operands.at[i]->type->elems.at[j];
            if ((e->kind == PE_NAME || e->kind == PE_RANK) && !t_signature_name(k, e->name) &&
                !pat_find_attr(k->op, e->name))
                t_set_signature_name(k, e->name, fresh_name(k->t, e));
        }
}

/* The further operands of a variadic one differ as its shape function allows. */
bool t_free_rank(const t_call *k, uint32_t operand, const pat_expr *e)
{
    return e->kind == PE_RANK && operand >= k->op->operands.n;
}

static s_shape operand_shape(t_call *k, const pat_operand *o, uint32_t i)
{
    s_shape s = {0};
    for (uint32_t j = 0; j < o->type->elems.n; j++) {
        const pat_expr *e = o->type->elems.at[j];
        s_val v = e->kind == PE_WILD || t_free_rank(k, i, e) ? unknown_val(k->t, S_LIST) : t_signature_expr(k, e, 0);
        s = s_join(k->t->c, s, v.kind == S_LIST ? v.list : s_dims(k->t->c, 1, &v.num));
    }
    return s;
}

/* The operand has the type that the signature declares. */
static void assume_operand(t_call *k, t_value *v, const pat_operand *o, uint32_t i)
{
    t_env *t = k->t;
    s_val *d = t_signature_name(k, o->type->dtype);
    if (!d && !pat_dtype_number(o->type->dtype)) {
        t_restrict_dtype(t, v->dtype, t_declared_set(t->p, o->type->dtype));
        t_dtype *root = t->dtypes.at[t_root(t, v->dtype)];
        root->name = root->name ? root->name : o->type->dtype;
        t_set_signature_name(k, o->type->dtype, (s_val){.kind = S_DTYPE, .dtype = v->dtype});
    } else {
        same_dtype(t, d ? d->dtype : t_named_dtype(t, t->v->scope, o->type->dtype), v->dtype);
    }
    v->host |= o->type->host;
    if (v->rest)
        return;
    s_assume_same(t->c, v->shape, operand_shape(k, o, i));
}

/* ------------------------------------------------------------- conditions -- */

typedef s_val eval_fn(void *of, const pat_expr *e);

static bool shape_call(const pat_expr *e)
{
    return e->kind == PE_CALL && !strcmp(e->name, "shape") && e->args.n == 1 && e->args.at[0]->kind == PE_NAME;
}

/* What a comparison of two numbers tells. */
static void assume_numbers(t_env *t, pat_expr_kind kind, s_poly a, s_poly b)
{
    s_ctx *c = t->c;
    s_poly one = s_const(c, 1);
    switch (kind) {
    case PE_EQ: s_assume_zero(c, s_sub(c, a, b)); break;
    case PE_LE: s_assume_nonneg(c, s_sub(c, b, a)); break;
    case PE_GE: s_assume_nonneg(c, s_sub(c, a, b)); break;
    case PE_LT: s_assume_nonneg(c, s_sub(c, s_sub(c, b, a), one)); break;
    case PE_GT: s_assume_nonneg(c, s_sub(c, s_sub(c, a, b), one)); break;
    default: break;
    }
}

static bool is_zero(const pat_expr *e)
{
    return e->kind == PE_INT && !e->ival;
}

static void assume_in(t_env *t, const pat_expr *e, eval_fn *eval, void *of)
{
    const pat_exprs *set = &e->args.at[1]->args;
    s_val a = eval(of, e->args.at[0]);
    if (a.kind == S_DTYPE) {
        uint32_t mask = 0;
        for (uint32_t i = 0; i < set->n; i++)
            mask |= set->at[i]->kind == PE_NAME ? t_declared_set(t->p, set->at[i]->name) : 0;
        t_restrict_dtype(t, a.dtype, mask);
        return;
    }
    int64_t *numbers = pat_alloc(t->c->arena, (set->n + 1) * sizeof *numbers);
    for (uint32_t i = 0; i < set->n; i++)
        if (a.kind != S_NUM || !s_is_const(eval(of, set->at[i]).num, &numbers[i]))
            return;
    s_assume_in(t->c, a.num, set->n, numbers);
}

/* rank(x) == n, > n, >= n opens the segment in the shape of x. */
static bool assume_rank_of(t_env *t, const pat_expr *e, x_scope *scope)
{
    const pat_expr *call = e->args.at[0], *n = e->args.at[1];
    if (call->kind != PE_CALL || strcmp(call->name, "rank") || n->kind != PE_INT || !call->args.n)
        return false;
    const t_value *v = t_find_value(t, scope, call->args.at[0]->name);
    if (!v || !v->known || n->ival < 0 || n->ival > 32)
        return false;
    if (e->kind == PE_EQ || e->kind == PE_GE || e->kind == PE_GT)
        s_assume_rank(t->c, v->shape, (uint32_t)n->ival + (e->kind == PE_GT), e->kind == PE_EQ);
    return true;
}

static void assume(t_env *t, const pat_expr *e, eval_fn *eval, void *of)
{
    const pat_expr *x = e->args.n ? e->args.at[0] : NULL;
    switch (e->kind) {
    case PE_AND:
        assume(t, x, eval, of);
        assume(t, e->args.at[1], eval, of);
        return;
    case PE_IN:
        assume_in(t, e, eval, of);
        return;
    case PE_CALL:
        if (!strcmp(e->name, "identity") && e->args.n == 1 && eval(of, x).kind == S_LIST)
            s_assume_identity(t->c, eval(of, x).list);
        return;
    case PE_EQ: case PE_LT: case PE_LE: case PE_GT: case PE_GE:
        break;
    default:
        return;
    }
    if (e->kind == PE_EQ && x->kind == PE_MOD && is_zero(e->args.at[1])) {
        s_val p = eval(of, x->args.at[0]), n = eval(of, x->args.at[1]);
        if (p.kind == S_NUM && n.kind == S_NUM)
            s_assume_multiple(t->c, p.num, n.num);
        return;
    }
    s_val a = eval(of, x), b = eval(of, e->args.at[1]);
    if (a.kind == S_DTYPE && b.kind == S_DTYPE && e->kind == PE_EQ)
        same_dtype(t, a.dtype, b.dtype);
    else if (a.kind == S_NUM && b.kind == S_NUM)
        assume_numbers(t, e->kind, a.num, b.num);
    else if (a.kind == S_LIST && b.kind == S_LIST && e->kind == PE_EQ)
        s_assume_same(t->c, a.list, b.list);
}

typedef struct rule_eval { t_env *t; x_scope *scope; } rule_eval;

/* A word takes its meaning from what it is compared with. */
static s_val eval_rule(void *of, const pat_expr *e)
{
    rule_eval *r = of;
    return t_expr(r->t, e, r->scope, NULL);
}

static s_val eval_signature(void *of, const pat_expr *e)
{
    return t_signature_expr(of, e, 0);
}

/* style == neox. */
static bool assume_word(t_env *t, const pat_expr *e, x_scope *scope)
{
    if (e->kind != PE_EQ || e->args.at[0]->kind != PE_NAME || e->args.at[1]->kind != PE_NAME)
        return false;
    const t_name *n = t_find_name(t, scope, e->args.at[0]->name);
    if (!n || !n->attr || n->attr->kind)
        return false;
    for (uint32_t i = 0; i < n->attr->words.n; i++)
        if (n->attr->words.at[i]->name == e->args.at[1]->name)
            s_assume_zero(t->c, s_sub(t->c, n->val.num, s_const(t->c, i)));
    return true;
}

static void assume_condition(t_env *t, const x_cond *x)
{
    rule_eval r = {t, x->scope};
    const pat_expr *e = x->expr;
    bool compares = e->kind >= PE_EQ && e->kind <= PE_GE;
    if (e->kind == PE_CALL && !strcmp(e->name, "const") && e->args.n == 1 && e->args.at[0]->kind == PE_NAME) {
        t_value *v = (t_value *)t_find_value(t, x->scope, e->args.at[0]->name);
        if (v)
            v->host = true;
    } else if (!assume_word(t, e, x->scope) && !(compares && assume_rank_of(t, e, x->scope))) {
        assume(t, e, eval_rule, &r);
    }
}

/* Two values of one shape: the later takes the form of the earlier, so that what is computed from it is in
 * these terms as well. */
static bool assume_shapes(t_env *t, const x_cond *x)
{
    const pat_expr *e = x->expr;
    if (e->kind != PE_EQ || !shape_call(e->args.at[0]) || !shape_call(e->args.at[1]))
        return false;
    t_value *a = (t_value *)t_find_value(t, x->scope, e->args.at[0]->args.at[0]->name);
    t_value *b = (t_value *)t_find_value(t, x->scope, e->args.at[1]->args.at[0]->name);
    if (!a || !b || !a->known || !b->known)
        return false;
    s_assume_same(t->c, a->shape, b->shape);
    t_value *later = a > b ? a : b, *earlier = a > b ? b : a;
    later->shape = earlier->shape;
    return true;
}

static void take_shape_conditions(t_env *t)
{
    for (uint32_t i = 0; i < t->v->where.n; i++)
        if (!t->used[i])
            t->used[i] = assume_shapes(t, t->v->where.at[i]);
}

/* ------------------------------------------------------------------ nodes -- */

/* A split whose sizes are not known still cuts the dim into parts that add up. */
static void parts_add_up(t_call *k, uint32_t n, const t_value *out)
{
    const pat_expr *e = k->op->results.n ? k->op->results.at[0]->type->elems.n == 1
                                               ? k->op->results.at[0]->type->elems.at[0] : NULL : NULL;
    int64_t axis;
    if (!k->op->variadic_results || !e || e->kind != PE_CALL || strcmp(e->name, "split") || e->args.n < 3)
        return;
    s_val at = t_signature_expr(k, e->args.at[2], 0), whole = t_signature_expr(k, e->args.at[0], 0);
    if (!s_is_const(at.num, &axis) || axis >= 0)
        return;
    s_shape w = s_resolve_shape(k->t->c, whole.list);
    s_poly sum = {0};
    for (uint32_t i = 0; i <= n; i++) {
        s_shape s = i < n ? s_resolve_shape(k->t->c, out[i].shape) : w;
        if (s.n < (uint64_t)-axis || s.at[s.n + (uint64_t)axis].seg)
            return;
        s_poly dim = s.at[s.n + (uint64_t)axis].dim;
        sum = i < n ? s_add(k->t->c, sum, dim) : s_sub(k->t->c, sum, dim);
    }
    s_assume_zero(k->t->c, sum);
}

/* Constants alone make no shape known. */
static bool only_literals(const x_node *n)
{
    for (uint32_t i = 0; i < n->operands.n; i++)
        if (n->operands.at[i]->kind != XVAL_NUMBER && n->operands.at[i]->kind != XVAL_CONST)
            return false;
    return true;
}

static void type_node(t_env *t, const x_node *n)
{
    bool literals = only_literals(n);
    t_call *k = t->calls[n->id - 1] = NEW(t, t_call, .t = t, .op = n->op, .left = true, .n = n->operands.n);
    k->operands = pat_alloc(t->c->arena, (k->n + 1) * sizeof *k->operands);
    k->attrs = pat_alloc(t->c->arena, (n->attrs.n + 1) * sizeof *k->attrs);
    for (uint32_t i = 0; i < n->attrs.n; i++)
        k->attrs[i] = n->attrs.at[i]->value ? t_expr(t, n->attrs.at[i]->value, n->attrs.at[i]->scope, n->attrs.at[i]->attr)
                                           : t_default(t, n->attrs.at[i]->attr);
    name_operands(k);
    for (uint32_t i = 0; i < k->n; i++) {
        t_value *v = operand_value(t, n->operands.at[i], !literals && t_is_neutral(n->op, i));
        const pat_operand *o = t_operand(n->op, i);
        k->operands[i] = v->known ? v : NULL;
        if (v->known && o)
            assume_operand(k, v, o, i);
    }
    for (uint32_t i = 0; i < n->op->where.n; i++)
        assume(t, n->op->where.at[i], eval_signature, k);
    t_value *out = pat_alloc(t->c->arena, (n->results.n + 1) * sizeof *out);
    t_results(k, n->results.n, out);
    parts_add_up(k, n->results.n, out);
    for (uint32_t i = 0; i < n->results.n; i++) {
        t->vals[n->results.at[i]->id] = out[i];
        annotate(t, n->results.at[i]);
    }
}

bool t_recheck(t_env *t)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < t->v->nodes.n; i++) {
        const x_node *n = t->v->nodes.at[i];
        t_call k = *t->calls[i];
        t_value *out = pat_alloc(t->c->arena, (n->results.n + 1) * sizeof *out);
        k.left = false;
        k.need = (s_need){0};
        t_results(&k, n->results.n, out);
        ok = !k.need.why;
        for (uint32_t r = 0; ok && r < n->results.n; r++)
            ok = s_prove_same(t->c, out[r].shape, t->vals[n->results.at[r]->id].shape);
    }
    return ok;
}

/* Numbers and lists that a test gives; what its words and dtypes mean, the match must tell first. */
static void take_values(t_env *t, const pat_test *test)
{
    for (uint32_t i = 0; i < test->binds.n; i++) {
        const pat_expr *e = test->binds.at[i]->value;
        if (e->kind != PE_INT && e->kind != PE_LIST)
            continue;
        s_val v = t_expr(t, e, t->v->scope, NULL);
        const t_name *n = find_or_add(t, t->v->scope, test->binds.at[i]->name, v.kind, NULL);
        if (v.kind == S_NUM)
            s_assume_zero(t->c, s_sub(t->c, n->val.num, v.num));
        else
            s_assume_same(t->c, n->val.list, v.list);
    }
}

t_env *t_open(pat_session *s, const pat_program *p, const pat_rule *rule, x_variant *v, const pat_test *test)
{
    s_ctx *c = s_open(s);
    t_env *t = pat_alloc(c->arena, sizeof *t);
    *t = (t_env){.s = s, .p = p, .rule = rule, .v = v, .c = c};
    t->vals = pat_alloc(c->arena, (v->vals.n + 1) * sizeof *t->vals);
    t->calls = pat_alloc(c->arena, (v->nodes.n + 1) * sizeof *t->calls);
    t->used = pat_alloc(c->arena, v->where.n + 1);
    for (uint32_t i = 0; i < v->where.n; i++)
        t->used[i] = test && v->where.at[i]->scope->rule_level;
    if (test)
        take_values(t, test);
    for (uint32_t i = 0; i < v->nodes.n; i++) {
        type_node(t, v->nodes.at[i]);
        take_shape_conditions(t);
    }
    for (uint32_t i = 0; i < v->where.n; i++)
        if (!t->used[i])
            assume_condition(t, v->where.at[i]);
    return t;
}

void t_close(t_env *t)
{
    s_close(t->c);
}

/* ------------------------------------------------------------------- text -- */

const char *t_dtype_text(const t_env *t, uint32_t dtype)
{
    const t_dtype *d = t->dtypes.at[t_root(t, dtype)];
    return single(d->set) ? pat_dtype_name(__builtin_ctz(d->set)) : d->name ? d->name : "?";
}

const char *t_type_text(t_env *t, const t_value *v)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return "?";
    fprintf(f, "%s[%s]", t_dtype_text(t, v->dtype), s_shape_text(t->c, v->shape));
    fclose(f);
    const char *kept = pat_intern(t->s, text, n);
    free(text);
    return kept;
}
