/* What a pattern says beside its shape: see naive.h. Names are bound by whatever gives them a value, and nothing is
 * asked before all names in it are bound. */
#include "naive.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- names -- */

/* A parameter of a pattern is a name of the caller. */
static const x_scope *home(const x_scope *s, pat_name name, bool rank)
{
    for (uint32_t i = 0; i < s->names.n && !rank; i++)
        if (s->names.at[i]->name == name && s->names.at[i]->var)
            return s->names.at[i]->var->scope;
    return s;
}

static pat_name home_name(const x_scope *s, pat_name name, bool rank)
{
    for (uint32_t i = 0; i < s->names.n && !rank; i++)
        if (s->names.at[i]->name == name && s->names.at[i]->var)
            return s->names.at[i]->var->name;
    return name;
}

naive_value *naive_bound(naive_match *m, const x_scope *s, pat_name name, bool rank)
{
    const x_scope *scope = home(s, name, rank);
    pat_name own = home_name(s, name, rank);
    for (uint32_t i = 0; i < m->n_bindings; i++)
        if (m->bindings[i].scope == scope && m->bindings[i].name == own && m->bindings[i].rank == rank)
            return &m->bindings[i].value;
    return NULL;
}

static void bind(naive_match *m, const x_scope *s, pat_name name, bool rank, naive_value value)
{
    if (m->n_bindings < NAIVE_BINDINGS)
        m->bindings[m->n_bindings++] = (naive_binding){home(s, name, rank), home_name(s, name, rank), rank, value};
}

static int word_index(const pat_attr *decl, pat_name word)
{
    for (uint32_t i = 0; i < decl->words.n; i++)
        if (decl->words.at[i]->name == word)
            return (int)i;
    return -1;
}

static const char *const dtypes[] = {"", "bool", "u8", "i8", "i32", "i64", "f8e4m3fn", "f8e4m3fnuz", "f16", "bf16", "f32", "f64"};

static int dtype_number(pat_name name)
{
    for (int i = 1; i < SLD_DTYPE_COUNT; i++)
        if (!strcmp(dtypes[i], name))
            return i;
    return 0;
}

/* ----------------------------------------------------------- expressions -- */

static naive_value number(sld_dim i) { return (naive_value){.kind = NV_DIM, .i = i, .f = (double)i}; }
static naive_value truth(bool b) { return (naive_value){.kind = NV_BOOL, .i = b}; }

static bool dims_equal(sld_graph *g, sld_dim a, sld_dim b) { return sld_dim_eq(g, a, b) == SLD_ALWAYS; }

static bool lists_equal(sld_graph *g, const naive_value *a, const naive_value *b)
{
    bool same = a->n == b->n;
    for (uint32_t i = 0; same && i < a->n; i++)
        same = dims_equal(g, a->list[i], b->list[i]);
    return same;
}

static naive_value dims_of(const sld_graph *g, sld_value v, uint32_t from, uint32_t n)
{
    naive_value list = {.kind = NV_LIST, .n = n};
    memcpy(list.list, sld_shape(g, v) + from, n * sizeof *list.list);
    return list;
}

static naive_value from_attr(const sld_attr *a, const pat_attr *decl)
{
    naive_value v = {.kind = NV_ATTR, .attr = *a, .decl = decl, .i = a->i, .f = a->f};
    switch (a->kind) {
    case SLD_ATTR_INT: case SLD_ATTR_AXIS: v.kind = NV_DIM; v.f = (double)a->i; break;
    case SLD_ATTR_FLOAT: v.kind = NV_FLOAT; break;
    case SLD_ATTR_BOOL: v.kind = NV_BOOL; break;
    case SLD_ATTR_DTYPE: v.kind = NV_DTYPE; break;
    case SLD_ATTR_INTS: case SLD_ATTR_AXES:
        v.kind = NV_LIST;
        v.n = a->n;
        memcpy(v.list, a->p, a->n * sizeof *v.list);
        break;
    default: break;
    }
    return v;
}

static bool value_arg(naive_match *m, const pat_expr *e, const x_scope *s, sld_value *v)
{
    const x_name *n = pat_scope_find((x_scope *)s, e->args.at[0]->name);
    *v = n && n->val ? m->vals[n->val->id] : 0;
    return *v != 0;
}

