/* See loosen.h. A variant is expanded anew for each condition, so that it may be changed in place. */
#include "loosen.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sld_abi.h"

const char *const near_names[NEAR_KINDS] = {"where", "dtype", "shape", "attribute", "literal", "rank", "same value", "readers",
                                            "presence", "count", "op", "run"};

typedef struct loosener { x_variant *v; pat_arena *arena; uint32_t k; near *out; bool everywhere, done; } loosener;

static bool same_span(pat_span a, pat_span b)
{
    return a.file == b.file && a.begin == b.begin && a.end == b.end;
}

/* The same condition in another use of its pattern. */
static bool again(const near *a, const near *b)
{
    pat_span of_a = a->was ? a->was->span : a->span, of_b = b->was ? b->was->span : b->span;
    return a->kind == b->kind && same_span(a->span, b->span) && same_span(of_a, of_b) && a->attr == b->attr &&
           a->how == b->how && a->scope && b->scope && a->scope != b->scope;
}

/* Whether this is the condition that is asked for. */
static bool here(loosener *l, near n)
{
    if (l->done) {
        bool one_more = l->everywhere && again(l->out, &n);
        l->out->uses += one_more;
        return one_more;
    }
    if (l->k--)
        return false;
    *l->out = n;
    l->out->uses = 1;
    return l->done = true;
}

/* No other condition can be it. */
static bool over(const loosener *l)
{
    return l->done && !l->everywhere;
}

/* What stands in the place of what was asked for, in the first of its uses. */
static const pat_expr *instead(loosener *l, const pat_expr *e)
{
    l->out->now = l->out->uses > 1 ? l->out->now : e;
    return e;
}

#define COPY(l, p) memcpy(pat_alloc((l)->arena, sizeof *(p)), (p), sizeof *(p))

static pat_expr *fresh(loosener *l, const pat_expr *e)
{
    pat_expr *x = COPY(l, e);
    x->args = (pat_exprs){0};
    x->kind = e->kind == PE_RANK ? PE_RANK : PE_NAME;
    x->name = pat_intern(l->v->session, "any.1", 5);
    return x;
}

/* ------------------------------------------------------------------ names -- */

typedef struct counter { x_scope *scope; pat_name name; uint32_t n; } counter;

static void count(counter *c, const pat_expr *e, x_scope *scope)
{
    pat_name name = e->name;
    x_scope *at = scope;
    if (e->kind == PE_NAME || e->kind == PE_RANK) {
        t_canonical(&at, &name);
        c->n += at == c->scope && name == c->name;
    }
    for (uint32_t i = 0; i < e->args.n; i++)
        count(c, e->args.at[i], scope);
}

/* How often a name stands in types and attributes. */
static uint32_t occurrences(const x_variant *v, x_scope *scope, pat_name name)
{
    counter c = {scope, name, 0};
    t_canonical(&c.scope, &c.name);
    for (uint32_t i = 0; i < v->vals.n; i++)
        for (uint32_t j = 0; j < v->vals.at[i]->types.n; j++) {
            const x_type *x = v->vals.at[i]->types.at[j];
            c.n += x->type->dtype == c.name && x->scope == c.scope;
            for (uint32_t k = 0; k < x->type->elems.n; k++)
                count(&c, x->type->elems.at[k], x->scope);
        }
    for (uint32_t i = 0; i < v->nodes.n; i++)
        for (uint32_t j = 0; j < v->nodes.at[i]->attrs.n; j++)
            if (v->nodes.at[i]->attrs.at[j]->value)
                count(&c, v->nodes.at[i]->attrs.at[j]->value, v->nodes.at[i]->attrs.at[j]->scope);
    return c.n;
}

/* A name that stands nowhere else binds what it finds. */
static bool asks(const x_variant *v, const pat_expr *e, x_scope *scope)
{
    return e->kind == PE_NAME || e->kind == PE_RANK ? occurrences(v, scope, e->name) > 1 : e->kind != PE_WILD;
}

