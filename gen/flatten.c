/* Turns one variant of a rule's left side into a graph of pattern nodes and values: named
 * patterns are inlined with the chosen alternative, names become values and variables. */
#include <stdio.h>
#include <string.h>

#include "gen.h"

typedef struct flattener {
    gen *g;
    gvariant *v;
    gchoice *choice;
    uint32_t n_choices, n_instances;
    bool failed;
} flattener;

gname *scope_find(gscope *s, pat_name name)
{
    for (uint32_t i = 0; i < s->names.n; i++)
        if (s->names.at[i]->name == name)
            return s->names.at[i];
    return NULL;
}

static gname *scope_add(gen *g, gscope *s, pat_name name, gval *val, gvar *var)
{
    gname *n = pat_alloc(g->arena, sizeof *n);
    *n = (gname){name, val, var};
    PAT_PUSH(g->arena, s->names, n);
    return n;
}

static void declare(gen *g, gscope *s, const char *decl)
{
    if (!s->rule_level) {
        PAT_PUSH(g->arena, g->locals, decl);
        return;
    }
    for (uint32_t i = 0; i < g->fields.n; i++)
        if (!strcmp(g->fields.at[i], decl))
            return;
    PAT_PUSH(g->arena, g->fields, decl);
}

gvar *scope_var(gen *g, gscope *s, gvar_kind kind, pat_name name)
{
    static const char letters[] = {[GVAR_DIM] = 'd', [GVAR_RANK] = 'r', [GVAR_ATTR] = 'a', [GVAR_DTYPE] = 't'};
    static const char *const types[] = {
        [GVAR_DIM] = "sld_dim", [GVAR_RANK] = "sld_dims", [GVAR_ATTR] = "sld_attr", [GVAR_DTYPE] = "int",
    };
    for (uint32_t i = 0; i < s->names.n; i++)
        if (s->names.at[i]->name == name && s->names.at[i]->var && s->names.at[i]->var->kind == kind)
            return s->names.at[i]->var;
    gvar *v = pat_alloc(g->arena, sizeof *v);
    *v = (gvar){.kind = kind, .name = name};
    const char *plain = gen_format(g, "%c_%s%s", letters[kind], s->rule_level ? "" : s->prefix, name);
    v->c = s->rule_level ? gen_format(g, "m->%s", plain) : plain;
    declare(g, s, gen_format(g, "%s %s;", types[kind], plain));
    scope_add(g, s, name, NULL, v);
    return v;
}

static gval *new_val(gen *g, gval_kind kind, pat_span span)
{
    gval *v = pat_alloc(g->arena, sizeof *v);
    *v = (gval){.kind = kind, .span = span};
    return v;
}

static void annotate(gen *g, gval *v, const pat_type *type, gscope *s)
{
    if (!type)
        return;
    gtype *t = pat_alloc(g->arena, sizeof *t);
    *t = (gtype){type, s};
    PAT_PUSH(g->arena, v->types, t);
}

/* Gives a value a C variable so that its name can be used on the right. */
static void name_val(gen *g, gscope *s, gval *v, pat_name name)
{
    if (v->c)
        return;
    const char *plain = gen_format(g, "v_%s%s", s->rule_level ? "" : s->prefix, name);
    v->c = s->rule_level ? gen_format(g, "m->%s", plain) : plain;
    declare(g, s, gen_format(g, "SLD_VALUE %s;", plain));
}

static uint32_t choose(flattener *f, uint32_t radix, pat_span span)
{
    uint32_t i = f->n_choices++;
    if (i >= 64) {
        pat_error(f->g->session, span, 401, "more than 64 alternatives nested in rule '%s'", f->g->rule->name);
        f->failed = true;
        return 0;
    }
    if (i >= f->choice->n) {
        f->choice->at[i] = 0;
        f->choice->n = i + 1;
    }
    f->choice->radix[i] = radix;
    return f->choice->at[i];
}

static gval *flatten_term(flattener *f, const pat_term *t, gscope *s);
static bool flatten_stmts(flattener *f, const pat_stmts *stmts, gscope *s);

static gval *flatten_name(flattener *f, const pat_term *t, gscope *s)
{
    gname *n = scope_find(s, t->name);
    gval *v = n && n->val ? n->val : NULL;
    if (!v) {
        v = new_val(f->g, GVAL_FREE, t->span);
        name_val(f->g, s, v, t->name);
        scope_add(f->g, s, t->name, v, NULL);
    }
    annotate(f->g, v, t->type, s);
    return v;
}