static bool list_is(const naive_value *v, bool identity)
{
    for (uint32_t i = 0; i < v->n; i++)
        if (v->list[i] != (identity ? (sld_dim)i : 1))
            return false;
    return true;
}

static bool call(naive_match *m, const pat_expr *e, const x_scope *s, naive_value *out)
{
    sld_value v;
    if (!strcmp(e->name, "identity") || !strcmp(e->name, "ones")) {
        naive_value list;
        bool known = naive_eval(m, e->args.at[0], s, &list);
        *out = truth(known && list_is(&list, *e->name == 'i'));
        return known;
    }
    if (!value_arg(m, e, s, &v))
        return false;
    if (!strcmp(e->name, "shape"))
        *out = dims_of(m->g, v, 0, sld_rank(m->g, v));
    else if (!strcmp(e->name, "dtype"))
        *out = (naive_value){.kind = NV_DTYPE, .i = sld_dtype_of(m->g, v)};
    else if (!strcmp(e->name, "rank"))
        *out = number(sld_rank(m->g, v));
    else
        *out = truth(sld_kind(m->g, v) == SLD_VALUE_CONST);
    return true;
}

/* style == neox */
static bool compare_word(naive_match *m, const pat_expr *e, const x_scope *s, naive_value *out)
{
    for (int side = 0; side < 2; side++) {
        const pat_expr *name = e->args.at[side], *word = e->args.at[1 - side];
        naive_value *v = name->kind == PE_NAME && word->kind == PE_NAME ? naive_bound(m, s, name->name, false) : NULL;
        if (!v || !v->decl || v->decl->kind)
            continue;
        *out = truth((v->i == word_index(v->decl, word->name)) == (e->kind == PE_EQ));
        return true;
    }
    return false;
}

static bool compare_dims(sld_graph *g, pat_expr_kind kind, sld_dim a, sld_dim b)
{
    switch (kind) {
    case PE_EQ: return dims_equal(g, a, b);
    case PE_NE: return sld_dim_eq(g, a, b) == SLD_NEVER;
    case PE_LE: return sld_dim_le(g, a, b) == SLD_ALWAYS;
    case PE_GE: return sld_dim_le(g, b, a) == SLD_ALWAYS;
    case PE_LT: return sld_dim_le(g, sld_dim_add(g, a, 1), b) == SLD_ALWAYS;
    default: return sld_dim_le(g, sld_dim_add(g, b, 1), a) == SLD_ALWAYS;
    }
}

static bool compare_floats(pat_expr_kind kind, double a, double b)
{
    switch (kind) {
    case PE_EQ: return a == b;
    case PE_NE: return a != b;
    case PE_LT: return a < b;
    case PE_LE: return a <= b;
    case PE_GT: return a > b;
    default: return a >= b;
    }
}

static bool compare(sld_graph *g, pat_expr_kind kind, const naive_value *a, const naive_value *b)
{
    if (a->kind == NV_LIST)
        return lists_equal(g, a, b) == (kind == PE_EQ);
    if (a->kind == NV_DIM && b->kind == NV_DIM)
        return compare_dims(g, kind, a->i, b->i);
    if (a->kind == NV_DTYPE || a->kind == NV_BOOL)
        return (a->i == b->i) == (kind == PE_EQ);
    return compare_floats(kind, a->f, b->f);
}

static naive_value arithmetic(sld_graph *g, pat_expr_kind kind, const naive_value *a, const naive_value *b)
{
    if (a->kind == NV_DIM && b->kind == NV_DIM)
        return number(kind == PE_ADD   ? sld_dim_add(g, a->i, b->i)
                      : kind == PE_SUB ? sld_dim_sub(g, a->i, b->i)
                      : kind == PE_MUL ? sld_dim_mul(g, a->i, b->i)
                      : kind == PE_DIV ? sld_dim_div(g, a->i, b->i)
                                       : sld_dim_mod(g, a->i, b->i));
    double x = a->f, y = b->f;
    return (naive_value){.kind = NV_FLOAT,
                         .f = kind == PE_ADD ? x + y : kind == PE_SUB ? x - y : kind == PE_MUL ? x * y : x / y};
}

