/* Emits the matcher of one variant: one C function that tests the pattern node by node
 * from its root towards producers.  A commutative node opens a loop over both operand
 * orders; a test that fails continues the innermost loop. */
#include <inttypes.h>
#include <string.h>

#include "diag.h"
#include "gen.h"

typedef struct matcher {
    gen *g;
    x_variant *v;
    out body;
    uint32_t loops;      /* open loops: failing means `continue` */
    uint32_t n_temps;
} matcher;

#define LINE(m, ...) out_line(&(m)->body, __VA_ARGS__)

static void fail_if(matcher *m, const char *cond)
{
    LINE(m, "if (%s)", cond);
    LINE(m, m->loops ? "    continue;" : "    return false;");
}

#define FAIL_IF(m, ...) fail_if((m), gen_format((m)->g, __VA_ARGS__))

static void source_comment(matcher *m, pat_span span)
{
    size_t n;
    const char *file, *text = pat_span_text(m->g->session, span, &n);
    unsigned line, col;
    pat_location(m->g->session, span, &file, &line, &col);
    const char *slash = strrchr(file, '/');
    size_t k = 0;
    while (k < n && k < 90 && text[k] != '\n' && !(text[k] == '*' && k + 1 < n && text[k + 1] == '/') &&
           !(text[k] == '/' && k + 1 < n && text[k + 1] == '*'))
        k++;
    LINE(m, "/* %s:%u: %.*s%s */", slash ? slash + 1 : file, line, (int)k, text, k < n ? " ..." : "");
}

/* ----------------------------------------------------------------- types -- */

static uint32_t rank_position(const pat_type *t)
{
    uint32_t i = 0;
    while (i < t->elems.n && t->elems.at[i]->kind != PE_RANK)
        i++;
    return i;
}

static void match_dim(matcher *m, const char *dim, const pat_expr *e, x_scope *s)
{
    gen *g = m->g;
    if (e->kind == PE_WILD)
        return;
    if (e->kind == PE_NAME) {
        x_name *n = pat_scope_find(s, e->name);
        x_var *v = n && n->var && n->var->kind != XV_DIM ? n->var : scope_var(g, s, XV_DIM, e->name);
        if (v->kind == XV_DIM && !v->bound) {
            LINE(m, "%s = %s;", v->c, dim);
            v->bound = true;
            return;
        }
    }
    cx x = emit_expr(g, e, s);
    if (x.kind == CX_DIM)
        FAIL_IF(m, "!SLD_DIM_EQ(g, %s, %s)", dim, x.c);
    else if (x.kind != CX_ERROR)
        pat_error(g->session, e->span, 406, "a dim is wanted here");
}

static void match_rank_var(matcher *m, x_var *r, const char *v, const char *at, const char *n)
{
    if (!r->bound) {
        LINE(m, "%s = (sld_dims){%s, %s, %s};", r->c, v, at, n);
        r->bound = true;
    } else {
        FAIL_IF(m, "!sld_same_dims(g, %s, (sld_dims){%s, %s, %s})", r->c, v, at, n);
    }
}

static void match_dtype(matcher *m, const char *v, const pat_type *t, x_scope *s)
{
    gen *g = m->g;
    int fixed = dtype_by_name(t->dtype);
    if (fixed > 0) {
        FAIL_IF(m, "SLD_DTYPE(g, %s) != %s", v, dtype_enum(fixed));
        return;
    }
    const pat_dtype_decl *d = find_dtype_var(g, t->dtype);
    x_var *var = scope_var(g, s, XV_DTYPE, t->dtype);
    if (var->bound) {
        FAIL_IF(m, "SLD_DTYPE(g, %s) != %s", v, var->c);
        return;
    }
    LINE(m, "%s = SLD_DTYPE(g, %s);", var->c, v);
    if (d)
        FAIL_IF(m, "!(0x%xu >> %s & 1)", d->set, var->c);
    var->bound = true;
}

static void match_type(matcher *m, const char *v, const x_type *gt)
{
    gen *g = m->g;
    const pat_type *t = gt->type;
    uint32_t n = t->elems.n, at = rank_position(t);
    match_dtype(m, v, t, gt->scope);
    if (n == 1 && t->elems.at[0]->kind == PE_WILD)
        return;
    if (at == n)
        FAIL_IF(m, "SLD_RANK(g, %s) != %u", v, n);
    else if (n > 1)
        FAIL_IF(m, "SLD_RANK(g, %s) < %u", v, n - 1);
    for (uint32_t i = 0; i < n; i++) {
        const pat_expr *e = t->elems.at[i];
        if (i == at)
            match_rank_var(m, scope_var(g, gt->scope, XV_RANK, e->name), v, gen_format(g, "%u", i),
                           gen_format(g, "SLD_RANK(g, %s) - %u", v, n - 1));
        else if (i < at)
            match_dim(m, gen_format(g, "SLD_DIM(g, %s, %u)", v, i), e, gt->scope);
        else
            match_dim(m, gen_format(g, "SLD_DIM(g, %s, SLD_RANK(g, %s) - %u)", v, v, n - i), e, gt->scope);
    }
}

