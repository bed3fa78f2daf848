/* Emits the right side of a rule: one C function that builds the new nodes and hands the
 * yielded values over. */
#include <inttypes.h>
#include <string.h>

#include "gen.h"

typedef struct rname { pat_name name; const char *c; } rname;

typedef struct rewriter {
    gen *g;
    x_variant *v;
    rname names[64];      /* names that the right side defines */
    uint32_t n_names, n_builds;
} rewriter;

static const char *build_term(rewriter *r, const pat_term *t);

static const char *value_of(rewriter *r, const pat_term *t)
{
    for (uint32_t i = r->n_names; i-- > 0;)
        if (r->names[i].name == t->name)
            return r->names[i].c;
    x_name *n = pat_scope_find(r->v->scope, t->name);
    if (n && n->val && n->val->c)
        return n->val->c;
    pat_error(r->g->session, t->span, 410, "'%s' is not a value of the match", t->name);
    return "0";
}

static void define(rewriter *r, const pat_term *t, const char *c)
{
    if (r->n_names == 64) {
        pat_error(r->g->session, t->span, 411, "more than 64 values on the right of one rule");
        return;
    }
    r->names[r->n_names++] = (rname){t->name, c};
}

/* ------------------------------------------------------------ attributes -- */

static void list_element(rewriter *r, const char *list, const pat_expr *e)
{
    gen *g = r->g;
    if (e->kind == PE_RANK) {
        x_var *v = scope_var(g, r->v->scope, XV_RANK, e->name);
        if (!v->bound)
            pat_error(g->session, e->span, 412, "'*%s' is not bound by the match", e->name);
        out_line(g->o, "sld_list_push_dims(g, &%s, %s);", list, v->c);
        return;
    }
    cx x = emit_expr(g, e, r->v->scope);
    if (x.kind != CX_DIM && x.kind != CX_ERROR)
        pat_error(g->session, e->span, 413, "a list holds dims and integers");
    out_line(g->o, "sld_list_push(&%s, %s);", list, x.c);
}

/* shape(v), compose(p, q), swap_perm(rank, a, b) */
static const char *list_call(rewriter *r, const pat_expr *e, const char *list)
{
    gen *g = r->g;
    const char *args[3];
    if (!strcmp(e->name, "shape"))
        return gen_format(g, "sld_list_shape(g, &%s, %s);", list, emit_expr(g, e, r->v->scope).c);
    for (uint32_t i = 0; i < e->args.n && i < 3; i++)
        args[i] = emit_expr(g, e->args.at[i], r->v->scope).c;
    if (!strcmp(e->name, "compose") && e->args.n == 2)
        return gen_format(g, "sld_list_compose(&%s, %s, %s);", list, args[0], args[1]);
    if (!strcmp(e->name, "swap_perm") && e->args.n == 3)
        return gen_format(g, "sld_list_swap(&%s, %s, %s, %s);", list, args[0], args[1], args[2]);
    pat_error(g->session, e->span, 414, "'%s' does not give a list", e->name);
    return "";
}

static void build_list(rewriter *r, const char *slot, const char *kind, const pat_expr *e)
{
    gen *g = r->g;
    const char *list = gen_format(g, "list%u", ++r->n_builds);
    out_line(g->o, "sld_list %s = {0};", list);
    if (e->kind == PE_CALL)
        out_line(g->o, "%s", list_call(r, e, list));
    else
        for (uint32_t i = 0; i < e->args.n; i++)
            list_element(r, list, e->args.at[i]);
    out_line(g->o, "%s = (sld_attr){.kind = %s, .n = %s.n, .p = %s.p};", slot, kind, list, list);
}

static void build_attr(rewriter *r, const char *slot, const pat_attr *a, const pat_expr *e)
{
    gen *g = r->g;
    sld_attr_kind kind = attr_kind(a);
    if (e->kind == PE_LIST || (e->kind == PE_CALL && (kind == SLD_ATTR_INTS || kind == SLD_ATTR_AXES))) {
        build_list(r, slot, kind == SLD_ATTR_AXES ? "SLD_ATTR_AXES" : "SLD_ATTR_INTS", e);
        return;
    }
    if (kind == SLD_ATTR_ENUM && e->kind == PE_NAME && enum_word(a, e->name) >= 0) {
        out_line(g->o, "%s = (sld_attr){.kind = SLD_ATTR_ENUM, .i = %d};", slot, enum_word(a, e->name));
        return;
    }
    if (e->kind == PE_NAME)
        for (uint32_t i = 0; i < r->v->scope->names.n; i++) {
            x_var *v = r->v->scope->names.at[i]->name == e->name ? r->v->scope->names.at[i]->var : NULL;
            if (v && v->kind == XV_ATTR) {
                out_line(g->o, "%s = %s;", slot, v->c);
                return;
            }
        }
    cx x = emit_expr(g, e, r->v->scope);
    if ((x.kind == CX_FLOAT || x.kind == CX_DIM) && kind == SLD_ATTR_FLOAT)
        out_line(g->o, "%s = (sld_attr){.kind = SLD_ATTR_FLOAT, .f = (double)%s};", slot, x.c);
    else if (x.kind == CX_DIM && (kind == SLD_ATTR_INT || kind == SLD_ATTR_AXIS))
        out_line(g->o, "%s = (sld_attr){.kind = %s, .i = %s};", slot,
                 kind == SLD_ATTR_INT ? "SLD_ATTR_INT" : "SLD_ATTR_AXIS", x.c);
    else if (x.kind == CX_DTYPE && kind == SLD_ATTR_DTYPE)
        out_line(g->o, "%s = (sld_attr){.kind = SLD_ATTR_DTYPE, .i = (int64_t)%s};", slot, x.c);
    else if (x.kind == CX_BOOL && kind == SLD_ATTR_BOOL)
        out_line(g->o, "%s = (sld_attr){.kind = SLD_ATTR_BOOL, .i = %s};", slot, x.c);
    else if (x.kind != CX_ERROR)
        pat_error(g->session, e->span, 415, "attribute '%s' cannot have this value", a->name);
}

