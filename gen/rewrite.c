/* Right sides: a C function builds the new nodes and hands the yielded values over. Rules that do the same share
 * one. */
#include <inttypes.h>
#include <string.h>

#include "gen.h"

typedef struct rname { pat_name name; const char *c; } rname;

typedef struct rewriter {
    gen *g;
    x_variant *v;
    rewriter_fn *fn;
    pat_span span;        /* of the term at work */
    rname names[64];      /* names that the right side defines */
    uint32_t n_names, n_builds;
} rewriter;

static const char *build_term(rewriter *r, const pat_term *t);

/* ------------------------------------------------------------ parameters -- */

static const struct { char letter; const char *type; } params[] = {
    [PARAM_VAL] = {'v', "SLD_VALUE"}, [PARAM_REST] = {'x', "sld_rest"},  [PARAM_DIM] = {'d', "sld_dim"},
    [PARAM_RANK] = {'r', "sld_dims"}, [PARAM_ATTR] = {'a', "sld_attr"}, [PARAM_DTYPE] = {'t', "int"},
};

static const char *param_c(gen *g, param_kind kind, pat_name name)
{
    const char *dot = strchr(name, '.'); /* one of the values that a rest stands for */
    if (dot)
        return gen_format(g, "e_%.*s_%s", (int)(dot - name), name, dot + 1);
    return gen_format(g, "%c_%s", params[kind].letter, name);
}

static const char *use_param(rewriter *r, param_kind kind, pat_name name, const pat_attr *attr)
{
    gen *g = r->g;
    uint32_t i = 0;
    while (i < r->fn->params.n && (r->fn->params.at[i]->kind != kind || r->fn->params.at[i]->name != name))
        i++;
    if (i == r->fn->params.n) {
        param *p = pat_alloc(g->arena, sizeof *p);
        *p = (param){kind, name, r->span, attr};
        PAT_PUSH(g->arena, r->fn->params, p);
    }
    return param_c(g, kind, name);
}

static const char *name_val(void *of, const x_val *v, val_part part)
{
    rewriter *r = of;
    if (!v->scope || !v->scope->rule_level)
        return NULL;
    const char *c = use_param(r, v->kind == XVAL_REST ? PARAM_REST : PARAM_VAL, v->name, NULL);
    return part == VAL_DTYPE  ? gen_format(r->g, "SLD_DTYPE(g, %s)", c)
           : part == VAL_RANK ? gen_format(r->g, "SLD_RANK(g, %s)", c)
                              : c;
}

static const char *name_var(void *of, const x_var *v)
{
    static const param_kind kinds[] = {
        [XV_DIM] = PARAM_DIM, [XV_RANK] = PARAM_RANK, [XV_ATTR] = PARAM_ATTR, [XV_DTYPE] = PARAM_DTYPE,
    };
    return use_param(of, kinds[v->kind], v->name, v->attr);
}

static const char *value_of(rewriter *r, const pat_term *t)
{
    for (uint32_t i = r->n_names; i-- > 0;)
        if (r->names[i].name == t->name)
            return r->names[i].c;
    const x_name *n = pat_scope_find(r->v->scope, t->name);
    const char *c = n && n->val ? name_val(r, n->val, VAL_ITSELF) : NULL;
    if (c)
        return c;
    gen_fault(r->g, t->span, "this is no value of the match");
    return "0";
}

static void define(rewriter *r, const pat_term *t, const char *c)
{
    if (r->n_names == 64) {
        gen_fault(r->g, t->span, "too many values on the right");
        return;
    }
    r->names[r->n_names++] = (rname){t->name, c};
}

/* ------------------------------------------------------------ attributes -- */