static void match_types(matcher *m, const x_val *val, const char *v)
{
    for (uint32_t i = 0; i < val->types.n; i++)
        match_type(m, v, val->types.at[i]);
}

/* ------------------------------------------------------------ attributes -- */

static void match_list(matcher *m, const char *a, const x_attr *ga)
{
    gen *g = m->g;
    const pat_exprs *list = &ga->value->args;
    uint32_t at = 0;
    while (at < list->n && list->at[at]->kind != PE_RANK)
        at++;
    if (at == list->n) {
        FAIL_IF(m, "%s.n != %u", a, list->n);
    } else {
        x_var *r = scope_var(g, ga->scope, XV_RANK, list->at[at]->name);
        if (!r->bound)
            pat_error(g->session, list->at[at]->span, 407, "'*%s' must be bound by a type before it stands in a list",
                      r->name);
        FAIL_IF(m, "%s.n != %s.n + %u", a, r->c, list->n - 1);
        FAIL_IF(m, "!sld_list_has(g, %s, %u, %s)", a, at, r->c);
    }
    for (uint32_t i = 0; i < list->n; i++)
        if (i != at)
            match_dim(m,
                      i < at ? gen_format(g, "%s.p[%u]", a, i) : gen_format(g, "%s.p[%s.n - %u]", a, a, list->n - i),
                      list->at[i], ga->scope);
}

static void match_default(matcher *m, const char *a, const pat_attr *attr)
{
    if (attr->dflt->kind == PE_LIST) {
        FAIL_IF(m, "%s.n != %u", a, attr->dflt->args.n);
        for (uint32_t i = 0; i < attr->dflt->args.n; i++)
            FAIL_IF(m, "%s.p[%u] != %s", a, i, emit_expr(m->g, attr->dflt->args.at[i], m->v->scope).c);
        return;
    }
    const pat_expr *e = attr->dflt;
    if (attr_kind(attr) == SLD_ATTR_ENUM)
        FAIL_IF(m, "%s.i != %d", a, enum_word(attr, e->name));
    else if (attr_kind(attr) == SLD_ATTR_STRING)
        pat_error(m->g->session, e->span, 408, "a string default cannot be matched yet: mention '%s'", attr->name);
    else if (e->kind == PE_BOOL)
        FAIL_IF(m, "%s.i != %s", a, e->ival ? "true" : "false");
    else
        FAIL_IF(m, "%s.%c != %s", a, attr_kind(attr) == SLD_ATTR_FLOAT ? 'f' : 'i',
                emit_expr(m->g, e, m->v->scope).c);
}

/* A name: an enum word or dtype, a variable that is bound, or a capture. */
static void match_attr_name(matcher *m, const char *a, const x_attr *ga)
{
    gen *g = m->g;
    pat_name name = ga->value->name;
    sld_attr_kind kind = attr_kind(ga->attr);
    if (kind == SLD_ATTR_ENUM && enum_word(ga->attr, name) >= 0) {
        FAIL_IF(m, "%s.i != %d", a, enum_word(ga->attr, name));
        return;
    }
    if (kind == SLD_ATTR_DTYPE && dtype_by_name(name) > 0) {
        FAIL_IF(m, "%s.i != %s", a, dtype_enum(dtype_by_name(name)));
        return;
    }
    x_name *n = pat_scope_find(ga->scope, name);
    if (n && n->var && n->var->kind == XV_DIM && (kind == SLD_ATTR_INT || kind == SLD_ATTR_AXIS)) {
        match_dim(m, gen_format(g, "%s.i", a), ga->value, ga->scope);
        return;
    }
    x_var *v = scope_var(g, ga->scope, XV_ATTR, name);
    if (v->bound) {
        FAIL_IF(m, "!sld_attr_same(%s, %s)", a, v->c);
        return;
    }
    LINE(m, "%s = %s;", v->c, a);
    v->bound = true;
    v->attr = ga->attr;
}

