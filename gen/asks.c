/* What a pattern says of types and attributes, as tests of a row. */
#include <inttypes.h>
#include <string.h>

#include "diag.h"
#include "walk.h"

place *number_of_value(walk *w, place *v, const char *label)
{
    place *f = place_at(w->a, PL_NUMBER, v, 0, 0);
    const char *c = read_place(w, v);
    add_condition(w, COST_DIM, label, gen_format(w->g, "%s && SLD_SCALAR(g, %s, &%s)", c, c, read_place(w, f)));
    guard_place(w, f);
    return f;
}

const char *symmetric(walk *w, const char *before, const char *between, const char *after, place *a, place *b)
{
    place *first = a->id < b->id ? a : b, *second = first == a ? b : a;
    const char *x = read_place(w, first), *y = read_place(w, second);
    return gen_format(w->g, "%s%s%s%s%s", before, x, between, y, after);
}

/* ---------------------------------------------------------------- pending -- */

static bool is_bound(walk *w, const pat_expr *e, x_scope *s)
{
    if (e->kind == PE_NAME || e->kind == PE_RANK) {
        bool known = e->kind == PE_NAME && dtype_by_name(e->name) > 0;
        for (uint32_t i = 0; i < s->names.n && !known; i++) {
            const x_name *n = s->names.at[i];
            known = n->name == e->name && (n->var ? var_place(w, n->var) != NULL : n->val && w->vals[n->val->id]);
        }
        return known;
    }
    for (uint32_t i = 0; i < e->args.n; i++)
        if (!is_bound(w, e->args.at[i], s))
            return false;
    return true;
}

/* Puts a test off until the names of its expression are bound. */
static bool put_off(walk *w, place *at, const pat_expr *e, x_scope *s, const x_attr *attr)
{
    if (w->forced || is_bound(w, e, s))
        return false;
    pending *p = pat_alloc(w->g->arena, sizeof *p);
    *p = (pending){at, e, s, attr, w->span};
    PAT_PUSH(w->g->arena, w->pending, p);
    return true;
}

/* ----------------------------------------------------------------- types -- */

static uint32_t rank_position(const pat_exprs *elems)
{
    uint32_t i = 0;
    while (i < elems->n && elems->at[i]->kind != PE_RANK)
        i++;
    return i;
}

static bool literal(const pat_expr *e)
{
    return e->kind == PE_INT || (e->kind == PE_NEG && e->args.at[0]->kind == PE_INT);
}

static int64_t literal_value(const pat_expr *e)
{
    return e->kind == PE_INT ? e->ival : -e->args.at[0]->ival;
}

/* A dim, or an integer of an attribute, is a number. */
static void dim_is(walk *w, const char *label, const char *c, const pat_expr *e)
{
    int64_t i = literal_value(e);
    add_equals(w, COST_COUNT, label, gen_format(w->g, "SLD_DIM_NUMBER(g, %s)", c), i,
               gen_format(w->g, "INT64_C(%" PRId64 ")", i));
}

static void test_dim(walk *w, place *dim, const pat_expr *e, x_scope *s)
{
    gen *g = w->g;
    if (e->kind == PE_WILD)
        return;
    if (e->kind == PE_NAME) {
        const x_name *n = pat_scope_find(s, e->name);
        const x_var *v = n && n->var && n->var->kind != XV_DIM ? n->var : pat_scope_var(w->v, s, XV_DIM, e->name);
        if (v->kind == XV_DIM && !var_place(w, v)) {
            bind_var(w, v, dim);
            return;
        }
    }
    if (put_off(w, dim, e, s, NULL))
        return;
    w->needs.n = 0;
    const x_name *n = e->kind == PE_NAME ? pat_scope_find(s, e->name) : NULL;
    place *bound = n && n->var && n->var->kind == XV_DIM ? var_place(w, n->var) : NULL;
    if (bound) {
        add_condition(w, COST_DIM, span_label(g, e->span), symmetric(w, "SLD_DIM_EQ(g, ", ", ", ")", bound, dim));
        return;
    }
    const char *c = read_place(w, dim);
    if (literal(e)) {
        dim_is(w, span_label(g, e->span), c, e);
        return;
    }
    cx x = emit_expr(g, e, s);
    if (x.kind == CX_DIM)
        add_condition(w, COST_DIM, span_label(g, e->span), gen_format(g, "SLD_DIM_EQ(g, %s, %s)", c, x.c));
    else if (x.kind != CX_ERROR)
        gen_fault(g, e->span, "a dim is wanted here");
}

static void test_run(walk *w, place *rank, uint32_t at, uint32_t others, const pat_expr *e, x_scope *s)
{
    const x_var *v = pat_scope_var(w->v, s, XV_RANK, e->name);
    place *run = place_at(w->a, PL_RUN, rank, at, others), *bound = var_place(w, v);
    if (!bound) {
        bind_var(w, v, run);
        return;
    }
    add_condition(w, COST_DIM, gen_format(w->g, "*%s", e->name),
                  symmetric(w, "sld_same_dims(g, ", ", ", ")", bound, run));
}

