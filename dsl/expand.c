/* Expands a rule: see expand.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checker.h"
#include "expand.h"

typedef struct expander {
    x_variant *v;
    pat_session *s;
    const pat_program *p;
    x_choice *choice;
    uint32_t n_choices, n_instances;
    bool failed;
} expander;

#define NEW(e, T, ...) ((T *)memcpy(pat_alloc((e)->s->arena, sizeof(T)), &(T){__VA_ARGS__}, sizeof(T)))

/* ---------------------------------------------------------------- scopes -- */

x_name *pat_scope_find(x_scope *s, pat_name name)
{
    for (uint32_t i = 0; i < s->names.n; i++)
        if (s->names.at[i]->name == name)
            return s->names.at[i];
    return NULL;
}

static void scope_add(pat_session *session, x_scope *s, x_name name)
{
    x_name *n = pat_alloc(session->arena, sizeof *n);
    *n = name;
    PAT_PUSH(session->arena, s->names, n);
}

x_var *pat_scope_var(x_variant *v, x_scope *s, x_var_kind kind, pat_name name)
{
    for (uint32_t i = 0; i < s->names.n; i++)
        if (s->names.at[i]->name == name && s->names.at[i]->var && s->names.at[i]->var->kind == kind)
            return s->names.at[i]->var;
    x_var *var = pat_alloc(v->session->arena, sizeof *var);
    *var = (x_var){.kind = kind, .name = name, .scope = s, .id = v->vars.n};
    PAT_PUSH(v->session->arena, v->vars, var);
    scope_add(v->session, s, (x_name){.name = name, .var = var});
    return var;
}

static const pat_expr *given(x_scope *s, pat_name name)
{
    const x_name *n = name ? pat_scope_find(s, name) : NULL;
    return n ? n->given : NULL;
}

const pat_expr *pat_replace_names(pat_session *s, const pat_expr *x, const pat_expr *(*of)(void *, pat_name), void *context)
{
    const pat_expr *value = x->kind == PE_NAME ? of(context, x->name) : NULL;
    pat_expr *copy = NULL;
    if (value) {
        copy = pat_alloc(s->arena, sizeof *copy);
        *copy = *value;
        copy->span = x->span;
        return copy;
    }
    for (uint32_t i = 0; i < x->args.n; i++) {
        const pat_expr *a = pat_replace_names(s, x->args.at[i], of, context);
        if (a == x->args.at[i])
            continue;
        if (!copy) {
            copy = pat_alloc(s->arena, sizeof *copy);
            *copy = *x;
            copy->args = (pat_exprs){0};
            for (uint32_t j = 0; j < x->args.n; j++)
                PAT_PUSH(s->arena, copy->args, x->args.at[j]);
        }
        copy->args.at[i] = (pat_expr *)a;
    }
    return copy ? copy : x;
}

static const pat_expr *given_in(void *scope, pat_name name)
{
    return given(scope, name);
}

/* The expression with the parameters of a pattern replaced by the literals that its use gave. */
static const pat_expr *with_given(expander *e, const pat_expr *x, x_scope *s)
{
    return !x || s->rule_level ? x : pat_replace_names(e->s, x, given_in, s);
}

static const pat_type *type_with_given(expander *e, const pat_type *t, x_scope *s)
{
    if (s->rule_level)
        return t;
    pat_type *copy = NEW(e, pat_type, .span = t->span);
    *copy = *t;
    copy->elems = (pat_exprs){0};
    const pat_expr *dtype = given(s, t->dtype);
    if (dtype && dtype->kind == PE_NAME)
        copy->dtype = dtype->name;
    for (uint32_t i = 0; i < t->elems.n; i++)
        PAT_PUSH(e->s->arena, copy->elems, (pat_expr *)with_given(e, t->elems.at[i], s));
    return copy;
}

/* ---------------------------------------------------------------- values -- */

static x_val *new_val(expander *e, x_val_kind kind, pat_span span)
{
    x_val *v = NEW(e, x_val, .kind = kind, .span = span, .id = e->v->vals.n);
    PAT_PUSH(e->s->arena, e->v->vals, v);
    return v;
}