static void build_attrs(rewriter *r, const char *array, const pat_op *op, const pat_term *t)
{
    for (uint32_t i = 0; i < op->attrs.n; i++)
        for (uint32_t j = 0; j < t->attrs.n; j++)
            if (t->attrs.at[j]->name == op->attrs.at[i]->name)
                build_attr(r, gen_format(r->g, "%s[%u]", array, i), op->attrs.at[i], t->attrs.at[j]->value);
}

/* ----------------------------------------------------------------- nodes -- */

/* Builds one node and answers its C variable. */
static const char *build_op(rewriter *r, const pat_op *op, const pat_term *t, uint32_t n_results)
{
    gen *g = r->g;
    const char *in = "";
    for (uint32_t i = 0; i < t->operands.n; i++)
        in = gen_format(g, "%s%s%s", in, i ? ", " : "", build_term(r, t->operands.at[i]));
    uint32_t id = ++r->n_builds;
    const char *attrs = gen_format(g, "attrs%u", id), *node = gen_format(g, "b%u", id);
    if (op->attrs.n)
        out_line(g->o, "sld_attr %s[%u] = {{0}};", attrs, op->attrs.n);
    build_attrs(r, attrs, op, t);
    out_line(g->o, "const SLD_NODE %s = SLD_BUILD(g, OP_%s, %u, ((const SLD_VALUE[]){%s}), %s, %u);", node, op->name,
             t->operands.n, t->operands.n ? in : "0", op->attrs.n ? attrs : "NULL", n_results);
    return node;
}

static const char *build_term(rewriter *r, const pat_term *t)
{
    if (t->kind == PT_NAME)
        return value_of(r, t);
    if (t->kind == PT_NONE)
        return "0";
    pat_op *op = t->kind == PT_APPLY ? pat_find_op(r->g->program, t->name) : NULL;
    if (!op) {
        pat_error(r->g->session, t->span, 416, "only values and ops stand on the right of a rule");
        return "0";
    }
    return gen_format(r->g, "SLD_BUILT(g, %s, 0)", build_op(r, op, t, 1));
}

static void build_stmt(rewriter *r, const pat_stmt *s)
{
    pat_op *op = s->value->kind == PT_APPLY ? pat_find_op(r->g->program, s->value->name) : NULL;
    if (!op) {
        define(r, s->results.at[0], build_term(r, s->value));
        return;
    }
    const char *node = build_op(r, op, s->value, s->results.n);
    for (uint32_t i = 0; i < s->results.n; i++)
        if (s->results.at[i]->kind == PT_NAME)
            define(r, s->results.at[i], gen_format(r->g, "SLD_BUILT(g, %s, %u)", node, i));
}

void emit_rewriter(gen *g, x_variant *v)
{
    rewriter r = {.g = g, .v = v};
    const pat_rule *rule = g->rule;
    out_line(g->o, "static bool apply_%s(SLD_GRAPH g, const struct match_%s *m)\n{", rule->name, rule->name);
    g->o->indent = 1;
    out_line(g->o, "if (!SLD_BEGIN(g, RULE_%s, m->nodes, m->n_nodes))", rule->name);
    out_line(g->o, "    return false;");
    for (uint32_t i = 0; i < rule->replace.n; i++)
        build_stmt(&r, rule->replace.at[i]);
    for (uint32_t i = 0; i < r.n_names; i++) {
        x_name *n = pat_scope_find(v->scope, r.names[i].name);
        if (n && n->val && n->val->kind == XVAL_RESULT && strcmp(n->val->c, r.names[i].c))
            out_line(g->o, "SLD_YIELD(g, %s, %s);", n->val->c, r.names[i].c);
    }
    out_line(g->o, "return SLD_COMMIT(g);");
    g->o->indent = 0;
    out_line(g->o, "}\n");
}