static bool member(naive_match *m, const pat_expr *e, const x_scope *s, naive_value *out)
{
    *out = truth(false);
    for (uint32_t i = 0; i < e->args.at[1]->args.n; i++) {
        pat_expr *pair[2] = {e->args.at[0], e->args.at[1]->args.at[i]};
        const pat_expr eq = {.kind = PE_EQ, .args = {pair, 2, 2}};
        naive_value one;
        if (!naive_eval(m, &eq, s, &one))
            return false;
        out->i |= one.i;
    }
    return true;
}

static bool name_value(naive_match *m, const pat_expr *e, const x_scope *s, naive_value *out)
{
    naive_value *bound = naive_bound(m, s, e->name, false);
    if (bound)
        *out = *bound;
    else if (dtype_number(e->name))
        *out = (naive_value){.kind = NV_DTYPE, .i = dtype_number(e->name)};
    else if (!strcmp(e->name, "inf") || !strcmp(e->name, "nan"))
        *out = (naive_value){.kind = NV_FLOAT, .f = *e->name == 'i' ? INFINITY : NAN};
    else
        return false;
    return true;
}

static bool unary(naive_match *m, const pat_expr *e, const x_scope *s, naive_value *out)
{
    naive_value a;
    if (!naive_eval(m, e->args.at[0], s, &a))
        return false;
    if (e->kind == PE_NOT)
        *out = truth(!a.i);
    else
        *out = a.kind == NV_DIM ? number(sld_dim_sub(m->g, 0, a.i)) : (naive_value){.kind = NV_FLOAT, .f = -a.f};
    return true;
}

static bool binary(naive_match *m, const pat_expr *e, const x_scope *s, naive_value *out)
{
    naive_value a, b;
    if ((e->kind == PE_EQ || e->kind == PE_NE) && compare_word(m, e, s, out))
        return true;
    if (!naive_eval(m, e->args.at[0], s, &a) || !naive_eval(m, e->args.at[1], s, &b))
        return false;
    if (e->kind == PE_AND || e->kind == PE_OR)
        *out = truth(e->kind == PE_AND ? a.i && b.i : a.i || b.i);
    else if (e->kind >= PE_EQ && e->kind <= PE_GE)
        *out = truth(compare(m->g, e->kind, &a, &b));
    else
        *out = arithmetic(m->g, e->kind, &a, &b);
    return true;
}

bool naive_eval(naive_match *m, const pat_expr *e, const x_scope *s, naive_value *out)
{
    switch (e->kind) {
    case PE_INT: *out = number(e->ival); return true;
    case PE_FLOAT: *out = (naive_value){.kind = NV_FLOAT, .f = e->fval}; return true;
    case PE_BOOL: *out = truth(e->ival != 0); return true;
    case PE_NAME: return name_value(m, e, s, out);
    case PE_CALL: return call(m, e, s, out);
    case PE_NEG: case PE_NOT: return unary(m, e, s, out);
    case PE_IN: return member(m, e, s, out);
    default: return binary(m, e, s, out);
    }
}

/* ----------------------------------------------------------------- asking -- */

static bool close_to(double a, double b, double tol)
{
    if (isnan(b) || isinf(b))
        return isnan(b) ? isnan(a) : a == b;
    return fabs(a - b) <= tol * fabs(b);
}

typedef enum answer { NO, YES, LATER } answer;

static answer both(answer a, answer b) { return a == NO || b == NO ? NO : a == LATER || b == LATER ? LATER : YES; }
static answer as_answer(bool b) { return b ? YES : NO; }

/* A dim that must be what e says, or gives a name its value. */
static answer ask_dim(naive_match *m, const pat_expr *e, const x_scope *s, sld_dim d)
{
    naive_value v;
    if (e->kind == PE_WILD)
        return YES;
    if (e->kind == PE_NAME && !naive_bound(m, s, e->name, false)) {
        bind(m, s, e->name, false, number(d));
        return YES;
    }
    return naive_eval(m, e, s, &v) ? as_answer(v.kind == NV_DIM && dims_equal(m->g, d, v.i)) : LATER;
}