static void annotate(expander *e, x_val *v, const pat_type *type, x_scope *s)
{
    if (type)
        PAT_PUSH(e->s->arena, v->types, NEW(e, x_type, type_with_given(e, type, s), s));
}

static void name_val(x_val *v, x_scope *s, pat_name name)
{
    if (v->name)
        return;
    v->name = name;
    v->scope = s;
}

static uint32_t choose(expander *e, uint32_t radix, pat_span span)
{
    uint32_t i = e->n_choices;
    if (radix == 1)
        return 0;
    if (i >= X_MAX_CHOICES) {
        if (!e->failed)
            pat_error(e->s, span, E_TOO_MANY_ALTS, "more than %d alternatives nested in rule '%s'", X_MAX_CHOICES,
                      e->v->rule->name);
        e->failed = true;
        return 0;
    }
    e->n_choices++;
    if (i >= e->choice->n) {
        e->choice->at[i] = 0;
        e->choice->n = i + 1;
    }
    e->choice->radix[i] = radix;
    return e->choice->at[i];
}

bool pat_next_choice(x_choice *c)
{
    /* Positions after the one that changes are forgotten: other alternatives may hold other ones. */
    for (uint32_t i = c->n; i-- > 0;)
        if (++c->at[i] < c->radix[i]) {
            c->n = i + 1;
            return true;
        }
    return false;
}

/* ----------------------------------------------------------------- terms -- */

static x_val *expand_term(expander *e, const pat_term *t, x_scope *s);
static bool expand_stmts(expander *e, const pat_stmts *stmts, x_scope *s);

static x_val *expand_name(expander *e, const pat_term *t, x_scope *s)
{
    x_name *n = pat_scope_find(s, t->name);
    x_val *v = n && n->val ? n->val : NULL;
    if (!v) {
        v = new_val(e, t->kind == PT_SPLICE ? XVAL_REST : XVAL_INPUT, t->span);
        v->maybe = t->maybe;
        name_val(v, s, t->name);
        scope_add(e->s, s, (x_name){.name = t->name, .val = v});
    }
    annotate(e, v, t->type, s);
    return v;
}

static const pat_expr *given_attr(const pat_term *t, pat_name name)
{
    for (uint32_t i = 0; i < t->attrs.n; i++)
        if (t->attrs.at[i]->name == name)
            return t->attrs.at[i]->value;
    return NULL;
}

static x_val *node_result(expander *e, x_node *n, pat_span span)
{
    x_val *v = new_val(e, XVAL_RESULT, span);
    v->node = n;
    v->index = n->results.n;
    PAT_PUSH(e->s->arena, n->results, v);
    return v;
}

/* inf and nan are numbers where an attribute is one, and no names. */
static const pat_expr *number_word(expander *e, const pat_attr *a, const pat_expr *x)
{
    if (!x || x->kind != PE_NAME || !a->kind || strcmp(a->kind, "float") || !pat_literal_fits(a, x))
        return x;
    return NEW(e, pat_expr, .kind = PE_FLOAT, .span = x->span, .fval = *x->name == 'i' ? INFINITY : NAN);
}

static x_node *new_node(expander *e, const pat_op *op, const pat_term *t, x_scope *s)
{
    x_node *n = NEW(e, x_node, .op = op, .span = t->span);
    for (uint32_t i = 0; i < op->attrs.n; i++) {
        const pat_expr *value = with_given(e, given_attr(t, op->attrs.at[i]->name), s);
        PAT_PUSH(e->s->arena, n->attrs, NEW(e, x_attr, op->attrs.at[i], i, number_word(e, op->attrs.at[i], value), s));
    }
    return n;
}

static void read_by(expander *e, x_node *n, x_val *v)
{
    v->n_uses++;
    PAT_PUSH(e->s->arena, n->operands, v);
}

/* Operands come first, so that a node's number is greater than those of its producers. */
static void number_node(expander *e, x_node *n)
{
    PAT_PUSH(e->s->arena, e->v->nodes, n);
    n->id = e->v->nodes.n;
}