static void list_element(rewriter *r, const char *list, const pat_expr *e)
{
    gen *g = r->g;
    if (e->kind == PE_RANK) {
        out_line(g->o, "sld_list_push_dims(g, &%s, %s);", list, use_param(r, PARAM_RANK, e->name, NULL));
        return;
    }
    cx x = emit_expr(g, e, r->v->scope);
    if (x.kind != CX_DIM && x.kind != CX_ERROR)
        gen_fault(g, e->span, "a list holds dims and integers");
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
    gen_fault(g, e->span, "this function gives no list");
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

static bool same_words(const pat_attr *a, const pat_attr *b)
{
    bool same = a->words.n == b->words.n;
    for (uint32_t i = 0; same && i < a->words.n; i++)
        same = a->words.at[i]->name == b->words.at[i]->name;
    return same;
}

static bool attrs_agree(const pat_attr *from, const pat_attr *to)
{
    sld_attr_kind a = from ? attr_kind(from) : SLD_ATTR_FLOAT, b = to ? attr_kind(to) : SLD_ATTR_FLOAT;
    return a == b && (a != SLD_ATTR_ENUM || same_words(from, to));
}

/* A captured attribute as it stands. An integer becomes a float as an expression does. */
static bool copy_attr(rewriter *r, const char *slot, const pat_attr *a, const pat_expr *e)
{
    gen *g = r->g;
    const x_scope *s = r->v->scope;
    for (uint32_t i = 0; e->kind == PE_NAME && i < s->names.n; i++) {
        const x_var *v = s->names.at[i]->name == e->name ? s->names.at[i]->var : NULL;
        if (!v || v->kind != XV_ATTR)
            continue;
        if (v->attr && attr_kind(v->attr) == SLD_ATTR_INT && attr_kind(a) == SLD_ATTR_FLOAT)
            return false;
        if (!attrs_agree(v->attr, a)) {
            gen_fault(g, e->span, "the attribute cannot have the value of this one");
            return true;
        }
        out_line(g->o, "%s = %s;", slot, use_param(r, PARAM_ATTR, e->name, v->attr));
        return true;
    }
    return false;
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
    if (copy_attr(r, slot, a, e))
        return;
    if (kind == SLD_ATTR_STRING && e->kind == PE_STRING) {
        out_f(g->o, "    %s = (sld_attr){.kind = SLD_ATTR_STRING, .s = ", slot);
        out_string(g->o, e->name, strlen(e->name));
        out_f(g->o, "};\n");
        return;
    }
    cx x = emit_expr(g, e, r->v->scope);
    if ((x.kind == CX_FLOAT || x.kind == CX_DIM) && kind == SLD_ATTR_FLOAT)
        out_line(g->o, "%s = (sld_attr){.kind = SLD_ATTR_FLOAT, .f = (double)%s};", slot, x.c);
    else if (x.kind == CX_DIM && (kind == SLD_ATTR_INT || kind == SLD_ATTR_AXIS))
        out_line(g->o, "%s = (sld_attr){.kind = %s, .i = %s};", slot,
                 kind == SLD_ATTR_INT ? "SLD_ATTR_INT" : "SLD_ATTR_AXIS", x.c);
    else if (x.kind == CX_DTYPE && kind == SLD_ATTR_DTYPE)
        out_line(g->o, "%s = (sld_attr){.kind = SLD_ATTR_DTYPE, .i = (int64_t)%s};", slot, x.c);
    else if (kind == SLD_ATTR_BOOL && (x.kind == CX_BOOL || e->kind == PE_INT))
        out_line(g->o, "%s = (sld_attr){.kind = SLD_ATTR_BOOL, .i = %s};", slot, x.c);
    else if (x.kind != CX_ERROR)
        gen_fault(g, e->span, "the attribute cannot have this value");
}

static void build_attrs(rewriter *r, const char *array, const pat_op *op, const pat_term *t)
{
    for (uint32_t i = 0; i < op->attrs.n; i++)
        for (uint32_t j = 0; j < t->attrs.n; j++)
            if (t->attrs.at[j]->name == op->attrs.at[i]->name)
                build_attr(r, gen_format(r->g, "%s[%u]", array, i), op->attrs.at[i], t->attrs.at[j]->value);
}

/* ----------------------------------------------------------------- nodes -- */

static uint32_t count_splices(const pat_term *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->operands.n; i++)
        n += t->operands.at[i]->kind == PT_SPLICE;
    return n;
}