bool near_share_name(const pat_expr *a, const char *text, size_t n)
{
    size_t len = a->name ? strlen(a->name) : 0;
    for (size_t i = 0; (a->kind == PE_NAME || a->kind == PE_RANK) && i + len <= n; i++)
        if (!memcmp(text + i, a->name, len) && (!i || (!isalnum((unsigned char)text[i - 1]) && text[i - 1] != '_')) &&
            (i + len == n || (!isalnum((unsigned char)text[i + len]) && text[i + len] != '_')))
            return true;
    for (uint32_t i = 0; i < a->args.n; i++)
        if (near_share_name(a->args.at[i], text, n))
            return true;
    return false;
}

/* ------------------------------------------------------------------ types -- */

static pat_type *own_type(loosener *l, x_type *x)
{
    pat_type *t = COPY(l, x->type);
    t->elems = (pat_exprs){0};
    for (uint32_t i = 0; i < x->type->elems.n; i++)
        PAT_PUSH(l->arena, t->elems, x->type->elems.at[i]);
    x->type = t;
    return t;
}

static void loosen_elems(loosener *l, x_type *x, const x_val *v)
{
    bool any = x->type->elems.n == 1 && x->type->elems.at[0]->kind == PE_WILD;
    bool run = x->type->elems.n == 1 && x->type->elems.at[0]->kind == PE_RANK;
    for (uint32_t i = 0; !any && i < x->type->elems.n; i++) {
        const pat_expr *e = x->type->elems.at[i];
        near n = {.kind = NEAR_SHAPE, .span = x->type->span, .was = e, .type = x->type, .val = v, .scope = x->scope};
        if (asks(l->v, e, x->scope) && here(l, n))
            instead(l, own_type(l, x)->elems.at[i] = fresh(l, e));
    }
    near n = {.kind = NEAR_SHAPE, .span = x->type->span, .type = x->type, .val = v, .scope = x->scope};
    if (!any && !run && here(l, n)) {
        pat_expr all = {.kind = PE_RANK};
        pat_type *t = own_type(l, x);
        t->elems.n = 0;
        PAT_PUSH(l->arena, t->elems, fresh(l, &all));
    }
}

static void loosen_type(loosener *l, x_type *x, const x_val *v)
{
    near n = {.kind = NEAR_DTYPE, .span = x->type->span, .val = v, .scope = x->scope, .dtype = x->type->dtype};
    n.elsewhere = !pat_dtype_number(n.dtype) && occurrences(l->v, x->scope, n.dtype) > 1;
    if ((n.elsewhere || t_declared_set(l->v->program, n.dtype) != (1u << SLD_DTYPE_COUNT) - 2) && here(l, n))
        own_type(l, x)->dtype = pat_intern(l->v->session, "any.2", 5);
    loosen_elems(l, x, v);
}

/* ------------------------------------------------------------- attributes -- */

/* Axes that nobody asks for are the last: another than that has to be asked for. */
static pat_expr *axis(loosener *l, const pat_expr *was)
{
    pat_expr *e = fresh(l, was);
    bool last = was->kind == PE_NEG && was->args.at[0]->ival == 1;
    e->kind = PE_INT;
    e->ival = last ? -2 : -1;
    return e;
}

static pat_expr *element(loosener *l, const x_attr *a, const pat_expr *was)
{
    return !strcmp(a->attr->kind, "axes") ? axis(l, was) : fresh(l, was);
}

static pat_expr *copy_list(loosener *l, const pat_expr *list)
{
    pat_expr *copy = COPY(l, list);
    copy->args = (pat_exprs){0};
    for (uint32_t i = 0; i < list->args.n; i++)
        PAT_PUSH(l->arena, copy->args, list->args.at[i]);
    return copy;
}

