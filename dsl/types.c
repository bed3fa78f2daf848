/* What the types of a rule speak of: dtypes, names, expressions. See prover.h. */
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "prover.h"
#include "sld_abi.h"

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

void t_assume_dtype(t_env *t, uint32_t a, uint32_t b)
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

void t_canonical(x_scope **scope, pat_name *name)
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
    t_canonical(&scope, &name);
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

t_name *t_add_name(t_env *t, x_scope *scope, pat_name name, s_kind kind, const pat_attr *attr)
{
    t_name *n = (t_name *)t_find_name(t, scope, name);
    if (n) {
        n->attr = n->attr ? n->attr : attr;
        return n;
    }
    t_canonical(&scope, &name);
    n = NEW(t, t_name, scope, name, {.kind = kind}, attr, false);
    if (kind == S_NUM)
        n->val.num = s_var(t->c, shown_name(t, scope, name), false, false);
    else if (kind == S_LIST)
        n->val.list = s_segment(t->c, shown_name(t, scope, name), false);
    else
        n->val.dtype = t_new_dtype(t, t_declared_set(t->p, name), name);
    PAT_PUSH(t->c->arena, t->names, n);
    return n;
}

void t_bind_name(t_env *t, x_scope *scope, const pat_expr *e)
{
    t_name *n = e->kind == PE_NAME || e->kind == PE_RANK ? (t_name *)t_find_name(t, scope, e->name) : NULL;
    if (n)
        n->bound = true;
}

uint32_t t_named_dtype(t_env *t, const x_scope *scope, pat_name name)
{
    if (pat_dtype_number(name))
        return t_new_dtype(t, t_declared_set(t->p, name), name);
    t_name *n = t_add_name(t, (x_scope *)scope, name, S_DTYPE, NULL);
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

/* ------------------------------------------------------------ attributes -- */

bool t_same_words(const pat_attr *a, const pat_attr *b)
{
    bool same = a->words.n == b->words.n;
    for (uint32_t i = 0; same && i < a->words.n; i++)
        same = a->words.at[i]->name == b->words.at[i]->name;
    return same;
}

bool t_same_attr_kind(const pat_attr *a, const pat_attr *b)
{
    bool kind = a->kind && b->kind ? !strcmp(a->kind, b->kind) : a->kind == b->kind;
    return kind && t_same_words(a, b);
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

s_val t_unknown(t_env *t, s_kind kind)
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
        n = t_add_name(t, scope, e->name, kind_of(attr), attr);
    else if (attr)
        t_add_name(t, scope, e->name, kind_of(attr), attr);
    return n->val;
}

static s_val list_expr(t_env *t, const pat_expr *e, x_scope *scope)
{
    s_val v = {.kind = S_LIST};
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *a = e->args.at[i];
        s_val x = a->kind == PE_RANK ? t_add_name(t, scope, a->name, S_LIST, NULL)->val : t_expr(t, a, scope, NULL);
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
        return v ? (s_val){.kind = S_LIST, .list = v->shape} : t_unknown(t, S_LIST);
    if (!strcmp(e->name, "dtype"))
        return v ? (s_val){.kind = S_DTYPE, .dtype = v->dtype} : t_unknown(t, S_DTYPE);
    if (!strcmp(e->name, "rank"))
        return v ? (s_val){.kind = S_NUM, .num = s_rank(t->c, v->shape)} : t_unknown(t, S_NUM);
    s_val args[3];
    bool compose = !strcmp(e->name, "compose");
    if (e->args.n > 3)
        return t_unknown(t, S_LIST);
    for (uint32_t i = 0; i < e->args.n; i++)
        args[i] = t_expr(t, e->args.at[i], scope, compose ? &list : NULL);
    if (compose || !strcmp(e->name, "swap_perm"))
        return (s_val){.kind = S_LIST, .list = s_apply_list(t->c, compose ? S_COMPOSE : S_OTHER_LIST, e->name,
                                                            e->args.n, args)};
    return t_unknown(t, S_NUM);
}

s_val t_arithmetic(t_env *t, const pat_expr *e, s_val a, s_val b)
{
    if (a.kind != S_NUM || b.kind != S_NUM)
        return t_unknown(t, S_NUM);
    switch (e->kind) {
    case PE_ADD: a.num = s_add(t->c, a.num, b.num); break;
    case PE_SUB: a.num = s_sub(t->c, a.num, b.num); break;
    case PE_MUL: a.num = s_mul(t->c, a.num, b.num); break;
    case PE_DIV: a.num = s_apply2(t->c, S_FLOORDIV, a.num, b.num); break;
    case PE_MOD: a.num = s_apply2(t->c, S_MOD, a.num, b.num); break;
    default: return t_unknown(t, S_NUM);
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
        return a.kind == S_NUM ? (s_val){.kind = S_NUM, .num = s_sub(t->c, (s_poly){0}, a.num)} : t_unknown(t, S_NUM);
    }
    case PE_ADD: case PE_SUB: case PE_MUL: case PE_DIV: case PE_MOD:
        return t_arithmetic(t, e, t_expr(t, e->args.at[0], scope, NULL), t_expr(t, e->args.at[1], scope, NULL));
    default:
        return t_unknown(t, kind_of(attr));
    }
}

s_val t_default(t_env *t, const pat_attr *attr)
{
    static x_scope none = {.rule_level = false};
    return attr->dflt ? t_expr(t, attr->dflt, &none, attr) : t_unknown(t, kind_of(attr));
}

/* ------------------------------------------------------------------- text -- */

const char *t_dtype_text(const t_env *t, uint32_t dtype)
{
    const t_dtype *d = t->dtypes.at[t_root(t, dtype)];
    return single(d->set) ? pat_dtype_name(__builtin_ctz(d->set)) : d->name ? d->name : "?";
}

const char *t_type_text(t_env *t, const t_value *v)
{
    pat_printed text;
    fprintf(pat_print(&text), "%s[%s]", t_dtype_text(t, v->dtype), s_shape_text(t->c, v->shape));
    return pat_print_kept(&text, t->s->arena);
}