/* The operands as "count, array"; rests are copied behind what stands before them. */
static const char *build_operands(rewriter *r, const pat_term *t)
{
    gen *g = r->g;
    const char *list = "";
    uint32_t n = t->operands.n, splices = count_splices(t);
    const char **c = pat_alloc(g->arena, (n + 1) * sizeof *c);
    for (uint32_t i = 0; i < n; i++) {
        c[i] = build_term(r, t->operands.at[i]);
        list = gen_format(g, "%s%s%s", list, i ? ", " : "", c[i]);
    }
    if (!splices)
        return gen_format(g, "%u, ((const SLD_VALUE[]){%s})", n, n ? list : "0");
    const char *in = gen_format(g, "in%u", ++r->n_builds);
    out_line(g->o, "SLD_VALUE %s[%u + %u * SLD_MAX_REST];", in, n - splices, splices);
    out_line(g->o, "uint32_t n_%s = 0;", in);
    for (uint32_t i = 0; i < n; i++)
        if (t->operands.at[i]->kind == PT_SPLICE)
            out_line(g->o, "n_%s = sld_push_rest(g, %s, n_%s, %s);", in, in, in, c[i]);
        else
            out_line(g->o, "%s[n_%s++] = %s;", in, in, c[i]);
    return gen_format(g, "n_%s, %s", in, in);
}

/* Op, operands and attributes of a node to build. */
static const char *build_call(rewriter *r, const pat_op *op, const pat_term *t)
{
    gen *g = r->g;
    const char *in = build_operands(r, t), *attrs = gen_format(g, "attrs%u", ++r->n_builds);
    r->span = t->span;
    if (op->attrs.n)
        out_line(g->o, "sld_attr %s[%u] = {{0}};", attrs, op->attrs.n);
    build_attrs(r, attrs, op, t);
    return gen_format(g, "OP_%s, %s, %s", op->name, in, op->attrs.n ? attrs : "NULL");
}

/* Builds one node and answers its C variable. */
static const char *build_op(rewriter *r, const pat_op *op, const pat_term *t, uint32_t n_results)
{
    const char *call = build_call(r, op, t), *node = gen_format(r->g, "b%u", r->n_builds);
    out_line(r->g->o, "const SLD_NODE %s = SLD_BUILD(g, %s, %u);", node, call, n_results);
    return node;
}

static const char *build_term(rewriter *r, const pat_term *t)
{
    r->span = t->span;
    if (t->kind == PT_NAME || t->kind == PT_SPLICE)
        return value_of(r, t);
    if (t->kind == PT_NONE)
        return "0";
    pat_op *op = t->kind == PT_APPLY ? pat_find_op(r->g->program, t->name) : NULL;
    if (!op) {
        gen_fault(r->g, t->span, "only values and ops stand on the right of a rule");
        return "0";
    }
    return gen_format(r->g, "SLD_BUILT(g, %s, 0)", build_op(r, op, t, 1));
}

static void build_stmt(rewriter *r, const pat_stmt *s)
{
    pat_op *op = s->value->kind == PT_APPLY ? pat_find_op(r->g->program, s->value->name) : NULL;
    if (s->value->kind == PT_NAME && s->value->name == s->results.at[0]->name)
        return; /* kept as it is */
    if (!op) {
        define(r, s->results.at[0], build_term(r, s->value));
        return;
    }
    const char *node = build_op(r, op, s->value, s->results.n);
    for (uint32_t i = 0; i < s->results.n; i++)
        if (s->results.at[i]->kind == PT_NAME)
            define(r, s->results.at[i], gen_format(r->g, "SLD_BUILT(g, %s, %u)", node, i));
}

/* How often a term reads each value of the match; false when it holds more than names of those. */
static bool count_reads(const rewriter *r, const pat_term *t, uint32_t *reads)
{
    for (uint32_t i = 0; i < t->operands.n; i++) {
        const pat_term *in = t->operands.at[i];
        const x_name *n = in->kind == PT_NAME ? pat_scope_find(r->v->scope, in->name) : NULL;
        if (!n || !n->val)
            return false;
        reads[n->val->id]++;
    }
    return true;
}

/* The right side is one op that reads what the match reads from outside, each value as often, and all of the match
 * goes. */
static bool is_even(const rewriter *r, const pat_rule *rule)
{
    const pat_stmt *s = rule->replace.at[0];
    uint32_t *reads = pat_alloc(r->g->arena, (r->v->vals.n + 1) * sizeof *reads);
    if (rule->replace.n != 1 || s->value->kind != PT_APPLY || !pat_find_op(r->g->program, s->value->name) ||
        !count_reads(r, s->value, reads))
        return false;
    for (uint32_t i = 0; i < r->v->vals.n; i++) {
        const x_val *v = r->v->vals.at[i];
        bool inner = v->kind == XVAL_RESULT && !v->kept;
        if (v->kind != XVAL_NONE && !inner && (v->kind != XVAL_INPUT || v->maybe))
            return false;
        if (reads[i] != (inner ? 0 : v->n_uses))
            return false;
    }
    return true;
}