static const pat_expr *given_attr(const pat_term *t, pat_name name)
{
    for (uint32_t i = 0; i < t->attrs.n; i++)
        if (t->attrs.at[i]->name == name)
            return t->attrs.at[i]->value;
    return NULL;
}

static gnode *flatten_op(flattener *f, const pat_op *op, const pat_term *t, gscope *s)
{
    gen *g = f->g;
    gnode *n = pat_alloc(g->arena, sizeof *n);
    *n = (gnode){.op = op, .span = t->span};
    for (uint32_t i = 0; i < t->operands.n; i++) {
        gval *v = flatten_term(f, t->operands.at[i], s);
        if (!v)
            return NULL;
        v->n_uses++;
        PAT_PUSH(g->arena, n->operands, v);
    }
    for (uint32_t i = 0; i < op->attrs.n; i++) {
        gattr *a = pat_alloc(g->arena, sizeof *a);
        *a = (gattr){op->attrs.at[i], i, given_attr(t, op->attrs.at[i]->name), s};
        PAT_PUSH(g->arena, n->attrs, a);
    }
    n->id = f->v->nodes.n + 1;
    PAT_PUSH(g->arena, f->v->nodes, n);
    return n;
}

static gval *node_result(gen *g, gnode *n, pat_span span)
{
    gval *v = new_val(g, GVAL_RESULT, span);
    v->node = n;
    v->index = n->results.n;
    PAT_PUSH(g->arena, n->results, v);
    return v;
}

/* The caller's variable that stands for a pattern's attribute. */
static bool bind_pattern_attr(flattener *f, const pat_pattern *p, const pat_term *t, gscope *caller, gscope *callee,
                              pat_name attr)
{
    const pat_expr *e = given_attr(t, attr);
    if (e && e->kind == PE_WILD)
        return true;
    if (e && e->kind != PE_NAME) {
        pat_error(f->g->session, e->span, 402, "attribute '%s' of pattern '%s' must be captured by a name", attr,
                  p->name);
        return false;
    }
    pat_name name = e ? e->name : attr;
    scope_add(f->g, callee, attr, NULL, scope_var(f->g, caller, GVAR_ATTR, name));
    return true;
}

static gval *flatten_pattern(flattener *f, pat_pattern *p, const pat_term *t, gscope *s)
{
    gen *g = f->g;
    gscope *inner = pat_alloc(g->arena, sizeof *inner);
    *inner = (gscope){.prefix = gen_format(g, "%s%u_", p->name, ++f->n_instances)};
    for (uint32_t i = 0; i < p->params.n && i < t->operands.n; i++) {
        gval *v = flatten_term(f, t->operands.at[i], s);
        if (!v)
            return NULL;
        if (v->kind == GVAL_RESULT)
            name_val(g, inner, v, p->params.at[i]->name);
        annotate(g, v, p->params.at[i]->type, inner);
        scope_add(g, inner, p->params.at[i]->name, v, NULL);
    }
    for (uint32_t i = 0; i < p->attrs.n; i++)
        if (!bind_pattern_attr(f, p, t, s, inner, p->attrs.at[i]->name))
            return NULL;
    pat_alt *alt = p->alts.at[p->alts.n > 1 ? choose(f, p->alts.n, t->span) : 0];
    if (!flatten_stmts(f, &alt->stmts, inner))
        return NULL;
    gval *v = flatten_term(f, alt->value, inner);
    for (uint32_t i = 0; i < alt->where.n; i++) {
        PAT_PUSH(g->arena, f->v->where, alt->where.at[i]);
        PAT_PUSH(g->arena, f->v->where_scopes, inner);
    }
    return v;
}

static gval *flatten_const(flattener *f, const pat_term *t, gscope *s)
{
    gval *v = new_val(f->g, GVAL_CONST, t->span);
    v->capture = scope_var(f->g, s, GVAR_ATTR, t->name);
    return v;
}