static x_node *expand_op(expander *e, const pat_op *op, const pat_term *t, x_scope *s)
{
    x_node *n = new_node(e, op, t, s);
    for (uint32_t i = 0; i < t->operands.n; i++) {
        x_val *v = expand_term(e, t->operands.at[i], s);
        if (!v)
            return NULL;
        read_by(e, n, v);
    }
    for (uint32_t i = t->operands.n; i < op->operands.n; i++)
        if (op->operands.at[i]->optional)
            read_by(e, n, new_val(e, XVAL_NONE, t->span));
    number_node(e, n);
    return n;
}

/* ------------------------------------------------------- chains of one op -- */

/* A tree over the operands of a chain: leaves 0.., then inner nodes. */
typedef struct tree { int left[2 * X_MAX_CHAIN], right[2 * X_MAX_CHAIN]; int n_leaves, n; } tree;

/* All trees over unordered leaves arise by hanging one leaf after the other on an edge of what is there. */
static int insert_leaf(expander *e, tree *t, int root, int leaf, pat_span span)
{
    int present[2 * X_MAX_CHAIN], n = 0;
    for (int i = 0; i < leaf; i++)
        present[n++] = i;
    for (int i = t->n_leaves; i < t->n; i++)
        present[n++] = i;
    int at = present[choose(e, (uint32_t)n, span)], inner = t->n++;
    t->left[inner] = at;
    t->right[inner] = leaf;
    for (int i = t->n_leaves; i < inner; i++) {
        t->left[i] = t->left[i] == at ? inner : t->left[i];
        t->right[i] = t->right[i] == at ? inner : t->right[i];
    }
    return root == at ? inner : root;
}

/* Without commutativity the order stays, and a tree is a choice of where to split. */
static int split_leaves(expander *e, tree *t, int from, int to, pat_span span)
{
    if (to - from == 1)
        return from;
    int at = from + 1 + (int)choose(e, (uint32_t)(to - from - 1), span);
    int left = split_leaves(e, t, from, at, span), right = split_leaves(e, t, at, to, span), inner = t->n++;
    t->left[inner] = left;
    t->right[inner] = right;
    return inner;
}

static x_node *build_tree(expander *e, const tree *t, int at, x_val **leaves, const pat_op *op, const pat_term *term,
                          x_scope *s)
{
    x_node *n = new_node(e, op, term, s);
    int sides[2] = {t->left[at], t->right[at]};
    for (int i = 0; i < 2; i++)
        read_by(e, n, sides[i] < t->n_leaves ? leaves[sides[i]]
                                             : node_result(e, build_tree(e, t, sides[i], leaves, op, term, s), term->span));
    number_node(e, n);
    return n;
}

static x_node *expand_chain(expander *e, const pat_op *op, const pat_term *t, x_scope *s)
{
    x_val *leaves[X_MAX_CHAIN];
    tree tr = {.n_leaves = (int)t->operands.n, .n = (int)t->operands.n};
    for (int i = 0; i < tr.n_leaves; i++)
        if (!(leaves[i] = expand_term(e, t->operands.at[i], s)))
            return NULL;
    int root = 0;
    if (op->commutative)
        for (int i = 1; i < tr.n_leaves; i++)
            root = insert_leaf(e, &tr, root, i, t->span);
    else
        root = split_leaves(e, &tr, 0, tr.n_leaves, t->span);
    return build_tree(e, &tr, root, leaves, op, t, s);
}

static x_node *expand_apply(expander *e, const pat_op *op, const pat_term *t, x_scope *s)
{
    return op->associative && t->operands.n > 2 ? expand_chain(e, op, t, s) : expand_op(e, op, t, s);
}

/* -------------------------------------------------------------- patterns -- */

static bool has_name(const pat_exprs *list, pat_name name)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (list->at[i]->kind == PE_NAME && list->at[i]->name == name)
            return true;
    return false;
}

static bool is_size_in(const expander *e, const pat_term *t, pat_name name);