static answer ask_run(naive_match *m, pat_name name, const x_scope *s, naive_value run)
{
    naive_value *bound = naive_bound(m, s, name, true);
    if (bound)
        return as_answer(lists_equal(m->g, bound, &run));
    bind(m, s, name, true, run);
    return YES;
}

static answer ask_dtype(naive_match *m, const pat_type *t, const x_scope *s, int dtype)
{
    if (dtype_number(t->dtype))
        return as_answer(dtype_number(t->dtype) == dtype);
    const pat_dtype_decl *d = pat_find_dtype(m->program, t->dtype);
    naive_value *bound = naive_bound(m, s, t->dtype, false);
    if (!bound)
        bind(m, s, t->dtype, false, (naive_value){.kind = NV_DTYPE, .i = dtype});
    return as_answer((!d || d->set >> dtype & 1) && (!bound || bound->i == dtype));
}

static uint32_t rank_at(const pat_exprs *list)
{
    uint32_t i = 0;
    while (i < list->n && list->at[i]->kind != PE_RANK)
        i++;
    return i;
}

static answer ask_type(naive_match *m, const x_type *t, sld_value v)
{
    const pat_exprs *elems = &t->type->elems;
    uint32_t rank = sld_rank(m->g, v), at = rank_at(elems);
    answer a = ask_dtype(m, t->type, t->scope, sld_dtype_of(m->g, v));
    if (a == NO || (elems->n == 1 && elems->at[0]->kind == PE_WILD))
        return a;
    if (at == elems->n ? rank != elems->n : rank + 1 < elems->n)
        return NO;
    for (uint32_t i = 0; i < elems->n; i++)
        if (i == at)
            a = both(a, ask_run(m, elems->at[i]->name, t->scope, dims_of(m->g, v, i, rank + 1 - elems->n)));
        else
            a = both(a, ask_dim(m, elems->at[i], t->scope, sld_shape(m->g, v)[i < at ? i : rank - (elems->n - i)]));
    return a;
}

static answer ask_list(naive_match *m, const pat_exprs *list, const x_scope *s, const sld_attr *a)
{
    uint32_t at = rank_at(list), run = 0;
    naive_value *bound = at < list->n ? naive_bound(m, s, list->at[at]->name, true) : NULL;
    if (at < list->n && !bound)
        return LATER;
    run = bound ? bound->n : 0;
    if (a->n != list->n - (bound != NULL) + run)
        return NO;
    answer all = YES;
    for (uint32_t i = 0; i < list->n; i++) {
        if (i != at)
            all = both(all, ask_dim(m, list->at[i], s, a->p[i < at ? i : i - 1 + run]));
        for (uint32_t k = 0; i == at && k < run; k++)
            all = both(all, as_answer(dims_equal(m->g, a->p[at + k], bound->list[k])));
    }
    return all;
}

static answer ask_attr_name(naive_match *m, const x_attr *x, pat_name name, const sld_attr *a)
{
    if (!x->attr->kind && word_index(x->attr, name) >= 0)
        return as_answer(a->i == word_index(x->attr, name));
    if (a->kind == SLD_ATTR_DTYPE && dtype_number(name))
        return as_answer(a->i == dtype_number(name));
    naive_value *bound = naive_bound(m, x->scope, name, false);
    if (!bound) {
        bind(m, x->scope, name, false, from_attr(a, x->attr));
        return YES;
    }
    if (bound->kind == NV_DIM)
        return as_answer(dims_equal(m->g, bound->i, a->i));
    if (bound->kind == NV_FLOAT)
        return as_answer(bound->f == a->f);
    return as_answer(sld_attr_equal(&bound->attr, a));
}

static answer ask_attr(naive_match *m, const x_attr *x, sld_node n)
{
    const pat_expr *e = x->value ? x->value : x->attr->dflt;
    const sld_attr *a = &sld_node_attrs(m->g, n)[x->slot];
    naive_value v;
    if (e->kind == PE_WILD)
        return YES;
    if (e->kind == PE_NAME && strcmp(e->name, "inf") && strcmp(e->name, "nan"))
        return ask_attr_name(m, x, e->name, a);
    if (e->kind == PE_LIST)
        return ask_list(m, &e->args, x->scope, a);
    if (e->kind == PE_STRING)
        return as_answer(!strcmp(e->name, a->s));
    if (!naive_eval(m, e, x->scope, &v))
        return LATER;
    if (a->kind == SLD_ATTR_FLOAT)
        return as_answer(x->value ? close_to(a->f, v.f, 1e-6) : a->f == v.f);
    return as_answer(v.kind == NV_DIM && a->kind != SLD_ATTR_BOOL ? dims_equal(m->g, a->i, v.i) : a->i == v.i);
}