static gval *flatten_term(flattener *f, const pat_term *t, gscope *s)
{
    gen *g = f->g;
    switch (t->kind) {
    case PT_NAME:
        return flatten_name(f, t, s);
    case PT_NUMBER: {
        gval *v = new_val(g, GVAL_NUMBER, t->span);
        v->fval = t->fval;
        v->tol = t->tol;
        return v;
    }
    case PT_CONST:
        return flatten_const(f, t, s);
    case PT_WILD:
        return new_val(g, GVAL_WILD, t->span);
    case PT_NONE:
        return new_val(g, GVAL_NONE, t->span);
    case PT_SPLICE:
        pat_error(g->session, t->span, 403, "'%s...' stands only in vocabularies", t->name);
        return NULL;
    case PT_APPLY:
        break;
    }
    pat_pattern *p = pat_find_pattern(g->program, t->name);
    if (p)
        return flatten_pattern(f, p, t, s);
    pat_op *op = pat_find_op(g->program, t->name);
    gnode *n = op ? flatten_op(f, op, t, s) : NULL;
    return n ? node_result(g, n, t->span) : NULL;
}

/* Names the result of a statement; a name that was an open parameter before joins it. */
static void bind_result(flattener *f, const pat_term *r, gval *v, gscope *s)
{
    if (r->kind != PT_NAME)
        return;
    annotate(f->g, v, r->type, s);
    name_val(f->g, s, v, r->name);
    scope_add(f->g, s, r->name, v, NULL);
}

static bool flatten_stmt(flattener *f, const pat_stmt *stmt, gscope *s)
{
    const pat_term *t = stmt->value;
    pat_op *op =
        t->kind == PT_APPLY && !pat_find_pattern(f->g->program, t->name) ? pat_find_op(f->g->program, t->name) : NULL;
    if (!op) {
        gval *v = flatten_term(f, t, s);
        if (v)
            bind_result(f, stmt->results.at[0], v, s);
        return v != NULL;
    }
    gnode *n = flatten_op(f, op, t, s);
    if (!n)
        return false;
    for (uint32_t i = 0; i < stmt->results.n; i++)
        bind_result(f, stmt->results.at[i], node_result(f->g, n, stmt->results.at[i]->span), s);
    return true;
}

static bool flatten_stmts(flattener *f, const pat_stmts *stmts, gscope *s)
{
    for (uint32_t i = 0; i < stmts->n; i++)
        if (!flatten_stmt(f, stmts->at[i], s))
            return false;
    return true;
}

/* The node none of whose results another node reads. */
static gnode *find_root(gvariant *v)
{
    for (uint32_t i = v->nodes.n; i-- > 0;) {
        gnode *n = v->nodes.at[i];
        bool read = false;
        for (uint32_t r = 0; r < n->results.n; r++)
            read |= n->results.at[r]->n_uses > 0;
        if (!read)
            return n;
    }
    return NULL;
}

static void mark_yields(flattener *f)
{
    const pat_rule *rule = f->g->rule;
    for (uint32_t i = 0; i < rule->replace.n; i++)
        for (uint32_t j = 0; j < rule->replace.at[i]->results.n; j++) {
            const pat_term *r = rule->replace.at[i]->results.at[j];
            gname *n = r->kind == PT_NAME ? scope_find(f->v->scope, r->name) : NULL;
            if (!n || !n->val || n->val->kind != GVAL_RESULT)
                continue;
            const pat_term *value = rule->replace.at[i]->value;
            n->val->yielded = true;
            n->val->kept = value->kind == PT_NAME && value->name == r->name;
        }
}

gvariant *flatten_rule(gen *g, const pat_rule *rule, gchoice *choice)
{
    gvariant *v = pat_alloc(g->arena, sizeof *v);
    *v = (gvariant){0};
    v->scope = pat_alloc(g->arena, sizeof *v->scope);
    *v->scope = (gscope){.prefix = "", .rule_level = true};
    flattener f = {.g = g, .v = v, .choice = choice};
    if (!flatten_stmts(&f, &rule->match, v->scope) || f.failed)
        return NULL;
    for (uint32_t i = 0; i < rule->where.n; i++) {
        PAT_PUSH(g->arena, v->where, rule->where.at[i]);
        PAT_PUSH(g->arena, v->where_scopes, v->scope);
    }
    mark_yields(&f);
    v->root = find_root(v);
    if (!v->root) {
        pat_error(g->session, rule->name_span, 404, "rule '%s' has no root node", rule->name);
        return NULL;
    }
    return v;
}