/* Whether a parameter of a pattern is a size in it: an element of a list or of a shape. */
static bool is_size(const expander *e, const pat_pattern *q, pat_name name)
{
    for (uint32_t i = 0; i < q->alts.n; i++) {
        const pat_alt *alt = q->alts.at[i];
        if (is_size_in(e, alt->value, name))
            return true;
        for (uint32_t k = 0; k < alt->stmts.n; k++)
            if (is_size_in(e, alt->stmts.at[k]->value, name))
                return true;
    }
    return false;
}

static bool is_size_in(const expander *e, const pat_term *t, pat_name name)
{
    const pat_pattern *q = t->kind == PT_APPLY ? pat_find_pattern(e->p, t->name) : NULL;
    if (t->type && has_name(&t->type->elems, name))
        return true;
    for (uint32_t i = 0; i < t->attrs.n; i++) {
        const pat_expr *x = t->attrs.at[i]->value;
        bool passed = x->kind == PE_NAME && x->name == name;
        if ((x->kind == PE_LIST && has_name(&x->args, name)) || (passed && q && is_size(e, q, t->attrs.at[i]->name)))
            return true;
    }
    for (uint32_t i = 0; i < t->operands.n; i++)
        if (is_size_in(e, t->operands.at[i], name))
            return true;
    return false;
}

/* A parameter of a pattern is the caller's variable, or the literal that the use gives. */
static void bind_parameter(expander *e, const pat_pattern *q, const pat_term *t, x_scope *caller, x_scope *callee,
                           pat_name attr)
{
    const pat_expr *x = with_given(e, given_attr(t, attr), caller);
    if (!x || x->kind == PE_WILD)
        return;
    bool literal = x->kind != PE_NAME || pat_dtype_number(x->name) || pat_is_any_word(e->p, x->name);
    const x_name *known = literal ? NULL : pat_scope_find(caller, x->name);
    x_var_kind kind = known && known->var ? known->var->kind : is_size(e, q, attr) ? XV_DIM : XV_ATTR;
    if (literal)
        scope_add(e->s, callee, (x_name){.name = attr, .given = x});
    else
        scope_add(e->s, callee, (x_name){.name = attr, .var = pat_scope_var(e->v, caller, kind, x->name)});
}

static x_val *expand_pattern(expander *e, const pat_pattern *q, const pat_term *t, x_scope *s)
{
    char prefix[300];
    int n = snprintf(prefix, sizeof prefix, "%.200s%u_", q->name, ++e->n_instances);
    x_scope *inner = NEW(e, x_scope, .prefix = pat_intern(e->s, prefix, (size_t)n));
    for (uint32_t i = 0; i < q->attrs.n; i++)
        bind_parameter(e, q, t, s, inner, q->attrs.at[i]->name);
    for (uint32_t i = 0; i < q->params.n && i < t->operands.n; i++) {
        x_val *v = expand_term(e, t->operands.at[i], s);
        if (!v)
            return NULL;
        if (v->kind == XVAL_RESULT)
            name_val(v, inner, q->params.at[i]->name);
        annotate(e, v, q->params.at[i]->type, inner);
        scope_add(e->s, inner, (x_name){.name = q->params.at[i]->name, .val = v});
    }
    const pat_alt *alt = q->alts.at[choose(e, q->alts.n, t->span)];
    if (!expand_stmts(e, &alt->stmts, inner))
        return NULL;
    x_val *v = expand_term(e, alt->value, inner);
    for (uint32_t i = 0; i < alt->where.n; i++)
        PAT_PUSH(e->s->arena, e->v->where, NEW(e, x_cond, with_given(e, alt->where.at[i], inner), inner));
    return v;
}