/* -------------------------------------------------------------- literals -- */

static bool literal(const x_val *v) { return v->kind == XVAL_NUMBER || v->kind == XVAL_CONST; }

/* Whether the result is the broadcast of operand i and others. */
static bool broadcasts(const pat_op *op, uint32_t i)
{
    const pat_exprs *r = op->results.n ? &op->results.at[0]->type->elems : NULL;
    const pat_exprs *o = i < op->operands.n ? &op->operands.at[i]->type->elems : NULL;
    bool found = false;
    if (!r || r->n != 1 || r->at[0]->kind != PE_CALL || strcmp(r->at[0]->name, "broadcast") || !o || o->n != 1)
        return false;
    for (uint32_t k = 0; k < r->at[0]->args.n; k++)
        found |= r->at[0]->args.at[k]->name == o->at[0]->name;
    return found;
}

/* A literal has no greater rank than another operand, so that it leaves the shape of the result alone. */
static answer ask_literal(naive_match *m, const x_node *p, uint32_t i)
{
    const x_val *v = p->operands.at[i];
    sld_value value = m->vals[v->id];
    double d;
    bool any = false, small = false;
    if (sld_producer(m->g, value) || !sld_value_scalar(m->g, value, &d))
        return NO;
    for (uint32_t k = 0; k < p->operands.n && broadcasts(p->op, i); k++) {
        const x_val *other = p->operands.at[k];
        if (literal(other) || other->kind == XVAL_NONE || !broadcasts(p->op, k))
            continue;
        any = true;
        small |= sld_rank(m->g, value) <= sld_rank(m->g, m->vals[other->id]);
    }
    if (any && !small)
        return NO;
    if (v->kind == XVAL_NUMBER)
        return as_answer(close_to(d, v->fval, v->tol));
    naive_value *bound = naive_bound(m, v->capture->scope, v->capture->name, false);
    const sld_attr a = {.kind = SLD_ATTR_FLOAT, .f = d};
    if (!bound)
        bind(m, v->capture->scope, v->capture->name, false, from_attr(&a, NULL));
    return as_answer(!bound || bound->f == d);
}

static answer ask_node(naive_match *m, const x_node *p)
{
    answer a = YES;
    for (uint32_t i = 0; i < p->operands.n && a != NO; i++)
        if (literal(p->operands.at[i]))
            a = both(a, ask_literal(m, p, i));
    for (uint32_t i = 0; i < p->attrs.n && a != NO; i++)
        a = both(a, ask_attr(m, p->attrs.at[i], m->nodes[p->id]));
    return a;
}

/* Types come first, so that a name that is a dim is one. */
static answer ask_all(naive_match *m)
{
    answer a = YES;
    for (uint32_t i = 0; i < m->v->vals.n && a != NO; i++) {
        const x_val *v = m->v->vals.at[i];
        for (uint32_t k = 0; k < v->types.n && m->vals[v->id] && a != NO; k++)
            a = both(a, ask_type(m, v->types.at[k], m->vals[v->id]));
    }
    for (uint32_t i = 0; i < m->v->nodes.n && a != NO; i++)
        a = both(a, ask_node(m, m->v->nodes.at[i]));
    for (uint32_t i = 0; i < m->v->where.n && a != NO; i++) {
        naive_value v;
        bool known = naive_eval(m, m->v->where.at[i]->expr, m->v->where.at[i]->scope, &v);
        a = both(a, known ? as_answer(v.i) : LATER);
    }
    return a;
}

bool naive_holds(naive_match *m)
{
    answer a = LATER;
    uint32_t before = UINT32_MAX;
    m->n_bindings = 0;
    while (a == LATER && m->n_bindings != before) {
        before = m->n_bindings;
        a = ask_all(m);
    }
    return a == YES;
}