static void test_dtype(walk *w, place *v, const char *label, const x_type *t)
{
    gen *g = w->g;
    place *dtype = place_at(w->a, PL_DTYPE, v, 0, 0);
    int fixed = dtype_by_name(t->type->dtype);
    const char *c = read_place(w, dtype);
    if (fixed > 0) {
        add_equals(w, COST_TYPE, label, c, fixed, dtype_enum(fixed));
        return;
    }
    const x_var *var = pat_scope_var(w->v, t->scope, XV_DTYPE, t->type->dtype);
    place *bound = var_place(w, var);
    if (bound) {
        add_condition(w, COST_TYPE, label, symmetric(w, "", " == ", "", bound, dtype));
        return;
    }
    bind_var(w, var, dtype);
    const pat_dtype_decl *d = find_dtype_var(g, t->type->dtype);
    if (d)
        add_condition(w, COST_TYPE, label, gen_format(g, "0x%xu >> %s & 1", d->set, c));
    w->needs.n = 0;
}

static void test_rank(walk *w, place *rank, const char *label, uint32_t n, bool any_more)
{
    const char *c = read_place(w, rank);
    if (!any_more)
        add_equals(w, COST_TYPE, label, c, n, gen_format(w->g, "%u", n));
    else if (n > 1)
        add_condition(w, COST_TYPE, label, gen_format(w->g, "%s >= %u", c, n - 1));
    else
        return;
    guard_place(w, rank);
}

void test_type(walk *w, place *v, const char *name, const x_type *t)
{
    const pat_exprs *elems = &t->type->elems;
    uint32_t n = elems->n, at = rank_position(elems);
    const char *label = gen_format(w->g, "%s%s%s", name ? name : "", name ? ": " : "", span_label(w->g, t->type->span));
    w->needs.n = 0;
    test_dtype(w, v, label, t);
    if (n == 1 && elems->at[0]->kind == PE_WILD)
        return;
    place *rank = place_at(w->a, PL_RANK, v, 0, 0);
    w->needs.n = 0;
    test_rank(w, rank, label, n, at < n);
    for (uint32_t i = 0; i < n; i++) {
        w->needs.n = 0;
        if (i == at)
            test_run(w, rank, i, n - 1, elems->at[i], t->scope);
        else
            test_dim(w, i < at ? place_at(w->a, PL_DIM, rank, i, 0) : place_at(w->a, PL_DIM_END, rank, n - i, 0),
                     elems->at[i], t->scope);
    }
}

/* ------------------------------------------------------------ attributes -- */

bool stands_alone(const x_attr *a)
{
    const pat_expr *e = a->value;
    if (e && e->kind == PE_LIST)
        for (uint32_t i = 0; i < e->args.n; i++)
            if (e->args.at[i]->kind != PE_INT && e->args.at[i]->kind != PE_NEG)
                return false;
    return !e || (e->kind != PE_CALL && e->kind < PE_NOT);
}

static const char *attr_label(gen *g, const x_attr *a)
{
    return a->value ? gen_format(g, "%s = %s", a->attr->name, expr_label(g, a->value))
                    : gen_format(g, "%s is its default", a->attr->name);
}

static void attr_is(walk *w, place *attr, const x_attr *a, int64_t value, const char *value_c)
{
    w->needs.n = 0;
    add_equals(w, COST_COUNT, attr_label(w->g, a), gen_format(w->g, "%s.i", read_place(w, attr)), value, value_c);
}

static void test_list(walk *w, place *attr, const x_attr *a, const pat_exprs *list)
{
    gen *g = w->g;
    uint32_t at = rank_position(list);
    const char *label = attr_label(g, a), *c = read_place(w, attr);
    if (at == list->n) {
        add_equals(w, COST_COUNT, label, gen_format(g, "%s.n", c), list->n, gen_format(g, "%u", list->n));
    } else {
        const x_var *v = pat_scope_var(w->v, a->scope, XV_RANK, list->at[at]->name);
        place *run = var_place(w, v);
        if (put_off(w, attr->of, list->at[at], a->scope, a))
            return;
        if (!run) {
            gen_fault(g, list->at[at]->span, "no type binds this rank variable");
            return;
        }
        const char *r = read_place(w, run);
        add_condition(w, COST_DIM, label,
                      gen_format(g, "%s.n == %s.n + %u && sld_list_has(g, %s, %u, %s)", c, r, list->n - 1, c, at, r));
    }
    guard_place(w, attr);
    for (uint32_t i = 0; i < list->n; i++)
        if (i != at)
            test_dim(w, place_at(w->a, i < at ? PL_ELEM : PL_ELEM_END, attr, i < at ? i : list->n - i, 0), list->at[i],
                     a->scope);
}

static void test_string(walk *w, place *attr, const x_attr *a, pat_name text)
{
    out quoted = {0};
    w->needs.n = 0;
    const char *c = read_place(w, attr);
    out_string(&quoted, text, strlen(text));
    add_condition(w, COST_SAME, attr_label(w->g, a), gen_format(w->g, "sld_is_text(%s, %s)", c, quoted.text));
    out_free(&quoted);
}