/* The value of the match for which a result stands, or NULL. */
static const x_val *replaced(const rewriter *r, const pat_term *result)
{
    const x_name *n = result->kind == PT_NAME ? pat_scope_find(r->v->scope, result->name) : NULL;
    return n && n->val && n->val->kind == XVAL_RESULT ? n->val : NULL;
}

static void replace_by_one(rewriter *r, const pat_stmt *s)
{
    gen *g = r->g;
    const pat_op *op = pat_find_op(g->program, s->value->name);
    const char *call = build_call(r, op, s->value), *old = "", *inner = "";
    for (uint32_t i = 0; i < s->results.n; i++) {
        const x_val *v = replaced(r, s->results.at[i]);
        old = gen_format(g, "%s%s%s", old, i ? ", " : "", v ? name_val(r, v, VAL_ITSELF) : "0");
        inner = gen_format(g, "%s%s%u", inner, i ? ", " : "", v ? v->n_uses : 0);
    }
    out_line(g->o, "return SLD_REPLACE(g, rule, nodes, n, gone, n_gone, %s, %u, ((const SLD_VALUE[]){%s}), "
             "((const uint32_t[]){%s}));", call, s->results.n, old, inner);
}

static void build_body(rewriter *r, const pat_rule *rule)
{
    gen *g = r->g;
    r->fn->by_one = is_even(r, rule);
    if (r->fn->by_one) {
        replace_by_one(r, rule->replace.at[0]);
        return;
    }
    out_line(g->o, "if (!SLD_BEGIN(g, rule, nodes, n, all))");
    out_line(g->o, "    return false;");
    for (uint32_t i = 0; i < rule->replace.n; i++) {
        line_directive(g, g->o, rule->replace.at[i]->span);
        build_stmt(r, rule->replace.at[i]);
        line_end(g, g->o);
    }
    for (uint32_t i = 0; i < r->n_names; i++) {
        const x_name *n = pat_scope_find(r->v->scope, r->names[i].name);
        if (!n || !n->val || n->val->kind != XVAL_RESULT)
            continue;
        r->span = rule->name_span;
        out_line(g->o, "SLD_YIELD(g, %s, %s);", name_val(r, n->val, VAL_ITSELF), r->names[i].c);
    }
    out_line(g->o, "return SLD_COMMIT(g);");
}

/* A value may have been renamed for nobody. */
static const char *unread(rewriter *r, const char *body)
{
    const char *list = "";
    for (uint32_t i = 0; i < r->fn->params.n; i++) {
        const char *c = param_c(r->g, r->fn->params.at[i]->kind, r->fn->params.at[i]->name);
        if (!strstr(body, c))
            list = gen_format(r->g, "%s    (void)%s;\n", list, c);
    }
    return list;
}

static const char *parameters(rewriter *r)
{
    const char *list = "";
    for (uint32_t i = 0; i < r->fn->params.n; i++) {
        const param *p = r->fn->params.at[i];
        list = gen_format(r->g, "%s, %s %s", list, params[p->kind].type, param_c(r->g, p->kind, p->name));
    }
    return list;
}

rewriter_fn *emit_rewriter(gen *g, x_variant *v, uint32_t number)
{
    rewriter r = {.g = g, .v = v, .fn = pat_alloc(g->arena, sizeof *r.fn), .span = g->rule->name_span};
    out *real = g->o, body = {.indent = 1};
    g->names = (names){&r, name_val, name_var};
    g->o = &body;
    build_body(&r, g->rule);
    g->o = real;
    const char *text = gen_format(g, "%s)\n{\n%s%s", parameters(&r), unread(&r, body.text), body.text);
    out_free(&body);
    rewriter_fn **known = (rewriter_fn **)byte_map_at(g->arena, &g->rewriters, text, strlen(text));
    if (*known)
        return *known;
    r.fn->name = number == 1 ? gen_format(g, "apply_%s", g->rule->name) : gen_format(g, "apply_%s_%u", g->rule->name, number);
    out_f(g->o, "SLD_APART static bool %s(SLD_GRAPH g, int rule, const SLD_NODE *nodes, uint32_t n%s%s}\n\n", r.fn->name,
          r.fn->by_one ? ", const SLD_VALUE *gone, uint32_t n_gone" : ", uint32_t all", text);
    return *known = r.fn;
}