static void loosen_list(loosener *l, x_attr *a)
{
    const pat_expr *list = a->value;
    bool literal = list->args.n > 1;
    for (uint32_t i = 0; i < list->args.n; i++)
        literal &= list->args.at[i]->kind == PE_INT || list->args.at[i]->kind == PE_NEG;
    for (uint32_t i = 0; !literal && i < list->args.n; i++) {
        const pat_expr *e = list->args.at[i];
        near n = {.kind = NEAR_ATTR, .span = list->span, .was = e, .attr = a->attr, .scope = a->scope};
        if (!asks(l->v, e, a->scope) || !here(l, n))
            continue;
        pat_expr *copy = copy_list(l, list);
        instead(l, copy->args.at[i] = element(l, a, e));
        a->value = copy;
    }
    near n = {.kind = NEAR_ATTR, .span = list->span, .was = list, .attr = a->attr, .scope = a->scope};
    static const char *const exchanged[] = {"two exchanged", "the next two", "two behind", "others", "others yet"};
    for (uint32_t i = 1; i < list->args.n && i < 6; i++) {
        n.how = exchanged[i - 1];
        if (here(l, n)) { /* [0, 2, 1]: [2, 0, 1] and [0, 1, 2] */
            pat_expr *copy = copy_list(l, list);
            copy->args.at[i] = list->args.at[i - 1];
            copy->args.at[i - 1] = list->args.at[i];
            a->value = instead(l, copy);
            return;
        }
    }
    n.how = NULL;
    if (literal && here(l, n))
        a->value = instead(l, fresh(l, list));
}

/* Another value than the attribute's: of strings and floats a literal, of the others a name. */
static const pat_expr *another(loosener *l, const x_attr *a, near *n)
{
    static const pat_expr default_place = {.kind = PE_NAME};
    const pat_expr *was = a->value ? a->value : a->attr->dflt ? a->attr->dflt : &default_place;
    pat_expr *e = fresh(l, was);
    char kind = a->attr->kind ? a->attr->kind[0] : 'e';
    if (a->attr->kind && !strcmp(a->attr->kind, "axis"))
        return axis(l, was);
    n->other = kind == 'd' ? e->name : NULL;
    if (kind == 'f') {
        e->kind = PE_FLOAT;
        e->fval = (was->kind == PE_FLOAT || was->kind == PE_INT ? was->fval : 0) + 0.25;
    } else if (kind == 's') {
        e->kind = PE_STRING;
        e->name = pat_intern(l->v->session, "another", 7);
    } else if (kind == 'b') { /* what has no value yet is true more often than not */
        e->kind = PE_BOOL;
        e->ival = was->kind == PE_BOOL && !was->ival;
    }
    return e;
}

static bool is_word(const pat_attr *a, const pat_expr *e)
{
    for (uint32_t i = 0; e->kind == PE_NAME && i < a->words.n; i++)
        if (a->words.at[i]->name == e->name)
            return true;
    return e->kind == PE_NAME && pat_dtype_number(e->name);
}

static void loosen_attr(loosener *l, const x_node *node, x_attr *a)
{
    near n = {.kind = NEAR_ATTR, .span = a->value ? a->value->span : node->span,
              .was = a->value ? a->value : a->attr->dflt, .attr = a->attr, .scope = a->scope};
    if (a->value && a->value->kind == PE_LIST) {
        loosen_list(l, a);
        return;
    }
    if (a->value ? !asks(l->v, a->value, a->scope) && !is_word(a->attr, a->value) : !a->attr->dflt)
        return;
    n.now = another(l, a, &n);
    if (here(l, n))
        a->value = n.now;
}

/* ----------------------------------------------------------------- values -- */

static x_val *new_val(loosener *l, x_val_kind kind, const x_val *like)
{
    x_val *v = pat_alloc(l->arena, sizeof *v);
    *v = (x_val){.kind = kind, .span = like->span, .id = l->v->vals.n, .types = like->types};
    PAT_PUSH(l->arena, l->v->vals, v);
    return v;
}

static void read_by(x_node *n, uint32_t i, x_val *v)
{
    n->operands.at[i]->n_uses--;
    n->operands.at[i] = v;
    v->n_uses++;
}

static void loosen_number(loosener *l, x_node *n, uint32_t i)
{
    x_val *v = n->operands.at[i];
    near out = {.kind = NEAR_NUMBER, .span = n->span, .val = v};
    for (uint32_t k = 0; k < i; k++)
        out.operand = n->operands.at[k]->kind == XVAL_NUMBER ? i : out.operand;
    if (v->kind == XVAL_NUMBER && here(l, out)) /* just out of reach */
        v->fval += v->fval != 0 ? 3 * v->tol * v->fval : 1e-3;
    out.how = "no constant";
    if (here(l, out)) {
        v->kind = XVAL_INPUT;
        v->name = NULL;
    }
    out.how = NULL;
    here(l, (near){.kind = NEAR_RANK, .span = n->span, .val = v, .operand = out.operand});
    uint32_t same = 0;
    for (uint32_t k = 0; v->kind == XVAL_CONST && k < v->id; k++)
        same += l->v->vals.at[k]->kind == XVAL_CONST && l->v->vals.at[k]->capture == v->capture;
    if (same && here(l, out)) {
        v->kind = XVAL_NUMBER;
        v->fval = 0.75;
    }
}

