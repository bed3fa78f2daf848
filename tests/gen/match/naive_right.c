/* The right side of a rule for a match: tells recording.h what it would build. */
#include "naive.h"

#include <stdlib.h>
#include <string.h>

#include "recording.h"

enum { LIST_MAX = 16 }; /* as in generated code */

typedef struct right { naive_match *m; struct { pat_name name; sld_value value; } names[64]; uint32_t n_names; } right;

static sld_value term(right *r, const pat_term *t);

static const x_val *matched(const right *r, pat_name name)
{
    const x_name *n = pat_scope_find(r->m->v->scope, name);
    return n ? n->val : NULL;
}

static sld_value value_of(const right *r, pat_name name)
{
    for (uint32_t i = r->n_names; i-- > 0;)
        if (r->names[i].name == name)
            return r->names[i].value;
    return r->m->vals[matched(r, name)->id];
}

/* ------------------------------------------------------------ attributes -- */

static void push(sld_dim *list, uint32_t *n, sld_dim d)
{
    if (*n < LIST_MAX)
        list[(*n)++] = d;
}

static void push_list(sld_dim *list, uint32_t *n, const naive_value *v)
{
    for (uint32_t i = 0; i < v->n; i++)
        push(list, n, v->list[i]);
}

static void call_list(right *r, const pat_expr *e, sld_dim *list, uint32_t *n)
{
    naive_value a[3];
    for (uint32_t i = 0; i < e->args.n && strcmp(e->name, "shape"); i++)
        naive_eval(r->m, e->args.at[i], r->m->v->scope, &a[i]);
    if (!strcmp(e->name, "shape")) {
        naive_eval(r->m, e, r->m->v->scope, &a[0]);
        push_list(list, n, &a[0]);
    } else if (!strcmp(e->name, "compose")) {
        for (uint32_t i = 0; i < a[1].n; i++)
            if (a[1].list[i] >= 0 && a[1].list[i] < a[0].n)
                push(list, n, a[0].list[a[1].list[i]]);
    } else {
        sld_dim rank = a[0].i, x = a[1].i + (a[1].i < 0 ? rank : 0), y = a[2].i + (a[2].i < 0 ? rank : 0);
        for (sld_dim i = 0; i < rank; i++)
            push(list, n, i == x ? y : i == y ? x : i);
    }
}

static void make_list(right *r, const pat_expr *e, sld_dim *list, uint32_t *n)
{
    if (e->kind == PE_CALL)
        call_list(r, e, list, n);
    for (uint32_t i = 0; e->kind == PE_LIST && i < e->args.n; i++) {
        naive_value v;
        if (e->args.at[i]->kind == PE_RANK)
            push_list(list, n, naive_bound(r->m, r->m->v->scope, e->args.at[i]->name, true));
        else if (naive_eval(r->m, e->args.at[i], r->m->v->scope, &v))
            push(list, n, v.i);
    }
}

static int word(const pat_attr *a, pat_name name)
{
    for (uint32_t i = 0; i < a->words.n; i++)
        if (a->words.at[i]->name == name)
            return (int)i;
    return -1;
}

static sld_attr attribute(right *r, const pat_attr *a, const pat_expr *e, sld_dim *list)
{
    static const struct { const char *name; sld_attr_kind kind; } kinds[] = {
        {"int", SLD_ATTR_INT}, {"float", SLD_ATTR_FLOAT}, {"bool", SLD_ATTR_BOOL}, {"string", SLD_ATTR_STRING},
        {"dtype", SLD_ATTR_DTYPE}, {"axis", SLD_ATTR_AXIS}, {"ints", SLD_ATTR_INTS}, {"axes", SLD_ATTR_AXES}};
    sld_attr x = {.kind = SLD_ATTR_ENUM};
    for (size_t i = 0; a->kind && i < sizeof kinds / sizeof *kinds; i++)
        x.kind = !strcmp(kinds[i].name, a->kind) ? kinds[i].kind : x.kind;
    const naive_value *bound = e->kind == PE_NAME ? naive_bound(r->m, r->m->v->scope, e->name, false) : NULL;
    naive_value v = {0};
    if (e->kind == PE_LIST || (e->kind == PE_CALL && (x.kind == SLD_ATTR_INTS || x.kind == SLD_ATTR_AXES))) {
        make_list(r, e, list, &x.n);
        x.p = list;
    } else if (x.kind == SLD_ATTR_ENUM && e->kind == PE_NAME && word(a, e->name) >= 0) {
        x.i = word(a, e->name);
    } else if (bound && bound->attr.kind == x.kind) {
        x = bound->attr;
    } else if (e->kind == PE_STRING) {
        x.s = e->name;
    } else if (naive_eval(r->m, e, r->m->v->scope, &v)) {
        x.i = v.i;
        if (x.kind == SLD_ATTR_FLOAT)
            x.f = v.kind == NV_DIM ? (double)v.i : v.f;
    }
    return x;
}