static void match_attr_expr(matcher *m, const char *a, const x_attr *ga)
{
    gen *g = m->g;
    sld_attr_kind kind = attr_kind(ga->attr);
    cx x = emit_expr(g, ga->value, ga->scope);
    if (x.kind == CX_ERROR)
        return;
    if (kind == SLD_ATTR_FLOAT && (x.kind == CX_FLOAT || x.kind == CX_DIM))
        FAIL_IF(m, "!sld_close(%s.f, %s, 1e-6)", a, x.c);
    else if (kind == SLD_ATTR_DTYPE && x.kind == CX_DTYPE)
        FAIL_IF(m, "%s.i != (int64_t)%s", a, x.c);
    else if (kind == SLD_ATTR_BOOL && x.kind == CX_BOOL)
        FAIL_IF(m, "%s.i != %s", a, x.c);
    else if ((kind == SLD_ATTR_INT || kind == SLD_ATTR_AXIS) && x.kind == CX_DIM)
        FAIL_IF(m, "!SLD_DIM_EQ(g, %s.i, %s)", a, x.c);
    else
        pat_error(g->session, ga->value->span, 408, "attribute '%s' cannot have this value", ga->attr->name);
}

static void match_attr(matcher *m, const x_node *n, const x_attr *ga)
{
    gen *g = m->g;
    const pat_expr *e = ga->value;
    if (e && e->kind == PE_WILD)
        return;
    const char *a = gen_format(g, "a%u", ++m->n_temps);
    LINE(m, "const sld_attr %s = SLD_ATTR(g, n%u, %u); /* %s */", a, n->id, ga->slot, ga->attr->name);
    if (!e)
        match_default(m, a, ga->attr);
    else if (e->kind == PE_NAME)
        match_attr_name(m, a, ga);
    else if (e->kind == PE_LIST)
        match_list(m, a, ga);
    else
        match_attr_expr(m, a, ga);
}

/* ----------------------------------------------------------------- nodes -- */

static void match_node(matcher *m, x_node *n);

static void match_produced(matcher *m, x_val *val, const char *v)
{
    x_node *p = val->node;
    if (p->visited) {
        FAIL_IF(m, "%s != SLD_RESULT(g, n%u, %u)", v, p->id, val->index);
        return;
    }
    LINE(m, "n%u = SLD_PRODUCER(g, %s);", p->id, v);
    FAIL_IF(m, "!n%u || SLD_OP(g, n%u) != OP_%s || SLD_RESULT_INDEX(g, %s) != %u", p->id, p->id, p->op->name, v,
            val->index);
    match_node(m, p);
}

static void match_operand(matcher *m, x_val *val, const char *v)
{
    switch (val->kind) {
    case XVAL_RESULT:
        match_produced(m, val, v);
        break;
    case XVAL_INPUT:
        if (val->bound) {
            FAIL_IF(m, "%s != %s", val->c, v);
        } else {
            LINE(m, "%s = %s;", val->c, v);
            val->bound = true;
            if (val->maybe && val->types.n)
                LINE(m, "if (%s) {", v);
            match_types(m, val, val->c);
            if (val->maybe && val->types.n)
                LINE(m, "}");
        }
        break;
    case XVAL_NUMBER:
        FAIL_IF(m, "!sld_is_number(g, %s, %.17g, %.17g)", v, val->fval, val->tol);
        break;
    case XVAL_CONST:
        if (val->capture->bound) {
            FAIL_IF(m, "!sld_is_number(g, %s, %s.f, 0)", v, val->capture->c);
        } else {
            FAIL_IF(m, "!sld_scalar(g, %s, &%s)", v, val->capture->c);
            val->capture->bound = true;
        }
        break;
    case XVAL_NONE:
        FAIL_IF(m, "%s != 0", v);
        break;
    case XVAL_REST:
        pat_error(m->g->session, val->span, E_GEN_SPLICE, "'%s...' stands only in vocabularies", val->name);
        break;
    case XVAL_ANY:
        break;
    }
}

/* Values that die with the match must have no other reader. */
static void match_uses(matcher *m, const x_node *n)
{
    if (n->op->variadic_results)
        FAIL_IF(m, "SLD_N_RESULTS(g, n%u) != %u", n->id, n->results.n);
    for (uint32_t i = 0; i < n->results.n; i++) {
        x_val *r = n->results.at[i];
        if (!r->yielded)
            FAIL_IF(m, "SLD_USES(g, SLD_RESULT(g, n%u, %u)) != %u", n->id, i, r->n_uses);
    }
}

static void open_commutative(matcher *m, const x_node *n)
{
    LINE(m, "for (uint32_t c%u = 0; c%u < 2; c%u++) { /* both orders of %s */", n->id, n->id, n->id, n->op->name);
    m->body.indent++;
    m->loops++;
}

/* Exchanging equal operands tries the same thing twice. */
static bool both_orders(const x_node *n)
{
    return n->op->commutative && n->operands.at[0] != n->operands.at[1];
}

/* Whether an attribute can be tested before the operands: lists and expressions may speak
 * of dims and values that the operands bind. */
static bool stands_alone(const x_attr *a)
{
    const pat_expr *e = a->value;
    if (e && e->kind == PE_LIST)
        for (uint32_t i = 0; i < e->args.n; i++)
            if (e->args.at[i]->kind != PE_INT && e->args.at[i]->kind != PE_NEG)
                return false;
    return !e || (e->kind != PE_CALL && e->kind < PE_NOT);
}