/* The operand stood before this one, in the order of reading. */
static bool stood_before(const x_variant *v, const x_node *n, uint32_t i)
{
    const x_val *x = n->operands.at[i];
    for (uint32_t k = 0; k < v->nodes.n; k++)
        for (uint32_t j = 0; j < v->nodes.at[k]->operands.n; j++) {
            if (v->nodes.at[k] == n && j == i)
                return false;
            if (v->nodes.at[k]->operands.at[j] == x)
                return true;
        }
    return false;
}

static bool optional(const pat_op *op, uint32_t i)
{
    return i < op->operands.n && op->operands.at[i]->optional;
}

static void loosen_operand(loosener *l, x_node *n, uint32_t i)
{
    x_val *v = n->operands.at[i];
    if (v->kind == XVAL_NUMBER || v->kind == XVAL_CONST)
        loosen_number(l, n, i);
    if ((v->kind == XVAL_INPUT || v->kind == XVAL_RESULT) && stood_before(l->v, n, i) &&
        here(l, (near){.kind = NEAR_SAME, .span = n->span, .val = v}))
        read_by(n, i, new_val(l, XVAL_INPUT, v));
    if (v->kind == XVAL_NONE && here(l, (near){.kind = NEAR_PRESENCE, .span = n->span, .val = v}))
        read_by(n, i, new_val(l, XVAL_INPUT, v));
    if (v->kind == XVAL_INPUT && !v->maybe && optional(n->op, i) &&
        here(l, (near){.kind = NEAR_PRESENCE, .span = n->span, .val = v}))
        read_by(n, i, new_val(l, XVAL_NONE, v));
}

/* ------------------------------------------------------------------ nodes -- */

static void one_operand_more(loosener *l, x_node *n)
{
    const pat_op *op = n->op;
    bool rest = n->operands.n && n->operands.at[n->operands.n - 1]->kind == XVAL_REST;
    if (op->operands.n && op->operands.at[op->operands.n - 1]->variadic && !rest &&
        here(l, (near){.kind = NEAR_COUNT, .span = n->span})) {
        static const x_val plain = {.kind = XVAL_INPUT};
        PAT_PUSH(l->arena, n->operands, new_val(l, XVAL_INPUT, &plain));
    }
}

static void one_result_more(loosener *l, x_node *n)
{
    if (!n->op->variadic_results || !here(l, (near){.kind = NEAR_COUNT, .span = n->span}))
        return;
    for (uint32_t i = 0; i < n->attrs.n; i++) {
        const pat_expr *e = n->attrs.at[i]->value;
        if (!e || e->kind != PE_LIST || e->args.n != n->results.n)
            continue;
        pat_expr *copy = copy_list(l, e);
        PAT_PUSH(l->arena, copy->args, fresh(l, e));
        n->attrs.at[i]->value = copy;
    }
    static const x_val plain = {.kind = XVAL_RESULT};
    x_val *v = new_val(l, XVAL_RESULT, &plain);
    v->node = n;
    v->index = n->results.n;
    PAT_PUSH(l->arena, n->results, v);
}

static bool same_signature(const pat_op *a, const pat_op *b)
{
    bool same = a != b && a->operands.n == b->operands.n && a->results.n == b->results.n && a->attrs.n == b->attrs.n &&
                a->variadic_results == b->variadic_results && !b->effect == !a->effect;
    for (uint32_t i = 0; same && i < a->attrs.n; i++)
        same = a->attrs.at[i]->name == b->attrs.at[i]->name && t_same_attr_kind(a->attrs.at[i], b->attrs.at[i]);
    for (uint32_t i = 0; same && i < a->operands.n; i++)
        same = a->operands.at[i]->optional == b->operands.at[i]->optional &&
               a->operands.at[i]->variadic == b->operands.at[i]->variadic &&
               a->operands.at[i]->type->elems.n == b->operands.at[i]->type->elems.n;
    return same;
}