static x_val *expand_term(expander *e, const pat_term *t, x_scope *s)
{
    x_val *v;
    switch (t->kind) {
    case PT_NAME: case PT_SPLICE:
        return expand_name(e, t, s);
    case PT_NUMBER:
        v = new_val(e, XVAL_NUMBER, t->span);
        v->fval = t->fval;
        v->tol = t->tol;
        return v;
    case PT_CONST:
        v = new_val(e, XVAL_CONST, t->span);
        v->capture = pat_scope_var(e->v, s, XV_ATTR, t->name);
        return v;
    case PT_WILD:
        return new_val(e, XVAL_ANY, t->span);
    case PT_NONE:
        return new_val(e, XVAL_NONE, t->span);
    case PT_APPLY:
        break;
    }
    const pat_pattern *q = pat_find_pattern(e->p, t->name);
    if (q)
        return expand_pattern(e, q, t, s);
    const pat_op *op = pat_find_op(e->p, t->name);
    x_node *n = op ? expand_apply(e, op, t, s) : NULL;
    v = n ? node_result(e, n, t->span) : NULL;
    for (uint32_t i = 1; n && i < op->results.n; i++)
        node_result(e, n, t->span); /* not named, but there */
    return v;
}

static void bind_result(expander *e, const pat_term *r, x_val *v, x_scope *s)
{
    if (r->kind != PT_NAME)
        return;
    annotate(e, v, r->type, s);
    name_val(v, s, r->name);
    scope_add(e->s, s, (x_name){.name = r->name, .val = v});
}

static bool expand_stmt(expander *e, const pat_stmt *stmt, x_scope *s)
{
    const pat_term *t = stmt->value;
    bool pattern = t->kind != PT_APPLY || pat_find_pattern(e->p, t->name);
    const pat_op *op = pattern ? NULL : pat_find_op(e->p, t->name);
    if (!op) {
        x_val *v = expand_term(e, t, s);
        if (v && stmt->results.n)
            bind_result(e, stmt->results.at[0], v, s);
        return v != NULL;
    }
    x_node *n = expand_apply(e, op, t, s);
    for (uint32_t i = 0; n && i < stmt->results.n; i++)
        bind_result(e, stmt->results.at[i], node_result(e, n, stmt->results.at[i]->span), s);
    return n != NULL;
}

static bool expand_stmts(expander *e, const pat_stmts *stmts, x_scope *s)
{
    for (uint32_t i = 0; i < stmts->n; i++)
        if (!expand_stmt(e, stmts->at[i], s))
            return false;
    return true;
}

/* ----------------------------------------------------------------- rules -- */

static x_node *find_root(x_variant *v)
{
    for (uint32_t i = v->nodes.n; i-- > 0;) {
        x_node *n = v->nodes.at[i];
        bool read = false;
        for (uint32_t r = 0; r < n->results.n; r++)
            read |= n->results.at[r]->n_uses > 0;
        if (!read)
            return n;
    }
    return NULL;
}

static void mark_yields(x_variant *v)
{
    const pat_rule *rule = v->rule;
    for (uint32_t i = 0; i < rule->replace.n; i++)
        for (uint32_t j = 0; j < rule->replace.at[i]->results.n; j++) {
            const pat_term *r = rule->replace.at[i]->results.at[j], *value = rule->replace.at[i]->value;
            x_name *n = r->kind == PT_NAME ? pat_scope_find(v->scope, r->name) : NULL;
            if (!n || !n->val || n->val->kind != XVAL_RESULT)
                continue;
            n->val->yielded = true;
            n->val->kept = value->kind == PT_NAME && value->name == r->name;
        }
}

x_variant *pat_expand(pat_session *s, const pat_program *p, const pat_rule *rule, x_choice *choice)
{
    expander e = {.s = s, .p = p, .choice = choice};
    e.v = NEW(&e, x_variant, .session = s, .program = p, .rule = rule);
    e.v->scope = NEW(&e, x_scope, .prefix = "", .rule_level = true);
    if (!expand_stmts(&e, &rule->match, e.v->scope) || e.failed)
        return NULL;
    e.v->root = find_root(e.v);
    if (!e.v->root) {
        pat_error(s, rule->name_span, E_NO_ROOT, "with one choice of alternatives, no op is left of the match of rule '%s'",
                  rule->name);
        return NULL;
    }
    for (uint32_t i = 0; i < rule->where.n; i++)
        PAT_PUSH(s->arena, e.v->where, NEW(&e, x_cond, rule->where.at[i], e.v->scope));
    mark_yields(e.v);
    return e.v;
}