/* ----------------------------------------------------------------- nodes -- */

static uint32_t operands(right *r, const pat_term *t, sld_value *in)
{
    const naive_match *m = r->m;
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->operands.n; i++) {
        const pat_term *o = t->operands.at[i];
        if (o->kind != PT_SPLICE) {
            in[n++] = term(r, o);
            continue;
        }
        const x_val *v = matched(r, o->name);
        for (uint32_t k = m->rest_at[v->id]; k < m->g->nodes.at[m->vals[v->id]].n_in; k++)
            in[n++] = sld_operand(m->g, m->vals[v->id], k);
    }
    return n;
}

static uint32_t node(right *r, const pat_term *t)
{
    enum { MOST = 512 };
    const pat_op *op = pat_find_op(r->m->program, t->name);
    sld_value in[MOST];
    sld_attr attrs[64] = {{0}};
    sld_dim lists[64][LIST_MAX];
    uint32_t n = operands(r, t, in);
    for (uint32_t i = 0; i < op->attrs.n; i++)
        for (uint32_t k = 0; k < t->attrs.n; k++)
            if (t->attrs.at[k]->name == op->attrs.at[i]->name)
                attrs[i] = attribute(r, op->attrs.at[i], t->attrs.at[k]->value, lists[i]);
    return record_build(r->m->g, (uint16_t)op->id, n, in, attrs);
}

static sld_value term(right *r, const pat_term *t)
{
    if (t->kind == PT_NONE)
        return 0;
    return t->kind == PT_APPLY ? record_result(node(r, t), 0) : value_of(r, t->name);
}

static void define(right *r, const pat_term *name, sld_value value)
{
    r->names[r->n_names].name = name->name;
    r->names[r->n_names++].value = value;
}

static void statement(right *r, const pat_stmt *s)
{
    if (s->value->kind == PT_APPLY) {
        uint32_t n = node(r, s->value);
        for (uint32_t i = 0; i < s->results.n; i++)
            if (s->results.at[i]->kind == PT_NAME)
                define(r, s->results.at[i], record_result(n, i));
    } else if (s->value->name != s->results.at[0]->name) {
        define(r, s->results.at[0], term(r, s->value));
    }
}

static bool goes(const x_node *n)
{
    for (uint32_t i = 0; i < n->results.n; i++)
        if (!n->results.at[i]->kept)
            return true;
    return false;
}

/* Those that go stand before those that stay. */
static void begin(const naive_match *m)
{
    sld_node nodes[256];
    uint32_t n = 0, all = 0;
    for (uint32_t stay = 0; stay < 2; stay++)
        for (uint32_t i = 0; i < m->v->nodes.n; i++)
            if (goes(m->v->nodes.at[i]) != stay) {
                nodes[all++] = m->nodes[m->v->nodes.at[i]->id];
                n += !stay;
            }
    record_begin((int)m->v->rule->id, nodes, n, all);
}

void naive_apply(naive_match *m)
{
    right r = {.m = m};
    const pat_rule *rule = m->v->rule;
    begin(m);
    for (uint32_t i = 0; i < rule->replace.n; i++)
        statement(&r, rule->replace.at[i]);
    for (uint32_t i = 0; i < r.n_names; i++) {
        const x_val *old = matched(&r, r.names[i].name);
        if (old && old->kind == XVAL_RESULT)
            record_yield(m->vals[old->id], r.names[i].value);
    }
    record_end();
}