/* The first op that looks the same from outside. */
static void another_op(loosener *l, x_node *n)
{
    const pat_program *p = l->v->program;
    for (uint32_t i = 0; i < p->ops.n; i++)
        if (same_signature(n->op, p->ops.at[i])) {
            if (here(l, (near){.kind = NEAR_OP, .span = n->span}))
                n->op = p->ops.at[i];
            return;
        }
}

static void loosen_node(loosener *l, x_node *n)
{
    for (uint32_t i = 0; i < n->attrs.n; i++)
        loosen_attr(l, n, n->attrs.at[i]);
    for (uint32_t i = 0; i < n->operands.n; i++)
        loosen_operand(l, n, i);
    for (uint32_t i = 0; i < n->results.n; i++)
        if (!n->results.at[i]->yielded)
            here(l, (near){.kind = NEAR_READERS, .span = n->span, .val = n->results.at[i]});
    one_operand_more(l, n);
    one_result_more(l, n);
    another_op(l, n);
}

/* ----------------------------------------------------------------- conditions -- */

/* a <= b becomes a - 1 == b, and so on: it is missed by one. */
static const pat_expr *missed_by_one(loosener *l, const pat_expr *e)
{
    int64_t off = e->kind == PE_LE ? -1 : e->kind == PE_GE ? 1 : 0;
    pat_expr *eq = COPY(l, e), *sum = COPY(l, e), *one = COPY(l, e);
    eq->kind = PE_EQ;
    sum->kind = PE_ADD;
    *one = (pat_expr){.kind = PE_INT, .span = e->span, .ival = off};
    eq->args = sum->args = (pat_exprs){0};
    PAT_PUSH(l->arena, sum->args, e->args.at[0]);
    PAT_PUSH(l->arena, sum->args, one);
    PAT_PUSH(l->arena, eq->args, off ? sum : e->args.at[0]);
    PAT_PUSH(l->arena, eq->args, e->args.at[1]);
    return eq;
}

static void loosen_condition(loosener *l, uint32_t i)
{
    x_variant *v = l->v;
    const x_cond *was = v->where.at[i];
    const pat_expr *e = was->expr;
    near n = {.kind = NEAR_WHERE, .span = e->span, .was = e, .broken = was, .scope = was->scope};
    if (here(l, n)) {
        memmove(v->where.at + i, v->where.at + i + 1, (v->where.n - i - 1) * sizeof *v->where.at);
        v->where.n--;
    }
    n.how = "by one";
    if (e->kind >= PE_LT && e->kind <= PE_GE && here(l, n)) {
        x_cond *edge = COPY(l, was);
        edge->expr = missed_by_one(l, e);
        v->where.at[i] = edge;
    }
}

bool near_loosen(x_variant *v, uint32_t k, bool everywhere, near *out)
{
    loosener l = {v, v->session->arena, k, out, everywhere, false};
    for (uint32_t i = 0; i < v->where.n && !l.done; i++)
        loosen_condition(&l, i);
    for (uint32_t i = 0, n = v->vals.n; i < n && !over(&l); i++)
        for (uint32_t j = 0; j < v->vals.at[i]->types.n; j++)
            loosen_type(&l, v->vals.at[i]->types.at[j], v->vals.at[i]);
    for (uint32_t i = 0; i < v->nodes.n && !over(&l); i++)
        loosen_node(&l, v->nodes.at[i]);
    return l.done;
}

/* ----------------------------------------------------------------- dtypes -- */

/* One of a set, f32 if that may be. */
static uint32_t one_of(uint32_t set)
{
    return set >> SLD_F32 & 1 ? 1u << SLD_F32 : set & -set;
}

static bool restrict_to(t_env *t, uint32_t dtype, uint32_t set)
{
    t_restrict_dtype(t, dtype, set);
    return t_dtype_set(t, dtype) != 0;
}