/* A name: an enum word or dtype, a variable that is bound, or a capture. */
static void test_attr_name(walk *w, place *attr, const x_attr *a)
{
    gen *g = w->g;
    pat_name name = a->value->name;
    sld_attr_kind kind = attr_kind(a->attr);
    int word = kind == SLD_ATTR_ENUM ? enum_word(a->attr, name) : -1;
    if (word >= 0) {
        attr_is(w, attr, a, word, gen_format(g, "%d", word));
        return;
    }
    if (kind == SLD_ATTR_DTYPE && dtype_by_name(name) > 0) {
        attr_is(w, attr, a, dtype_by_name(name), dtype_enum(dtype_by_name(name)));
        return;
    }
    const x_name *n = pat_scope_find(a->scope, name);
    if (n && n->var && n->var->kind == XV_DIM && (kind == SLD_ATTR_INT || kind == SLD_ATTR_AXIS)) {
        test_dim(w, place_at(w->a, PL_INT, attr, 0, 0), a->value, a->scope);
        return;
    }
    x_var *v = pat_scope_var(w->v, a->scope, XV_ATTR, name);
    place *bound = var_place(w, v);
    if (!bound) {
        bind_var(w, v, attr);
        v->attr = a->attr;
        return;
    }
    add_condition(w, COST_SAME, attr_label(g, a), symmetric(w, "sld_attr_same(", ", ", ")", bound, attr));
}

static void test_attr_expr(walk *w, place *attr, const x_attr *a, const pat_expr *e)
{
    gen *g = w->g;
    sld_attr_kind kind = attr_kind(a->attr);
    if (kind == SLD_ATTR_STRING && e->kind == PE_STRING) {
        test_string(w, attr, a, e->name);
        return;
    }
    if (kind == SLD_ATTR_AXIS && literal(e)) {
        attr_is(w, attr, a, literal_value(e), gen_format(g, "%" PRId64, literal_value(e)));
        return;
    }
    if (kind == SLD_ATTR_BOOL && (e->kind == PE_BOOL || literal(e))) {
        attr_is(w, attr, a, e->ival != 0, e->ival ? "true" : "false");
        return;
    }
    if (put_off(w, attr->of, e, a->scope, a))
        return;
    w->needs.n = 0;
    const char *c = read_place(w, attr), *label = attr_label(g, a);
    if (kind == SLD_ATTR_INT && literal(e)) {
        dim_is(w, label, gen_format(g, "%s.i", c), e);
        return;
    }
    cx x = emit_expr(g, e, a->scope);
    if (x.kind == CX_ERROR)
        return;
    if (kind == SLD_ATTR_FLOAT && !a->value)
        add_condition(w, COST_SAME, label, gen_format(g, "%s.f == %s", c, x.c));
    else if (kind == SLD_ATTR_FLOAT && (x.kind == CX_FLOAT || x.kind == CX_DIM))
        add_condition(w, COST_SAME, label, gen_format(g, "sld_close(%s.f, (double)%s, 1e-6)", c, x.c));
    else if ((kind == SLD_ATTR_DTYPE && x.kind == CX_DTYPE) || (kind == SLD_ATTR_BOOL && x.kind == CX_BOOL))
        add_condition(w, COST_SAME, label, gen_format(g, "%s.i == (int64_t)(%s)", c, x.c));
    else if ((kind == SLD_ATTR_INT || kind == SLD_ATTR_AXIS) && x.kind == CX_DIM)
        add_condition(w, COST_DIM, label, gen_format(g, "SLD_DIM_EQ(g, %s.i, %s)", c, x.c));
    else
        gen_fault(g, e->span, "the attribute cannot have this value");
}

void test_attr(walk *w, place *node, const x_attr *a)
{
    const pat_expr *e = a->value ? a->value : a->attr->dflt;
    if (e->kind == PE_WILD)
        return;
    place *attr = place_at(w->a, PL_ATTR, node, a->slot, 0);
    w->needs.n = 0;
    if (e->kind == PE_NAME && (a->value || attr_kind(a->attr) == SLD_ATTR_ENUM || attr_kind(a->attr) == SLD_ATTR_DTYPE)) {
        x_attr named = *a;
        named.value = e;
        test_attr_name(w, attr, &named);
    } else if (e->kind == PE_LIST) {
        test_list(w, attr, a, &e->args);
    } else {
        test_attr_expr(w, attr, a, e);
    }
}

bool test_pending(walk *w, bool force)
{
    uint32_t n = w->pending.n;
    pending **all = w->pending.at;
    w->pending.at = NULL;
    w->pending.n = w->pending.cap = 0;
    w->forced = force;
    for (uint32_t i = 0; i < n; i++) {
        pending *p = all[i];
        w->span = p->span;
        if (p->attr)
            test_attr(w, p->at, p->attr);
        else
            test_dim(w, p->at, p->e, p->scope);
    }
    return w->pending.n < n;
}