static bool takes_variable_operands(const pat_op *op)
{
    for (uint32_t i = 0; i < op->operands.n; i++)
        if (op->operands.at[i]->variadic)
            return true;
    return false;
}

static void match_node(matcher *m, x_node *n)
{
    gen *g = m->g;
    n->visited = true;
    source_comment(m, n->span);
    if (takes_variable_operands(n->op))
        FAIL_IF(m, "SLD_N_OPERANDS(g, n%u) != %u", n->id, n->operands.n);
    for (uint32_t i = 0; i < m->v->nodes.n; i++) {
        x_node *other = m->v->nodes.at[i];
        if (other != n && other->visited && other->op == n->op)
            FAIL_IF(m, "n%u == n%u", n->id, other->id);
    }
    match_uses(m, n);
    for (uint32_t i = 0; i < n->results.n; i++)
        if (n->results.at[i]->c) {
            LINE(m, "%s = SLD_RESULT(g, n%u, %u);", n->results.at[i]->c, n->id, i);
            match_types(m, n->results.at[i], n->results.at[i]->c);
        }
    for (uint32_t i = 0; i < n->attrs.n; i++)
        if (stands_alone(n->attrs.at[i]))
            match_attr(m, n, n->attrs.at[i]);
    bool swap = both_orders(n);
    if (swap)
        open_commutative(m, n);
    for (uint32_t i = 0; i < n->operands.n; i++) {
        const char *v = gen_format(g, "x%u_%u", n->id, i);
        if (swap && i < 2)
            LINE(m, "const SLD_VALUE %s = SLD_OPERAND(g, n%u, %sc%u);", v, n->id, i ? "1 - " : "", n->id);
        else
            LINE(m, "const SLD_VALUE %s = SLD_OPERAND(g, n%u, %u);", v, n->id, i);
        const x_val *o = n->operands.at[i];
        if (i < n->op->operands.n && n->op->operands.at[i]->optional && o->kind == XVAL_INPUT && !o->maybe)
            FAIL_IF(m, "!%s", v);
        match_operand(m, n->operands.at[i], v);
    }
    for (uint32_t i = 0; i < n->attrs.n; i++)
        if (!stands_alone(n->attrs.at[i]))
            match_attr(m, n, n->attrs.at[i]);
}

static void match_where(matcher *m)
{
    for (uint32_t i = 0; i < m->v->where.n; i++) {
        source_comment(m, m->v->where.at[i]->expr->span);
        FAIL_IF(m, "!(%s)", emit_condition(m->g, m->v->where.at[i]->expr, m->v->where.at[i]->scope));
    }
}

/* A node all of whose results are kept is context, not part of what is replaced. */
static bool is_context(const x_node *n)
{
    for (uint32_t i = 0; i < n->results.n; i++)
        if (!n->results.at[i]->kept)
            return false;
    return true;
}

static void succeed(matcher *m)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->v->nodes.n; i++)
        if (!is_context(m->v->nodes.at[i]))
            LINE(m, "m->nodes[%u] = n%u;", n++, m->v->nodes.at[i]->id);
    LINE(m, "m->n_nodes = %u;", n);
    LINE(m, "return true;");
    bool loops = m->loops;
    while (m->loops--) {
        m->body.indent--;
        LINE(m, "}");
    }
    if (loops)
        LINE(m, "return false;");
}

void emit_matcher(gen *g, x_variant *v, uint32_t number, uint32_t count)
{
    matcher m = {.g = g, .v = v, .body = {.indent = 1}};
    match_node(&m, v->root);
    match_where(&m);
    for (uint32_t i = 0; i < v->nodes.n; i++)
        if (!v->nodes.at[i]->visited)
            pat_error(g->session, v->nodes.at[i]->span, 409,
                      "this node is not reached from the root '%s' of the rule", v->root->op->name);
    succeed(&m);
    out_line(g->o, "/* rule %s, variant %u of %u */", g->rule->name, number, count);
    out_line(g->o, "static bool match_%s_%u(SLD_GRAPH g, SLD_NODE n%u, struct match_%s *m)\n{", g->rule->name, number,
             v->root->id, g->rule->name);
    for (uint32_t i = 0; i < v->nodes.n; i++)
        if (v->nodes.at[i] != v->root)
            out_line(g->o, "    SLD_NODE n%u;", v->nodes.at[i]->id);
    for (uint32_t i = 0; i < g->locals.n; i++)
        out_line(g->o, "    SLD_LOCAL %s", g->locals.at[i]);
    out_f(g->o, "%s}\n\n", m.body.text);
    g->locals.n = 0;
    out_free(&m.body);
}