static bool different(t_env *t, uint32_t a, uint32_t b)
{
    uint32_t set = t_dtype_set(t, a), one = one_of(set);
    if (t_root(t, a) == t_root(t, b) || !set)
        return false;
    if (!(t_dtype_set(t, b) & ~one)) /* b is fixed */
        return restrict_to(t, a, ~one);
    return restrict_to(t, a, one) && restrict_to(t, b, ~one);
}

/* dtype(a) == dtype(b), dtype(a) in {f16, f32} */
static bool breaks_dtypes(t_env *t, const near *n)
{
    const pat_expr *e = n->was;
    s_val a = e->args.n ? t_expr(t, e->args.at[0], n->scope, NULL) : (s_val){0};
    if (a.kind != S_DTYPE || (e->kind != PE_EQ && e->kind != PE_IN))
        return true;
    uint32_t set = 0;
    for (uint32_t i = 0; e->kind == PE_IN && i < e->args.at[1]->args.n; i++)
        set |= t_declared_set(t->p, e->args.at[1]->args.at[i]->name);
    return e->kind == PE_IN ? restrict_to(t, a.dtype, ~set)
                            : different(t, a.dtype, t_expr(t, e->args.at[1], n->scope, NULL).dtype);
}

bool near_differs(t_env *t, const near *n)
{
    if (n->kind == NEAR_WHERE)
        return breaks_dtypes(t, n);
    if (n->kind == NEAR_DTYPE) {
        const t_name *f = n->elsewhere ? t_find_name(t, n->scope, n->dtype) : NULL;
        uint32_t dtype = t->vals[n->val->id].dtype;
        return f && f->val.kind == S_DTYPE ? different(t, f->val.dtype, dtype)
                                           : restrict_to(t, dtype, ~t_declared_set(t->p, n->dtype));
    }
    if (n->kind == NEAR_ATTR && n->other) {
        const t_name *now = t_find_name(t, n->scope, n->other);
        s_val was = n->was ? t_expr(t, n->was, n->scope, n->attr) : (s_val){0};
        return now && was.kind == S_DTYPE && different(t, was.dtype, now->val.dtype);
    }
    return true;
}

/* ---------------------------------------------------------- what follows -- */

static s_val element_of(t_env *t, const near *n, const pat_expr *e)
{
    return e->kind == PE_RANK ? t_add_name(t, n->scope, e->name, S_LIST, NULL)->val : t_expr(t, e, n->scope, NULL);
}

/* Dims that the value has whatever its rank. */
static bool rank_follows(t_env *t, const near *n)
{
    s_shape s = s_resolve_shape(t->c, t->vals[n->val->id].shape);
    uint32_t wanted = n->type->elems.n, runs = 0, segs = 0;
    for (uint32_t i = 0; i < n->type->elems.n; i++)
        runs += n->type->elems.at[i]->kind == PE_RANK;
    for (uint32_t i = 0; i < s.n; i++)
        segs += s.at[i].seg;
    return runs ? s.n - segs >= wanted - runs : !segs && s.n == wanted;
}

static bool type_follows(t_env *t, const near *n)
{
    s_shape s = {0};
    if (!n->was)
        return rank_follows(t, n);
    for (uint32_t i = 0; i < n->type->elems.n; i++) {
        s_val v = element_of(t, n, n->type->elems.at[i]);
        s = s_join(t->c, s, v.kind == S_LIST ? v.list : s_dims(t->c, 1, &v.num));
    }
    return s_prove_same(t->c, s, t->vals[n->val->id].shape);
}

bool near_follows(t_env *t, const near *n)
{
    t_reading r = {t, NULL, n->scope};
    if (n->kind == NEAR_WHERE)
        return t_proves(&r, n->was);
    if (n->kind == NEAR_SHAPE)
        return type_follows(t, n);
    if (n->kind != NEAR_ATTR || !n->was || n->was->kind == PE_LIST || n->other)
        return false;
    s_val was = element_of(t, n, n->was), now = element_of(t, n, n->now);
    if (was.kind == S_LIST && now.kind == S_LIST)
        return s_prove_same(t->c, was.list, now.list);
    return was.kind == S_NUM && now.kind == S_NUM && s_prove_equal(t->c, was.num, now.num);
}
